//! Trials one after another in this process, on this thread: simple, and fast where a trial takes milliseconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Ending, Executor, Finished, Observer, measure};
use crate::{Evaluator, Event, Failure, Job, SearchError};

/// Runs trials with an evaluator in this process.
///
/// A panic is a failed trial, but an abort or a lack of memory ends the whole process: use
/// [`Workers`](super::Workers) where those may happen.
pub struct InProcess<E> {
    evaluator: E,
    limit: Option<Duration>,
    waiting: VecDeque<Job>,
}

impl<E: Evaluator> InProcess<E> {
    /// An executor around an evaluator.
    pub fn new(evaluator: E) -> Self {
        Self { evaluator, limit: None, waiting: VecDeque::new() }
    }

    /// Fails trials that take longer, with the kind `timeout`. Looked at whenever the evaluator reports progress.
    #[must_use]
    pub fn time_limit(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }
}

impl<E: Evaluator> Executor for InProcess<E> {
    fn capacity(&self) -> usize {
        1
    }

    fn submit(&mut self, job: Job) -> Result<(), SearchError> {
        self.waiting.push_back(job);
        Ok(())
    }

    fn next(&mut self, _timeout: Duration, observer: &mut Observer<'_>) -> Result<Option<Finished>, SearchError> {
        let Some(job) = self.waiting.pop_front() else { return Ok(None) };
        let (start, limit) = (Instant::now(), self.limit);
        let (mut given_up, mut late) = (false, false);
        let mut progress = |label: &str, fraction: f64| {
            given_up |= !observer(&Event::TrialProgress { trial: job.id, label: label.to_owned(), fraction });
            late |= limit.is_some_and(|limit| start.elapsed() > limit);
            !given_up && !late
        };
        let (result, seconds) = measure(&mut self.evaluator, &job, &mut progress);
        let ending = match result {
            // Asked to stop, an evaluator returns whatever it has: neither is a result.
            _ if given_up => Ending::GivenUp,
            _ if late => Ending::Failed(over_time(limit.unwrap_or_default())),
            Ok(measurement) => Ending::Measured(measurement),
            Err(failure) => Ending::Failed(failure),
        };
        Ok(Some(Finished { id: job.id, ending, seconds }))
    }

    fn cancel(&mut self) {
        self.waiting.clear();
    }
}

/// The failure of a trial that took too long.
pub(super) fn over_time(limit: Duration) -> Failure {
    Failure::new("timeout", format!("it took longer than its limit of {} seconds", limit.as_secs_f64()))
}
