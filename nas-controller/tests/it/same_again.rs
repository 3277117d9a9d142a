//! The same seed, the same study: whatever the workers do, and wherever the search is killed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use nas_controller::{Algorithm, PolicySearch};
use nas_search::executor::{Ending, Finished, Observer};
use nas_search::{
    Budget, Event, Executor, Failure, InProcess, Job, Measurement, Progress, SearchError, Settings, Study, StudyInfo,
    run,
};
use nas_space::Seed;
use rand::RngExt;

use crate::toy::{Toy, small};

const TRIALS: u64 = 40;

/// Worth the share of choices that are 1, with noise of the trial's own; some fail.
struct Ones;

impl nas_search::Evaluator for Ones {
    fn evaluate(&mut self, job: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let mut rng = Seed::new(job.seed).rng();
        if rng.random_bool(0.1) {
            return Err(Failure::new("error", "bad luck"));
        }
        let choices = &job.architecture.choices;
        let share = choices.iter().filter(|c| **c == 1).count() as f64 / choices.len() as f64;
        let accuracy = share + rng.random_range(-0.05..0.05);
        let extra = serde_json::Value::Null;
        Ok(Measurement { accuracy, loss: 0.0, parameters: 0, flops: 0, epochs: 1, latency: None, extra })
    }
}

fn study(lag: u64) -> Study {
    let info = StudyInfo { seed: 7, space: "toy".into(), lag, config: String::new(), program: "test".into() };
    Study::in_memory(&info).unwrap()
}

fn search(algorithm: Algorithm, study: &Study, executor: &mut dyn Executor, listener: &mut dyn FnMut(&Event)) {
    let space = Arc::new(Toy::operations(6, 3));
    let mut config = small();
    (config.learning.algorithm, config.learning.batch) = (algorithm, 6);
    config.learning.adam.learning_rate = 0.05;
    let mut strategy = PolicySearch::new(space.clone(), config, Seed::new(11)).unwrap();
    let settings = Settings::new("policy", Budget::trials(TRIALS), "unused");
    let mut listener = |event: &Event| listener(event);
    run(study, space.as_ref(), &mut strategy, executor, &settings, &mut listener).unwrap();
}

const BOTH: [Algorithm; 2] = [Algorithm::Reinforce, Algorithm::Ppo { clip: 0.2, epochs: 3 }];

fn uninterrupted(algorithm: Algorithm, lag: u64) -> Vec<String> {
    let study = study(lag);
    search(algorithm, &study, &mut InProcess::new(Ones), &mut |_| {});
    study.lines_without_times().unwrap()
}

/// Runs up to `capacity` jobs "at once" and ends them in an order drawn from its seed.
struct Scrambled {
    capacity: usize,
    out: Vec<Job>,
    rng: rand_chacha::ChaCha8Rng,
}

impl Scrambled {
    fn new(capacity: usize, seed: u64) -> Self {
        Self { capacity, out: Vec::new(), rng: Seed::new(seed).rng() }
    }
}

impl Executor for Scrambled {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn submit(&mut self, job: Job) -> Result<(), SearchError> {
        self.out.push(job);
        Ok(())
    }

    fn next(&mut self, _: Duration, _: &mut Observer<'_>) -> Result<Option<Finished>, SearchError> {
        if self.out.is_empty() || self.rng.random_bool(0.2) {
            return Ok(None);
        }
        let job = self.out.swap_remove(self.rng.random_range(0..self.out.len()));
        let result = nas_search::Evaluator::evaluate(&mut Ones, &job, &mut |_, _| true);
        let ending = result.map_or_else(Ending::Failed, Ending::Measured);
        Ok(Some(Finished { id: job.id, ending, seconds: 0.1 }))
    }

    fn cancel(&mut self) {
        self.out.clear();
    }
}

#[test]
fn workers_in_any_order_make_the_same_study() {
    for algorithm in BOTH {
        for lag in [0, 3, 9] {
            let expect = uninterrupted(algorithm, lag);
            for (capacity, seed) in [(1, 1), (2, 2), (4, 3), (7, 5)] {
                let study = study(lag);
                search(algorithm, &study, &mut Scrambled::new(capacity, seed), &mut |_| {});
                assert_eq!(study.lines_without_times().unwrap(), expect, "lag {lag}, {capacity} workers");
            }
        }
        assert_ne!(uninterrupted(algorithm, 0), uninterrupted(algorithm, 9), "the lag is part of what makes a study");
    }
}

/// Runs until the listener has heard `events`, then dies.
fn killed_after(events: usize, algorithm: Algorithm, study: &Study, executor: &mut dyn Executor) -> bool {
    let mut heard = 0;
    let mut listener = |_: &Event| {
        heard += 1;
        assert!(heard <= events, "killed");
    };
    catch_unwind(AssertUnwindSafe(|| search(algorithm, study, executor, &mut listener))).is_err()
}

#[test]
fn a_kill_at_any_event_changes_nothing() {
    for algorithm in BOTH {
        let expect = uninterrupted(algorithm, 3);
        let mut kills = 0_u64;
        for events in 0.. {
            let study = study(3);
            if !killed_after(events, algorithm, &study, &mut Scrambled::new(3, events as u64)) {
                break;
            }
            kills += 1;
            // And once more, a little later, before it may finish.
            killed_after(events / 2 + 3, algorithm, &study, &mut Scrambled::new(4, events as u64));
            search(algorithm, &study, &mut InProcess::new(Ones), &mut |_| {});
            assert_eq!(study.lines_without_times().unwrap(), expect, "killed after {events} events");
        }
        assert!(kills > TRIALS, "only {kills} moments to be killed at");
    }
}

#[test]
fn updates_are_events() {
    let mut updates = Vec::new();
    let mut note = |event: &Event| {
        if let Event::PolicyUpdated { update, .. } = event {
            updates.push(*update);
        }
    };
    search(BOTH[1], &study(3), &mut InProcess::new(Ones), &mut note);
    // Before trial 39 is asked for, trials 0 to 35 are told: six batches of six.
    assert_eq!(updates, [1, 2, 3, 4, 5, 6]);
}
