//! What can be wrong with a table, and with a benchmark on it.

use std::path::PathBuf;

/// Every error of this crate: a sentence that says what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// No table of that name is known.
    #[error("there is no table `{name}`; the tables are {known}")]
    UnknownTable {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Nobody said where the table's file lies.
    #[error(
        "nobody said where the file of `{table}` lies: give it with {option}, or name the folder of {file} in NAS_TABLES; {source_note}"
    )]
    NoFile {
        /// The table.
        table: &'static str,
        /// What says where it is.
        option: &'static str,
        /// The file's name in the folder.
        file: &'static str,
        /// Where to get it.
        source_note: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the table {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A place in the file is wrong.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file as a whole is wrong.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The table does not hold what was asked of it.
    #[error("the table `{table}` has no {what}; {known}")]
    Lacks {
        /// The table.
        table: String,
        /// What was asked for.
        what: String,
        /// What there is instead, as a sentence without its end.
        known: String,
    },
    /// A setting that is impossible.
    #[error("{setting} = {value}: {reason}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        reason: String,
    },
    /// A strategy could not be made or failed on the table.
    #[error("strategy `{strategy}`, run {run}: {source}")]
    Strategy {
        /// The strategy.
        strategy: String,
        /// The run, from 0.
        run: u64,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
