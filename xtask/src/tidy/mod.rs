//! The rules no compiler checks. Each check is a function from text to findings; this module reads the files and reports.

mod crates;
mod manifest;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 4] = [".git", ".venv", "runs", "target"];

/// Checks the repository and lists every finding.
pub(crate) fn run() -> Result<()> {
    let root = shell::root();
    let mut findings = crates::check()?;
    let mut long = Vec::new();
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    for path in &files {
        let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name} as text"))?;
        let mut found = source::whitespace(&text);
        if name.ends_with(".rs") {
            found.extend(source::rust(&name, &text));
            long.extend(source::length(&text).map(|lines| (lines, name.clone())));
        }
        if name == "Cargo.toml" {
            found.extend(manifest::reasons(&text));
        }
        findings.extend(found.into_iter().map(|finding| format!("{name}{finding}")));
    }
    long.sort_by(|a, b| b.cmp(a));
    for (lines, name) in &long {
        println!("note: {name} has {lines} lines; think again above {}", source::LONG);
    }
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("{} files are tidy", files.len()),
        1 => bail!("one finding"),
        n => bail!("{n} findings"),
    }
    Ok(())
}

/// The text files below a folder, in the order of their names.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("cannot list the folder {}", folder.display());
    let mut entries =
        fs::read_dir(folder).with_context(unreadable)?.collect::<Result<Vec<_>, _>>().with_context(unreadable)?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().with_context(unreadable)?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(&path, files)?;
        } else if kind.is_file() && (name == "run" || [".rs", ".toml", ".md"].iter().any(|e| name.ends_with(e))) {
            files.push(path);
        }
    }
    Ok(())
}
