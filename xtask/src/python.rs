//! A Python with certain packages: the one given, or one below `target` into which they are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// The one given, which must have the packages; otherwise one in the folder `target/NAME`, where they are installed.
pub(crate) fn find(given: Option<&Path>, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let missing =
        |program: &Path| -> Vec<&str> { packages.iter().copied().filter(|package| !has(program, package)).collect() };
    if let Some(program) = given {
        let missing = missing(program);
        if !missing.is_empty() {
            let (program, missing) = (program.display(), missing.join(", "));
            bail!("{program} cannot import {missing}; install them, or leave --python out");
        }
        return Ok(program.to_owned());
    }
    let folder = shell::root().join("target").join(name);
    let program = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !program.exists() {
        let mut command = Command::new(if cfg!(windows) { "python" } else { "python3" });
        command.args(["-m", "venv"]).arg(&folder);
        shell::run(command).context("a Python 3 with its module venv is needed (on Debian, python3-venv)")?;
    }
    let missing = missing(&program);
    if !missing.is_empty() {
        let mut command = Command::new(&program);
        command.args(["-m", "pip", "install", "--quiet"]).args(&missing);
        shell::run(command).context("PyPI must be reachable, or give --python a Python that has the packages")?;
    }
    Ok(program)
}

fn has(program: &Path, package: &str) -> bool {
    let mut command = Command::new(program);
    command.args(["-c", &format!("import {package}")]);
    shell::read(command).is_ok()
}
