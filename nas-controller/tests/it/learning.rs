//! Two problems with a known optimum, which every seed must find in far fewer samples than random search would need.

use std::sync::Arc;

use nas_controller::{ControllerConfig, PolicySearch, preset};
use nas_search::{Measurement, Strategy, Trial, TrialState};
use nas_space::Seed;
use serde_json::Value;

use crate::toy::Toy;

const SEEDS: u64 = 20;

/// Eight decisions of five options, each right or wrong by itself.
fn independent(choices: &[usize]) -> f64 {
    let right = choices.iter().enumerate().filter(|(i, c)| **c == (3 * i + 1) % 5).count();
    right as f64 / choices.len() as f64
}

/// Four pairs of decisions of four options. A pair is worth something only if its second choice fits the first, and most
/// at one of the four that fit: what a second choice is worth depends on the first alone.
fn pairwise(choices: &[usize]) -> f64 {
    let pair = |(i, pair): (usize, &[usize])| match (pair[1] == (pair[0] + i + 1) % 4, pair[0] == (i + 2) % 4) {
        (true, true) => 1.0,
        (true, false) => 0.5,
        (false, _) => 0.0,
    };
    choices.chunks(2).enumerate().map(pair).sum::<f64>() / (choices.len() / 2) as f64
}

/// How many samples it takes to draw the optimum.
fn samples_needed(options: usize, worth: fn(&[usize]) -> f64, config: &ControllerConfig, seed: u64) -> u64 {
    let space = Arc::new(Toy::operations(8, options));
    let mut strategy = PolicySearch::new(space, config.clone(), Seed::new(seed)).unwrap();
    for number in 0..LIMIT {
        let proposal = strategy.ask(number..number + 1).unwrap().remove(0);
        let accuracy = worth(&proposal.architecture.choices);
        if accuracy == 1.0 {
            return number + 1;
        }
        let extra = Value::Null;
        let measurement = Measurement { accuracy, loss: 0.0, parameters: 0, flops: 0, epochs: 0, latency: None, extra };
        let trial = Trial {
            id: number,
            arm: "toy".into(),
            number,
            proposal,
            state: TrialState::Complete,
            seed: 0,
            measurement: Some(measurement),
            failure: None,
            seconds: None,
        };
        strategy.tell(&[trial]).unwrap();
    }
    panic!("seed {seed} did not find the optimum in {LIMIT} samples");
}

/// The most samples that any seed may take.
const LIMIT: u64 = 1_000;

fn check(options: usize, worth: fn(&[usize]) -> f64, config: &ControllerConfig) {
    let space = options.pow(8) as u64;
    assert!(LIMIT * 50 < space, "random search expects {space} samples");
    let needed: Vec<u64> = (0..SEEDS).map(|seed| samples_needed(options, worth, config, seed)).collect();
    assert!(needed.iter().any(|n| *n > 10), "an optimum drawn at once was not learned: {needed:?}");
}

#[test]
fn independent_decisions() {
    check(5, independent, &preset::small_reinforce(8));
    check(5, independent, &preset::small_ppo(8));
}

#[test]
fn pairs_that_must_fit() {
    check(4, pairwise, &preset::small_reinforce(8));
    check(4, pairwise, &preset::small_ppo(8));
}
