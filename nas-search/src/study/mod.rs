//! The record of a search: one SQLite file that any SQLite tool reads, and that survives a kill at any instant.
//!
//! Every change is one transaction, in write-ahead mode with full syncing: what was recorded stays recorded. Several
//! processes open the file at once, so that each worker writes its own result; [`Study::claim`] keeps a second search
//! away. Trials have two numbers: an `id` over the whole study, and a `number` within their arm, which is the one that
//! strategies see.

mod arms;
mod compare;
mod rows;
mod schema;
mod trials;

use std::cell::OnceCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::SearchError;

/// How long to wait for another process that holds the file for a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is fixed when a study is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyInfo {
    /// The root of the seed tree.
    pub seed: u64,
    /// The name of the search space.
    pub space: String,
    /// How many trials the strategy lags behind, see [`StudyInfo::DEFAULT_LAG`].
    pub lag: u64,
    /// The whole resolved configuration, as TOML.
    pub config: String,
    /// The program that made it, with its version, such as `nas 0.1.0`.
    pub program: String,
}

impl StudyInfo {
    /// The lag used where nothing else is asked for: the proposal for trial `n` is made when the trials `0..n - 2` are
    /// told. Up to three trials can then run at once, `lag + 1` in general; a lag of 0 runs one after another. It is a
    /// setting of the study, not the number of workers, so that any number of workers finds the same architectures.
    ///
    /// A larger lag keeps more workers busy and costs some of what each trial teaches: on the bit-string toy of
    /// regularized evolution, 1,000 trials reach 0.89 of the ones with a lag of 0, 0.87 with 4, 0.82 with 16.
    pub const DEFAULT_LAG: u64 = 2;
}

/// An open study.
#[derive(Debug)]
pub struct Study {
    connection: Connection,
    path: PathBuf,
    in_memory: bool,
    claim: OnceCell<File>,
}

impl Study {
    /// Makes a new study; the folder must exist.
    ///
    /// # Errors
    /// [`SearchError::StudyExists`], or what the file system or SQLite refuses.
    pub fn create(path: impl AsRef<Path>, info: &StudyInfo) -> Result<Self, SearchError> {
        Self::create_with(path, info, &[])
    }

    /// Makes a new study that holds these values of the caller's from its first moment (see [`set`](Self::set)).
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_with(path: impl AsRef<Path>, info: &StudyInfo, values: &[(&str, &str)]) -> Result<Self, SearchError> {
        let path = path.as_ref();
        // The file is claimed by making it: of two programs that try at once, one is told that it exists.
        match File::create_new(path) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(SearchError::StudyExists { path: path.to_owned() });
            }
            Err(e) => return Err(SearchError::io("make the study", path, e)),
        }
        let made = Self::connect(path).and_then(|study| study.lay_out(info, values).map(|()| study));
        if made.is_err() {
            // Best effort: what was begun would otherwise stand in the way of the next try.
            for part in ["", "-wal", "-shm"] {
                let mut name = path.as_os_str().to_owned();
                name.push(part);
                let _ = std::fs::remove_file(name);
            }
        }
        made
    }

    /// Whether a file is a study whose making was cut off, by a kill say: then it holds nothing, and is best removed.
    pub fn is_blank(path: impl AsRef<Path>) -> bool {
        Self::connect(path.as_ref()).is_ok_and(|study| schema::is_blank(&study.connection).unwrap_or(false))
    }

    /// Makes a study that lives and dies with this process, for tests and for searches over a table.
    ///
    /// # Errors
    /// If SQLite refuses, for want of memory.
    pub fn in_memory(info: &StudyInfo) -> Result<Self, SearchError> {
        let path = PathBuf::from("in memory");
        let connection = Connection::open_in_memory().map_err(|e| SearchError::sqlite("make it", &path, e))?;
        let study = Self { connection, path, in_memory: true, claim: OnceCell::new() };
        study.lay_out(info, &[])?;
        Ok(study)
    }

    /// Opens a study and checks that it is one, whole, and of a schema known here; one of an older schema is brought up to
    /// date.
    ///
    /// # Errors
    /// [`SearchError::NoStudy`], [`SearchError::NotAStudy`], [`SearchError::NewerSchema`], [`SearchError::Damaged`], or
    /// what SQLite refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SearchError> {
        let path = path.as_ref();
        schema::check_header(path)?;
        let study = Self::connect(path)?;
        schema::check(&study.connection, path)?;
        schema::migrate(&study.connection, path)?;
        Ok(study)
    }

    fn connect(path: &Path) -> Result<Self, SearchError> {
        let told = |e| SearchError::sqlite("open it", path, e);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(told)?;
        connection.busy_timeout(PATIENCE).map_err(told)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(told)?;
        Ok(Self { connection, path: path.to_owned(), in_memory: false, claim: OnceCell::new() })
    }

    /// One change, so that a study is whole or blank, whenever its making is cut off.
    fn lay_out(&self, info: &StudyInfo, values: &[(&str, &str)]) -> Result<(), SearchError> {
        schema::choose_journal(&self.connection).map_err(|e| self.error("lay out its tables", e))?;
        let (seed, lag) = (info.seed.to_string(), info.lag.to_string());
        let own: [(&str, &str); 5] = [
            ("seed", &seed),
            ("space", &info.space),
            ("lag", &lag),
            ("config", &info.config),
            ("program", &info.program),
        ];
        self.as_one(|| {
            schema::create(&self.connection).map_err(|e| self.error("lay out its tables", e))?;
            for (key, value) in own.iter().chain(values) {
                self.set(key, value)?;
            }
            let sql = "INSERT INTO study VALUES ('created', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))";
            self.connection.execute(sql, []).map_err(|e| self.error("write its beginning", e))?;
            Ok(())
        })
    }

    /// Claims the study for this process until it is dropped, so that no second search runs on it. Claiming it again
    /// changes nothing. Workers do not claim: they only write results.
    ///
    /// # Errors
    /// [`SearchError::Claimed`] if another process has it.
    pub fn claim(&self) -> Result<(), SearchError> {
        if self.in_memory || self.claim.get().is_some() {
            return Ok(());
        }
        // A file of its own: locking the database file itself would interfere with SQLite's locks.
        let mut name = self.path.as_os_str().to_owned();
        name.push(".lock");
        let name = PathBuf::from(name);
        let file = File::create(&name).map_err(|e| SearchError::io("make", &name, e))?;
        match file.try_lock() {
            Ok(()) => {
                // Cannot have been set in between: the cell belongs to this thread.
                let _ = self.claim.set(file);
                Ok(())
            }
            Err(std::fs::TryLockError::WouldBlock) => Err(SearchError::Claimed { path: self.path.clone() }),
            // Some network file systems have no locks; a search there is better than none.
            Err(std::fs::TryLockError::Error(_)) => Ok(()),
        }
    }

    /// The study's file; `in memory` where there is none.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was fixed when the study was made.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] if a part of it is missing.
    pub fn info(&self) -> Result<StudyInfo, SearchError> {
        let text = |key: &str| self.get(key)?.ok_or_else(|| self.damaged(format!("`{key}` is missing")));
        let number = |key: &str| {
            let value = text(key)?;
            value.parse().map_err(|_| self.damaged(format!("`{key}` = {value} is not a number")))
        };
        Ok(StudyInfo {
            seed: number("seed")?,
            space: text("space")?,
            lag: number("lag")?,
            config: text("config")?,
            program: text("program")?,
        })
    }

    /// Stores a value of the caller's under a key, such as the phase the search is in. The keys of [`StudyInfo`],
    /// `created` and those that begin with `seconds/` or `shared_seconds/` are the study's own.
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn set(&self, key: &str, value: &str) -> Result<(), SearchError> {
        let sql = "INSERT INTO study VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let written = self.connection.prepare_cached(sql).and_then(|mut s| s.execute(params![key, value]));
        written.map(drop).map_err(|e| self.error("write a value", e))
    }

    /// The value under a key, if there is one.
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn get(&self, key: &str) -> Result<Option<String>, SearchError> {
        let sql = "SELECT value FROM study WHERE key = ?1";
        let read = self.connection.prepare_cached(sql).and_then(|mut s| s.query_row([key], |r| r.get(0)).optional());
        read.map_err(|e| self.error("read a value", e))
    }

    /// Removes a key and its value, if there are any.
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn remove(&self, key: &str) -> Result<(), SearchError> {
        let removed = self.connection.execute("DELETE FROM study WHERE key = ?1", [key]);
        removed.map(drop).map_err(|e| self.error("remove a value", e))
    }

    /// Does several things as one change: all of them are recorded, or none.
    pub(crate) fn as_one<T>(&self, change: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
        let told = |e| self.error("write", e);
        // Immediate, so that two writers wait for each other instead of failing half-way.
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(told)?;
        let result = change();
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match (result, self.connection.execute_batch(end)) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(e)) => {
                let _ = self.connection.execute_batch("ROLLBACK");
                Err(told(e))
            }
            // A full disk rolls back by itself; the first error is the one to tell.
            (Err(error), _) => Err(error),
        }
    }

    fn error(&self, doing: &'static str, source: rusqlite::Error) -> SearchError {
        SearchError::sqlite(doing, &self.path, source)
    }

    fn damaged(&self, reason: String) -> SearchError {
        SearchError::Damaged { path: self.path.clone(), reason }
    }
}
