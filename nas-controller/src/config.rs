//! The settings of a policy and of how it learns. [`preset`](crate::preset) has the papers' values.

use nas_search::SearchError;
use serde::{Deserialize, Serialize};

use crate::AdamConfig;

/// A controller, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControllerConfig {
    /// The recurrent policy.
    pub policy: PolicyConfig,
    /// How it learns.
    pub learning: LearningConfig,
    /// In a space that chooses its depth: so many trials draw from each depth, the shallowest first, before networks become
    /// one step deeper (Zoph & Le 2017: two layers more every 1,600). `None` leaves the depth to the policy.
    #[serde(default)]
    pub deepen_every: Option<u64>,
}

/// The recurrent policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// LSTM layers, one upon the other.
    pub layers: usize,
    /// Values in the state of each; embeddings are as long.
    pub hidden: usize,
    /// Weights begin uniform in plus or minus this; the biases of softmax heads at 0.
    pub init: f64,
    /// Which decisions share a softmax head and the embeddings of its options.
    pub heads: Heads,
    /// How wiring is decided.
    pub wiring: Wiring,
    /// Logits are divided by this: above 1 the policy explores more.
    pub temperature: f64,
    /// Logits `x` become `c tanh(x)` with this `c` (Bello et al. 2017): no option can be all but excluded.
    pub tanh_constant: Option<f64>,
    /// What that constant is divided by for operations and values, so that they stay closer to uniform than wiring.
    pub operation_tanh_divisor: f64,
    /// A skip's probability is the sigmoid of so many times its score. ENAS has the score once for and once against.
    pub skip_scale: f64,
    /// Operations that are favoured from the start.
    pub favoured: Option<Favoured>,
}

/// Which decisions share a softmax head and the embeddings of its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heads {
    /// Those of the same kind with the same options, as in the papers: what was learned in one place counts in all, and
    /// only the LSTM's state tells places apart.
    Shared,
    /// None: each place has its own, and learns faster what is good there.
    Own,
}

/// How decisions that choose an input or a skip are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wiring {
    /// By attention over the LSTM's states at the earlier nodes: inputs by pointing (Pham et al. 2018, section 2.4),
    /// skips by one sigmoid for each earlier layer, their anchor points (Zoph & Le 2017, section 3.3).
    Attention,
    /// By softmax heads like everything else (Zoph et al. 2018).
    Softmax,
}

/// Operations that are favoured from the start (the code of ENAS, in its micro space).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Favoured {
    /// Their names.
    pub options: Vec<String>,
    /// What the learned biases of their logits begin at.
    pub initial: f64,
    /// What is added to their logits for good, behind the tanh, and taken from those of all others.
    pub fixed: f64,
    /// The only group of decisions in which it is; `None` for all.
    pub fixed_in: Option<String>,
}

/// How the policy learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningConfig {
    /// The objective.
    pub algorithm: Algorithm,
    /// Trials in an update.
    pub batch: usize,
    /// The optimiser.
    pub adam: AdamConfig,
    /// How much of the baseline, the moving average of rewards, stays at each further trial.
    pub baseline_decay: f64,
    /// What a measurement is worth.
    pub reward: Reward,
    /// In what unit rewards above and below the baseline count.
    pub advantage: Advantage,
    /// Weight of the policy's entropy, in nats over all decisions of an architecture.
    pub entropy_weight: f64,
    /// Where it is added.
    pub entropy: EntropyTerm,
    /// Keeps the share of skips near a target.
    pub skip_target: Option<SkipTarget>,
    /// The reward of a failed trial; `None` to learn nothing from it, since the machine may be at fault.
    pub failure_reward: Option<f64>,
}

/// The objective of an update.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// The score function times the advantage, once (Williams 1992).
    Reinforce,
    /// Proximal policy optimisation (Schulman et al. 2017) with the clipped ratio of each decision's probability.
    Ppo {
        /// How far the ratio may go from 1 before a decision stops pulling.
        clip: f64,
        /// Steps on the same trials.
        epochs: usize,
    },
}

/// What a measurement is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// The accuracy to this power: 3 spreads the best apart (Zoph & Le 2017).
    pub power: f64,
    /// Take the best of so many last validations, where the measurement's `extra.accuracies` has them; else, and with 1,
    /// its accuracy.
    pub best_of_last: usize,
}

/// In what unit rewards above and below the baseline count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advantage {
    /// As they are, as in the papers.
    Plain,
    /// As places instead of amounts: the share of all earlier trials that a trial beats, less the share that beats it.
    /// So the few networks that do not learn at all do not drown the difference between good and better.
    Rank,
}

/// Where the entropy is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntropyTerm {
    /// To the objective, and differentiated.
    Objective,
    /// To the reward of each trial (Pham et al. 2018).
    Reward,
}

/// Keeps the share of skips near a target: the Kullback-Leibler divergence of each skip's distribution from it is taken
/// from the objective (the code of ENAS, in its macro space).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipTarget {
    /// The probability of a skip aimed at.
    pub rate: f64,
    /// The divergence's weight.
    pub weight: f64,
}

impl ControllerConfig {
    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// [`SearchError::Setting`] names the one that does not.
    pub fn check(&self) -> Result<(), SearchError> {
        self.policy.check()?;
        whole("deepen_every", self.deepen_every.map_or(1, |every| every as usize))?;
        self.learning.check()
    }
}

impl PolicyConfig {
    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// [`SearchError::Setting`] names the one that does not.
    pub fn check(&self) -> Result<(), SearchError> {
        whole("layers", self.layers)?;
        whole("hidden", self.hidden)?;
        positive("init", self.init)?;
        positive("temperature", self.temperature)?;
        positive("tanh_constant", self.tanh_constant.unwrap_or(1.0))?;
        positive("operation_tanh_divisor", self.operation_tanh_divisor)?;
        positive("skip_scale", self.skip_scale)?;
        let favoured = self.favoured.as_ref().map_or([0.0; 2], |f| [f.initial, f.fixed]);
        finite("favoured.initial", favoured[0])?;
        finite("favoured.fixed", favoured[1])
    }
}

impl LearningConfig {
    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// [`SearchError::Setting`] names the one that does not.
    pub fn check(&self) -> Result<(), SearchError> {
        whole("batch", self.batch)?;
        positive("learning_rate", self.adam.learning_rate)?;
        share("beta1", self.adam.beta1)?;
        share("beta2", self.adam.beta2)?;
        positive("epsilon", self.adam.epsilon)?;
        share("baseline_decay", self.baseline_decay)?;
        positive("reward.power", self.reward.power)?;
        whole("reward.best_of_last", self.reward.best_of_last)?;
        finite("entropy_weight", self.entropy_weight)?;
        finite("failure_reward", self.failure_reward.unwrap_or(0.0))?;
        if let Some(target) = self.skip_target {
            share("skip_target.rate", target.rate)?;
            positive("skip_target.rate", target.rate)?;
            finite("skip_target.weight", target.weight)?;
        }
        if let Algorithm::Ppo { clip, epochs } = self.algorithm {
            share("clip", clip)?;
            positive("clip", clip)?;
            whole("epochs", epochs)?;
        }
        Ok(())
    }
}

fn wrong(setting: &'static str, value: impl ToString, reason: &str) -> Result<(), SearchError> {
    Err(SearchError::Setting { setting, value: value.to_string(), reason: reason.into() })
}

fn whole(setting: &'static str, value: usize) -> Result<(), SearchError> {
    if value == 0 { wrong(setting, value, "the controller needs at least 1") } else { Ok(()) }
}

fn finite(setting: &'static str, value: f64) -> Result<(), SearchError> {
    if value.is_finite() { Ok(()) } else { wrong(setting, value, "it must be a number") }
}

fn positive(setting: &'static str, value: f64) -> Result<(), SearchError> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { wrong(setting, value, "it must be above 0") }
}

fn share(setting: &'static str, value: f64) -> Result<(), SearchError> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { wrong(setting, value, "it must be at least 0 and below 1") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    fn check(change: impl FnOnce(&mut ControllerConfig), expect: &str) {
        let mut config = preset::nasnet();
        change(&mut config);
        assert_eq!(config.check().unwrap_err().to_string(), expect);
    }

    #[test]
    fn impossible_settings_are_named() {
        check(|c| c.policy.hidden = 0, "`hidden` = 0: the controller needs at least 1");
        check(|c| c.deepen_every = Some(0), "`deepen_every` = 0: the controller needs at least 1");
        check(|c| c.policy.temperature = 0.0, "`temperature` = 0: it must be above 0");
        check(|c| c.policy.tanh_constant = Some(f64::NAN), "`tanh_constant` = NaN: it must be above 0");
        check(|c| c.learning.baseline_decay = 1.0, "`baseline_decay` = 1: it must be at least 0 and below 1");
        check(|c| c.learning.entropy_weight = f64::INFINITY, "`entropy_weight` = inf: it must be a number");
        let clip = Algorithm::Ppo { clip: 0.0, epochs: 1 };
        check(|c| c.learning.algorithm = clip, "`clip` = 0: it must be above 0");
    }
}
