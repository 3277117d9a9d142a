//! The controller: a policy, its optimiser and its baseline. It draws architectures and learns from what they were worth,
//! whoever measures them and in whatever order.

use std::sync::Arc;

use nas_search::{Measurement, SearchError};
use nas_space::{Architecture, Chooses, SearchSpace, Seed, SpaceError};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::config::{Advantage, Algorithm, ControllerConfig, EntropyTerm, Reward};
use crate::{Adam, Policy, Sample, ppo, reinforce};

/// An architecture that was drawn, and what it was worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Experience {
    /// The architecture, with the log-probabilities of the policy that drew it.
    pub sample: Sample,
    /// What [`Reward::of`] made of its measurement.
    pub reward: f64,
}

/// What an update saw and did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// Its number, from 1.
    pub number: u64,
    /// Trials learned from so far, these included.
    pub trials: u64,
    /// The mean reward of its trials.
    pub reward: f64,
    /// The baseline that they were compared with.
    pub baseline: f64,
    /// The mean entropy of the policies that drew them, in nats over all decisions of an architecture.
    pub entropy: f64,
    /// The standard deviation of their advantages.
    pub advantage_spread: f64,
    /// The highest reward so far.
    pub best: f64,
}

/// A policy that learns from rewards.
#[derive(Clone)]
pub struct Controller {
    pub(crate) config: ControllerConfig,
    pub(crate) policy: Policy,
    pub(crate) adam: Adam,
    /// The moving average of rewards, once there was one.
    pub(crate) baseline: Option<f64>,
    /// All rewards so far, the lowest first; kept only where places count.
    pub(crate) seen: Vec<f64>,
    /// The last update.
    pub(crate) last: Option<Update>,
}

impl Controller {
    /// A controller that has learned nothing.
    ///
    /// # Errors
    /// [`SearchError::Setting`] if the settings make no sense.
    pub fn new(space: Arc<dyn SearchSpace>, config: ControllerConfig, seed: Seed) -> Result<Self, SearchError> {
        config.check()?;
        let mut policy = Policy::new(space, config.policy.clone(), seed.child("weights"))?;
        let is_depth = |decision: &nas_space::Decision| decision.chooses == Chooses::Depth;
        policy.settled = policy.space.decisions().iter().position(is_depth).filter(|_| config.deepen_every.is_some());
        let adam = Adam::new(policy.weights().len());
        Ok(Self { config, policy, adam, baseline: None, seen: Vec::new(), last: None })
    }

    /// Its settings.
    pub fn config(&self) -> &ControllerConfig {
        &self.config
    }

    /// Its policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The last update, if there was one.
    pub fn last_update(&self) -> Option<&Update> {
        self.last.as_ref()
    }

    /// Draws an architecture.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Sample {
        self.policy.sample(rng)
    }

    /// Draws the architecture of a trial, whose number decides its depth where
    /// [`deepen_every`](ControllerConfig::deepen_every) says so.
    pub fn sample_trial(&self, number: u64, rng: &mut ChaCha8Rng) -> Sample {
        let steps = number / self.config.deepen_every.unwrap_or(u64::MAX);
        let deepest = self.policy.settled.map_or(0, |depth| self.policy.space.decisions()[depth].options.len() - 1);
        self.policy.sample_with(rng, usize::try_from(steps).unwrap_or(deepest).min(deepest))
    }

    /// How likely the policy is to draw an architecture.
    ///
    /// # Errors
    /// If it is not of the space.
    pub fn log_prob(&self, architecture: &Architecture) -> Result<Sample, SpaceError> {
        self.policy.log_prob(architecture)
    }

    /// Learns from a batch, in the order given; `None`, and nothing changes, if it is empty.
    ///
    /// The advantage of a trial is its reward less the baseline before the batch; the first batch is compared with its own
    /// mean. Behind the update, the baseline follows the rewards one by one.
    pub fn learn(&mut self, batch: &[Experience]) -> Option<Update> {
        if batch.is_empty() {
            return None;
        }
        let learning = self.config.learning.clone();
        let best = batch.iter().map(|e| e.reward).fold(self.last.map_or(f64::NEG_INFINITY, |u| u.best), f64::max);
        let (in_reward, in_objective) = match learning.entropy {
            EntropyTerm::Reward => (learning.entropy_weight, 0.0),
            EntropyTerm::Objective => (0.0, learning.entropy_weight),
        };
        let worths = self.worths(batch);
        let rewards: Vec<f64> = worths.iter().zip(batch).map(|(w, e)| w + in_reward * e.sample.entropy).collect();
        let baseline = self.baseline.unwrap_or_else(|| mean(&rewards));
        let advantages: Vec<f64> = rewards.iter().map(|r| r - baseline).collect();
        let skip = learning.skip_target;
        match learning.algorithm {
            Algorithm::Reinforce => {
                let gradient = reinforce::gradient(&self.policy, batch, &advantages, in_objective, skip);
                self.adam.ascend(&learning.adam, self.policy.weights_mut(), &gradient);
            }
            Algorithm::Ppo { clip, epochs } => {
                for _ in 0..epochs {
                    let gradient = ppo::gradient(&self.policy, batch, &advantages, clip, in_objective, skip);
                    self.adam.ascend(&learning.adam, self.policy.weights_mut(), &gradient);
                }
            }
        }
        let decay = learning.baseline_decay;
        self.baseline = Some(rewards.iter().fold(baseline, |b, r| decay * b + (1.0 - decay) * r));
        let entropies: Vec<f64> = batch.iter().map(|e| e.sample.entropy).collect();
        let update = Update {
            number: self.last.map_or(0, |u| u.number) + 1,
            trials: self.last.map_or(0, |u| u.trials) + batch.len() as u64,
            reward: mean(&rewards),
            baseline,
            entropy: mean(&entropies),
            advantage_spread: spread(&advantages),
            best,
        };
        self.last = Some(update);
        Some(update)
    }

    /// The rewards of a batch, in the unit in which they count.
    fn worths(&mut self, batch: &[Experience]) -> Vec<f64> {
        match self.config.learning.advantage {
            Advantage::Plain => batch.iter().map(|e| e.reward).collect(),
            Advantage::Rank => {
                for experience in batch {
                    let at = self.seen.partition_point(|&seen| seen < experience.reward);
                    self.seen.insert(at, experience.reward);
                }
                batch.iter().map(|e| self.place(e.reward)).collect()
            }
        }
    }

    /// The share of the rewards so far that are lower, counting equals half.
    fn place(&self, reward: f64) -> f64 {
        let lower = self.seen.partition_point(|&seen| seen < reward);
        let not_higher = self.seen.partition_point(|&seen| seen <= reward);
        (lower + not_higher) as f64 / (2 * self.seen.len()) as f64
    }
}

impl Reward {
    /// What a measurement is worth.
    pub fn of(&self, measurement: &Measurement) -> f64 {
        libm::pow(self.accuracy(measurement), self.power)
    }

    fn accuracy(&self, measurement: &Measurement) -> f64 {
        let history = measurement.extra["accuracies"].as_array();
        match history.filter(|_| self.best_of_last > 1) {
            None => measurement.accuracy,
            Some(history) => {
                let known: Vec<f64> = history.iter().filter_map(serde_json::Value::as_f64).collect();
                let last = &known[known.len().saturating_sub(self.best_of_last)..];
                last.iter().copied().reduce(f64::max).unwrap_or(measurement.accuracy)
            }
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation.
fn spread(values: &[f64]) -> f64 {
    let centre = mean(values);
    (values.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / values.len() as f64).sqrt()
}
