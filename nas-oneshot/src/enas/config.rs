//! The settings of a search by ENAS.

use std::f64::consts::PI;

use nas_data::Augment;
use nas_nn::optim::{DecayOn, Sgd};
use nas_nn::trainer::BatchNormMode;
use nas_space::ImageShape;
use serde::{Deserialize, Serialize};

use crate::OneShotError;

/// What becomes of the weights that a step's path does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idle {
    /// Nothing: they neither decay nor follow their momentum until they are used again. They cost nothing.
    Rest,
    /// They decay and go on in the direction of their momentum, as in the released code, whose optimiser takes a step on
    /// all weights with gradients of zero. It costs a pass over all of them.
    Move,
}

/// How weights are shared and what is learned on them. The default is [`micro`](Self::micro).
///
/// Where the released code does not do what it says, this does not follow it: gradients are clipped (there the unclipped
/// ones are used), by their norm over the whole path, and the weight decay is what the setting says (there twice that). What
/// is left out: dropout with a probability of 0.1 before the classifier, and the auxiliary classifier (there its own weights
/// do not learn).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnasConfig {
    /// Passes over the part of the images that the weights learn from.
    pub epochs: usize,
    /// Images per batch, of both parts alike, at least 2.
    pub batch_size: usize,
    /// The learning rate of the weights at the beginning of each period.
    pub learning_rate: f64,
    /// What it falls to by a cosine, epoch by epoch.
    pub learning_rate_end: f64,
    /// Periods of the learning rate, each twice as long as the one before; the last one ends with the search (Loshchilov &
    /// Hutter 2017). 1 for a single cosine.
    pub periods: u32,
    /// Momentum of the weights by Nesterov's rule, from 0 below 1.
    pub momentum: f64,
    /// Decay of the weights, all of them.
    pub weight_decay: f64,
    /// The largest global norm of a path's gradients; 0 for no limit.
    pub clip_norm: f64,
    /// What becomes of the weights that a path does not use.
    pub idle: Idle,
    /// Architectures that the strategy learns from after each epoch, each by its accuracy on a validation batch of its
    /// own. 0 to train weights only.
    pub samples: usize,
    /// Architectures proposed at the end of each epoch, to see how the strategy does: at least 1.
    pub drawn: usize,
    /// Architectures proposed at the end of the search, of which the best are found: at least 1.
    pub candidates: usize,
    /// Validation images that the candidates are compared on; 0 for all.
    pub candidate_images: usize,
    /// Which statistics batch norms use where accuracy is measured.
    pub batch_norm: BatchNormMode,
    /// What is done to the images that the weights learn from.
    pub augment: Augment,
}

impl Default for EnasConfig {
    fn default() -> Self {
        Self::micro()
    }
}

impl EnasConfig {
    /// The published search for cells (Pham et al. 2018, section 3.2; numbers from the authors' code): 150 epochs of 160
    /// images a batch, and 30 updates of the controller after each, of 10 architectures.
    ///
    /// Chosen here: 100 candidates on 1,000 images, where the paper says "several" and one batch.
    pub fn micro() -> Self {
        Self {
            epochs: 150,
            batch_size: 160,
            learning_rate: 0.05,
            learning_rate_end: 0.0005,
            periods: 4,
            momentum: 0.9,
            weight_decay: 1e-4,
            clip_norm: 5.0,
            idle: Idle::Rest,
            samples: 30 * 10,
            drawn: 10,
            candidates: 100,
            candidate_images: 1000,
            batch_norm: BatchNormMode::Batch,
            augment: Augment::default(),
        }
    }

    /// The published search for whole networks: 310 epochs of 128 images a batch, and 50 updates of 20 architectures.
    pub fn whole_network() -> Self {
        Self { epochs: 310, batch_size: 128, periods: 5, weight_decay: 2.5e-4, samples: 50 * 20, ..Self::micro() }
    }

    /// Checks every setting, the augmentation against the images.
    ///
    /// # Errors
    /// Names the first setting at fault, its value and what would be right.
    pub fn validate_for(&self, shape: ImageShape) -> Result<(), OneShotError> {
        let check = |setting, value: String, ok: bool, reason: &str| match ok {
            true => Ok(()),
            false => Err(OneShotError::Setting { setting, value, reason: reason.to_owned() }),
        };
        let whole = |setting, value: usize, least: usize, reason: &str| {
            check(setting, value.to_string(), value >= least, reason)
        };
        let number = |setting, value: f64, ok: bool, reason: &str| {
            check(setting, value.to_string(), ok && value.is_finite(), reason)
        };
        whole("epochs", self.epochs, 1, "a search has at least 1 epoch")?;
        whole("batch_size", self.batch_size, 2, "batch norm needs at least 2 images in a batch")?;
        whole("drawn", self.drawn, 1, "it must be at least 1 architecture")?;
        whole("candidates", self.candidates, 1, "something can be found among at least 1 architecture")?;
        if self.candidate_images == 1 {
            check("candidate_images", "1".into(), false, "batch norm needs at least 2 images; 0 takes all")?;
        }
        number("learning_rate", self.learning_rate, self.learning_rate > 0.0, "it must be a number above 0")?;
        let end = (0.0..=self.learning_rate).contains(&self.learning_rate_end);
        number("learning_rate_end", self.learning_rate_end, end, "it must lie between 0 and the learning rate")?;
        let periods = (1..=16).contains(&self.periods);
        check("periods", self.periods.to_string(), periods, "it must be from 1 to 16")?;
        let momentum = (0.0..1.0).contains(&self.momentum);
        number("momentum", self.momentum, momentum, "it must be at least 0 and below 1")?;
        for (setting, value) in [("weight_decay", self.weight_decay), ("clip_norm", self.clip_norm)] {
            number(setting, value, value >= 0.0, "it must be 0 or a positive number")?;
        }
        Ok(self.augment.check(shape)?)
    }

    /// The learning rate of the weights in an epoch, counted from 0.
    pub fn learning_rate_at(&self, epoch: usize) -> f64 {
        self.learning_rate_after(epoch as f64)
    }

    /// The learning rate of the weights after so many epochs of the settings'.
    pub fn learning_rate_after(&self, epoch: f64) -> f64 {
        let parts = 2_u32.pow(self.periods.min(16)) - 1;
        let (mut begin, mut length) = (0.0, self.epochs as f64 / f64::from(parts));
        for _ in 1..self.periods {
            if epoch < begin + length {
                break;
            }
            begin += length;
            length *= 2.0;
        }
        let fraction = ((epoch - begin) / length).clamp(0.0, 1.0);
        let (from, to) = (self.learning_rate, self.learning_rate_end);
        to + 0.5 * (from - to) * (1.0 + (PI * fraction).cos())
    }

    /// The optimiser of the weights. All of them decay, as in the released code.
    pub fn sgd(&self) -> Sgd {
        Sgd::new(self.momentum, self.momentum > 0.0, self.weight_decay, DecayOn::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_setting_is_named() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let check = |change: fn(&mut EnasConfig), setting: &str| {
            let mut config = EnasConfig::default();
            change(&mut config);
            let message = config.validate_for(shape).unwrap_err().to_string();
            assert!(message.contains(setting), "{message}");
        };
        for published in [EnasConfig::micro(), EnasConfig::whole_network()] {
            assert!(published.validate_for(shape).is_ok());
        }
        check(|c| c.epochs = 0, "`epochs` = 0");
        check(|c| c.batch_size = 1, "`batch_size` = 1");
        check(|c| c.drawn = 0, "`drawn` = 0");
        check(|c| c.candidates = 0, "`candidates` = 0");
        check(|c| c.candidate_images = 1, "`candidate_images` = 1");
        check(|c| c.learning_rate = f64::NAN, "`learning_rate`");
        check(|c| c.learning_rate_end = 1.0, "`learning_rate_end`");
        check(|c| c.periods = 0, "`periods` = 0");
        check(|c| c.momentum = 1.0, "`momentum`");
        check(|c| c.weight_decay = -1.0, "`weight_decay`");
        check(|c| c.clip_norm = f64::INFINITY, "`clip_norm`");
        check(|c| c.augment.cutout = 16, "cutout");
    }

    /// The released code begins anew after 10, 30 and 70 of 150 epochs.
    #[test]
    fn the_learning_rate_begins_anew_after_each_period() {
        let config = EnasConfig::micro();
        let mut begins = Vec::new();
        for epoch in 1..config.epochs {
            if config.learning_rate_at(epoch) > config.learning_rate_at(epoch - 1) {
                assert_eq!(config.learning_rate_at(epoch), 0.05);
                begins.push(epoch);
            }
        }
        assert_eq!(begins, [10, 30, 70]);
        assert!((config.learning_rate_at(5) - 0.02525).abs() < 1e-12);
        let one = EnasConfig { periods: 1, epochs: 7, ..config };
        assert!((1..7).all(|epoch| one.learning_rate_at(epoch) < one.learning_rate_at(epoch - 1)));
    }
}
