//! The papers' settings, by name. What a paper leaves open is said, and chosen.

use crate::AdamConfig;
use crate::config::{
    Advantage, Algorithm, ControllerConfig, EntropyTerm, Favoured, Heads, LearningConfig, PolicyConfig, Reward,
    SkipTarget, Wiring,
};

/// The names of all presets.
pub const NAMES: [&str; 4] = ["zoph", "nasnet", "enas-micro", "enas-macro"];

/// The preset of a name.
pub fn by_name(name: &str) -> Option<ControllerConfig> {
    match name {
        "zoph" => Some(zoph()),
        "nasnet" => Some(nasnet()),
        "enas-micro" => Some(enas_micro()),
        "enas-macro" => Some(enas_macro()),
        _ => None,
    }
}

const PLAIN: PolicyConfig = PolicyConfig {
    layers: 1,
    hidden: 100,
    init: 0.1,
    heads: Heads::Shared,
    wiring: Wiring::Attention,
    temperature: 1.0,
    tanh_constant: None,
    operation_tanh_divisor: 1.0,
    skip_scale: 1.0,
    favoured: None,
};

/// Kingma and Ba's own decays.
const fn adam(learning_rate: f64) -> AdamConfig {
    AdamConfig { learning_rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
}

/// Zoph & Le 2017, section 4.1: two layers of 35, weights in ±0.08, Adam at 0.0006, 8 architectures to an update, the
/// best validation accuracy of the last five epochs, cubed. Where the space chooses its depth, as `zoph-6-20` does, networks
/// become deeper every 1,600 trials.
///
/// Chosen here: the decay of the baseline (0.95), which the paper does not give. Its 100 controller replicas, which send
/// gradients to shared parameters, are one controller here.
pub fn zoph() -> ControllerConfig {
    ControllerConfig {
        policy: PolicyConfig { layers: 2, hidden: 35, init: 0.08, ..PLAIN },
        learning: LearningConfig {
            algorithm: Algorithm::Reinforce,
            batch: 8,
            adam: adam(6e-4),
            baseline_decay: 0.95,
            reward: Reward { power: 3.0, best_of_last: 5 },
            advantage: Advantage::Plain,
            entropy_weight: 0.0,
            entropy: EntropyTerm::Objective,
            skip_target: None,
            failure_reward: None,
        },
        deepen_every: Some(1_600),
    }
}

/// Zoph et al. 2018 (NASNet), appendix A.1: one layer of 100, weights in ±0.1, PPO at 0.00035 with an entropy weight of
/// 0.00001, 20 architectures to an update, a baseline of decay 0.95, and inputs chosen by softmax.
///
/// Chosen here, because unpublished: the clip (0.2) and the steps on each batch (4).
pub fn nasnet() -> ControllerConfig {
    ControllerConfig {
        policy: PolicyConfig { wiring: Wiring::Softmax, ..PLAIN },
        learning: LearningConfig {
            algorithm: Algorithm::Ppo { clip: 0.2, epochs: 4 },
            batch: 20,
            adam: adam(3.5e-4),
            baseline_decay: 0.95,
            reward: Reward { power: 1.0, best_of_last: 1 },
            advantage: Advantage::Plain,
            entropy_weight: 1e-5,
            entropy: EntropyTerm::Objective,
            skip_target: None,
            failure_reward: None,
        },
        deepen_every: None,
    }
}

/// The controller of ENAS in its micro space (Pham et al. 2018, appendix C; numbers from the authors' code): one layer of
/// 64, tanh constant 1.1 divided by 2.5 for operations, Adam at 0.0035 without momentum, a baseline of decay 0.99, and an
/// entropy weight of 0.0001 in the reward. Separable convolutions are favoured from the start.
pub fn enas_micro() -> ControllerConfig {
    let favoured = Favoured {
        options: vec!["sep_conv_3x3".into(), "sep_conv_5x5".into()],
        initial: 10.0,
        fixed: 0.25,
        fixed_in: Some("normal".into()),
    };
    let policy = PolicyConfig {
        hidden: 64,
        tanh_constant: Some(1.1),
        operation_tanh_divisor: 2.5,
        favoured: Some(favoured),
        ..PLAIN
    };
    ControllerConfig { policy, learning: enas(10, 0.0035, None), deepen_every: None }
}

/// The controller of ENAS in its macro space (the same sources): one layer of 64, tanh constant 1.5, Adam at 0.001, and
/// skips held near 0.4 with weight 0.8.
///
/// Its code gives a skip the scores `-x` and `x`, so that its probability is the sigmoid of `2 x`; `skip_scale` says so.
pub fn enas_macro() -> ControllerConfig {
    let policy = PolicyConfig { hidden: 64, tanh_constant: Some(1.5), skip_scale: 2.0, ..PLAIN };
    let learning = enas(20, 0.001, Some(SkipTarget { rate: 0.4, weight: 0.8 }));
    ControllerConfig { policy, learning, deepen_every: None }
}

/// How both controllers of ENAS learn.
fn enas(batch: usize, learning_rate: f64, skip_target: Option<SkipTarget>) -> LearningConfig {
    LearningConfig {
        algorithm: Algorithm::Reinforce,
        batch,
        adam: AdamConfig { learning_rate, beta1: 0.0, beta2: 0.999, epsilon: 1e-3 },
        baseline_decay: 0.99,
        reward: Reward { power: 1.0, best_of_last: 1 },
        advantage: Advantage::Plain,
        entropy_weight: 1e-4,
        entropy: EntropyTerm::Reward,
        skip_target,
        failure_reward: None,
    }
}

/// REINFORCE for a few hundred trials in a space of so many decisions: it learns after every trial, twice as fast as
/// [`small_ppo`], whose other settings it shares.
pub fn small_reinforce(decisions: usize) -> ControllerConfig {
    let small = small_ppo(decisions);
    let learning = LearningConfig { algorithm: Algorithm::Reinforce, batch: 1, adam: adam(0.01), ..small.learning };
    ControllerConfig { learning, ..small }
}

/// PPO for a few hundred trials in a space of so many decisions. It is none of the papers' settings, which need thousands
/// of trials before anything moves:
///
/// - every decision has a head of its own, inputs and skips too, so that each learns from every trial for itself;
/// - rewards count by their rank among all so far ([`Advantage::Rank`]), whatever the accuracies' scale and however bad
///   the worst are;
/// - the learning rate is over ten times NASNet's, updates come every 5 trials, and the baseline forgets faster;
/// - the entropy weighs 0.5 divided by the number of decisions, because so is what one decision can gain in rank: more
///   keeps the policy open for too long, less closes it on what happened to be good first.
///
/// Found on NAS-Bench-201, NAS-Bench-Macro and problems with known optimum; `docs/bench.md` has the numbers.
pub fn small_ppo(decisions: usize) -> ControllerConfig {
    ControllerConfig {
        policy: PolicyConfig { hidden: 32, heads: Heads::Own, wiring: Wiring::Softmax, ..PLAIN },
        learning: LearningConfig {
            algorithm: Algorithm::Ppo { clip: 0.2, epochs: 4 },
            batch: 5,
            adam: adam(0.005),
            baseline_decay: 0.9,
            reward: Reward { power: 1.0, best_of_last: 1 },
            advantage: Advantage::Rank,
            entropy_weight: 0.5 / decisions.max(1) as f64,
            entropy: EntropyTerm::Objective,
            skip_target: None,
            failure_reward: None,
        },
        deepen_every: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_a_name_and_makes_sense() {
        for name in NAMES {
            by_name(name).expect("a name of the list").check().unwrap();
        }
        assert_eq!(by_name("resnet"), None);
    }
}
