//! When a search ends.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nas_search::{
    Budget, InProcess, Proposal, RandomSearch, SearchError, Settings, StopReason, Strategy, Study, Trial, run,
};
use nas_space::{Architecture, Seed};
use serde_json::Value;

use crate::toy::{Digits, Does, info, measured, search, search_with, study};

#[test]
fn impossible_budgets_are_refused_before_anything_happens() {
    let study = study();
    let run = |budget| search_with(&study, budget, |job| Ok(measured(job, 1))).unwrap_err().to_string();
    assert_eq!(run(Budget::trials(0)), "`trials` = 0: a search needs at least one trial");
    let expect = "the search has no budget: give it a number of trials, of epochs, or a time";
    assert_eq!(run(Budget::default()), expect);
    assert!(study.all_trials().unwrap().is_empty());
}

/// The number of trials that a budget of epochs pays for, each taking `each`.
fn check_epochs(epochs: u64, each: u64, known: bool, expect: usize) {
    let mut settings = Settings::new("random", Budget::epochs(epochs), "unused");
    settings.epochs_per_trial = known.then_some(each);
    let mut executor = InProcess::new(Does(|job: &_| Ok(measured(job, each))));
    let outcome = search(&study(), &mut executor, &settings, &mut |_| {}).unwrap();
    assert_eq!((outcome.reason, outcome.trials.len()), (StopReason::Epochs, expect), "{epochs} / {each}");
}

#[test]
fn epochs_are_kept_exactly_where_their_cost_is_known() {
    check_epochs(20, 5, true, 4);
    check_epochs(24, 5, true, 4);
    check_epochs(5, 5, true, 1);
    check_epochs(20, 5, false, 4);
    // Before the first trial is told, its cost is unknown: a lag of 2 lets three out.
    check_epochs(5, 5, false, 3);
}

#[test]
fn whichever_limit_is_reached_first_ends_it() {
    let budget = Budget { trials: Some(7), seconds: Some(1e9), epochs: Some(1000) };
    let outcome = search_with(&study(), budget, |job| Ok(measured(job, 2))).unwrap();
    assert_eq!((outcome.reason, outcome.trials.len()), (StopReason::Trials, 7));
    let budget = Budget { trials: Some(700), seconds: Some(1e9), epochs: Some(10) };
    let outcome = search_with(&study(), budget, |job| Ok(measured(job, 2))).unwrap();
    assert_eq!((outcome.reason, outcome.trials.len()), (StopReason::Epochs, 5));
}

/// Runs on a clock that each trial moves on by a second.
fn run_for(study: &Study, seconds: f64, stop_after: u64) -> (StopReason, usize, f64) {
    let ticks = Arc::new(AtomicU64::new(0));
    let mut settings = Settings::new("random", Budget::seconds(seconds), "unused");
    let clock = ticks.clone();
    settings.clock = Arc::new(move || clock.load(Ordering::Relaxed) as f64);
    let stop = settings.stop.clone();
    let mut executor = InProcess::new(Does(|job: &_| {
        let trials = ticks.fetch_add(1, Ordering::Relaxed) + 1;
        stop.store(trials >= stop_after, Ordering::Relaxed);
        Ok(measured(job, 1))
    }));
    let outcome = search(study, &mut executor, &settings, &mut |_| {}).unwrap();
    (outcome.reason, outcome.trials.len(), outcome.seconds)
}

#[test]
fn time_runs_on_over_sessions() {
    let study = study();
    assert_eq!(run_for(&study, 10.0, 4), (StopReason::Interrupted, 4, 4.0));
    assert_eq!(run_for(&study, 10.0, 1000), (StopReason::Seconds, 10, 10.0));
    assert_eq!(run_for(&study, 10.0, 1000), (StopReason::Seconds, 10, 10.0));
    assert_eq!(study.seconds_used("random").unwrap(), 10.0);
}

#[test]
fn an_arm_whose_time_was_used_up_before_its_first_trial_ended_still_has_one() {
    let study = study();
    study.set("seconds/random", "100").unwrap();
    assert_eq!(run_for(&study, 10.0, 1000), (StopReason::Seconds, 1, 101.0));
}

/// Proposes a list and no more.
struct Listed(usize);

impl Strategy for Listed {
    fn name(&self) -> &str {
        "listed"
    }

    fn ask(&mut self, numbers: std::ops::Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        let exhausted = || SearchError::Exhausted { strategy: "listed".into() };
        let number = usize::try_from(numbers.start).unwrap();
        let choices = vec![number % 10; if number == 6 { 4 } else { 5 }];
        let architecture = Architecture { space: "digits".into(), choices };
        let proposal = Proposal::new(architecture);
        if number < self.0 { Ok(vec![proposal]) } else { Err(exhausted()) }
    }

    fn tell(&mut self, _: &[Trial]) -> Result<(), SearchError> {
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        Ok(Value::Null)
    }

    fn load(&mut self, _: &Value) -> Result<(), SearchError> {
        Ok(())
    }
}

fn run_listed(count: usize) -> Result<(StopReason, usize), SearchError> {
    let settings = Settings::new("listed", Budget::trials(100), "unused");
    let mut executor = InProcess::new(Does(|job: &_| Ok(measured(job, 1))));
    let space = Digits::new(5);
    let outcome = run(&study(), &space, &mut Listed(count), &mut executor, &settings, &mut |_: &_| {})?;
    Ok((outcome.reason, outcome.trials.len()))
}

#[test]
fn a_strategy_may_have_enough() {
    assert_eq!(run_listed(4).unwrap(), (StopReason::Exhausted, 4));
    let message = run_listed(7).unwrap_err().to_string();
    let expect = "strategy `listed` proposed an impossible architecture for trial 6: space `digits` has 5 decisions, the \
                  architecture 4 choices";
    assert_eq!(message, expect);
}

#[test]
fn twins_are_measured_once_and_end_a_small_space() {
    let (space, measurements) = (Arc::new(Digits::new(1)), Cell::new(0));
    let study = study();
    let settings = Settings::new("random", Budget::epochs(1_000_000), "unused");
    let mut executor = InProcess::new(Does(|job: &_| {
        measurements.set(measurements.get() + 1);
        Ok(measured(job, 3))
    }));
    let mut strategy = RandomSearch::new(space.clone(), Seed::new(4));
    let outcome = run(&study, space.as_ref(), &mut strategy, &mut executor, &settings, &mut |_: &_| {}).unwrap();
    assert_eq!(outcome.reason, StopReason::Exhausted);
    // A twin of a trial not yet told, at most two here, is measured too.
    assert!((10..=14).contains(&measurements.get()), "{} measurements of ten networks", measurements.get());
    let last = outcome.trials.last().unwrap();
    let measurement = last.measurement.as_ref().unwrap();
    let first = &outcome.trials[measurement.extra["twin_of"].as_u64().unwrap() as usize];
    assert_eq!(first.proposal.architecture, last.proposal.architecture);
    assert_eq!((measurement.accuracy, measurement.epochs), (first.measurement.as_ref().unwrap().accuracy, 0));
    assert_eq!(first.measurement.as_ref().unwrap().epochs, 3);
}

#[test]
fn the_space_must_be_the_study_s() {
    let other = nas_search::StudyInfo { space: "darts".into(), ..info() };
    let study = Study::in_memory(&other).unwrap();
    let message = search_with(&study, Budget::trials(1), |job| Ok(measured(job, 1))).unwrap_err().to_string();
    assert_eq!(message, "`space` = digits: the study searches `darts`");
}
