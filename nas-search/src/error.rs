//! What can go wrong in a search, as sentences that say what, where and what to do.

use std::path::{Path, PathBuf};

/// Every error of this crate.
///
/// A trial that fails is none of them: it is recorded as a [`Failure`](crate::Failure) and the search goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The study's database refused something.
    #[error("study {}: cannot {doing}: {source}", path.display())]
    Sqlite {
        /// The study's file.
        path: PathBuf,
        /// What was being done, as in "cannot …".
        doing: &'static str,
        /// SQLite's own words.
        source: rusqlite::Error,
    },
    /// Another program holds the study's database for longer than we wait.
    #[error("study {}: another program keeps it locked; close that program and try again", path.display())]
    Locked {
        /// The study's file.
        path: PathBuf,
    },
    /// Another search runs on the same study.
    #[error("study {}: another `nas` is running this search; wait for it or stop it first", path.display())]
    Claimed {
        /// The study's file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error(
        "the disk that holds {} is full; free some space, then `nas resume {}`",
        path.display(), folder_of(path).display()
    )]
    DiskFull {
        /// The file being written.
        path: PathBuf,
    },
    /// There is no study at this place.
    #[error("there is no study at {}; `nas search` begins one", path.display())]
    NoStudy {
        /// The file looked for.
        path: PathBuf,
    },
    /// A study exists where a new one was to be made.
    #[error("there is a study at {} already; go on with `nas resume {}` or choose another folder",
        path.display(), folder_of(path).display())]
    StudyExists {
        /// The study's file.
        path: PathBuf,
    },
    /// The file is not a study of ours.
    #[error("{} is not a study of nas: {reason}", path.display())]
    NotAStudy {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The study was written by a newer program.
    #[error("study {} has schema {found}, this program knows up to {known}: update nas", path.display())]
    NewerSchema {
        /// The study's file.
        path: PathBuf,
        /// The schema found in it.
        found: i64,
        /// The newest schema this program reads.
        known: i64,
    },
    /// The study's file was cut short or overwritten.
    #[error("study {} is damaged ({reason}); restore it from a copy, or start again in another folder", path.display())]
    Damaged {
        /// The study's file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A trial that the study does not hold.
    #[error("study {} has no trial {id}", path.display())]
    UnknownTrial {
        /// The study's file.
        path: PathBuf,
        /// The trial asked for.
        id: u64,
    },
    /// A result came for a trial that is not running.
    #[error("trial {id} is {state}, not running: its result cannot be recorded")]
    NotRunning {
        /// The trial.
        id: u64,
        /// Its state.
        state: &'static str,
    },
    /// A proposal that is not of the space searched.
    #[error("strategy `{strategy}` proposed an impossible architecture for trial {number}: {source}")]
    BadProposal {
        /// The strategy's name.
        strategy: String,
        /// The number of the trial in its arm.
        number: u64,
        /// What is wrong with it.
        source: nas_space::SpaceError,
    },
    /// A strategy's saved state is of another strategy, of a newer version, or damaged.
    #[error("the saved state of strategy `{strategy}` cannot be used: {reason}")]
    StrategyState {
        /// The strategy that was to take it over.
        strategy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A strategy was told of a trial that cannot be its own, or out of order.
    #[error("strategy `{strategy}` cannot learn from trial {number}: {reason}")]
    WrongTrial {
        /// The strategy's name.
        strategy: String,
        /// The number of the trial in its arm.
        number: u64,
        /// Why not.
        reason: String,
    },
    /// A strategy has nothing more to propose; the loop ends the arm in good order.
    #[error("strategy `{strategy}` has nothing more to propose")]
    Exhausted {
        /// The strategy's name.
        strategy: String,
    },
    /// A search without an end.
    #[error("the search has no budget: give it a number of trials, of epochs, or a time")]
    NoBudget,
    /// A setting that is impossible.
    #[error("`{setting}` = {value}: {reason}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// No trial of an arm could be measured.
    #[error("all {count} trials tried so far failed, so the search stops; the last one ({kind}): {reason}")]
    EveryTrialFailed {
        /// How many failed.
        count: u64,
        /// The last one's [`kind`](crate::Failure::kind).
        kind: String,
        /// The last one's reason.
        reason: String,
    },
    /// A worker process could not be started.
    #[error("cannot start a worker for trial {id} (`{program}`): {source}")]
    Spawn {
        /// The trial.
        id: u64,
        /// The program.
        program: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as in "cannot …".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Something that must be stored cannot be written as JSON.
    #[error("cannot write {what} as JSON: {source}")]
    Json {
        /// What it is.
        what: &'static str,
        /// Where it fails.
        source: serde_json::Error,
    },
}

impl SearchError {
    /// A file error, with a full disk said plainly.
    pub(crate) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let path = path.to_owned();
        match source.kind() {
            StorageFull | QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { doing, path, source },
        }
    }

    /// A database error, with the causes a person can act on told apart.
    pub(crate) fn sqlite(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase};
        // The shared-memory file of the write-ahead log could not grow: SQLite says "I/O error" to a full disk here.
        const SHARED_MEMORY_SIZE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        let path = path.to_owned();
        let failure = source.sqlite_error().map(|e| (e.code, e.extended_code));
        match failure {
            Some((DiskFull, _) | (_, SHARED_MEMORY_SIZE)) => Self::DiskFull { path },
            Some((DatabaseCorrupt | NotADatabase, _)) => Self::Damaged { path, reason: source.to_string() },
            Some((DatabaseBusy | DatabaseLocked, _)) => Self::Locked { path },
            _ => Self::Sqlite { path, doing, source },
        }
    }
}

/// The folder to name in `nas resume`: the one the file lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
