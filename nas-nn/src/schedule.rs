//! Learning rates over a training.
//!
//! The one idea: a schedule is a pure function of where the training stands. It remembers nothing, so a resumed training
//! needs no state of it, and a training that was shortened on its way only stands elsewhere.

use serde::{Deserialize, Serialize};

use crate::NnError;

/// Where a training stands before one of its steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// How much of the training is done, from 0 to 1 (see [`Plan`](crate::trainer::Plan)).
    pub fraction: f64,
    /// Steps done since the beginning.
    pub step: u64,
    /// Steps of one epoch, at least 1.
    pub steps_per_epoch: u64,
}

/// How the learning rate falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Curve {
    /// It does not fall.
    Constant,
    /// Half a cosine wave from the learning rate down to `to` (Loshchilov & Hutter 2017), over the whole training.
    Cosine {
        /// The learning rate at the end.
        to: f64,
    },
    /// Multiplied by `factor` after every `epochs` epochs.
    Step {
        /// The epochs between two falls.
        epochs: u64,
        /// The factor, such as 0.1.
        factor: f64,
    },
    /// Multiplied by `factor` after each epoch, such as 0.97 for DARTS on ImageNet.
    Exponential {
        /// The factor.
        factor: f64,
    },
}

/// A learning rate over a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The learning rate it starts from.
    pub from: f64,
    /// How it falls.
    pub curve: Curve,
    /// Epochs of linear warm-up, whole or not: during them the rate is the curve's times the part of the warm-up done,
    /// this step included, so that the first step is already larger than zero.
    pub warmup_epochs: f64,
}

impl Schedule {
    /// The learning rate of the step that follows `progress`.
    pub fn at(&self, progress: Progress) -> f64 {
        let epoch = progress.step / progress.steps_per_epoch.max(1);
        let rate = match self.curve {
            Curve::Constant => self.from,
            Curve::Cosine { to } => {
                let fraction = progress.fraction.clamp(0.0, 1.0);
                to + (self.from - to) * 0.5 * (1.0 + (std::f64::consts::PI * fraction).cos())
            }
            Curve::Step { epochs, factor } => self.from * factor.powf((epoch / epochs.max(1)) as f64),
            Curve::Exponential { factor } => self.from * factor.powf(epoch as f64),
        };
        let warmup_steps = self.warmup_epochs * progress.steps_per_epoch as f64;
        let done = (progress.step + 1) as f64;
        if done < warmup_steps { rate * done / warmup_steps } else { rate }
    }

    /// Checks that every rate it can give is positive or zero, and finite.
    ///
    /// # Errors
    /// Names the setting at fault, as [`TrainConfig`](crate::TrainConfig) calls it.
    pub fn validate(&self) -> Result<(), NnError> {
        let check = |setting, value: f64, ok: bool, reason: &str| {
            if ok { Ok(()) } else { Err(NnError::setting(setting, value, reason)) }
        };
        let positive = self.from.is_finite() && self.from > 0.0;
        check("learning_rate", self.from, positive, "it must be a number above 0, such as 0.025")?;
        let warmup = self.warmup_epochs.is_finite() && self.warmup_epochs >= 0.0;
        check("warmup_epochs", self.warmup_epochs, warmup, "it must be a number of epochs, 0 for no warm-up")?;
        match self.curve {
            Curve::Constant => Ok(()),
            Curve::Cosine { to } => {
                let ok = (0.0..=self.from).contains(&to);
                check("schedule.to", to, ok, "it must lie between 0 and the learning rate")
            }
            Curve::Step { epochs: 0, .. } => check("schedule.epochs", 0.0, false, "it must be at least 1"),
            Curve::Step { factor, .. } | Curve::Exponential { factor } => {
                check("schedule.factor", factor, factor > 0.0 && factor <= 1.0, "it must lie above 0 and at most at 1")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schedule: Schedule, fraction: f64, step: u64, expect: f64) {
        let rate = schedule.at(Progress { fraction, step, steps_per_epoch: 10 });
        assert!((rate - expect).abs() <= 1e-15, "{schedule:?} at {fraction}, step {step}: {rate}, not {expect}");
    }

    fn schedule(curve: Curve, warmup_epochs: f64) -> Schedule {
        Schedule { from: 0.1, curve, warmup_epochs }
    }

    #[test]
    fn constant_stays() {
        check(schedule(Curve::Constant, 0.0), 0.0, 0, 0.1);
        check(schedule(Curve::Constant, 0.0), 1.0, 999, 0.1);
    }

    #[test]
    fn cosine_falls_from_the_rate_to_its_end() {
        let cosine = schedule(Curve::Cosine { to: 0.02 }, 0.0);
        check(cosine, 0.0, 0, 0.1);
        check(cosine, 1.0 / 3.0, 0, 0.08);
        check(cosine, 0.5, 0, 0.06);
        check(cosine, 2.0 / 3.0, 0, 0.04);
        check(cosine, 1.0, 0, 0.02);
        check(cosine, 1.5, 0, 0.02);
    }

    #[test]
    fn step_falls_after_whole_epochs() {
        let step = schedule(Curve::Step { epochs: 3, factor: 0.5 }, 0.0);
        check(step, 0.0, 29, 0.1);
        check(step, 0.0, 30, 0.05);
        check(step, 0.0, 60, 0.025);
    }

    #[test]
    fn exponential_falls_each_epoch() {
        let exponential = schedule(Curve::Exponential { factor: 0.9 }, 0.0);
        check(exponential, 0.0, 9, 0.1);
        check(exponential, 0.0, 10, 0.09);
        check(exponential, 0.0, 20, 0.081);
    }

    #[test]
    fn warm_up_rises_linearly_and_multiplies_the_curve() {
        let warm = schedule(Curve::Constant, 2.0);
        check(warm, 0.0, 0, 0.005);
        check(warm, 0.0, 9, 0.05);
        check(warm, 0.0, 19, 0.1);
        check(warm, 0.0, 20, 0.1);
        check(schedule(Curve::Cosine { to: 0.0 }, 2.0), 0.5, 9, 0.025);
        check(schedule(Curve::Constant, 0.5), 0.0, 1, 0.04);
    }

    #[test]
    fn impossible_settings_are_named() {
        let bad = [
            (schedule(Curve::Cosine { to: 0.2 }, 0.0), "schedule.to"),
            (schedule(Curve::Step { epochs: 0, factor: 0.5 }, 0.0), "schedule.epochs"),
            (schedule(Curve::Exponential { factor: 1.5 }, 0.0), "schedule.factor"),
            (schedule(Curve::Exponential { factor: f64::NAN }, 0.0), "schedule.factor"),
            (schedule(Curve::Constant, -1.0), "warmup_epochs"),
            (Schedule { from: f64::NAN, ..schedule(Curve::Constant, 0.0) }, "learning_rate"),
        ];
        for (schedule, setting) in bad {
            let message = schedule.validate().unwrap_err().to_string();
            assert!(message.contains(setting), "{message}");
        }
        assert!(schedule(Curve::Cosine { to: 0.1 }, 3.0).validate().is_ok());
    }

    #[test]
    fn unknown_keys_are_refused() {
        let curve: Curve = serde_json::from_str(r#"{"kind": "cosine", "to": 0.001}"#).unwrap();
        assert_eq!(curve, Curve::Cosine { to: 0.001 });
        let message = serde_json::from_str::<Curve>(r#"{"kind": "cosine", "too": 0.001}"#).unwrap_err().to_string();
        assert!(message.contains("too"), "{message}");
    }
}
