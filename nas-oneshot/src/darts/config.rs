//! The settings of a search by DARTS.

use nas_data::Augment;
use nas_nn::optim::{Adam, DecayOn, Sgd};
use nas_nn::schedule::{Curve, Progress, Schedule};
use nas_space::ImageShape;
use serde::{Deserialize, Serialize};

use crate::{Guard, OneShotError};

/// How far the architecture's gradient looks ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The weights are taken as they are.
    First,
    /// Through the next step of the weights ([`hypergradient`](crate::hypergradient)).
    Second,
    /// The weights are taken as they are, and what weighs the operations is drawn anew for every pass, from a distribution
    /// that is learned ([`DirichletSample`](crate::DirichletSample)): DrNAS (Chen et al. 2021), without its partial channels
    /// and its pruning half way. The eigenvalue is still that of the mixture by the parameters' softmax.
    Dirichlet,
    /// The weights are taken as they are, and of each edge one operation, drawn anew for every pass: GDAS (Dong & Yang
    /// 2019). A step costs what a step of an architecture costs. The eigenvalue is still that of the whole mixture.
    Sampled,
}

impl Order {
    /// Whether something is drawn for every pass.
    pub fn draws(self) -> bool {
        matches!(self, Self::Dirichlet | Self::Sampled)
    }
}

/// How a supernet is searched. The default is the published search on CIFAR-10 (Liu et al. 2019, section 3.1 and appendix
/// A.1), second order, without augmentation, with a guard that acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DartsConfig {
    /// First or second order.
    pub order: Order,
    /// Passes over the training half.
    pub epochs: usize,
    /// Images per batch, of the training and of the validation half alike, at least 2.
    pub batch_size: usize,
    /// The learning rate of the weights at first; it falls by a cosine, epoch by epoch.
    pub learning_rate: f64,
    /// What it falls to.
    pub learning_rate_end: f64,
    /// Momentum of the weights, from 0 below 1.
    pub momentum: f64,
    /// Decay of the weights, all of them.
    pub weight_decay: f64,
    /// The largest global norm of the weights' gradients; 0 for no limit.
    pub clip_norm: f64,
    /// The learning rate of the architecture parameters, by Adam.
    pub alpha_learning_rate: f64,
    /// Adam's decay of the mean of gradients.
    pub alpha_beta1: f64,
    /// Adam's decay of the mean of squared gradients.
    pub alpha_beta2: f64,
    /// L2 penalty on the architecture parameters.
    pub alpha_weight_decay: f64,
    /// One of so many channels goes through the operations, the others past them, and edges are weighed beside operations:
    /// PC-DARTS (Xu et al. 2020); 1 for all channels, and operations alone.
    #[serde(skip_serializing_if = "is_whole")]
    pub partial: usize,
    /// Epochs at the beginning in which the architecture rests and the weights learn alone.
    #[serde(skip_serializing_if = "is_none")]
    pub warmup_epochs: usize,
    /// What is done to the images of both halves.
    pub augment: Augment,
    /// What is watched, and what is done about it.
    pub guard: Guard,
}

impl Default for DartsConfig {
    fn default() -> Self {
        Self {
            order: Order::Second,
            epochs: 50,
            batch_size: 64,
            learning_rate: 0.025,
            learning_rate_end: 0.001,
            momentum: 0.9,
            weight_decay: 3e-4,
            clip_norm: 5.0,
            alpha_learning_rate: 3e-4,
            alpha_beta1: 0.5,
            alpha_beta2: 0.999,
            alpha_weight_decay: 1e-3,
            partial: 1,
            warmup_epochs: 0,
            augment: Augment::default(),
            guard: Guard::ACTING,
        }
    }
}

/// Settings that not every search has are left out of what is written, which so stays what it was before they were there.
fn is_whole(partial: &usize) -> bool {
    *partial == 1
}

fn is_none(epochs: &usize) -> bool {
    *epochs == 0
}

impl DartsConfig {
    /// The published search of an order on its own: DARTS, first and second order, GDAS, and DrNAS as it was run on
    /// NAS-Bench-201.
    pub fn of(order: Order) -> Self {
        let epochs = match order {
            Order::First | Order::Second => 50,
            Order::Dirichlet => 100,
            Order::Sampled => 250,
        };
        Self { order, epochs, ..Self::default() }
    }

    /// PC-DARTS (Xu et al. 2020, section 4.2), first order: a quarter of the channels, and an architecture that rests for 15
    /// of 50 epochs. The paper takes batches of 256 images at a rate of 0.1: here are batches of 64 at a quarter of that.
    pub fn pc_darts() -> Self {
        let partial = Self { partial: 4, warmup_epochs: 15, ..Self::of(Order::First) };
        Self { learning_rate_end: 0.0, alpha_learning_rate: 6e-4, ..partial }
    }

    /// Checks every setting, the augmentation against the images.
    ///
    /// # Errors
    /// Names the first setting at fault, its value and what would be right.
    pub fn validate_for(&self, shape: ImageShape) -> Result<(), OneShotError> {
        let fault = |setting, value: String, reason: &str| {
            Err(OneShotError::Setting { setting, value, reason: reason.to_owned() })
        };
        if self.epochs == 0 {
            return fault("epochs", "0".into(), "a search has at least 1 epoch");
        }
        if self.batch_size < 2 {
            return fault("batch_size", self.batch_size.to_string(), "batch norm needs at least 2 images in a batch");
        }
        if self.partial == 0 {
            return fault("partial", "0".into(), "1 is all channels, 4 a quarter of them");
        }
        if self.partial > 1 && self.order.draws() {
            let reason =
                "edges are weighed beside operations where the mixture is whole: use it with first or second order";
            return fault("partial", self.partial.to_string(), reason);
        }
        if self.warmup_epochs >= self.epochs {
            return fault("warmup_epochs", self.warmup_epochs.to_string(), "the architecture needs epochs to learn in");
        }
        for (setting, value) in
            [("learning_rate", self.learning_rate), ("alpha_learning_rate", self.alpha_learning_rate)]
        {
            if !(value > 0.0 && value.is_finite()) {
                return fault(setting, value.to_string(), "it must be a number above 0");
            }
        }
        if !(0.0..=self.learning_rate).contains(&self.learning_rate_end) {
            let reason = "it must lie between 0 and the learning rate";
            return fault("learning_rate_end", self.learning_rate_end.to_string(), reason);
        }
        let shares =
            [("momentum", self.momentum), ("alpha_beta1", self.alpha_beta1), ("alpha_beta2", self.alpha_beta2)];
        for (setting, value) in shares {
            if !(0.0..1.0).contains(&value) {
                return fault(setting, value.to_string(), "it must be at least 0 and below 1");
            }
        }
        let decays = [
            ("weight_decay", self.weight_decay),
            ("alpha_weight_decay", self.alpha_weight_decay),
            ("clip_norm", self.clip_norm),
        ];
        for (setting, value) in decays {
            if !(value >= 0.0 && value.is_finite()) {
                return fault(setting, value.to_string(), "it must be 0 or a positive number");
            }
        }
        Ok(self.augment.check(shape)?)
    }

    /// The learning rate of the weights in an epoch, counted from 0.
    pub fn learning_rate_at(&self, epoch: usize) -> f64 {
        self.learning_rate_after(epoch as f64 / self.epochs.max(1) as f64)
    }

    /// The learning rate of the weights when so much of the search is done, from 0 to 1.
    pub fn learning_rate_after(&self, fraction: f64) -> f64 {
        let curve = Curve::Cosine { to: self.learning_rate_end };
        let schedule = Schedule { from: self.learning_rate, curve, warmup_epochs: 0.0 };
        schedule.at(Progress { fraction, step: 0, steps_per_epoch: 1 })
    }

    /// The optimiser of the weights. All of them decay, as in the reference.
    pub fn sgd(&self) -> Sgd {
        Sgd::new(self.momentum, false, self.weight_decay, DecayOn::All)
    }

    /// The optimiser of the architecture parameters.
    pub fn adam(&self) -> Adam {
        Adam::with_penalty(self.alpha_weight_decay, DecayOn::All).betas(self.alpha_beta1, self.alpha_beta2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_setting_is_named() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let check = |change: fn(&mut DartsConfig), setting: &str| {
            let mut config = DartsConfig::default();
            change(&mut config);
            let message = config.validate_for(shape).unwrap_err().to_string();
            assert!(message.contains(setting), "{message}");
        };
        assert!(DartsConfig::default().validate_for(shape).is_ok());
        check(|c| c.epochs = 0, "`epochs` = 0");
        check(|c| c.batch_size = 1, "`batch_size` = 1");
        check(|c| c.learning_rate = f64::NAN, "`learning_rate`");
        check(|c| c.learning_rate_end = 1.0, "`learning_rate_end`");
        check(|c| c.momentum = 1.0, "`momentum`");
        check(|c| c.alpha_beta2 = -0.1, "`alpha_beta2`");
        check(|c| c.alpha_learning_rate = 0.0, "`alpha_learning_rate`");
        check(|c| c.alpha_weight_decay = -1.0, "`alpha_weight_decay`");
        check(|c| c.augment.cutout = 16, "cutout");
        check(|c| c.partial = 0, "`partial` = 0");
        check(|c| (c.partial, c.order) = (4, Order::Dirichlet), "`partial` = 4");
        check(|c| c.warmup_epochs = 50, "`warmup_epochs` = 50");
        for published in [DartsConfig::pc_darts(), DartsConfig::of(Order::Sampled), DartsConfig::of(Order::Dirichlet)] {
            assert!(published.validate_for(shape).is_ok(), "{published:?}");
        }
    }

    #[test]
    fn the_learning_rate_falls_epoch_by_epoch() {
        let config = DartsConfig { epochs: 2, ..DartsConfig::default() };
        assert_eq!(config.learning_rate_at(0), 0.025);
        assert!((config.learning_rate_at(1) - 0.013).abs() < 1e-12);
    }
}
