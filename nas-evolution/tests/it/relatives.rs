//! Local search and NSGA-II: what they find, what they propose, and that their state is all there is to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use nas_evolution::{LocalSearch, Nsga2, Nsga2Config};
use nas_search::pareto::{Objective, hypervolume};
use nas_search::{
    Budget, Evaluator, Event, Failure, InProcess, Job, Measurement, Outcome, Progress, RandomSearch, SearchError,
    Settings, Strategy, Study, StudyInfo, Trial, run, run_in_memory,
};
use nas_space::{SearchSpace, Seed};
use serde_json::Value;

use crate::bits::{Bits, true_accuracy};

const BITS: usize = 12;

/// Leading ones and trailing zeros (Laumanns, Thiele & Zitzler 2004): the more of the one, the fewer can be of the other.
/// Every seventh string fails.
struct Lotz;

impl Evaluator for Lotz {
    fn evaluate(&mut self, job: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let bits = &job.architecture.choices;
        if bits.iter().fold(0, |n, bit| 2 * n + bit) % 7 == 6 {
            return Err(Failure::new("error", "a seventh is left out"));
        }
        let ones = bits.iter().take_while(|bit| **bit == 1).count();
        let zeros = bits.iter().rev().take_while(|bit| **bit == 0).count();
        Ok(measured(ones as f64 / bits.len() as f64, (bits.len() - zeros) as u64))
    }
}

/// The share of ones, without noise.
struct Ones;

impl Evaluator for Ones {
    fn evaluate(&mut self, job: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
        Ok(measured(true_accuracy(&job.architecture), 0))
    }
}

fn measured(accuracy: f64, parameters: u64) -> Measurement {
    Measurement { accuracy, loss: 0.0, parameters, flops: 0, epochs: 1, latency: None, extra: Value::Null }
}

fn local(seed: u64) -> Box<dyn Strategy> {
    Box::new(LocalSearch::new(Arc::new(Bits::new(BITS)), Seed::new(seed)))
}

/// A local search whose first climb begins at the best of ten.
fn from_ten(seed: u64) -> Box<dyn Strategy> {
    Box::new(LocalSearch::new(Arc::new(Bits::new(BITS)), Seed::new(seed)).beginnings(10))
}

fn nsga2(seed: u64) -> Box<dyn Strategy> {
    let objectives = vec![Objective::Accuracy, Objective::Parameters];
    let config = Nsga2Config { population: 10, crossover: 0.9, mutation: 0.5, objectives };
    Box::new(Nsga2::new(Arc::new(Bits::new(BITS)), config, Seed::new(seed)).unwrap())
}

fn search(strategy: &mut dyn Strategy, evaluator: &mut dyn Evaluator, trials: u64, lag: u64) -> Outcome {
    let settings = Settings::new(strategy.name(), Budget::trials(trials), "unused");
    run_in_memory(&Bits::new(BITS), strategy, evaluator, 1, lag, &settings).unwrap()
}

#[test]
fn a_climb_tries_each_neighbour_once_and_ends_on_a_summit() {
    for lag in [0, 2] {
        let trials = search(local(4).as_mut(), &mut Ones, 120, lag).trials;
        let accuracy = |t: &Trial| t.measurement.as_ref().unwrap().accuracy;
        let summit = trials.iter().position(|t| accuracy(t) == 1.0).expect("twelve bits are soon climbed");
        let mut seen = BTreeSet::new();
        for trial in &trials[..summit] {
            let choices = &trial.proposal.architecture.choices;
            assert!(seen.insert(choices.clone()) || lag > 0, "{choices:?} was tried before");
            let Some(parent) = trial.proposal.parent else { continue };
            let parent = &trials[parent as usize].proposal.architecture.choices;
            assert_eq!(parent.iter().zip(choices).filter(|(a, b)| a != b).count(), 1, "not a neighbour");
        }
        // Those neighbours of the summit that are new are tried, then the next climb begins.
        let next = trials[summit + 1..].iter().position(|t| t.proposal.parent.is_none());
        assert!(next.is_some_and(|n| n <= BITS + 3 * lag as usize), "{next:?}");
        let climbs = trials.iter().filter(|t| t.proposal.parent.is_none()).count();
        assert!(climbs >= 2 + lag as usize, "{climbs} climbs begun");
    }
}

/// The share of the true front's area that trials found.
fn found(trials: &[Trial]) -> f64 {
    let n = BITS as f64;
    let point = |t: &Trial| t.measurement.as_ref().map(|m| [1.0 - m.accuracy, m.parameters as f64]);
    let points: Vec<[f64; 2]> = trials.iter().filter_map(point).collect();
    // With k ones first, at most n - k zeros follow.
    let best: Vec<[f64; 2]> = (0..=BITS).map(|k| [1.0 - k as f64 / n, k as f64]).collect();
    hypervolume(&points, [1.1, n + 1.0]) / hypervolume(&best, [1.1, n + 1.0])
}

#[test]
fn a_climb_begins_at_the_best_of_the_beginnings() {
    for lag in [0, 2] {
        for seed in 0..5 {
            let trials = search(from_ten(seed).as_mut(), &mut Ones, 60, lag).trials;
            let random = RandomSearch::new(Arc::new(Bits::new(BITS)), Seed::new(seed));
            let sampled = search(&mut { random }, &mut Ones, 10, 0).trials;
            let same = |(a, b): (&Trial, &Trial)| a.proposal.architecture == b.proposal.architecture;
            assert!(trials.iter().zip(&sampled).all(same), "the beginnings are those of random search");
            let accuracy = |t: &Trial| t.measurement.as_ref().unwrap().accuracy;
            let highest = sampled.iter().map(accuracy).fold(0.0, f64::max);
            let best = sampled.iter().position(|t| accuracy(t) == highest).unwrap() as u64;
            // Trials out when the last beginning was told may descend from an earlier one.
            let first = &trials[10 + lag as usize];
            assert_eq!(first.proposal.parent, Some(best), "seed {seed}, lag {lag}");
        }
    }
}

#[test]
fn nsga2_finds_the_front_that_random_search_does_not() {
    let mean = |of: &dyn Fn(u64) -> f64| (0..10).map(of).sum::<f64>() / 10.0;
    let evolved = mean(&|seed| found(&search(nsga2(seed).as_mut(), &mut Lotz, 400, 0).trials));
    let random =
        |seed| -> Box<dyn Strategy> { Box::new(RandomSearch::new(Arc::new(Bits::new(BITS)), Seed::new(seed))) };
    let random = mean(&|seed| found(&search(random(seed).as_mut(), &mut Lotz, 400, 0).trials));
    assert!(evolved > 0.85 && evolved > random + 0.1, "{evolved} against {random}");
}

#[test]
fn nsga2_names_impossible_settings() {
    let good = Nsga2Config {
        population: 10,
        crossover: 0.9,
        mutation: 0.5,
        objectives: vec![Objective::Accuracy, Objective::Flops],
    };
    let check = |config: Nsga2Config, expect: &str| {
        let message = config.check().unwrap_err().to_string();
        assert!(message.starts_with(expect), "{message}");
    };
    good.check().unwrap();
    check(Nsga2Config { population: 1, ..good.clone() }, "`population` = 1: ");
    check(Nsga2Config { crossover: -0.1, ..good.clone() }, "`crossover` = -0.1: a probability");
    check(Nsga2Config { mutation: f64::NAN, ..good.clone() }, "`mutation` = NaN: a probability");
    check(Nsga2Config { objectives: vec![Objective::Flops; 2], ..good }, "`objectives` = flops+flops: ");
}

#[test]
fn a_search_that_is_stopped_and_goes_on_is_the_same() {
    for make in [local, from_ten, nsga2] {
        for lag in [0, 3] {
            let info = StudyInfo { seed: 1, space: "bits".into(), lag, config: String::new(), program: "test".into() };
            let whole = search(make(9).as_mut(), &mut Lotz, 70, lag).trials;
            for stop in [1, 9, 10, 11, 37, 69] {
                let study = Study::in_memory(&info).unwrap();
                let mut trials = Vec::new();
                for budget in [stop, 70] {
                    let mut strategy = make(9);
                    let settings = Settings::new(strategy.name(), Budget::trials(budget), "unused");
                    let (space, mut executor) = (Bits::new(BITS), InProcess::new(Lotz));
                    let listener = &mut |_: &Event| {};
                    trials = run(&study, &space, strategy.as_mut(), &mut executor, &settings, listener).unwrap().trials;
                }
                trials.iter_mut().for_each(|trial| trial.seconds = None);
                assert_eq!(trials, whole, "{} stopped after {stop} trials, lag {lag}", make(9).name());
            }
        }
    }
}

#[test]
fn asking_changes_nothing_and_the_saved_state_is_all() {
    for make in [local, from_ten, nsga2] {
        for trials in [0, 1, 10, 33] {
            let mut strategy = make(5);
            for trial in search(make(5).as_mut(), &mut Lotz, trials.max(1), 0).trials.iter().take(trials as usize) {
                strategy.tell(std::slice::from_ref(trial)).unwrap();
            }
            let numbers = trials..trials + 5;
            let first = strategy.ask(numbers.clone()).unwrap();
            assert_eq!(strategy.ask(numbers.clone()).unwrap(), first);
            assert_eq!(strategy.ask(trials + 3..trials + 4).unwrap()[0], first[3]);
            let text = strategy.save().unwrap().to_string();
            let mut other = make(5);
            other.load(&serde_json::from_str(&text).unwrap()).unwrap();
            assert_eq!(other.ask(numbers).unwrap(), first);
            assert_eq!(other.save().unwrap().to_string(), text);
        }
    }
}

#[test]
fn states_and_trials_of_others_are_refused() {
    let trials = search(local(5).as_mut(), &mut Ones, 3, 0).trials;
    for (make, name) in [(local as fn(u64) -> Box<dyn Strategy>, "local"), (nsga2, "nsga2")] {
        let mut strategy = make(1);
        let message = strategy.tell(&trials[1..2]).unwrap_err().to_string();
        assert_eq!(message, format!("strategy `{name}` cannot learn from trial 1: trial 0 comes first"));
        let mut state = strategy.save().unwrap();
        state["version"] = 9.into();
        let message = strategy.load(&state).unwrap_err().to_string();
        assert!(message.contains("it has version 9"), "{message}");
    }
    let mut state = local(1);
    state.tell(&trials).unwrap();
    let mut damaged = state.save().unwrap();
    damaged["climb"]["neighbours"][0] = serde_json::json!([99, 0]);
    assert!(matches!(local(1).load(&damaged), Err(SearchError::StrategyState { .. })));
    let random = search(&mut RandomSearch::new(Arc::new(Bits::new(BITS)), Seed::new(1)), &mut Ones, 1, 0).trials;
    let message = local(1).tell(&random).unwrap_err().to_string();
    assert!(message.contains("does not say which climb"), "{message}");
}

#[test]
fn every_strategy_begins_with_what_it_is_handed_and_goes_on_from_there() {
    let space = Arc::new(Bits::new(BITS));
    let evolution = |seed| -> Box<dyn Strategy> {
        let config = nas_evolution::EvolutionConfig { population: 4, sample: 2, identity: 0.0 };
        Box::new(nas_evolution::RegularizedEvolution::new(Arc::new(Bits::new(BITS)), config, Seed::new(seed)).unwrap())
    };
    // Half of the bits are ones, and more in those handed last.
    let handed: Vec<nas_space::Architecture> = (6..10)
        .map(|ones| nas_space::Architecture {
            space: space.name().into(),
            choices: (0..BITS).map(|bit| usize::from(bit < ones)).collect(),
        })
        .collect();
    for make in [local as fn(u64) -> Box<dyn Strategy>, nsga2, evolution] {
        let warm = |seed| nas_search::WarmStart::new(make(seed), handed.clone());
        let outcome = search(&mut warm(2), &mut Ones, 30, 2);
        let proposed: Vec<_> = outcome.trials.iter().map(|t| t.proposal.architecture.clone()).collect();
        assert_eq!(proposed[..4], handed[..], "{}", outcome.trials[0].arm);
        assert!(outcome.trials[..4].iter().all(|t| t.proposal.parent.is_none()));
        let later: Vec<_> = outcome.trials[4..].iter().filter_map(|t| t.proposal.parent).collect();
        assert!(later.iter().any(|parent| *parent < 4), "{}: nothing descends from them", outcome.trials[0].arm);
        // Stopped anywhere, it goes on as it was.
        for stop in [2, 4, 17] {
            let study = Study::in_memory(&StudyInfo {
                seed: 1,
                space: space.name().into(),
                lag: 2,
                config: String::new(),
                program: "test".into(),
            })
            .unwrap();
            for trials in [stop, 30] {
                let mut strategy = warm(2);
                let settings = Settings::new(strategy.name(), Budget::trials(trials), "unused");
                let (mut executor, listener) = (InProcess::new(Ones), &mut |_: &Event| {});
                run(&study, space.as_ref(), &mut strategy, &mut executor, &settings, listener).unwrap();
            }
            let again: Vec<_> =
                study.all_trials().unwrap().into_iter().map(|trial| trial.proposal.architecture).collect();
            assert_eq!(again, proposed, "stopped after {stop}");
        }
    }
}
