//! The worker's side: what a worker process does between its start and its end.

use std::io::{Read, Write};
use std::path::PathBuf;

use super::measure;
use crate::{Evaluator, Event, Job, SearchError, Study, Trial};

/// The exit code of a worker whose parent died.
pub const ORPHANED: i32 = 86;

/// Ends this process as soon as its standard input closes, which happens when the parent dies, even by `kill -9`.
///
/// Call it first in a worker process. Nothing else may read standard input then.
pub fn exit_when_parent_dies() {
    std::thread::spawn(|| {
        let mut buffer = [0; 64];
        loop {
            match std::io::stdin().lock().read(&mut buffer) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                // The parent writes nothing; should it ever, that is no reason to die.
                Ok(1..) => {}
                // The study is safe: a change of it is whole or not there.
                Ok(0) | Err(_) => std::process::exit(ORPHANED),
            }
        }
    });
}

/// Reports an event to the parent: one line of JSON on standard output.
///
/// A parent that is gone is no error here: [`exit_when_parent_dies`] sees to that.
pub fn report(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Runs one trial and records its result in the study: the whole task of a worker process. `observer` gets its progress
/// ([`report`] sends it to the parent). Returns the trial as recorded; a failed one is no error.
///
/// # Errors
/// [`SearchError::UnknownTrial`], [`SearchError::NotRunning`] if the parent did not mark it running, or what SQLite
/// refuses.
pub fn run_trial(
    study: &Study,
    id: u64,
    evaluator: &mut dyn Evaluator,
    folder: PathBuf,
    observer: &mut dyn FnMut(&Event),
) -> Result<Trial, SearchError> {
    let trial = study.trial(id)?;
    if trial.state != crate::TrialState::Running {
        return Err(SearchError::NotRunning { id, state: trial.state.as_str() });
    }
    let job = Job::of(&trial, folder);
    let mut progress = |label: &str, fraction: f64| {
        observer(&Event::TrialProgress { trial: id, label: label.to_owned(), fraction });
        true
    };
    let (result, seconds) = measure(evaluator, &job, &mut progress);
    let recorded = match &result {
        Ok(measurement) => study.complete(id, measurement, seconds),
        Err(failure) => study.fail(id, failure, seconds),
    };
    match recorded {
        // Another worker of the same trial was faster, or the parent gave it up: what the study says is what counts.
        Ok(()) | Err(SearchError::NotRunning { .. }) => study.trial(id),
        Err(error) => Err(error),
    }
}
