//! The folder of a run: what lies where, and how a new one is made.

use std::path::{Path, PathBuf};

use anyhow::Context;
use nas_search::files::write_atomically;

use crate::exit::{interrupted, usage};

/// The files in the folder of a run.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// The folder that `nas resume` goes on with, where this one is a part of it.
    whole: Option<PathBuf>,
}

impl Folder {
    /// A new folder: the one asked for, or `runs/STEM-N` with the first N that is free.
    ///
    /// # Errors
    /// If the folder asked for holds something, or none can be made.
    pub fn create(asked: Option<&Path>, stem: &str) -> anyhow::Result<Self> {
        let cannot = |path: &Path| format!("cannot make the folder {}", path.display());
        if let Some(path) = asked {
            let is_free = match std::fs::read_dir(path) {
                Ok(mut entries) => entries.next().is_none(),
                Err(_) => !path.exists(),
            };
            if !is_free {
                return Err(usage(format!(
                    "--out {0} exists and is not empty; go on with `nas resume {0}`, or choose another folder",
                    path.display()
                )));
            }
            std::fs::create_dir_all(path).with_context(|| cannot(path))?;
            return Ok(Self::at(path));
        }
        std::fs::create_dir_all("runs").with_context(|| cannot(Path::new("runs")))?;
        for n in 1.. {
            let path = PathBuf::from(format!("runs/{stem}-{n}"));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self::at(&path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(anyhow::Error::new(e).context(cannot(&path))),
            }
        }
        unreachable!("there are more numbers than folders")
    }

    /// A folder that is there.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), whole: None }
    }

    /// The folder of a run that is a part of this one.
    pub fn part(&self, name: &str) -> Self {
        Self { path: self.path.join(name), whole: Some(self.path.clone()) }
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The study.
    pub fn study(&self) -> PathBuf {
        self.file("study.db")
    }

    /// The unfinished final training.
    pub fn checkpoint(&self) -> PathBuf {
        self.file("training.safetensors")
    }

    /// The seconds of an unfinished training that is no search's.
    pub fn seconds(&self) -> PathBuf {
        self.file("training.seconds")
    }

    /// The weights that trials are measured on.
    pub fn shared_weights(&self) -> PathBuf {
        self.file("shared.safetensors")
    }

    /// The unfinished search of a supernet.
    pub fn supernet(&self) -> PathBuf {
        self.file("supernet.safetensors")
    }

    /// The unfinished search by a hypernetwork.
    pub fn hypernet_search(&self) -> PathBuf {
        self.file("ghn-search.safetensors")
    }

    /// The hypernetwork that has learned.
    pub fn hypernet(&self) -> PathBuf {
        self.file("ghn.safetensors")
    }

    /// The results, written last: their presence means that the run is complete.
    pub fn metrics(&self) -> PathBuf {
        self.file("metrics.json")
    }

    /// Where trials may keep files.
    pub fn trials(&self) -> PathBuf {
        self.file("trials")
    }

    /// Writes a file of it, whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(write_atomically(&self.file(name), text.as_bytes())?)
    }

    /// How to go on with the run.
    pub fn resume_command(&self) -> String {
        let path = self.whole.as_ref().unwrap_or(&self.path);
        format!("nas resume {}", shell_word(&path.display().to_string()))
    }

    /// The error that ends a run on request.
    pub fn interrupted(&self) -> anyhow::Error {
        interrupted(format!("stopped on request; everything so far is kept. Go on with:\n  {}", self.resume_command()))
    }
}

/// A word as a shell reads it back.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_spaces_and_quotes_are_quoted() {
        assert_eq!(shell_word("runs/a-1"), "runs/a-1");
        assert_eq!(shell_word("my photos"), "'my photos'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_folder_that_holds_something_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Folder::create(Some(folder.path()), "x").is_ok(), "an empty folder is fine");
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let message = Folder::create(Some(folder.path()), "x").unwrap_err().to_string();
        assert!(message.contains("nas resume"), "{message}");
    }
}
