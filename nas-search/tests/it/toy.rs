//! A small space and an evaluator that does what a test tells it to.

use std::sync::Arc;

use nas_search::{
    Budget, Evaluator, Event, Executor, Failure, InProcess, Job, Measurement, Outcome, Progress, RandomSearch,
    SearchError, Settings, Study, StudyInfo, run,
};
use nas_space::{Architecture, Chooses, Decision, NetworkConfig, NetworkGraph, SearchSpace, Seed, SpaceError};
use serde_json::Value;

/// Some digits from 0 to 9.
pub(crate) struct Digits(Vec<Decision>);

impl Digits {
    pub(crate) fn new(digits: usize) -> Self {
        let options: Vec<String> = (0..10).map(|d| d.to_string()).collect();
        let digit = |i| Decision {
            name: format!("digit{i}"),
            group: "digits".into(),
            chooses: Chooses::Value,
            options: options.clone(),
        };
        Self((0..digits).map(digit).collect())
    }
}

impl SearchSpace for Digits {
    fn name(&self) -> &str {
        "digits"
    }

    fn decisions(&self) -> &[Decision] {
        &self.0
    }

    fn lower(&self, _: &Architecture, _: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        Err(SpaceError::File { reason: "digits are no network".into() })
    }
}

/// An evaluator made of a function.
pub(crate) struct Does<F>(pub(crate) F);

impl<F: FnMut(&Job) -> Result<Measurement, Failure>> Evaluator for Does<F> {
    fn evaluate(&mut self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        progress("half", 0.5);
        (self.0)(job)
    }
}

/// The share of the largest digits that an architecture has, with the epochs it took.
pub(crate) fn measured(job: &Job, epochs: u64) -> Measurement {
    let choices = &job.architecture.choices;
    let accuracy = choices.iter().sum::<usize>() as f64 / (9 * choices.len()) as f64;
    Measurement { accuracy, loss: 1.0 - accuracy, parameters: 10, flops: 20, epochs, latency: None, extra: Value::Null }
}

/// A measurement of a given accuracy.
pub(crate) fn measured_as(accuracy: f64, epochs: u64) -> Measurement {
    Measurement { accuracy, loss: 1.0 - accuracy, parameters: 10, flops: 20, epochs, latency: None, extra: Value::Null }
}

pub(crate) fn info() -> StudyInfo {
    StudyInfo { seed: 4, space: "digits".into(), lag: 2, config: "[search]\n".into(), program: "test 1".into() }
}

pub(crate) fn study() -> Study {
    Study::in_memory(&info()).unwrap()
}

/// Random search over five digits.
pub(crate) fn search(
    study: &Study,
    executor: &mut dyn Executor,
    settings: &Settings,
    listener: &mut dyn FnMut(&Event),
) -> Result<Outcome, SearchError> {
    let space = Arc::new(Digits::new(5));
    let mut strategy = RandomSearch::new(space.clone(), Seed::new(4));
    run(study, space.as_ref(), &mut strategy, executor, settings, &mut |e: &Event| listener(e))
}

/// The same with an evaluator in this process, and nobody listening.
pub(crate) fn search_with(
    study: &Study,
    budget: Budget,
    evaluate: impl FnMut(&Job) -> Result<Measurement, Failure>,
) -> Result<Outcome, SearchError> {
    let settings = Settings::new("random", budget, "unused");
    search(study, &mut InProcess::new(Does(evaluate)), &settings, &mut |_| {})
}
