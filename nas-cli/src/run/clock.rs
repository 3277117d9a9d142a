//! The seconds of a phase over all its sessions, kept as they pass: a kill costs the count a few of them at most.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use nas_search::{Study, files::write_atomically};

/// How often the seconds used are kept.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// Where they are kept.
enum Place<'a> {
    Study(&'a Study, &'static str),
    File(PathBuf),
}

/// The clock of a phase.
pub struct Clock<'a> {
    place: Place<'a>,
    before: f64,
    start: Instant,
    noted: Instant,
    failed: Option<anyhow::Error>,
}

/// Seconds of a phase that a study has kept under a key; 0 before its first.
///
/// # Errors
/// If the study cannot be read, or holds something else there.
pub fn seconds_used(study: &Study, key: &str) -> anyhow::Result<f64> {
    study.get(key)?.map_or(Ok(0.0), |text| read(&text, || format!("`{key}` of {}", study.path().display())))
}

fn read(text: &str, what: impl FnOnce() -> String) -> anyhow::Result<f64> {
    text.trim().parse().with_context(|| format!("{} is damaged: `{text}` is no number of seconds", what()))
}

impl<'a> Clock<'a> {
    /// Goes on where the last session ended; kept in a study under a key.
    ///
    /// # Errors
    /// As [`seconds_used`].
    pub fn of_study(study: &'a Study, key: &'static str) -> anyhow::Result<Self> {
        Ok(Self::new(Place::Study(study, key), seconds_used(study, key)?))
    }

    /// Goes on where the last session ended; kept in a file.
    ///
    /// # Errors
    /// If there is a file of that name that holds something else.
    pub fn of_file(path: PathBuf) -> anyhow::Result<Self> {
        let before = match std::fs::read_to_string(&path) {
            Ok(text) => read(&text, || path.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0.0,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self::new(Place::File(path), before))
    }

    fn new(place: Place<'a>, before: f64) -> Self {
        Self { place, before, start: Instant::now(), noted: Instant::now(), failed: None }
    }

    /// Seconds of the sessions before this one.
    pub fn before(&self) -> f64 {
        self.before
    }

    /// Seconds so far.
    pub fn used(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }

    /// Keeps the seconds so far. The first failure is told by [`keep`](Self::keep).
    pub fn note(&mut self) {
        if self.failed.is_some() {
            return;
        }
        self.noted = Instant::now();
        let text = self.used().to_string();
        self.failed = match &self.place {
            Place::Study(study, key) => study.set(key, &text).err(),
            Place::File(path) => write_atomically(path, text.as_bytes()).err(),
        }
        .map(Into::into);
    }

    /// The same, unless it was done a moment ago.
    pub fn note_now_and_then(&mut self) {
        if self.noted.elapsed() > NOTE_EVERY {
            self.note();
        }
    }

    /// Whether something could not be kept.
    pub fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Keeps the seconds so far, as a phase or a session ends, and says what could not be kept on the way.
    ///
    /// # Errors
    /// The first failure, of this call or one before.
    pub fn keep(&mut self) -> anyhow::Result<()> {
        self.note();
        self.failed.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_session_counts_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seconds");
        assert_eq!(Clock::of_file(path.clone()).unwrap().before(), 0.0);
        std::fs::write(&path, "12.5").unwrap();
        let mut clock = Clock::of_file(path.clone()).unwrap();
        clock.keep().unwrap();
        let again = Clock::of_file(path.clone()).unwrap();
        assert!(again.before() >= 12.5 && again.used() >= again.before());
        std::fs::write(&path, "a while").unwrap();
        let message = format!("{:#}", Clock::of_file(path).err().unwrap());
        assert!(message.contains("seconds is damaged: `a while` is no number of seconds"), "{message}");
    }

    #[test]
    fn what_cannot_be_kept_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut clock = Clock::of_file(folder.path().join("in the way/seconds")).unwrap();
        std::fs::write(folder.path().join("in the way"), "").unwrap();
        clock.note();
        assert!(clock.has_failed());
        assert!(clock.keep().is_err());
    }
}
