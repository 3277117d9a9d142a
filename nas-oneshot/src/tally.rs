//! Losses and right answers, summed up.

use serde::{Deserialize, Serialize};

/// Losses and right answers of the epoch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tally {
    loss: f64,
    correct: usize,
    seen: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, loss: f64, correct: usize, seen: usize) {
        self.loss += loss * seen as f64;
        self.correct += correct;
        self.seen += seen;
    }

    /// The mean loss.
    pub(crate) fn loss(&self) -> f64 {
        self.loss / self.seen.max(1) as f64
    }

    pub(crate) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.seen.max(1) as f64
    }
}
