//! The random baseline shares the random beginning of an evolution.

use std::sync::Arc;

use nas_evolution::{EvolutionConfig, RegularizedEvolution};
use nas_search::{Budget, Event, InProcess, RandomSearch, Settings, Strategy, Study, StudyInfo, Trial, run};
use nas_space::Seed;

use crate::bits::{Bits, CountOnes};

const POPULATION: u64 = 10;

fn search(study: &Study, strategy: &mut dyn Strategy, space: &Bits, trials: u64) -> u64 {
    let settings = Settings::new(strategy.name(), Budget::trials(trials), "unused");
    let mut started = 0;
    let mut listener = |event: &Event| started += u64::from(matches!(event, Event::TrialStarted { .. }));
    let mut executor = InProcess::new(CountOnes { noise: 0.01 });
    run(study, space, strategy, &mut executor, &settings, &mut listener).unwrap();
    started
}

fn choices(trials: &[Trial]) -> Vec<&[usize]> {
    trials.iter().map(|t| t.proposal.architecture.choices.as_slice()).collect()
}

#[test]
fn shared_trials_are_those_random_search_would_have_proposed() {
    let space = Arc::new(Bits::new(30));
    let info = StudyInfo { seed: 5, space: "bits".into(), lag: 2, config: String::new(), program: "test".into() };
    let seed = Seed::new(5);

    let alone = Study::in_memory(&info).unwrap();
    search(&alone, &mut RandomSearch::new(space.clone(), seed), &space, 25);

    let study = Study::in_memory(&info).unwrap();
    let config = EvolutionConfig { population: POPULATION as usize, sample: 3, identity: 0.0 };
    search(&study, &mut RegularizedEvolution::new(space.clone(), config, seed).unwrap(), &space, 25);
    assert_eq!(study.import("evolution", "random", POPULATION).unwrap(), POPULATION);
    let shared = study.seconds_shared("random").unwrap();
    assert_eq!(study.seconds_used("random").unwrap(), shared);
    assert_eq!(study.import("evolution", "random", POPULATION).unwrap(), 0, "sharing twice changes nothing");
    assert_eq!(study.seconds_shared("random").unwrap(), shared);
    let started = search(&study, &mut RandomSearch::new(space.clone(), seed), &space, 25);
    assert_eq!(started, 25 - POPULATION);

    let (evolution, random) = (study.trials("evolution").unwrap(), study.trials("random").unwrap());
    assert_eq!(choices(&random), choices(&alone.trials("random").unwrap()));
    assert_ne!(choices(&random), choices(&evolution));
    for (shared, original) in random.iter().zip(&evolution).take(POPULATION as usize) {
        let (shared, original) = (shared.measurement.as_ref().unwrap(), original.measurement.as_ref().unwrap());
        assert_eq!(shared.accuracy, original.accuracy);
    }
    assert_eq!(random[3].measurement.as_ref().unwrap().extra["shared_with"], evolution[3].id);
    assert_eq!(random.iter().map(|t| t.number).collect::<Vec<_>>(), (0..25).collect::<Vec<_>>());
    assert_eq!(random.iter().map(|t| t.id).collect::<Vec<_>>(), (25..50).collect::<Vec<_>>());
}
