//! Series of steps: the epochs of a training or of a supernet, and the trials of an arm with what its policy learned.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use nas_search::{Event, Listener, Trial};

use super::Board;
use super::file::EventFiles;
use super::scalars::{BASELINE, ENTROPY, Epoch, REWARD, Scalars};
use crate::output::Output;

/// One series of steps. Where it cannot be written, a warning says so once and the run goes on.
pub struct Series {
    files: Option<EventFiles>,
    out: Output,
}

impl Series {
    /// The series in a folder, which goes on behind step `done`; nothing is ever written where there is no folder.
    pub(super) fn open(folder: Option<PathBuf>, done: u64, out: Output) -> Self {
        let mut series = Self { files: None, out };
        let opened = folder.map(|folder| {
            let mut files = EventFiles::open(folder)?;
            files.take_back(done)?;
            Ok(files)
        });
        match opened.transpose() {
            Ok(files) => series.files = files,
            Err(error) => series.give_up(&error),
        }
        series
    }

    /// Tells of an epoch, unless it was told of before.
    pub fn epoch(&mut self, report: &impl Epoch) {
        self.step(report.number(), &report.scalars());
    }

    fn step(&mut self, step: u64, scalars: &[(&str, f64)]) {
        if let Some(Err(error)) = self.files.as_mut().map(|files| files.write(step, scalars)) {
            self.give_up(&error);
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        self.files = None;
        self.out.warn(&format!("there are no more events for TensorBoard, which cannot be written: {error}"));
    }
}

/// The trials of an arm, and the updates of its policy: two series, each over the number of trials.
///
/// Trials are told of in the order of their numbers, whichever ended first: so a step means the same in every run.
pub struct ArmSeries {
    trials: Series,
    policy: Series,
    /// Those that ended before an earlier one did.
    waiting: BTreeMap<u64, Trial>,
    /// The number of the next.
    next: u64,
    measured: u64,
    sum: f64,
    best: Option<f64>,
}

impl ArmSeries {
    /// Of an arm with such trials so far.
    pub fn open(board: &Board, arm: &str, trials: Vec<Trial>) -> Self {
        // Of trials and updates nothing is ever taken back: what is done once more comes out the same.
        let series = |name: &str| board.series(name, u64::MAX);
        let (trials_of, policy) = (series(arm), series(&format!("{arm}/policy")));
        let (waiting, next, measured) = (BTreeMap::new(), 0, 0);
        let mut all = Self { trials: trials_of, policy, waiting, next, measured, sum: 0.0, best: None };
        trials.into_iter().filter(|trial| trial.state.is_over()).for_each(|trial| all.ended(trial));
        all
    }

    fn ended(&mut self, trial: Trial) {
        self.waiting.insert(trial.number, trial);
        while let Some(trial) = self.waiting.remove(&self.next) {
            self.next += 1;
            let scalars = self.scalars(&trial);
            self.trials.step(self.next, &scalars);
        }
    }

    /// A failed trial measured nothing; the best so far and the mean are still those before it.
    fn scalars(&mut self, trial: &Trial) -> Scalars {
        let mut scalars = Vec::new();
        if let Some(measured) = trial.learned() {
            self.measured += 1;
            self.sum += measured.accuracy;
            self.best = Some(self.best.map_or(measured.accuracy, |best| best.max(measured.accuracy)));
            scalars.extend([("trial/accuracy", measured.accuracy), ("trial/loss", measured.loss)]);
            scalars.extend([
                ("trial/parameters", measured.parameters as f64),
                ("trial/multiply_adds", measured.flops as f64),
            ]);
        }
        scalars.extend(self.best.map(|best| ("search/best", best)));
        scalars.extend((self.measured > 0).then(|| ("search/mean", self.sum / self.measured as f64)));
        scalars
    }
}

impl Listener for ArmSeries {
    fn on_event(&mut self, event: &Event) {
        match event {
            Event::TrialFinished { trial } => self.ended((**trial).clone()),
            Event::PolicyUpdated { trials, reward, baseline, entropy, advantage_spread, .. } => {
                let scalars = [
                    (REWARD, *reward),
                    (BASELINE, *baseline),
                    (ENTROPY, *entropy),
                    ("policy/advantage_spread", *advantage_spread),
                ];
                self.policy.step(*trials, &scalars);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
