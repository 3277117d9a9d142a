//! The same seed gives the same study: at any number of workers, in any order of finishing, after any kill.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use nas_evolution::{EvolutionConfig, RegularizedEvolution};
use nas_search::executor::{Ending, Finished, Observer, measure};
use nas_search::{
    Budget, Evaluator, Event, Executor, InProcess, Job, Outcome, SearchError, Settings, Study, StudyInfo, run,
};
use nas_space::Seed;
use rand::RngExt;

use crate::bits::{Bits, CountOnes};

/// Few enough bits that twins come up, enough trials that the population ages.
const BITS: usize = 8;
const TRIALS: u64 = 40;

fn info(lag: u64) -> StudyInfo {
    StudyInfo { seed: 11, space: "bits".into(), lag, config: String::new(), program: "test".into() }
}

fn search(study: &Study, executor: &mut dyn Executor, listener: &mut dyn FnMut(&Event)) -> Outcome {
    search_for(TRIALS, study, executor, listener)
}

fn search_for(trials: u64, study: &Study, executor: &mut dyn Executor, listener: &mut dyn FnMut(&Event)) -> Outcome {
    let space = std::sync::Arc::new(Bits::new(BITS));
    let config = EvolutionConfig { population: 10, sample: 3, identity: 0.1 };
    let mut strategy = RegularizedEvolution::new(space.clone(), config, Seed::new(11)).unwrap();
    let settings = Settings::new("evolution", Budget::trials(trials), "unused");
    let mut listener = |event: &Event| listener(event);
    run(study, space.as_ref(), &mut strategy, executor, &settings, &mut listener).unwrap()
}

fn uninterrupted(lag: u64) -> Vec<String> {
    let study = Study::in_memory(&info(lag)).unwrap();
    search(&study, &mut InProcess::new(ones()), &mut |_| {});
    study.lines_without_times().unwrap()
}

fn ones() -> CountOnes {
    CountOnes { noise: 0.05 }
}

/// Runs up to `capacity` jobs "at once" and ends them in an order drawn from `seed`. Panics at the call numbered `dies`,
/// between a measurement and its record.
struct Scrambled {
    capacity: usize,
    out: Vec<Job>,
    rng: rand_chacha::ChaCha8Rng,
    dies: usize,
}

impl Scrambled {
    fn new(capacity: usize, seed: u64) -> Self {
        Self { capacity, out: Vec::new(), rng: Seed::new(seed).rng(), dies: usize::MAX }
    }
}

impl Executor for Scrambled {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn submit(&mut self, job: Job) -> Result<(), SearchError> {
        self.out.push(job);
        assert!(self.out.len() <= self.capacity, "the loop hands out more than fits");
        Ok(())
    }

    fn next(&mut self, _: Duration, _: &mut Observer<'_>) -> Result<Option<Finished>, SearchError> {
        // Now and then nothing ends for a while.
        if self.out.is_empty() || self.rng.random_bool(0.2) {
            return Ok(None);
        }
        let job = self.out.swap_remove(self.rng.random_range(0..self.out.len()));
        let result = ones().evaluate(&job, &mut |_, _| true);
        self.dies = self.dies.wrapping_sub(1);
        assert!(self.dies != 0, "killed");
        let ending = result.map_or_else(Ending::Failed, Ending::Measured);
        Ok(Some(Finished { id: job.id, ending, seconds: 0.1 }))
    }

    fn cancel(&mut self) {
        self.out.clear();
    }
}

#[test]
fn workers_in_any_order_make_the_same_study() {
    for lag in [0, 3, 9, 100] {
        let expect = uninterrupted(lag);
        for (capacity, seed) in [(1, 1), (2, 2), (4, 3), (4, 4), (7, 5)] {
            let study = Study::in_memory(&info(lag)).unwrap();
            search(&study, &mut Scrambled::new(capacity, seed), &mut |_| {});
            assert_eq!(study.lines_without_times().unwrap(), expect, "lag {lag}, {capacity} workers");
        }
    }
    assert_ne!(uninterrupted(0), uninterrupted(3), "the lag is part of what makes a study");
    assert!(uninterrupted(3).iter().any(|line| line.contains("twin_of")), "no twin came up: the test shows too little");
}

/// Runs until the listener has heard `events`, then dies.
fn killed_after(events: usize, study: &Study, executor: &mut dyn Executor) -> bool {
    let mut heard = 0;
    let mut listener = |_: &Event| {
        heard += 1;
        assert!(heard <= events, "killed");
    };
    catch_unwind(AssertUnwindSafe(|| search(study, executor, &mut listener))).is_err()
}

#[test]
fn a_kill_at_any_event_changes_nothing() {
    let expect = uninterrupted(3);
    let mut kills = 0;
    for events in 0.. {
        let study = Study::in_memory(&info(3)).unwrap();
        if !killed_after(events, &study, &mut Scrambled::new(3, events as u64)) {
            break;
        }
        kills += 1;
        // And once more, a little later, before it may finish.
        killed_after(events / 2 + 3, &study, &mut Scrambled::new(4, events as u64));
        search(&study, &mut InProcess::new(ones()), &mut |_| {});
        assert_eq!(study.lines_without_times().unwrap(), expect, "killed after {events} events");
    }
    assert!(kills > TRIALS, "only {kills} moments to be killed at");
}

#[test]
fn a_kill_between_a_measurement_and_its_record_changes_nothing() {
    let expect = uninterrupted(3);
    for dies in 1..25 {
        let study = Study::in_memory(&info(3)).unwrap();
        let mut executor = Scrambled { dies, ..Scrambled::new(4, dies as u64) };
        let died = catch_unwind(AssertUnwindSafe(|| search(&study, &mut executor, &mut |_| {}))).is_err();
        assert!(died, "measurement {dies} is never reached");
        search(&study, &mut InProcess::new(ones()), &mut |_| {});
        assert_eq!(study.lines_without_times().unwrap(), expect, "killed at measurement {dies}");
        let again = study.all_trials().unwrap().iter().filter(|t| study.attempts(t.id).unwrap() > 1).count();
        assert!(again >= 1, "the trial whose measurement was lost is measured again");
    }
}

#[test]
fn a_study_on_disk_goes_on_where_it_was() {
    let expect = uninterrupted(3);
    let folder = tempfile::tempdir().unwrap();
    let path = |events: usize| folder.path().join(format!("{events}.db"));
    for events in [0, 1, 7, 30, 61] {
        let study = Study::create(path(events), &info(3)).unwrap();
        assert!(killed_after(events, &study, &mut InProcess::new(ones())));
        drop(study);
        let fingerprint = resumed(&path(events));
        let whole = Study::in_memory(&info(3)).unwrap();
        search(&whole, &mut InProcess::new(ones()), &mut |_| {});
        assert_eq!(fingerprint, whole.fingerprint().unwrap());
        assert_eq!(Study::open(path(events)).unwrap().lines_without_times().unwrap(), expect);
    }
}

fn resumed(path: &Path) -> String {
    let study = Study::open(path).unwrap();
    search(&study, &mut InProcess::new(ones()), &mut |_| {});
    study.fingerprint().unwrap()
}

#[test]
fn a_larger_budget_later_is_the_same_as_at_once() {
    for first in [1, 13, 30, 39] {
        let study = Study::in_memory(&info(3)).unwrap();
        search_for(first, &study, &mut InProcess::new(ones()), &mut |_| {});
        assert_eq!(study.trials("evolution").unwrap().len() as u64, first);
        search(&study, &mut InProcess::new(ones()), &mut |_| {});
        assert_eq!(study.lines_without_times().unwrap(), uninterrupted(3), "{first} trials first");
    }
}

#[test]
fn a_guarded_measurement_is_the_plain_one() {
    let study = Study::in_memory(&info(0)).unwrap();
    search(&study, &mut InProcess::new(ones()), &mut |_| {});
    let trial = study.trial(5).unwrap();
    let job = Job {
        id: 5,
        architecture: trial.proposal.architecture,
        seed: trial.seed,
        epochs: None,
        folder: "unused".into(),
    };
    let (again, _) = measure(&mut ones(), &job, &mut |_, _| true);
    assert_eq!(again.unwrap(), trial.measurement.unwrap());
}
