//! The tables of a study, and the checks that a file holds them whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rusqlite::Connection;

use crate::SearchError;

/// The newest layout of the tables that this program reads and writes.
const VERSION: i64 = 2;

/// The mark of our files in SQLite's header: "nasS" in ASCII.
const APPLICATION: i64 = 0x6e61_7353;

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

const TABLES: &str = "
CREATE TABLE study (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE trials (
    id             INTEGER PRIMARY KEY,        -- over the whole study, from 0
    arm            TEXT NOT NULL,              -- the method, or random for the baseline
    number         INTEGER NOT NULL,           -- within the arm, from 0 without gaps
    state          TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'complete', 'pruned', 'failed')),
    architecture   TEXT NOT NULL,              -- JSON
    text           TEXT NOT NULL,              -- the same in its field's text form
    parent         INTEGER,                    -- the parent's number in the same arm
    note           TEXT NOT NULL,              -- JSON, the strategy's own
    seed           TEXT NOT NULL,              -- 64 bits, unsigned, which INTEGER cannot hold
    accuracy       REAL,                       -- on the validation split, 0 to 1
    loss           REAL,                       -- nats, on the validation split
    parameters     INTEGER,
    flops          INTEGER,                    -- multiply-adds for one image
    epochs         INTEGER,
    latency        REAL,                       -- seconds for one image
    extra          TEXT,                       -- JSON
    failure_kind   TEXT,
    failure_reason TEXT,
    seconds        REAL,                       -- wall clock
    started        TEXT,                       -- UTC, of the last attempt
    ended          TEXT,                       -- UTC
    attempts       INTEGER NOT NULL DEFAULT 0, -- more than 1 after a kill
    asked_epochs   INTEGER,                    -- how long the strategy wants it trained, where it chooses that
    UNIQUE (arm, number)
);

CREATE TABLE strategy_state (
    arm   TEXT PRIMARY KEY,
    told  INTEGER NOT NULL,                    -- the trials 0..told of the arm are in the state
    state TEXT NOT NULL                        -- JSON
) WITHOUT ROWID;
";

/// How an empty database keeps its journal; this cannot be a part of any change.
pub(super) fn choose_journal(connection: &Connection) -> rusqlite::Result<()> {
    // A database in memory keeps its own journal mode; the answer is a row, which an update would trip over.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
}

/// Lays out the tables in an empty database, as a part of the change under way.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; {TABLES}"))
}

/// Whether a database has no tables yet.
pub(super) fn is_blank(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT COUNT(*) = 0 FROM sqlite_master", [], |row| row.get(0))
}

/// Brings the tables of an older study up to this program's, as one change; those of the newest stay untouched.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), SearchError> {
    let told = |e| SearchError::sqlite("bring it up to date", path, e);
    let version = || connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).map_err(told);
    if version()? >= VERSION {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE").map_err(told)?;
    // Another process may have been faster: only who holds the lock knows.
    let steps = if version()? < 2 { "ALTER TABLE trials ADD COLUMN asked_epochs INTEGER;" } else { "" };
    let sql = format!("{steps} PRAGMA user_version = {VERSION}; COMMIT;");
    connection.execute_batch(&sql).map_err(|e| {
        // The change was not made, so the study is as it was; the first error is the one to tell.
        let _ = connection.execute_batch("ROLLBACK");
        told(e)
    })
}

/// Looks at the first bytes, because SQLite takes an empty file for an empty database and says little about others.
pub(super) fn check_header(path: &Path) -> Result<(), SearchError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(SearchError::NoStudy { path: path.to_owned() });
        }
        Err(e) => return Err(SearchError::io("open the study", path, e)),
    };
    if path.is_dir() {
        return Err(SearchError::NotAStudy { path: path.to_owned(), reason: "it is a folder".into() });
    }
    let mut start = Vec::with_capacity(MAGIC.len());
    let read = file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|e| SearchError::io("read the study", path, e))?;
    if start == MAGIC {
        return Ok(());
    }
    let reason = match start.len() {
        0 => "the file is empty",
        1..16 => "the file is too short for a database",
        _ => "it is no SQLite database",
    };
    Err(SearchError::NotAStudy { path: path.to_owned(), reason: reason.into() })
}

/// Checks the mark, the version, and that every page is there and makes sense.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), SearchError> {
    let told = |e| SearchError::sqlite("open it", path, e);
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(told);
    if number("PRAGMA application_id")? != APPLICATION {
        let reason = "it is an SQLite database of another program".into();
        return Err(SearchError::NotAStudy { path: path.to_owned(), reason });
    }
    let found = number("PRAGMA user_version")?;
    if found > VERSION {
        return Err(SearchError::NewerSchema { path: path.to_owned(), found, known: VERSION });
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(told)?;
    if verdict != "ok" {
        // SQLite's findings can span lines; one sentence is enough here.
        let reason = verdict.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        return Err(SearchError::Damaged { path: path.to_owned(), reason });
    }
    Ok(())
}
