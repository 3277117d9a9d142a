//! What happens in a search, as one typed enum: the progress bar, the log, TensorBoard and the report are listeners.

use nas_space::Architecture;
use serde::{Deserialize, Serialize};

use crate::Trial;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// An arm of the search begins, or goes on with trials already finished.
    ArmStarted {
        /// The arm's name.
        arm: String,
        /// Trials in its budget, if it is bounded so.
        trials: Option<u64>,
        /// Trials already finished when it (re)started.
        finished: u64,
    },
    /// A trial was handed to the executor.
    TrialStarted {
        /// The trial's id.
        trial: u64,
    },
    /// A trial moved on.
    TrialProgress {
        /// The trial's id.
        trial: u64,
        /// What it is at.
        label: String,
        /// How much of it is done, from 0 to 1.
        fraction: f64,
    },
    /// A trial ended: complete, pruned or failed.
    TrialFinished {
        /// The trial, whole.
        trial: Box<Trial>,
    },
    /// An epoch of a training ended.
    EpochFinished {
        /// Epochs finished.
        epoch: u64,
        /// Epochs planned.
        epochs: u64,
        /// Mean training loss, in nats.
        train_loss: f64,
        /// Training accuracy, from 0 to 1.
        train_accuracy: f64,
        /// Validation loss, where it was measured.
        loss: Option<f64>,
        /// Validation accuracy, where it was measured.
        accuracy: Option<f64>,
        /// Learning rate at its end.
        learning_rate: f64,
        /// Wall-clock seconds.
        seconds: f64,
    },
    /// A search on a supernet moved on by a step.
    SupernetStep {
        /// The epoch under way, from 1.
        epoch: u64,
        /// Epochs planned.
        epochs: u64,
        /// Steps finished in it.
        step: u64,
        /// Steps of an epoch.
        steps: u64,
        /// Mean training loss of the epoch so far, in nats.
        train_loss: f64,
        /// Mean validation loss of the epoch so far, in nats.
        loss: f64,
    },
    /// An epoch of a search on a supernet ended.
    SupernetEpoch {
        /// What it came to.
        report: Box<SupernetEpoch>,
        /// Wall-clock seconds it took here, after a resume only those since.
        seconds: f64,
    },
    /// An epoch of a search on shared weights ended.
    SharedEpoch {
        /// What it came to.
        report: Box<SharedEpoch>,
        /// Wall-clock seconds it took here, after a resume only those since.
        seconds: f64,
    },
    /// A hypernetwork moved on by a step.
    GhnStep {
        /// The epoch under way, from 1.
        epoch: u64,
        /// Epochs planned.
        epochs: u64,
        /// Steps finished in it.
        step: u64,
        /// Steps of an epoch.
        steps: u64,
        /// Mean training loss of the epoch so far, in nats.
        train_loss: f64,
    },
    /// An epoch of a hypernetwork's training ended.
    GhnEpoch {
        /// What it came to.
        report: Box<GhnEpoch>,
        /// Wall-clock seconds it took here, after a resume only those since.
        seconds: f64,
    },
    /// An architecture was scored with generated weights.
    GhnScored {
        /// Architectures scored so far.
        scored: u64,
        /// Architectures to be scored.
        samples: u64,
        /// The best accuracy so far, from 0 to 1.
        best: f64,
    },
    /// A strategy that learns a policy has learned from a batch of trials.
    PolicyUpdated {
        /// The update's number, from 1.
        update: u64,
        /// Trials learned from so far.
        trials: u64,
        /// The mean reward of the batch.
        reward: f64,
        /// The baseline it was compared with.
        baseline: f64,
        /// The mean entropy of the policies that drew the batch, in nats over all decisions.
        entropy: f64,
        /// The standard deviation of the batch's advantages.
        advantage_spread: f64,
        /// The highest reward so far.
        best: f64,
    },
    /// Something the user should know, as a sentence.
    Warning {
        /// The sentence.
        message: String,
    },
    /// The arm ended.
    ArmFinished {
        /// The arm's name.
        arm: String,
        /// Why.
        reason: String,
    },
}

/// One finished epoch of a gradient-based search on a supernet. It holds no times: two equal searches have equal reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupernetEpoch {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Epochs planned.
    pub epochs: u64,
    /// Mean loss of the batches that the weights learned from, in nats.
    pub train_loss: f64,
    /// Accuracy on them, from 0 to 1.
    pub train_accuracy: f64,
    /// Mean loss of the batches that the architecture learned from, in nats.
    pub loss: f64,
    /// Accuracy on them, from 0 to 1.
    pub accuracy: f64,
    /// The learning rate of the weights.
    pub learning_rate: f64,
    /// The architecture parameters at its end: tables, rows (edges), columns (operations).
    pub alphas: Vec<Vec<Vec<f64>>>,
    /// The mean over all edges of the entropy of an edge's weights, over that of equal weights: 1 is undecided, 0 decided.
    pub entropy: f64,
    /// Skip connections among the operations that the published rule keeps of the first kind of cell.
    pub skips: u64,
    /// The largest eigenvalue of the Hessian of the validation loss with respect to the architecture parameters, where it
    /// was measured.
    pub eigenvalue: Option<f64>,
    /// The architecture that would be read off now.
    pub architecture: Architecture,
}

/// One finished epoch of a search that trains shared weights path by path, and a strategy on them. It holds no times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedEpoch {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Epochs planned.
    pub epochs: u64,
    /// Mean loss of the batches that the weights learned from, each on a path of its own, in nats.
    pub train_loss: f64,
    /// Accuracy on them, from 0 to 1.
    pub train_accuracy: f64,
    /// The learning rate of the weights.
    pub learning_rate: f64,
    /// Mean accuracy of the architectures that the strategy learned from, each on a validation batch of its own; `None`
    /// where it learned from none.
    pub reward: Option<f64>,
    /// What it was compared with at the end of the epoch, of strategies that learn a policy.
    pub baseline: Option<f64>,
    /// The entropy of that policy, in nats over all decisions.
    pub entropy: Option<f64>,
    /// Mean accuracy, on one validation batch, of architectures proposed at the end of the epoch.
    pub drawn: f64,
    /// The highest accuracy of these.
    pub best: f64,
    /// The one that has it.
    pub architecture: Architecture,
}

/// One finished epoch of a hypernetwork's training. It holds no times: two equal trainings have equal reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GhnEpoch {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Epochs planned.
    pub epochs: u64,
    /// Mean loss of the networks learned from, in nats.
    pub train_loss: f64,
    /// Their accuracy on training images, from 0 to 1.
    pub train_accuracy: f64,
    /// The accuracies of the architectures held back, with generated weights, on validation images.
    pub held_back: Vec<f64>,
    /// Their mean, where there are any.
    pub accuracy: Option<f64>,
    /// Their standard deviation, where there are two.
    pub spread: Option<f64>,
    /// Kendall's tau between them and those of the epoch before: 1 where the ranking has settled.
    pub steadiness: Option<f64>,
    /// Kendall's tau between them and the accuracies that training gives, where these are known.
    pub rank_correlation: Option<f64>,
    /// The learning rate of its last step.
    pub learning_rate: f64,
}

/// Whoever wants to know.
pub trait Listener {
    /// Called for every event, in order.
    fn on_event(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> Listener for F {
    fn on_event(&mut self, event: &Event) {
        self(event);
    }
}
