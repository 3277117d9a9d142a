//! What of a report is a scalar, and under which tag: the same tag wherever it is the same quantity, so that TensorBoard
//! draws runs into one chart. Accuracies are from 0 to 1, losses and entropies in nats.

use nas_nn::trainer::EpochReport;
use nas_search::{GhnEpoch, SharedEpoch, SupernetEpoch};

const TRAIN_LOSS: &str = "loss/training";
const LOSS: &str = "loss/validation";
const TRAIN_ACCURACY: &str = "accuracy/training";
const ACCURACY: &str = "accuracy/validation";
const RATE: &str = "learning_rate";
pub(super) const REWARD: &str = "policy/reward";
pub(super) const BASELINE: &str = "policy/baseline";
pub(super) const ENTROPY: &str = "policy/entropy";

/// Tags and values.
pub type Scalars = Vec<(&'static str, f64)>;

/// A report of an epoch.
pub trait Epoch {
    /// Its number, from 1.
    fn number(&self) -> u64;
    /// What it measured.
    fn scalars(&self) -> Scalars;
}

impl Epoch for EpochReport {
    fn number(&self) -> u64 {
        self.epoch as u64
    }

    fn scalars(&self) -> Scalars {
        let mut scalars = weights(self.train_loss, self.train_accuracy, self.learning_rate);
        scalars.extend(self.validation.iter().flat_map(|v| [(LOSS, v.loss), (ACCURACY, v.accuracy)]));
        scalars
    }
}

impl Epoch for SupernetEpoch {
    fn number(&self) -> u64 {
        self.epoch
    }

    fn scalars(&self) -> Scalars {
        let mut scalars = weights(self.train_loss, self.train_accuracy, self.learning_rate);
        scalars.extend([(LOSS, self.loss), (ACCURACY, self.accuracy)]);
        scalars.extend([("alphas/entropy", self.entropy), ("alphas/skips", self.skips as f64)]);
        scalars.extend(self.eigenvalue.map(|value| ("alphas/eigenvalue", value)));
        scalars
    }
}

impl Epoch for SharedEpoch {
    fn number(&self) -> u64 {
        self.epoch
    }

    fn scalars(&self) -> Scalars {
        let mut scalars = weights(self.train_loss, self.train_accuracy, self.learning_rate);
        scalars.extend([("drawn/mean", self.drawn), ("drawn/best", self.best)]);
        let policy = [(REWARD, self.reward), (BASELINE, self.baseline), (ENTROPY, self.entropy)];
        scalars.extend(policy.into_iter().filter_map(|(tag, value)| Some((tag, value?))));
        scalars
    }
}

impl Epoch for GhnEpoch {
    fn number(&self) -> u64 {
        self.epoch
    }

    fn scalars(&self) -> Scalars {
        let mut scalars = weights(self.train_loss, self.train_accuracy, self.learning_rate);
        let held_back = [
            (ACCURACY, self.accuracy),
            ("held_back/spread", self.spread),
            ("held_back/steadiness", self.steadiness),
            ("held_back/rank_correlation", self.rank_correlation),
        ];
        scalars.extend(held_back.into_iter().filter_map(|(tag, value)| Some((tag, value?))));
        scalars
    }
}

/// What every training of weights has.
fn weights(loss: f64, accuracy: f64, learning_rate: f64) -> Scalars {
    vec![(TRAIN_LOSS, loss), (TRAIN_ACCURACY, accuracy), (RATE, learning_rate)]
}
