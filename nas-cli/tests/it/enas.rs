//! The controller of ENAS learns on shared weights what uniform sampling does not know.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nas_controller::{PolicySearch, preset};
use nas_data::{LoadOptions, Normalization, load, split};
use nas_nn::trainer::Ended;
use nas_oneshot::{EnasConfig, EnasSearch, OnSharedWeights, SearchData, SearchOptions};
use nas_search::{Event, random_proposal};
use nas_space::spaces::NasBench201;
use nas_space::{NetworkConfig, Seed};

/// Architectures that each of the two means is over.
const SAMPLED: usize = 60;

/// The mean accuracy on shared weights of what the controller proposes at the end of a search, and of uniform samples.
fn means(seed: u64) -> (f64, f64) {
    let space = Arc::new(NasBench201);
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let (weights, architecture) = split(&digits.train, &digits.classes, 0.3, Seed::new(seed)).unwrap();
    let normalization = Normalization::of(&digits.train, &weights).unwrap();
    let (weights, architecture) = (Arc::new(weights), Arc::new(architecture));
    let data = SearchData { images: Arc::new(digits.train), weights, architecture, normalization };
    let network = NetworkConfig { input: data.images.shape, ..NetworkConfig::cifar(4, 3) };
    let config = EnasConfig {
        epochs: 10,
        batch_size: 64,
        periods: 1,
        samples: 100,
        drawn: 1,
        candidates: SAMPLED,
        candidate_images: 0,
        ..EnasConfig::micro()
    };
    let strategy = PolicySearch::new(space.clone(), preset::enas_micro(), Seed::new(seed)).unwrap();
    let seed = Seed::new(seed);
    let (batch_size, batch_norm) = (config.batch_size, config.batch_norm);
    let mut search =
        EnasSearch::new(space.clone(), network.clone(), Box::new(strategy), data.clone(), config, seed).unwrap();
    let stop = AtomicBool::new(false);
    let options = SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
    assert_eq!(search.run(&options, &mut |_: &Event| {}).unwrap(), Ended::Finished);
    let candidates = search.report().unwrap().candidates;
    assert_eq!(candidates.iter().map(|c| c.times).sum::<u64>(), SAMPLED as u64);
    let controller = candidates.iter().map(|c| c.times as f64 * c.accuracy).sum::<f64>() / SAMPLED as f64;
    let judge = OnSharedWeights {
        space: space.clone(),
        network,
        weights: search.into_weights(),
        images: data.images,
        validation: data.architecture,
        normalization: data.normalization,
        batch_size,
        batch_norm,
    };
    let uniform = |number| judge.measure(&random_proposal(space.as_ref(), seed.child("uniform"), number)).unwrap().0;
    let uniform = (0..SAMPLED as u64).map(|number| uniform(number).accuracy).sum::<f64>() / SAMPLED as f64;
    (controller, uniform)
}

#[test]
fn a_controller_samples_better_architectures_than_chance() {
    let all: Vec<(f64, f64)> = (0..5).map(means).collect();
    assert!(all.iter().all(|(controller, uniform)| controller > uniform), "controller, uniform: {all:?}");
}
