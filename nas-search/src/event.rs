//! What happens in a search, as one typed enum: the progress bar, the log, TensorBoard and the report are listeners.

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
