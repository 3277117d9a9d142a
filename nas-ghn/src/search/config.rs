//! How a hypernetwork learns, and what is done with it then.

use std::str::FromStr;

use nas_data::Augment;
use nas_nn::optim::{Adam, DecayOn};
use nas_nn::schedule::{Curve, Progress, Schedule};
use nas_space::ImageShape;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Serialize};

use crate::{GhnConfig, GhnError};

/// The settings of a search by a graph hypernetwork.
///
/// The paper's text leaves the training open. Where it does, the default is what the code of GHN-2 (Knyazev et al.
/// 2021) has for its baseline: Adam, decay 1e-5, gradients clipped to a norm of 5, batches of 64. The rate begins at 0.005
/// where theirs is 0.001, and falls by a cosine where theirs is a tenth after two thirds of the epochs and again after five
/// sixths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// The hypernetwork.
    pub ghn: GhnConfig,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images per batch, at least 2.
    pub batch_size: usize,
    /// Architectures that each step learns from, on the same images: 1 in the paper, 8 in GHN-2.
    pub meta_batch: usize,
    /// The learning rate at first.
    pub learning_rate: f64,
    /// How the learning rate falls.
    pub fall: Fall,
    /// L2 penalty on matrices.
    pub weight_decay: f64,
    /// The largest global norm of a step's gradient; 0 for no limit.
    pub clip_norm: f64,
    /// What is done to the training images.
    pub augment: Augment,
    /// Architectures that are never learned from, and scored after every epoch.
    pub held_back: usize,
    /// Architectures that are scored at the end.
    pub samples: usize,
    /// The best of them that are handed on.
    pub best: usize,
    /// Images per batch when an architecture is scored; its batch norms take the statistics of such a batch.
    pub score_batch_size: usize,
}

/// How the learning rate falls. As text `steps`, `cosine` or `constant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fall {
    /// To a tenth after two thirds of the epochs, and again after five sixths.
    Steps,
    /// By half a cosine wave, to a hundredth.
    Cosine,
    /// Not at all.
    Constant,
}

impl FromStr for Fall {
    type Err = GhnError;

    fn from_str(text: &str) -> Result<Self, GhnError> {
        Self::deserialize(text.into_deserializer()).map_err(|_: ValueError| GhnError::Setting {
            setting: "fall",
            value: text.to_owned(),
            reason: "the learning rate falls by cosine, by steps, or is constant".to_owned(),
        })
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            ghn: GhnConfig::default(),
            epochs: 30,
            batch_size: 64,
            meta_batch: 1,
            learning_rate: 5e-3,
            fall: Fall::Cosine,
            weight_decay: 1e-5,
            clip_norm: 5.0,
            augment: Augment::default(),
            held_back: 8,
            samples: 1000,
            best: 10,
            score_batch_size: 100,
        }
    }
}

impl SearchConfig {
    /// What GHN-2 has (Knyazev et al. 2021): its network, its meta-batches, its learning rate and how that falls.
    pub fn ghn2() -> Self {
        Self { ghn: GhnConfig::ghn2(), meta_batch: 8, learning_rate: 1e-3, fall: Fall::Steps, ..Self::default() }
    }

    /// Checks every setting, the augmentation against the images.
    ///
    /// # Errors
    /// Names the first setting at fault, its value and what would be right.
    pub fn validate_for(&self, shape: ImageShape) -> Result<(), GhnError> {
        let fault =
            |setting, value: String, reason: &str| Err(GhnError::Setting { setting, value, reason: reason.to_owned() });
        self.ghn.validate()?;
        let counts = [
            ("epochs", self.epochs, 1, "a training has at least 1 epoch"),
            ("batch_size", self.batch_size, 2, "batch norm needs at least 2 images in a batch"),
            ("meta_batch", self.meta_batch, 1, "a step learns from at least 1 architecture"),
            ("samples", self.samples, 1, "a search scores at least 1 architecture"),
            ("best", self.best, 1, "a search hands on at least 1 architecture"),
            ("score_batch_size", self.score_batch_size, 2, "batch norm needs at least 2 images in a batch"),
        ];
        for (setting, value, least, reason) in counts {
            if value < least {
                return fault(setting, value.to_string(), reason);
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return fault("learning_rate", self.learning_rate.to_string(), "it must be a number above 0");
        }
        for (setting, value) in [("weight_decay", self.weight_decay), ("clip_norm", self.clip_norm)] {
            if !(value >= 0.0 && value.is_finite()) {
                return fault(setting, value.to_string(), "it must be 0 or a positive number");
            }
        }
        Ok(self.augment.check(shape)?)
    }

    /// The learning rate before a step, of which an epoch has `steps`; both are counted from 0.
    pub fn learning_rate_at(&self, epoch: usize, step: usize, steps: usize) -> f64 {
        self.learning_rate_after((epoch as f64 + step as f64 / steps.max(1) as f64) / self.epochs.max(1) as f64)
    }

    /// The learning rate when so much of the learning is done, from 0 to 1.
    pub fn learning_rate_after(&self, fraction: f64) -> f64 {
        match self.fall {
            Fall::Constant => self.learning_rate,
            Fall::Steps if fraction >= 5.0 / 6.0 => 0.01 * self.learning_rate,
            Fall::Steps if fraction >= 2.0 / 3.0 => 0.1 * self.learning_rate,
            Fall::Steps => self.learning_rate,
            Fall::Cosine => {
                let curve = Curve::Cosine { to: 0.01 * self.learning_rate };
                let schedule = Schedule { from: self.learning_rate, curve, warmup_epochs: 0.0 };
                schedule.at(Progress { fraction, step: 0, steps_per_epoch: 1 })
            }
        }
    }

    /// The optimiser.
    pub(super) fn adam(&self) -> Adam {
        Adam::with_penalty(self.weight_decay, DecayOn::Selected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_setting_is_named() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let check = |change: fn(&mut SearchConfig), setting: &str| {
            let mut config = SearchConfig::default();
            change(&mut config);
            let message = config.validate_for(shape).unwrap_err().to_string();
            assert!(message.contains(setting), "{message}");
        };
        assert!(SearchConfig::default().validate_for(shape).is_ok());
        check(|c| c.epochs = 0, "`epochs` = 0");
        check(|c| c.batch_size = 1, "`batch_size` = 1");
        check(|c| c.meta_batch = 0, "`meta_batch` = 0");
        check(|c| c.samples = 0, "`samples` = 0");
        check(|c| c.best = 0, "`best` = 0");
        check(|c| c.score_batch_size = 1, "`score_batch_size` = 1");
        check(|c| c.learning_rate = f64::NAN, "`learning_rate`");
        check(|c| c.clip_norm = -1.0, "`clip_norm`");
        check(|c| c.ghn.passes = 0, "`passes` = 0");
        check(|c| c.augment.cutout = 16, "cutout");
    }

    #[test]
    fn the_learning_rate_falls_as_it_is_told() {
        let at = |fall, epoch, step| {
            SearchConfig { epochs: 6, fall, learning_rate: 1e-3, ..SearchConfig::default() }
                .learning_rate_at(epoch, step, 10)
        };
        assert_eq!([at(Fall::Steps, 3, 9), at(Fall::Steps, 4, 0), at(Fall::Steps, 5, 0)], [1e-3, 1e-4, 1e-5]);
        assert!((at(Fall::Cosine, 3, 0) - 0.5 * 1.01e-3).abs() < 1e-12);
        assert_eq!(at(Fall::Constant, 5, 9), 1e-3);
        assert_eq!(
            ["steps", "cosine", "constant"].map(|text| text.parse::<Fall>().unwrap()),
            [Fall::Steps, Fall::Cosine, Fall::Constant]
        );
        assert!("slowly".parse::<Fall>().unwrap_err().to_string().contains("`fall` = slowly"));
    }
}
