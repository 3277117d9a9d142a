//! What a run measured on its way, as event files for TensorBoard: scalars over steps, in one folder for each series of
//! steps.
//!
//! The one idea: a run that goes on finds in its event files what it has told, and in its study and checkpoints what it has
//! done. What was done and not told is told now, and what was told and is to be done again is taken back. So TensorBoard
//! shows every step once, whatever was killed when.

mod file;
mod message;
mod record;
mod scalars;
mod series;

use std::path::{Path, PathBuf};

pub use series::{ArmSeries, Series};

use crate::exit::usage;
use crate::folder::Folder;
use crate::output::Output;

/// The folder of event files inside a run's, where none was named.
pub const FOLDER: &str = "tensorboard";

/// Refuses to mix the events of a new run with those of another; a folder inside the new run's is its own.
///
/// # Errors
/// If the folder asked for holds something.
pub fn check_free(asked: Option<&str>) -> anyhow::Result<()> {
    let Some(folder) = asked.map(Path::new).filter(|path| path.is_absolute()) else { return Ok(()) };
    match std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        true => Err(usage(format!(
            "--tensorboard {}: it holds something already, and the events of two runs in one folder cannot be told apart; \
             choose another",
            folder.display()
        ))),
        false => Ok(()),
    }
}

/// Where the event files of a run go, if any were asked for.
#[derive(Clone, Debug)]
pub struct Board {
    folder: Option<PathBuf>,
    out: Output,
}

impl Board {
    /// That of a run. A relative path is one inside the folder of the run.
    pub fn of(folder: &Folder, asked: Option<&str>, out: Output) -> Self {
        Self { folder: asked.map(|path| folder.path.join(path)), out }
    }

    /// A series of steps of its own, of which the run has done `done`: what was told of later ones is taken back.
    pub fn series(&self, name: &str, done: u64) -> Series {
        Series::open(self.folder.as_ref().map(|folder| folder.join(name)), done, self.out)
    }
}
