//! Files that are whole or absent: whatever moment the power fails, a reader finds the old file or the new one.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::SearchError;

/// How the name of a file ends that is being written and not yet in its place.
const PARTIAL: &str = ".partial";

/// Writes a file as one indivisible step: beside its place first, synced to the disk, then renamed, then the folder
/// synced. Missing folders are made. Several processes may write the same path; the last one wins, whole.
///
/// # Errors
/// [`SearchError::DiskFull`] or [`SearchError::Io`], with the path; the old file, if any, is then untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), SearchError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(|e| SearchError::io("make the folder", folder, e))?;
    let beside = partial_name(path)?;
    let written = write_and_sync(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // Best effort: on a full disk the half-written file would only keep it full.
        let _ = fs::remove_file(&beside);
        return Err(SearchError::io("write", path, error));
    }
    sync_folder(folder).map_err(|e| SearchError::io("sync the folder", folder, e))
}

/// Removes what killed processes left half-written in a folder. Call it only when no other process writes there.
///
/// # Errors
/// [`SearchError::Io`] if the folder cannot be read or a file not removed; a folder that is not there is fine.
pub fn remove_partial_files(folder: &Path) -> Result<(), SearchError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(SearchError::io("read the folder", folder, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| SearchError::io("read the folder", folder, e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(PARTIAL) {
            fs::remove_file(entry.path()).map_err(|e| SearchError::io("remove", &entry.path(), e))?;
        }
    }
    Ok(())
}

/// `.NAME.PID.partial` beside the file: the process number keeps two writers of one path apart.
fn partial_name(path: &Path) -> Result<PathBuf, SearchError> {
    let Some(name) = path.file_name() else {
        let source = std::io::Error::new(ErrorKind::InvalidInput, "the path has no file name");
        return Err(SearchError::io("write", path, source));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}{PARTIAL}", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename durable. Only Unix can open a folder to sync it; elsewhere the rename itself is journalled.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/arch.json");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"2nd").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2nd");
        assert_eq!(names(path.parent().unwrap()), ["arch.json"]);
    }

    #[test]
    fn errors_name_the_path_and_keep_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("inside"), b"x").unwrap();
        let message = write_atomically(&taken, b"x").unwrap_err().to_string();
        assert!(message.starts_with(&format!("cannot write {}: ", taken.display())), "{message}");
        assert_eq!(names(folder.path()), ["taken"]);
        let message = write_atomically(&taken.join("inside/deeper"), b"x").unwrap_err().to_string();
        assert!(message.contains("make the folder") && message.contains("inside"), "{message}");
    }

    #[test]
    fn a_full_disk_is_said_plainly() {
        let full = std::io::Error::from(ErrorKind::StorageFull);
        let message = SearchError::io("write", Path::new("out/model.safetensors"), full).to_string();
        let expect = "the disk that holds out/model.safetensors is full; free some space, then `nas resume out`";
        assert_eq!(message, expect);
    }

    #[test]
    fn leftovers_of_killed_processes_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".a.json.17.partial", "a.json", "b.partial"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        remove_partial_files(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["a.json", "b.partial"]);
        remove_partial_files(&folder.path().join("nowhere")).unwrap();
    }
}
