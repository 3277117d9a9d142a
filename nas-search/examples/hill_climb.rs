//! A strategy, a space and an evaluator of one's own, on the loop that every search runs in.
//!
//! The space is a chain of four convolutions, each with a kernel size and a width. The evaluator builds no network: it
//! looks how near the graph comes to 50,000 parameters. The strategy climbs: it changes one choice of the best so far.
//!
//! Run it with `cargo run --release -p nas-search --example hill_climb`.
#![allow(clippy::print_stdout, reason = "an example talks to the terminal")]

use std::ops::Range;
use std::sync::Arc;

use nas_search::{
    Budget, Evaluator, Event, Failure, InProcess, Job, Measurement, Progress, Proposal, SearchError, Settings,
    Strategy, Study, StudyInfo, Trial, check_state, proposal_seed, random_proposal, run,
};
use nas_space::{
    Architecture, Chooses, Decision, GraphBuilder, Layer, NetworkConfig, NetworkGraph, SearchSpace, Seed, SpaceError,
    Window,
};
use serde_json::{Value, json};

/// Stages of the chain.
const STAGES: usize = 4;
const KERNELS: [usize; 3] = [1, 3, 5];
const WIDTHS: [usize; 4] = [8, 16, 24, 32];
/// The parameters that a network should have.
const TARGET: u64 = 50_000;

/// The space: the decisions, and how they become a graph of layers.
struct Chain(Vec<Decision>);

impl Chain {
    fn new() -> Self {
        let decision = |stage: usize, what: &str, options: &[usize]| Decision {
            name: format!("stage{stage}.{what}"),
            group: format!("stage{stage}"),
            chooses: Chooses::Value,
            options: options.iter().map(usize::to_string).collect(),
        };
        Self((0..STAGES).flat_map(|s| [decision(s, "kernel", &KERNELS), decision(s, "width", &WIDTHS)]).collect())
    }
}

impl SearchSpace for Chain {
    fn name(&self) -> &str {
        "chain"
    }

    fn decisions(&self) -> &[Decision] {
        &self.0
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        let mut net = GraphBuilder::new(config.input);
        let mut x = net.input();
        for (stage, choice) in architecture.choices.chunks(2).enumerate() {
            let window = Window::same(KERNELS[choice[0]], 1, 1);
            x = net.conv(format!("stage{stage}.conv"), x, WIDTHS[choice[1]], 1, window)?;
            x = net.push(format!("stage{stage}.relu"), Layer::Relu, &[x])?;
        }
        x = net.push("pool", Layer::GlobalAveragePool, &[x])?;
        let logits = net.push("classifier", Layer::Linear { out: config.classes }, &[x])?;
        Ok(net.finish(logits, None))
    }
}

/// The evaluator: 1 for exactly the target, 0 for twice as much and more.
struct NearTarget;

impl Evaluator for NearTarget {
    fn evaluate(&mut self, job: &Job, _progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let graph = Chain::new()
            .lower(&job.architecture, &NetworkConfig::cifar(16, STAGES))
            .map_err(|error| Failure::new("error", error.to_string()))?;
        let (parameters, flops) = (graph.parameters() as u64, graph.flops());
        let loss = parameters.abs_diff(TARGET) as f64 / TARGET as f64;
        let accuracy = (1.0 - loss).max(0.0);
        Ok(Measurement { accuracy, loss, parameters, flops, epochs: 0, latency: None, extra: Value::Null })
    }
}

/// The strategy: one random change of the best so far. A trial that is no better teaches it nothing.
struct HillClimb {
    space: Arc<dyn SearchSpace>,
    seed: Seed,
    /// The number, the architecture and the accuracy of the best.
    best: Option<(u64, Architecture, f64)>,
}

impl Strategy for HillClimb {
    fn name(&self) -> &str {
        "hill_climb"
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        let propose = |number| match &self.best {
            None => (random_proposal(self.space.as_ref(), self.seed, number), None),
            // A stream of the trial's own: asked again after a crash, the answer is the same.
            Some((parent, best, _)) => {
                (self.space.mutate(best, &mut proposal_seed(self.seed, number).rng()), Some(*parent))
            }
        };
        let proposals = numbers.map(propose);
        Ok(proposals.map(|(architecture, parent)| Proposal { parent, ..Proposal::new(architecture) }).collect())
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        for trial in trials {
            // A failed trial has no measurement.
            let Some(accuracy) = trial.measurement.as_ref().map(|m| m.accuracy) else { continue };
            if self.best.as_ref().is_none_or(|(_, _, best)| accuracy > *best) {
                self.best = Some((trial.number, trial.proposal.architecture.clone(), accuracy));
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        Ok(json!({ "strategy": self.name(), "version": 1, "best": self.best }))
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        check_state(self.name(), 1, state)?;
        self.best = serde_json::from_value(state["best"].clone()).map_err(|error| SearchError::StrategyState {
            strategy: self.name().to_owned(),
            reason: format!("`best` is not what it saves: {error}"),
        })?;
        Ok(())
    }
}

/// Climbs for some trials and returns the best.
fn climb(seed: u64, trials: u64) -> Result<Option<Trial>, SearchError> {
    let space: Arc<dyn SearchSpace> = Arc::new(Chain::new());
    let info = StudyInfo {
        seed,
        space: space.name().to_owned(),
        lag: StudyInfo::DEFAULT_LAG,
        config: String::new(),
        program: "hill_climb".to_owned(),
    };
    let study = Study::in_memory(&info)?;
    let mut strategy = HillClimb { space: space.clone(), seed: Seed::new(seed), best: None };
    let settings = Settings::new("hill_climb", Budget::trials(trials), "trials");
    let mut executor = InProcess::new(NearTarget);
    Ok(run(&study, space.as_ref(), &mut strategy, &mut executor, &settings, &mut |_: &Event| {})?.best)
}

fn main() -> Result<(), SearchError> {
    let space = Chain::new();
    for trials in [1, 10, 100] {
        if let Some(best) = climb(7, trials)? {
            let parameters = best.measurement.as_ref().map_or(0, |m| m.parameters);
            let text = space.text(&best.proposal.architecture);
            println!("after {trials:>3} trials: {parameters:>6} parameters, {text}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn climbing_comes_nearer_and_repeats_itself() {
        let best = |trials| {
            let trial = climb(7, trials).expect("nothing here can fail").expect("at least one trial is complete");
            (trial.measurement.expect("a complete trial has one").accuracy, trial.proposal)
        };
        assert!(best(1).0 < best(100).0 && best(100).0 > 0.9, "{:?} {:?}", best(1), best(100));
        assert_eq!(best(50), best(50));
    }
}
