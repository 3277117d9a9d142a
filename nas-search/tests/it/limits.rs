//! What costs more than it may is never measured: it is a failed trial that spends nothing but its number.

use std::sync::Arc;

use nas_search::{
    Budget, Event, Failure, InProcess, Job, RandomSearch, SearchError, Settings, StopReason, Study, Trial, TrialState,
    run, run_in_memory,
};
use nas_space::{Architecture, Decision, NetworkConfig, NetworkGraph, SearchSpace, Seed, SpaceError};

use crate::toy::{Digits, Does, info, measured, study};

/// Digits of which a sum is the cost. A strategy that searches [`Digits`] does not know of the limit.
struct Capped {
    digits: Digits,
    limit: u64,
}

fn cost(architecture: &Architecture) -> u64 {
    architecture.choices.iter().sum::<usize>() as u64
}

impl SearchSpace for Capped {
    fn name(&self) -> &str {
        self.digits.name()
    }

    fn decisions(&self) -> &[Decision] {
        self.digits.decisions()
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.digits.lower(architecture, config)
    }

    fn check(&self, architecture: &Architecture) -> Result<(), SpaceError> {
        self.digits.check(architecture)?;
        let (what, found, limit) = ("parameters", cost(architecture), self.limit);
        if found <= limit { Ok(()) } else { Err(SpaceError::OverLimit { what, found, limit }) }
    }
}

fn search(study: &Study, limit: u64, budget: Budget) -> Result<(StopReason, Vec<Trial>), SearchError> {
    let space = Capped { digits: Digits::new(2), limit };
    let evaluate = |job: &Job| {
        assert!(cost(&job.architecture) <= limit, "it was measured");
        Ok(measured(job, 3))
    };
    let mut strategy = RandomSearch::new(Arc::new(Digits::new(2)), Seed::new(4));
    let settings = Settings::new("random", budget, "unused");
    let mut executor = InProcess::new(Does(evaluate));
    run(study, &space, &mut strategy, &mut executor, &settings, &mut |_: &Event| {}).map(|o| (o.reason, o.trials))
}

#[test]
fn such_trials_fail_with_a_sentence_and_are_not_run() {
    let study = study();
    let (_, trials) = search(&study, 9, Budget::trials(40)).unwrap();
    let (over, within): (Vec<&Trial>, Vec<&Trial>) = trials.iter().partition(|t| cost(&t.proposal.architecture) > 9);
    assert!(over.len() > 5 && within.len() > 5);
    assert!(within.iter().all(|t| t.state == TrialState::Complete));
    for trial in over {
        let found = cost(&trial.proposal.architecture);
        let failure = Failure::new("over_limit", format!("its network has {found} parameters, the limit is 9"));
        assert_eq!((trial.state, trial.failure.as_ref()), (TrialState::Failed, Some(&failure)));
        assert_eq!(study.attempts(trial.id).unwrap(), 0);
    }
}

#[test]
fn stopped_and_gone_on_with_it_is_the_same() {
    let (whole, cut) = (study(), study());
    search(&whole, 6, Budget::trials(30)).unwrap();
    for trials in [1, 7, 8, 30] {
        // The first few may all be over the limit; the search then says so, and goes on when it is asked to.
        let _ = search(&cut, 6, Budget::trials(trials));
    }
    assert_eq!(cut.lines_without_times().unwrap(), whole.lines_without_times().unwrap());
}

#[test]
fn they_spend_no_epochs() {
    let (reason, trials) = search(&study(), 5, Budget::epochs(30)).unwrap();
    assert_eq!(reason, StopReason::Epochs);
    let measured: u64 = trials.iter().filter_map(|t| t.measurement.as_ref()).map(|m| m.epochs).sum();
    assert_eq!(measured, 30, "of {} trials", trials.len());
    assert!(trials.iter().filter(|t| t.state == TrialState::Failed).count() > 10);
}

#[test]
fn a_search_that_meets_nothing_else_ends_with_the_reason() {
    let capped = |budget| {
        let space = Capped { digits: Digits::new(2), limit: 0 };
        let space_of_one = Arc::new(Digits::new(2));
        // A seed whose first draws never are the one architecture within the limit.
        let mut strategy = RandomSearch::new(space_of_one, Seed::new(4));
        let settings = Settings { reuse_twins: false, ..Settings::new("random", budget, "unused") };
        let mut evaluator = Does(|job: &Job| Ok(measured(job, 1)));
        run_in_memory(&space, &mut strategy, &mut evaluator, info().seed, 0, &settings).unwrap_err().to_string()
    };
    let message = capped(Budget::trials(15));
    assert!(message.starts_with("all 15 trials tried so far failed"), "{message}");
    assert!(message.contains("(over_limit): its network has") && message.ends_with("the limit is 0"), "{message}");
    let by_study = search(&study(), 0, Budget::trials(15)).unwrap_err().to_string();
    assert_eq!(by_study, message);
}

#[test]
fn more_luck_is_allowed_for_what_is_measured_as_a_trial_begins() {
    let late = |good: u64| {
        let evaluate = move |job: &Job| match job.id {
            id if id < good => Err(Failure::new(Failure::OVER_LIMIT, "its latency is 3 ms, the limit is 2 ms")),
            _ => Ok(measured(job, 1)),
        };
        crate::toy::search_with(&study(), Budget::trials(120), evaluate)
    };
    assert_eq!(late(60).unwrap().trials.len(), 120);
    let message = late(120).unwrap_err().to_string();
    let expect = "all 100 trials tried so far failed, so the search stops; the last one (over_limit): its latency is 3 ms, \
                  the limit is 2 ms";
    assert_eq!(message, expect);
}
