//! Losses and right answers, summed up.

use serde::{Deserialize, Serialize};

/// Losses and right answers of an epoch so far, as a checkpoint keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    loss: f64,
    correct: usize,
    seen: usize,
}

impl Tally {
    /// Adds a batch: its mean loss in nats, and how many of its images were classified right.
    pub fn add(&mut self, loss: f64, correct: usize, seen: usize) {
        self.loss += loss * seen as f64;
        self.correct += correct;
        self.seen += seen;
    }

    /// The mean loss in nats; 0 of nothing.
    pub fn loss(&self) -> f64 {
        self.loss / self.seen.max(1) as f64
    }

    /// The share of right answers, from 0 to 1; 0 of nothing.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.seen.max(1) as f64
    }
}
