//! The search by parameter sharing, as it is asked for: `enas`, with its settings.

use std::sync::Arc;

use nas_controller::{ControllerConfig, PolicySearch, preset};
use nas_nn::trainer::BatchNormMode;
use nas_oneshot::{EnasConfig, Idle};
use nas_search::Strategy;
use nas_space::{Chooses, SearchSpace, Seed};

use crate::exit::usage;
use crate::plan::SupernetPlan;
use crate::strategies::Method;

/// The method's name.
pub const NAME: &str = "enas";

/// The share of the training images that the controller learns from; the weights learn from the rest. ENAS held out 5,000
/// of 50,000.
pub const HELD_OUT: f64 = 0.1;

/// A search by parameter sharing, as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharing {
    /// The learning rate of the shared weights, where it was given.
    rate: Option<f64>,
    /// Architectures that the controller learns from after each epoch, where it was given.
    samples: Option<usize>,
    /// The learning rate of the controller, and the weight of its entropy, where they were given.
    controller_rate: Option<f64>,
    entropy: Option<f64>,
    /// Candidates at the end, where it was given.
    candidates: Option<usize>,
    /// By which statistics accuracy is measured.
    batch_norm: BatchNormMode,
    /// What becomes of weights that a path does not use.
    idle: Idle,
    /// So many of the training images only.
    pub images: Option<usize>,
    /// Random architectures trained beside the found one.
    pub random: u64,
}

/// The settings of the method.
pub const SETTINGS: &[(&str, &str)] = &[
    ("rate", "learning rate of the shared weights at the beginning of each of its periods [0.05]"),
    ("samples", "architectures that the controller learns from after each epoch [one for each step of the weights]"),
    ("controller_rate", "learning rate of the controller [0.0035, for whole networks 0.001]"),
    ("entropy", "weight of the controller's entropy [0.0001]"),
    ("candidates", "architectures proposed at the end, of which the best is found [100]"),
    ("batch_norm", "statistics that accuracy is measured with: batch or running [batch]"),
    ("idle", "weights that a step's path does not use: rest, or move (decay, and follow their momentum) [rest]"),
    ("images", "search on so many of the training images, a tenth of them for the controller"),
    ("random", "random architectures trained like the found one, to compare with [3]"),
];

/// Shared weights that every trial is measured on, as they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// Passes over the training images, where it was given.
    pub epochs: Option<usize>,
    rate: Option<f64>,
    /// So many of the training images only.
    pub images: Option<usize>,
    /// Validation images that trials are measured on.
    pub compared: usize,
    /// By which statistics accuracy is measured.
    pub batch_norm: BatchNormMode,
    idle: Idle,
}

impl Shared {
    /// What the evaluator asks for.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn of(method: &Method) -> anyhow::Result<Self> {
        let compared = method.number("compared")?.unwrap_or(2000);
        if compared < 2 {
            return Err(usage(format!("`compared` = {compared}: batch norm needs at least 2 images to compare on")));
        }
        Ok(Self {
            epochs: method.number("epochs")?,
            rate: method.number("rate")?,
            images: method.number("images")?,
            compared,
            batch_norm: batch_norm(method)?,
            idle: idle(method)?,
        })
    }

    /// The settings of the training: ENAS's for the weights, on paths that are drawn uniformly.
    pub fn config(&self, space: &dyn SearchSpace, epochs: usize) -> EnasConfig {
        let published = published(space);
        EnasConfig {
            epochs,
            learning_rate: self.rate.unwrap_or(published.learning_rate),
            learning_rate_end: published.learning_rate_end.min(self.rate.unwrap_or(f64::INFINITY)),
            periods: 1,
            samples: 0,
            candidates: 1,
            batch_norm: self.batch_norm,
            idle: self.idle,
            ..published
        }
    }
}

fn batch_norm(method: &Method) -> anyhow::Result<BatchNormMode> {
    one_of(method, "batch_norm", &[("batch", BatchNormMode::Batch), ("running", BatchNormMode::Running)])
}

fn idle(method: &Method) -> anyhow::Result<Idle> {
    one_of(method, "idle", &[("rest", Idle::Rest), ("move", Idle::Move)])
}

impl Sharing {
    /// What a method asks for.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn of(method: &Method) -> anyhow::Result<Self> {
        Ok(Self {
            rate: method.number("rate")?,
            samples: method.number("samples")?,
            controller_rate: method.number("controller_rate")?,
            entropy: method.number("entropy")?,
            candidates: method.number("candidates")?,
            batch_norm: batch_norm(method)?,
            idle: idle(method)?,
            images: method.number("images")?,
            random: method.number("random")?.unwrap_or(3),
        })
    }

    /// The same without a controller that learns.
    pub fn weights_only(&self) -> Self {
        Self { samples: Some(0), ..self.clone() }
    }

    /// The settings of the search: as published for the space, scaled to so many epochs of so many steps of the weights.
    pub fn config(
        &self,
        space: &dyn SearchSpace,
        epochs: usize,
        steps: usize,
        plan: Option<&SupernetPlan>,
    ) -> EnasConfig {
        let published = published(space);
        EnasConfig {
            epochs,
            learning_rate: self.rate.unwrap_or(published.learning_rate),
            learning_rate_end: published.learning_rate_end.min(self.rate.unwrap_or(f64::INFINITY)),
            periods: periods(epochs).min(published.periods),
            // The papers have about one for each step of the weights.
            samples: self.samples.unwrap_or_else(|| steps.next_multiple_of(controller(space).learning.batch)),
            candidates: self.candidates.or(plan.and_then(|plan| plan.candidates)).unwrap_or(published.candidates),
            batch_norm: self.batch_norm,
            idle: self.idle,
            ..published
        }
    }

    /// The controller that proposes.
    ///
    /// # Errors
    /// Names the setting that makes no sense.
    pub fn strategy(&self, space: Arc<dyn SearchSpace>, seed: Seed) -> anyhow::Result<Box<dyn Strategy>> {
        let mut config = controller(space.as_ref());
        config.learning.adam.learning_rate = self.controller_rate.unwrap_or(config.learning.adam.learning_rate);
        config.learning.entropy_weight = self.entropy.unwrap_or(config.learning.entropy_weight);
        Ok(Box::new(PolicySearch::new(space, config, seed)?))
    }
}

/// How the published controller of a space learns.
pub struct Controller {
    /// Updates after each epoch of the weights.
    pub updates: u64,
    /// Architectures of an update.
    pub batch: u64,
    /// Its learning rate.
    pub rate: f64,
}

impl Controller {
    /// That of a space.
    pub fn published(space: &dyn SearchSpace) -> Self {
        let learning = controller(space).learning;
        let batch = learning.batch as u64;
        Self { updates: published(space).samples as u64 / batch, batch, rate: learning.adam.learning_rate }
    }
}

/// Passes of the published search of a space.
pub fn published_epochs(space: &dyn SearchSpace) -> usize {
    published(space).epochs
}

/// Images a step of the published search of a space.
pub fn published_batch(space: &dyn SearchSpace) -> usize {
    published(space).batch_size
}

/// Whether a space chooses whole networks, by skip connections between its layers.
fn is_macro(space: &dyn SearchSpace) -> bool {
    space.decisions().iter().any(|decision| decision.chooses == Chooses::Skip)
}

fn published(space: &dyn SearchSpace) -> EnasConfig {
    if is_macro(space) { EnasConfig::whole_network() } else { EnasConfig::micro() }
}

fn controller(space: &dyn SearchSpace) -> ControllerConfig {
    if is_macro(space) { preset::enas_macro() } else { preset::enas_micro() }
}

/// Periods of the learning rate in so many epochs: as many as let the first have ten, as published.
fn periods(epochs: usize) -> u32 {
    (1..16).take_while(|&periods| periods == 1 || epochs / (2_usize.pow(periods) - 1) >= 10).last().unwrap_or(1)
}

/// The value of a name that was set, or the first.
fn one_of<T: Copy>(method: &Method, key: &str, known: &[(&str, T)]) -> anyhow::Result<T> {
    let Some(text) = method.text(key) else { return Ok(known[0].1) };
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    known
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| usage(format!("`{key}` = {text} of `{}` may be {}", method.known.name, names.join(" or "))))
}

#[cfg(test)]
mod tests {
    use nas_space::spaces::{self, EnasMicro};

    use super::*;

    fn asked(text: &str) -> anyhow::Result<Sharing> {
        Sharing::of(&Method::parse(text)?)
    }

    #[test]
    fn the_published_lengths_have_the_published_settings() {
        let micro = asked("enas").unwrap().config(&EnasMicro, 150, 281, None);
        assert_eq!(EnasConfig { samples: 300, ..micro }, EnasConfig::micro());
        let space = spaces::by_name("enas-macro").unwrap();
        let whole = asked("enas").unwrap().config(space, published_epochs(space), 351, None);
        assert_eq!(EnasConfig { samples: 1000, ..whole }, EnasConfig::whole_network());
    }

    #[test]
    fn short_searches_have_one_period_and_whole_updates() {
        let config = asked("enas:rate=0.0001").unwrap().config(&EnasMicro, 12, 33, None);
        assert_eq!((config.periods, config.samples), (1, 40));
        assert!(config.learning_rate_end <= config.learning_rate);
        assert_eq!([29, 30, 70, 150, 310].map(periods), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let message = |text| asked(text).unwrap_err().to_string();
        assert_eq!(message("enas:idle=sleep"), "`idle` = sleep of `enas` may be rest or move");
        assert!(message("enas:samples=few").contains("`samples` = few"));
    }
}
