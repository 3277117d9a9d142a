//! Every gradient against finite differences, and the policy gradient against the exact one.

use std::sync::Arc;

use nas_controller::{
    Algorithm, Controller, ControllerConfig, Experience, Favoured, Heads, Objective, Policy, Sample, SkipTarget, Wiring,
};
use nas_space::spaces::Darts;
use nas_space::{Chooses, SearchSpace, Seed};

use crate::toy::{Toy, small};

/// The value whose gradient is under test, by the policy's own words about an architecture.
fn objective(policy: &Policy, sample: &Sample, scores: &[f64], entropy: f64) -> f64 {
    let now = policy.log_prob(&policy.architecture(sample)).unwrap();
    now.log_probs.iter().zip(scores).map(|(l, s)| l * s).sum::<f64>() + entropy * now.entropy
}

/// Central differences over two steps, combined so that what is left is of the fourth order.
fn difference(mut at: impl FnMut(f64) -> f64, step: f64) -> f64 {
    let mut slope = |h: f64| (at(h) - at(-h)) / (2.0 * h);
    (4.0 * slope(step / 2.0) - slope(step)) / 3.0
}

fn check(space: Arc<dyn SearchSpace>, config: &ControllerConfig) {
    let mut policy = Policy::new(space, config.policy.clone(), Seed::new(3)).unwrap();
    let mut rng = Seed::new(4).rng();
    for round in 0..3 {
        let sample = policy.sample(&mut rng);
        let scores: Vec<f64> = (0..sample.choices.len()).map(|i| 1.0 - 0.4 * ((i + round) % 5) as f64).collect();
        let terms = Objective { scores: &scores, entropy: 0.3, skip: None };
        let gradient = policy.gradient(&sample, &terms);
        let mut moved = 0;
        for i in 0..gradient.len() {
            let weight = policy.weights()[i];
            let expect = difference(
                |step| {
                    policy.weights_mut()[i] = weight + step;
                    objective(&policy, &sample, &scores, 0.3)
                },
                1e-3,
            );
            policy.weights_mut()[i] = weight;
            let error = (gradient[i] - expect).abs();
            assert!(error < 1e-9, "weight {i}: {} against {expect}", gradient[i]);
            moved += usize::from(expect.abs() > 1e-6);
        }
        assert!(moved * 4 > gradient.len(), "only {moved} of {} weights matter: the test shows little", gradient.len());
    }
}

/// Layers of an operation and a width, with skips to all layers before, of which one is not allowed.
fn layers() -> Toy {
    let mut list = Vec::new();
    for (layer, name) in ["l0", "l1", "l2", "l3"].into_iter().enumerate() {
        list.extend([(name, Chooses::Operation, 3), (name, Chooses::Value, 2)]);
        list.extend(vec![(name, Chooses::Skip, 2); layer]);
    }
    let allowed = |prefix: &[usize], count: usize| {
        let mut all = vec![true; count];
        all[count - 1] = prefix.len() != 7;
        all
    };
    Toy { allowed, ..Toy::new(&list) }
}

#[test]
fn operations_and_values() {
    let space =
        || Arc::new(Toy::new(&[("a", Chooses::Operation, 3), ("a", Chooses::Operation, 3), ("a", Chooses::Value, 2)]));
    for layers in [1, 2, 3] {
        for heads in [Heads::Shared, Heads::Own] {
            let mut config = small();
            (config.policy.layers, config.policy.heads) = (layers, heads);
            check(space(), &config);
        }
    }
}

#[test]
fn temperature_tanh_and_favoured_options() {
    let mut config = small();
    (config.policy.temperature, config.policy.tanh_constant) = (2.0, Some(1.5));
    config.policy.operation_tanh_divisor = 2.5;
    let options = vec!["option1".to_owned()];
    config.policy.favoured = Some(Favoured { options, initial: 1.0, fixed: 0.25, fixed_in: Some("a".into()) });
    let space = [("a", Chooses::Operation, 3), ("b", Chooses::Operation, 3), ("b", Chooses::Value, 2)];
    check(Arc::new(Toy::new(&space)), &config);
}

#[test]
fn inputs_by_pointing_and_by_softmax() {
    for wiring in [Wiring::Attention, Wiring::Softmax] {
        let mut config = small();
        (config.policy.wiring, config.policy.hidden, config.policy.tanh_constant) = (wiring, 4, Some(1.1));
        check(Arc::new(Darts), &config);
    }
}

#[test]
fn skips_by_anchor_points() {
    for (scale, temperature) in [(1.0, 1.0), (2.0, 1.5)] {
        let mut config = small();
        (config.policy.skip_scale, config.policy.temperature) = (scale, temperature);
        check(Arc::new(layers()), &config);
    }
}

#[test]
fn the_pull_of_a_skip_target() {
    let mut policy = Policy::new(Arc::new(layers()), small().policy, Seed::new(3)).unwrap();
    let sample = policy.sample(&mut Seed::new(5).rng());
    let scores = vec![0.0; sample.choices.len()];
    let skip = Some(SkipTarget { rate: 0.4, weight: 0.8 });
    let gradient = policy.gradient(&sample, &Objective { scores: &scores, entropy: 0.0, skip });
    let divergence = |policy: &Policy| -> f64 {
        let now = policy.log_prob(&policy.architecture(&sample)).unwrap();
        let mut sum = 0.0;
        for (at, decision) in policy.space().decisions().iter().enumerate() {
            // Decision 7 has one option only, which no target can move.
            if decision.chooses == Chooses::Skip && at != 7 {
                let chosen = now.log_probs[at].exp();
                let yes = if sample.choices[at] == 1 { chosen } else { 1.0 - chosen };
                sum += yes * (yes / 0.4).ln() + (1.0 - yes) * ((1.0 - yes) / 0.6).ln();
            }
        }
        -0.8 * sum
    };
    for i in 0..gradient.len() {
        let weight = policy.weights()[i];
        let expect = difference(
            |step| {
                policy.weights_mut()[i] = weight + step;
                divergence(&policy)
            },
            1e-3,
        );
        policy.weights_mut()[i] = weight;
        assert!((gradient[i] - expect).abs() < 1e-9, "weight {i}: {} against {expect}", gradient[i]);
    }
}

/// Three decisions, one of each kind of head.
fn three() -> Toy {
    Toy::new(&[("a", Chooses::Operation, 3), ("a", Chooses::Input, 2), ("b", Chooses::Skip, 2)])
}

/// A reward without any structure that a policy could know.
fn worth(choices: &[usize]) -> f64 {
    let number = choices.iter().fold(1, |n, c| 3 * n + c);
    f64::from(u8::try_from(number * number * 7 % 23).unwrap()) / 23.0
}

#[test]
fn the_policy_gradient_is_the_exact_gradient_of_the_expected_reward() {
    let space = Arc::new(three());
    let all = space.every();
    assert_eq!(all.len(), 12);
    let mut policy = Policy::new(space, small().policy, Seed::new(8)).unwrap();
    let expected = |policy: &Policy| -> f64 {
        all.iter().map(|a| policy.log_prob(a).unwrap().log_prob().exp() * worth(&a.choices)).sum()
    };
    let total: f64 = all.iter().map(|a| policy.log_prob(a).unwrap().log_prob().exp()).sum();
    assert!((total - 1.0).abs() < 1e-12, "the architectures' probabilities sum to {total}");
    for baseline in [0.0, 0.37] {
        // REINFORCE, each architecture as often as it is drawn.
        let mut gradient = vec![0.0; policy.weights().len()];
        for architecture in &all {
            let sample = policy.log_prob(architecture).unwrap();
            let score = sample.log_prob().exp() * (worth(&architecture.choices) - baseline);
            let scores = vec![score; architecture.choices.len()];
            let part = policy.gradient(&sample, &Objective { scores: &scores, entropy: 0.0, skip: None });
            gradient.iter_mut().zip(part).for_each(|(g, p)| *g += p);
        }
        let mut largest = 0.0_f64;
        for i in 0..gradient.len() {
            let weight = policy.weights()[i];
            let exact = difference(
                |step| {
                    policy.weights_mut()[i] = weight + step;
                    expected(&policy)
                },
                1e-3,
            );
            policy.weights_mut()[i] = weight;
            assert!((gradient[i] - exact).abs() < 1e-9, "weight {i}: {} against {exact}", gradient[i]);
            largest = largest.max(exact.abs());
        }
        assert!(largest > 1e-3, "nothing to be compared: the largest part is {largest}");
    }
}

#[test]
fn a_single_softmax_has_the_textbook_gradient() {
    // With one decision of own head, the biases' gradient is p_i (r_i - mean r) exactly.
    let space = Arc::new(Toy::operations(1, 4));
    let policy = Policy::new(space.clone(), small().policy, Seed::new(2)).unwrap();
    let all = space.every();
    let p: Vec<f64> = all.iter().map(|a| policy.log_prob(a).unwrap().log_prob().exp()).collect();
    let rewards = [0.2, 0.9, 0.4, 0.7];
    let mean: f64 = p.iter().zip(rewards).map(|(p, r)| p * r).sum();
    let mut gradient = vec![0.0; policy.weights().len()];
    for (i, architecture) in all.iter().enumerate() {
        let sample = policy.log_prob(architecture).unwrap();
        let part =
            policy.gradient(&sample, &Objective { scores: &[p[i] * (rewards[i] - 0.5)], entropy: 0.0, skip: None });
        gradient.iter_mut().zip(part).for_each(|(g, p)| *g += p);
    }
    let wanted: Vec<f64> = (0..4).map(|i| p[i] * (rewards[i] - mean)).collect();
    let is_there = gradient.windows(4).any(|w| w.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12));
    assert!(is_there, "{wanted:?} is nowhere in the gradient");
}

#[test]
fn one_step_of_ppo_from_the_policy_that_drew_is_reinforce() {
    let mut configs = [small(), small()];
    configs[1].learning.algorithm = Algorithm::Ppo { clip: 0.2, epochs: 1 };
    let weights: Vec<Vec<f64>> = configs
        .into_iter()
        .map(|config| {
            let mut controller = Controller::new(Arc::new(three()), config, Seed::new(1)).unwrap();
            let mut rng = Seed::new(9).rng();
            let batch: Vec<Experience> = (0..8)
                .map(|_| controller.sample(&mut rng))
                .map(|sample| Experience { reward: worth(&sample.choices), sample })
                .collect();
            controller.learn(&batch);
            controller.policy().weights().to_vec()
        })
        .collect();
    for (a, b) in weights[0].iter().zip(&weights[1]) {
        assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn rare_is_what_is_drawn_rarely() {
    let space = Arc::new(three());
    let policy = Policy::new(space.clone(), small().policy, Seed::new(8)).unwrap();
    let mut rng = Seed::new(1).rng();
    let draws = 40_000;
    let samples: Vec<Sample> = (0..draws).map(|_| policy.sample(&mut rng)).collect();
    for architecture in space.every() {
        let p = policy.log_prob(&architecture).unwrap().log_prob().exp();
        let found = samples.iter().filter(|s| s.choices == architecture.choices).count() as f64 / f64::from(draws);
        let deviation = (p * (1.0 - p) / f64::from(draws)).sqrt();
        assert!((found - p).abs() < 4.5 * deviation, "{:?}: {found} against {p}", architecture.choices);
    }
    let again = policy.log_prob(&policy.architecture(&samples[0])).unwrap();
    assert_eq!(again, samples[0], "drawing and scoring agree to the bit");
}
