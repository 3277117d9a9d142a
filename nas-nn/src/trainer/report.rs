//! What a training tells: on its way, and at its end.

use serde::{Deserialize, Serialize};

use super::evaluate::Evaluation;
use super::plan::Segment;

/// One finished epoch. It holds no times: two equal trainings have equal reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochReport {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Epochs planned when it ended.
    pub epochs: usize,
    /// Mean training loss in nats, auxiliary part included.
    pub train_loss: f64,
    /// Accuracy on the training images as they were seen, from 0 to 1.
    pub train_accuracy: f64,
    /// The validation, if this epoch had one.
    pub validation: Option<Evaluation>,
    /// The learning rate of its last step.
    pub learning_rate: f64,
}

/// One finished step: enough for a progress bar with rate and time left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The epoch it belongs to, from 1.
    pub epoch: usize,
    /// Epochs planned now.
    pub epochs: usize,
    /// Steps finished in this epoch, this one included.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Mean loss of the epoch so far, in nats.
    pub loss: f64,
    /// Training accuracy of the epoch so far, from 0 to 1.
    pub accuracy: f64,
    /// The learning rate of this step.
    pub learning_rate: f64,
}

impl StepReport {
    /// How much of the training's steps are done, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        let done = (self.epoch - 1) * self.steps + self.step;
        done as f64 / (self.epochs * self.steps).max(1) as f64
    }
}

/// What a listener hears.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TrainEvent<'a> {
    /// A step ended.
    Step(StepReport),
    /// An epoch ended, its validation and checkpoint included.
    Epoch {
        /// The epoch.
        report: &'a EpochReport,
        /// Wall-clock seconds it took here, after a resume only those since.
        seconds: f64,
    },
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// All planned epochs are done.
    Finished,
    /// The validation accuracy stopped rising.
    EarlyStop,
    /// The listener asked for it; the training can go on from its checkpoint.
    Interrupted,
}

/// What became of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Every finished epoch, those before a resume included.
    pub history: Vec<EpochReport>,
    /// The numbers of epochs that were planned, the first plan first.
    pub plan: Vec<Segment>,
    /// Why it ended.
    pub ended: Ended,
}

impl TrainReport {
    /// The epoch of highest validation accuracy, the earliest of equals; `None` if nothing was validated.
    pub fn best(&self) -> Option<&EpochReport> {
        best(&self.history)
    }

    /// The validation after the last epoch that had one.
    pub fn last_validation(&self) -> Option<Evaluation> {
        self.history.iter().rev().find_map(|report| report.validation)
    }
}

/// The epoch of highest validation accuracy, the earliest of equals.
pub(super) fn best(history: &[EpochReport]) -> Option<&EpochReport> {
    let accuracy = |report: &EpochReport| report.validation.map(|v| v.accuracy);
    history
        .iter()
        .filter(|r| r.validation.is_some())
        .reduce(|best, r| if accuracy(r) > accuracy(best) { r } else { best })
}

/// Whether the accuracy has not risen for `patience` epochs.
pub(super) fn out_of_patience(history: &[EpochReport], patience: Option<usize>) -> bool {
    let (Some(patience), Some(best), Some(last)) = (patience, best(history), history.last()) else { return false };
    last.validation.is_some() && last.epoch - best.epoch >= patience
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(accuracies: &[Option<f64>]) -> Vec<EpochReport> {
        let report = |(i, accuracy): (usize, &Option<f64>)| EpochReport {
            epoch: i + 1,
            epochs: 100,
            train_loss: 1.0,
            train_accuracy: 0.5,
            validation: accuracy.map(|accuracy| Evaluation { accuracy, loss: 1.0, correct: 0, count: 1 }),
            learning_rate: 0.1,
        };
        accuracies.iter().enumerate().map(report).collect()
    }

    #[test]
    fn the_earliest_of_equal_epochs_is_best() {
        let epochs = history(&[Some(0.5), None, Some(0.7), Some(0.7), Some(0.6)]);
        assert_eq!(best(&epochs).map(|r| r.epoch), Some(3));
        assert_eq!(best(&history(&[None, None])), None);
    }

    #[test]
    fn patience_counts_epochs_since_the_best() {
        let check = |accuracies: &[Option<f64>], patience, expect| {
            assert_eq!(out_of_patience(&history(accuracies), patience), expect, "{accuracies:?} {patience:?}");
        };
        let falling = [Some(0.5), Some(0.7), Some(0.6), Some(0.7)];
        check(&falling, Some(2), true);
        check(&falling[..3], Some(2), false);
        check(&falling, Some(3), false);
        check(&falling, None, false);
        check(&[Some(0.5), None, None], Some(2), false); // not judged where nothing was measured
        check(&[None, None, None], Some(1), false);
    }
}
