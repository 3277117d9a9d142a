//! Two problems with a known optimum, which every seed must find in far fewer samples than random search would need.

use std::sync::Arc;

use nas_controller::{ControllerConfig, PolicySearch, preset};
use nas_search::Strategy;
use nas_space::Seed;

use crate::problems::{independent, pairwise, trial};
use crate::toy::Toy;

const SEEDS: u64 = 20;

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
        strategy.tell(&[trial(number, proposal, accuracy)]).unwrap();
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
