//! A trial that fails is recorded with its reason, and the search goes on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nas_search::{
    Budget, Evaluator, Event, Failure, InProcess, Job, Measurement, Progress, Settings, StopReason, TrialState,
};

use crate::toy::{measured, search, search_with, study};

/// Runs ten trials of which the third goes wrong, and checks how it was recorded.
fn check_failure(wrong: impl Fn(&Job) -> Result<Measurement, Failure>, kind: &str, reason: &str) {
    let study = study();
    let evaluate = |job: &Job| if job.id == 2 { wrong(job) } else { Ok(measured(job, 1)) };
    let outcome = search_with(&study, Budget::trials(10), evaluate).unwrap();
    let failed: Vec<_> = outcome.trials.iter().filter(|t| t.state == TrialState::Failed).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].failure, Some(Failure::new(kind, reason)));
    assert_eq!(failed[0].measurement, None);
    assert_eq!((failed[0].id, outcome.trials.len(), outcome.reason), (2, 10, StopReason::Trials));
    assert_eq!(study.trial(2).unwrap(), *failed[0]);
}

#[test]
fn each_way_to_fail_has_its_kind_and_its_reason() {
    check_failure(|_| Err(Failure::new("error", "no such layer")), "error", "no such layer");
    check_failure(|_| panic!("layer {}", 7), "panic", "the evaluation panicked: layer 7");
    check_failure(|_| std::panic::panic_any(3), "panic", "the evaluation panicked: without a message");
    let with = |change: fn(&mut Measurement)| {
        move |job: &Job| {
            let mut measurement = measured(job, 1);
            change(&mut measurement);
            Ok(measurement)
        }
    };
    check_failure(with(|m| m.accuracy = f64::NAN), "not_finite", "the accuracy came out as NaN");
    check_failure(with(|m| m.loss = f64::INFINITY), "not_finite", "the loss came out as inf");
    check_failure(with(|m| m.latency = Some(f64::NAN)), "not_finite", "the latency came out as NaN");
}

#[test]
fn a_search_in_which_everything_fails_stops_early_and_says_why() {
    let study = study();
    let fail = |_: &Job| Err(Failure::new("error", "the data folder is gone"));
    let message = search_with(&study, Budget::trials(500), fail).unwrap_err().to_string();
    let expect =
        "all 10 trials tried so far failed, so the search stops; the last one (error): the data folder is gone";
    assert_eq!(message, expect);
    assert_eq!(study.trials("random").unwrap().len(), 10);
    // Once the cause is gone, it goes on.
    let outcome = search_with(&study, Budget::trials(12), |job| Ok(measured(job, 1))).unwrap();
    assert_eq!((outcome.trials.len(), outcome.best.unwrap().number >= 10), (12, true));
}

#[test]
fn so_does_one_whose_budget_is_smaller_than_that() {
    let fail = |_: &Job| Err(Failure::new("error", "no"));
    let message = search_with(&study(), Budget::trials(3), fail).unwrap_err().to_string();
    assert!(message.starts_with("all 3 trials tried so far failed"), "{message}");
}

#[test]
fn failures_after_a_success_do_not_stop_it() {
    let evaluate = |job: &Job| if job.id == 0 { Ok(measured(job, 1)) } else { Err(Failure::new("error", "no")) };
    let outcome = search_with(&study(), Budget::trials(30), evaluate).unwrap();
    assert_eq!((outcome.trials.len(), outcome.best.unwrap().id), (30, 0));
}

/// Works until it is told to stop.
struct Endless;

impl Evaluator for Endless {
    fn evaluate(&mut self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        while job.id == 1 && progress("on", 0.1) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(measured(job, 1))
    }
}

#[test]
fn a_trial_over_its_time_fails() {
    let mut executor = InProcess::new(Endless).time_limit(Some(Duration::from_millis(20)));
    let settings = Settings::new("random", Budget::trials(3), "unused");
    let outcome = search(&study(), &mut executor, &settings, &mut |_| {}).unwrap();
    let failure = Failure::new("timeout", "it took longer than its limit of 0.02 seconds");
    assert_eq!(outcome.trials[1].failure, Some(failure));
    assert_eq!(outcome.trials[2].state, TrialState::Complete);
}

#[test]
fn a_stop_in_the_middle_of_a_trial_puts_it_back() {
    let study = study();
    let settings = Settings::new("random", Budget::trials(3), "unused");
    let stop = settings.stop.clone();
    let mut reports = 0;
    let mut listener = |event: &Event| {
        if let Event::TrialProgress { trial: 1, .. } = event {
            reports += 1;
            stop.store(reports > 3, Ordering::Relaxed);
        }
    };
    let outcome = search(&study, &mut InProcess::new(Endless), &settings, &mut listener).unwrap();
    let states: Vec<_> = outcome.trials.iter().map(|t| t.state).collect();
    assert_eq!((outcome.reason, states), (StopReason::Interrupted, vec![TrialState::Complete, TrialState::Waiting]));
    let outcome = search_with(&study, Budget::trials(3), |job| Ok(measured(job, 1))).unwrap();
    assert!(outcome.trials.iter().all(|t| t.state == TrialState::Complete));
    assert_eq!(study.attempts(1).unwrap(), 2);
}
