//! What a user means by ARCH: a file, the folder of a run, a published name, or a text form.

use std::path::Path;

use anyhow::Context;
use nas_space::{ArchitectureFile, Blueprint, NetworkConfig};

use crate::exit::{file, usage};

/// The architecture's file in the folder of a run.
pub const FILE: &str = "arch.json";

/// Resolves it; a file may hold the size of its network too.
///
/// # Errors
/// If there is no such file and the text is neither a name nor a text form.
pub fn resolve(text: &str) -> anyhow::Result<(Blueprint, Option<NetworkConfig>)> {
    let path = Path::new(text);
    if path.is_dir() {
        return read(&path.join(FILE));
    }
    if path.is_file() {
        return read(path);
    }
    let looks_like_a_file =
        !text.contains(['(', '|', '{']) && !text.contains(": ") && (text.contains('/') || text.ends_with(".json"));
    if looks_like_a_file {
        return Err(usage(format!(
            "there is no file {text}; ARCH is an architecture file, a published name (see `nas spaces`), or a text form"
        )));
    }
    Ok((Blueprint::from_text(text)?, None))
}

/// Reads an architecture file, or a file that holds a text form.
fn read(path: &Path) -> anyhow::Result<(Blueprint, Option<NetworkConfig>)> {
    let text = std::fs::read_to_string(path).map_err(|e| file(format!("cannot read {}: {e}", path.display())))?;
    let place = || path.display().to_string();
    if text.trim_start().starts_with('{') && !text.contains("\"normal\"") {
        let file = ArchitectureFile::from_json(&text).with_context(place)?;
        return Ok((file.blueprint, file.network));
    }
    Ok((Blueprint::from_text(&text).with_context(place)?, None))
}
