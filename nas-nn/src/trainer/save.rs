//! Where a training stands, on disk.

use std::path::Path;

use nas_data::Normalization;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evaluate::Evaluation;
use super::plan::Plan;
use super::report::EpochReport;
use super::{TrainConfig, TrainData, Trainer};
use crate::NnError;
use crate::checkpoint::{self, Kind, SaveClock};

const KIND: Kind = Kind { format: "nas-training", version: 1, what: "training" };
/// What the names of the tensors begin with.
const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";

/// Everything about a training that is no tensor and changes on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    pub(super) plan: Plan,
    /// Epochs finished.
    pub(super) epoch: usize,
    /// Steps finished in the epoch under way.
    pub(super) step: usize,
    /// Sum over the epoch's images of their batch's mean loss.
    loss: f64,
    /// Images of the epoch classified right.
    correct: usize,
    /// Images of the epoch seen.
    seen: usize,
    /// The learning rate of the last step.
    learning_rate: f64,
    pub(super) history: Vec<EpochReport>,
    pub(super) stopped_early: bool,
}

impl Standing {
    /// Before the first step.
    pub(super) fn new(epochs: usize) -> Self {
        Self {
            plan: Plan::new(epochs),
            epoch: 0,
            step: 0,
            loss: 0.0,
            correct: 0,
            seen: 0,
            learning_rate: 0.0,
            history: Vec::new(),
            stopped_early: false,
        }
    }

    /// Adds a step.
    pub(super) fn count(&mut self, loss: f64, correct: usize, seen: usize, learning_rate: f64) {
        self.step += 1;
        self.loss += loss * seen as f64;
        self.correct += correct;
        self.seen += seen;
        self.learning_rate = learning_rate;
    }

    pub(super) fn mean_loss(&self) -> f64 {
        self.loss / self.seen.max(1) as f64
    }

    pub(super) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.seen.max(1) as f64
    }

    /// Ends the epoch under way and reports it.
    pub(super) fn turn_page(&mut self, validation: Option<Evaluation>) -> EpochReport {
        self.epoch += 1;
        let report = EpochReport {
            epoch: self.epoch,
            epochs: self.plan.epochs(),
            train_loss: self.mean_loss(),
            train_accuracy: self.accuracy(),
            validation,
            learning_rate: self.learning_rate,
        };
        (self.step, self.loss, self.correct, self.seen) = (0, 0.0, 0, 0);
        report
    }
}

/// What a training was made from: a checkpoint goes on only where all of it is the same.
#[derive(Serialize)]
struct Origin<'a> {
    config: &'a TrainConfig,
    seed: u64,
    /// Numbers of images, and a checksum of pixels, labels and indices.
    train_images: usize,
    validation_images: usize,
    data: String,
    normalization: &'a Normalization,
}

impl Origin<'_> {
    fn of(trainer: &Trainer) -> Value {
        let TrainData { images, train, validation, normalization } = &trainer.data;
        let none = Vec::new();
        let validation = validation.as_deref().unwrap_or(&none);
        let origin = Origin {
            config: &trainer.config,
            seed: trainer.seed.value(),
            train_images: train.len(),
            validation_images: validation.len(),
            data: checkpoint::fingerprint(images, &[train, validation]),
            normalization,
        };
        serde_json::to_value(origin).expect("settings and numbers have a JSON form")
    }
}

/// Saves, if there is a place for it.
pub(super) fn save(clock: &mut SaveClock<'_>, trainer: &Trainer) -> Result<(), NnError> {
    let tensors = || -> Result<_, NnError> {
        let model = checkpoint::part(MODEL, checkpoint::tensors_of(&trainer.network));
        Ok(model.chain(checkpoint::part(OPTIMIZER, trainer.optimizer.state()?)).collect())
    };
    clock.save(KIND, || Origin::of(trainer), &trainer.standing, tensors)
}

/// See [`Trainer::restore`].
pub(super) fn restore(trainer: &mut Trainer, path: &Path) -> Result<(), NnError> {
    let (standing, tensors): (Standing, _) = checkpoint::resume(path, KIND, &Origin::of(trainer))?;
    standing.plan.check()?;
    let [model, optimizer] = checkpoint::take_apart(path, KIND, tensors, [MODEL, OPTIMIZER])?;
    trainer.optimizer.load_state(trainer.network.parameters(), &optimizer)?;
    checkpoint::fill(path, &mut trainer.network, &model)?;
    trainer.standing = standing;
    Ok(())
}
