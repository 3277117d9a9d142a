//! The settings of a training.

use nas_data::Augment;
use nas_space::ImageShape;
use serde::{Deserialize, Serialize};

use crate::optim::{Adam, DecayOn, Muon, Optimizer, RmsProp, Sgd};
use crate::schedule::{Curve, Schedule};
use crate::{Mode, NnError, Precision, StepConfig};

/// The kinds of optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Adam with decoupled weight decay.
    Adamw,
    /// Adam with an L2 penalty.
    Adam,
    /// RMSProp with momentum, as TensorFlow has it.
    Rmsprop,
    /// Muon for matrices, stochastic gradient descent with momentum for what is none.
    Muon,
}

/// Which statistics batch norm uses while the network is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchNormMode {
    /// The running ones: what a finished network does.
    Running,
    /// Those of the batch at hand, as weight-sharing searches do.
    Batch,
}

impl BatchNormMode {
    /// The forward pass that it means.
    pub fn mode(self) -> Mode {
        match self {
            Self::Running => Mode::Evaluate,
            Self::Batch => Mode::BatchStatistics,
        }
    }
}

/// How a network is trained. The default is the final training of DARTS (Liu et al. 2019, section 3.3) without
/// augmentation and drop-path, for 100 epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images per step, at least 2: batch norm needs more than one.
    pub batch_size: usize,
    /// The optimiser.
    pub optimizer: OptimizerKind,
    /// The learning rate after warm-up, before the schedule lowers it.
    pub learning_rate: f64,
    /// Momentum of SGD, Muon and RMSProp, from 0 (none) below 1.
    pub momentum: f64,
    /// Whether the momentum of SGD and Muon is Nesterov's.
    pub nesterov: bool,
    /// Adam's decay of the mean of gradients, from 0 below 1.
    pub beta1: f64,
    /// Adam's and RMSProp's decay of the mean of squared gradients, from 0 below 1.
    pub beta2: f64,
    /// Adam's addition to the denominator, RMSProp's to the mean of squares, above 0.
    pub epsilon: f64,
    /// Muon: what part of the learning rate the steps of matrices have, above 0.
    pub muon_share: f64,
    /// Muon: the decoupled weight decay of matrices, 0 for none.
    pub muon_decay: f64,
    /// Weight decay, 0 for none; with Muon, of what is no matrix.
    pub weight_decay: f64,
    /// Which parameters decay.
    pub decay: DecayOn,
    /// How the learning rate falls.
    pub schedule: Curve,
    /// Epochs over which the learning rate first rises linearly; 0 for none.
    pub warmup_epochs: f64,
    /// The largest global norm of the gradients; longer ones are scaled down to it. 0 for no limit.
    pub clip_norm: f64,
    /// Label smoothing (Szegedy et al. 2016), from 0 (none) below 1.
    pub label_smoothing: f64,
    /// What training steps keep activations and their gradients in.
    pub precision: Precision,
    /// The weight of the auxiliary head's loss, where the network has one.
    pub auxiliary_weight: f64,
    /// The probability of dropping a path at the end of the training, from 0 (never) below 1; it grows linearly from 0.
    pub drop_path: f64,
    /// What is done to each training image.
    pub augment: Augment,
    /// Early stop: the training ends when the validation accuracy has not risen for this many epochs. Off if absent.
    pub patience: Option<usize>,
    /// Epochs from one validation to the next, at least 1; after the last epoch there is always one.
    pub evaluate_every: usize,
    /// The last so many epochs are all validated, whatever `evaluate_every` says; at least 1.
    pub evaluate_last: usize,
    /// Which statistics batch norm uses in validation.
    pub batch_norm: BatchNormMode,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 96,
            optimizer: OptimizerKind::Sgd,
            learning_rate: 0.025,
            momentum: 0.9,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            muon_share: Muon::SHARE,
            muon_decay: Muon::WEIGHT_DECAY,
            weight_decay: 3e-4,
            decay: DecayOn::Selected,
            schedule: Curve::Cosine { to: 0.0 },
            warmup_epochs: 0.0,
            clip_norm: 5.0,
            label_smoothing: 0.0,
            precision: Precision::F32,
            auxiliary_weight: 0.4,
            drop_path: 0.0,
            augment: Augment::default(),
            patience: None,
            evaluate_every: 1,
            evaluate_last: 1,
            batch_norm: BatchNormMode::Running,
        }
    }
}

impl TrainConfig {
    /// Checks every setting that can be judged without data.
    ///
    /// # Errors
    /// Names the first setting at fault, its value and what would be right.
    pub fn validate(&self) -> Result<(), NnError> {
        let whole = |setting, value: usize, least: usize, reason: &str| {
            if value >= least { Ok(()) } else { Err(NnError::setting(setting, value, reason)) }
        };
        let real = |setting, value: f64, ok: bool, reason: &str| {
            if ok && value.is_finite() { Ok(()) } else { Err(NnError::setting(setting, value, reason)) }
        };
        let below_one = |setting, value: f64| {
            real(setting, value, (0.0..1.0).contains(&value), "it must be at least 0 and below 1")
        };
        let not_negative =
            |setting, value: f64| real(setting, value, value >= 0.0, "it must be 0 or a positive number");
        whole("epochs", self.epochs, 1, "a training has at least 1 epoch")?;
        whole("batch_size", self.batch_size, 2, "batch norm needs at least 2 images in a batch")?;
        whole("evaluate_every", self.evaluate_every, 1, "it must be at least 1; the last epoch is always validated")?;
        whole("evaluate_last", self.evaluate_last, 1, "it must be at least 1; the last epoch is always validated")?;
        whole(
            "patience",
            self.patience.unwrap_or(1),
            1,
            "it must be at least 1 epoch; leave it out for no early stop",
        )?;
        self.schedule().validate()?;
        below_one("momentum", self.momentum)?;
        if self.nesterov && self.momentum == 0.0 {
            return Err(NnError::setting("nesterov", true, "Nesterov's momentum needs a momentum above 0"));
        }
        below_one("beta1", self.beta1)?;
        below_one("beta2", self.beta2)?;
        real("epsilon", self.epsilon, self.epsilon > 0.0, "it must be above 0")?;
        real("muon_share", self.muon_share, self.muon_share > 0.0, "it must be above 0")?;
        not_negative("muon_decay", self.muon_decay)?;
        not_negative("weight_decay", self.weight_decay)?;
        not_negative("clip_norm", self.clip_norm)?;
        below_one("label_smoothing", self.label_smoothing)?;
        not_negative("auxiliary_weight", self.auxiliary_weight)?;
        below_one("drop_path", self.drop_path)
    }

    /// Checks the settings against the images too.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), and if an augmentation does not fit the images.
    pub fn validate_for(&self, shape: ImageShape) -> Result<(), NnError> {
        self.validate()?;
        Ok(self.augment.check(shape)?)
    }

    /// The learning rate over the training.
    pub fn schedule(&self) -> Schedule {
        Schedule { from: self.learning_rate, curve: self.schedule, warmup_epochs: self.warmup_epochs }
    }

    /// A fresh optimiser.
    pub fn optimizer(&self) -> Box<dyn Optimizer> {
        let adam = |adam: Adam| {
            let mut adam = adam.betas(self.beta1, self.beta2);
            adam.epsilon = self.epsilon;
            adam
        };
        let sgd = Sgd::new(self.momentum, self.nesterov, self.weight_decay, self.decay);
        match self.optimizer {
            OptimizerKind::Sgd => Box::new(sgd),
            OptimizerKind::Muon => Box::new(Muon::new(self.muon_share, self.muon_decay, sgd)),
            OptimizerKind::Rmsprop => {
                Box::new(RmsProp::new(self.beta2, self.momentum, self.epsilon, self.weight_decay, self.decay))
            }
            OptimizerKind::Adamw => Box::new(adam(Adam::adamw(self.weight_decay, self.decay))),
            OptimizerKind::Adam => Box::new(adam(Adam::with_penalty(self.weight_decay, self.decay))),
        }
    }

    /// What the loss of a step is made of.
    pub fn step_config(&self) -> StepConfig {
        StepConfig { label_smoothing: self.label_smoothing, auxiliary_weight: self.auxiliary_weight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut TrainConfig), setting: &str) {
        let mut config = TrainConfig::default();
        change(&mut config);
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with(&format!("training setting `{setting}` = ")), "{message}");
    }

    #[test]
    fn every_impossible_setting_is_named() {
        assert!(TrainConfig::default().validate().is_ok());
        check(|c| c.epochs = 0, "epochs");
        check(|c| c.batch_size = 1, "batch_size");
        check(|c| c.evaluate_every = 0, "evaluate_every");
        check(|c| c.evaluate_last = 0, "evaluate_last");
        check(|c| c.patience = Some(0), "patience");
        check(|c| c.learning_rate = 0.0, "learning_rate");
        check(|c| c.schedule = Curve::Cosine { to: 1.0 }, "schedule.to");
        check(|c| c.warmup_epochs = f64::INFINITY, "warmup_epochs");
        check(|c| c.momentum = 1.0, "momentum");
        check(|c| (c.momentum, c.nesterov) = (0.0, true), "nesterov");
        check(|c| c.beta1 = -0.1, "beta1");
        check(|c| c.beta2 = 1.0, "beta2");
        check(|c| c.epsilon = 0.0, "epsilon");
        check(|c| c.muon_share = 0.0, "muon_share");
        check(|c| c.muon_decay = -0.1, "muon_decay");
        check(|c| c.weight_decay = f64::NAN, "weight_decay");
        check(|c| c.clip_norm = -1.0, "clip_norm");
        check(|c| c.label_smoothing = 1.0, "label_smoothing");
        check(|c| c.auxiliary_weight = -0.4, "auxiliary_weight");
        check(|c| c.drop_path = 1.0, "drop_path");
    }

    #[test]
    fn an_augmentation_larger_than_the_image_is_refused() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let augment = Augment { cutout: 16, ..Augment::default() };
        let message = TrainConfig { augment, ..TrainConfig::default() }.validate_for(shape).unwrap_err().to_string();
        assert!(message.contains("cutout") && message.contains("16"), "{message}");
    }

    #[test]
    fn a_file_may_leave_out_settings_but_not_invent_any() {
        let config: TrainConfig = serde_json::from_str(r#"{"epochs": 3, "optimizer": "adamw"}"#).unwrap();
        assert_eq!((config.epochs, config.optimizer, config.batch_size), (3, OptimizerKind::Adamw, 96));
        let message = serde_json::from_str::<TrainConfig>(r#"{"epoch": 3}"#).unwrap_err().to_string();
        assert!(message.contains("unknown field `epoch`"), "{message}");
    }

    #[test]
    fn a_config_survives_its_text_form() {
        let config = TrainConfig {
            schedule: Curve::Step { epochs: 3, factor: 0.1 },
            patience: Some(4),
            learning_rate: 0.1 + 0.2,
            ..TrainConfig::default()
        };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&text).unwrap(), config);
    }
}
