//! `compare.json`, read and written; and that only one process at a time works on a comparison.

use std::fs::{File, TryLockError};
use std::path::{Component, Path};

use super::{Comparison, FILE, FORMAT, VERSION};
use crate::exit::file;
use crate::folder::Folder;

/// Whether a folder is a comparison's.
pub fn is_in(folder: &Folder) -> bool {
    folder.file(FILE).exists()
}

/// Reads the comparison of a folder.
///
/// # Errors
/// If it cannot be read, is none, or is a newer program's.
pub fn read(folder: &Folder) -> anyhow::Result<Comparison> {
    let path = folder.file(FILE);
    let wrong = |what: String| file(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|e| wrong(format!("it cannot be read ({e})")))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| wrong(format!("it is damaged ({e}); begin the comparison anew")))?;
    if value["format"] != FORMAT {
        return Err(wrong(format!("it is no comparison: its format is not `{FORMAT}`")));
    }
    if value["version"].as_u64().is_some_and(|version| version > u64::from(VERSION)) {
        return Err(wrong(format!(
            "version {} of the format is newer than this program, which knows {VERSION}; use the program that wrote it",
            value["version"]
        )));
    }
    let comparison: Comparison =
        serde_json::from_value(value).map_err(|e| wrong(format!("it is damaged ({e}); begin the comparison anew")))?;
    // A run that has not begun is cleared away first: never anything but a folder of this comparison.
    if let Some(run) = comparison.runs().find(|run| !is_own(&run.folder)) {
        return Err(wrong(format!("`{}` is no folder of a run of it; begin the comparison anew", run.folder)));
    }
    Ok(comparison)
}

/// Whether a run's folder lies where those of a comparison lie.
fn is_own(folder: &str) -> bool {
    let parts: Vec<Component<'_>> = Path::new(folder).components().collect();
    matches!(parts[..], [Component::Normal(runs), Component::Normal(_)] if runs == "runs")
}

impl Comparison {
    /// Works out what the runs came to together and writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, folder: &Folder) -> anyhow::Result<()> {
        self.summarise();
        folder.write(FILE, &format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}

/// Holds the comparison for this process until the file is dropped.
///
/// # Errors
/// If another process holds it.
pub fn claim(folder: &Folder) -> anyhow::Result<Option<File>> {
    let path = folder.file("compare.lock");
    let lock = File::create(&path).map_err(|e| file(format!("cannot make {}: {e}", path.display())))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(file(format!(
            "another process works on the comparison in {}; wait for it or stop it",
            folder.path.display()
        ))),
        // Some network file systems have no locks.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_comparison_are_its_own() {
        assert!(is_own("runs/darts-0"));
        for other in
            ["runs", "runs/..", "../runs/darts-0", "/runs/darts-0", "runs/darts-0/x", "darts-0", "runs/../darts"]
        {
            assert!(!is_own(other), "{other}");
        }
    }
}
