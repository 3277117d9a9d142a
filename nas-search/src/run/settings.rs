//! What the loop is told, and what it gives back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::{Budget, Trial};

/// Seconds since some fixed moment. Only budgets in seconds read it.
pub type Clock = Arc<dyn Fn() -> f64 + Send + Sync>;

/// How one arm of a search is run. Seed, space and lag are the study's ([`StudyInfo`](crate::StudyInfo)).
#[derive(Clone)]
pub struct Settings {
    /// The arm's name: under it the study keeps the trials.
    pub arm: String,
    /// When to stop.
    pub budget: Budget,
    /// The folder in which each trial may have one of its own, named by the trial's id.
    pub folder: PathBuf,
    /// Whether a trial whose network equals that of a complete one takes over its measurement instead of being measured
    /// again. Right wherever equal networks are measured alike; turn it off where the evaluator itself changes on the
    /// way, as shared weights do.
    pub reuse_twins: bool,
    /// Epochs one trial takes, where it is known beforehand: a budget in epochs is then kept exactly. Where it is not,
    /// the mean of the trials so far stands for those that are out.
    pub epochs_per_trial: Option<u64>,
    /// Stop with an error when this many trials in a row, from the beginning of the session, all failed: then the fault
    /// lies not in the architectures.
    pub give_up_after: u64,
    /// Set to true, from a signal handler for instance, to stop in good order.
    pub stop: Arc<AtomicBool>,
    /// The clock of budgets in seconds.
    pub clock: Clock,
}

impl Settings {
    /// The usual settings for an arm: twins reused, given up after ten failures, the wall clock.
    pub fn new(arm: impl Into<String>, budget: Budget, folder: impl Into<PathBuf>) -> Self {
        let start = Instant::now();
        Self {
            arm: arm.into(),
            budget,
            folder: folder.into(),
            reuse_twins: true,
            epochs_per_trial: None,
            give_up_after: 10,
            stop: Arc::new(AtomicBool::new(false)),
            clock: Arc::new(move || start.elapsed().as_secs_f64()),
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Why an arm ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The budget of trials is used up.
    Trials,
    /// The budget of seconds is used up.
    Seconds,
    /// The budget of epochs is used up.
    Epochs,
    /// The strategy has nothing more to propose.
    Exhausted,
    /// Someone asked to stop; running it again goes on.
    Interrupted,
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Trials => "all trials of the budget are done",
            Self::Seconds => "the time is used up",
            Self::Epochs => "all epochs of the budget are done",
            Self::Exhausted => "the strategy has nothing more to propose",
            Self::Interrupted => "interrupted",
        })
    }
}

/// What an arm came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Why it ended.
    pub reason: StopReason,
    /// All its trials, by number.
    pub trials: Vec<Trial>,
    /// The strategy's choice among them; `None` before the first complete one.
    pub best: Option<Trial>,
    /// Wall-clock seconds used, those of earlier sessions included.
    pub seconds: f64,
}
