//! The arms of a search: the strategy under test, then random search at the same budget.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nas_evolution::{EvolutionConfig, RegularizedEvolution};
use nas_search::{Budget, Executor, InProcess, Outcome, RandomSearch, Settings, StopReason, Strategy, Study, Workers};
use nas_space::{SearchSpace, Seed};

use super::listener::ArmListener;
use super::results::Searched;
use super::{Run, TimePlan};
use crate::exit::failure;
use crate::recipe;
use crate::units::parse_seconds;

/// The name of the baseline's arm.
pub const RANDOM: &str = "random";

/// The key under which a study keeps the seconds that the random arm was charged for trials it took over.
pub const SHARED_SECONDS: &str = "nas/shared_seconds";

/// Runs the arms, or what is left of them.
///
/// # Errors
/// What the loop refuses; that no trial succeeded; or an interruption.
pub fn search(run: &Run, study: &Study, time: Option<&TimePlan>) -> anyhow::Result<Searched> {
    let config = &run.config;
    let budget =
        Budget { trials: config.search.trials, epochs: config.search.epochs, seconds: time.map(|t| t.first_arm) };
    let first = arm(run, study, &config.search.strategy, budget)?;
    let random = if config.search.baseline && config.search.strategy != RANDOM {
        let spent = first.trials.len() as u64;
        if study.trials(RANDOM)?.is_empty() {
            study.import(&config.search.strategy, RANDOM, (config.search.population as u64).min(spent))?;
            study.set(SHARED_SECONDS, &study.seconds_used(RANDOM)?.to_string())?;
        }
        let shared: f64 = study.get(SHARED_SECONDS)?.and_then(|s| s.parse().ok()).unwrap_or(0.0);
        // As many trials; under a budget in time also no more than is left of the search's.
        let seconds = time.map(|t| (t.search - first.seconds).max(1.0) + shared);
        Some(arm(run, study, RANDOM, Budget { trials: Some(spent), seconds, epochs: None })?)
    } else {
        None
    };
    let winner = first.best.clone().ok_or_else(|| {
        failure(format!(
            "no trial of `{}` succeeded, so there is nothing to train; {} lists the reasons",
            config.search.strategy,
            study.path().display()
        ))
    })?;
    Ok(Searched { first, random, winner })
}

fn arm(run: &Run, study: &Study, name: &str, budget: Budget) -> anyhow::Result<Outcome> {
    let config = &run.config;
    let space = recipe::space(&config.space.name)?;
    let mut strategy = strategy(run, name, &space)?;
    let mut executor = executor(run, study)?;
    let settings = Settings {
        epochs_per_trial: Some(config.trial.epochs as u64),
        stop: Arc::clone(&run.stop),
        ..Settings::new(name, budget, run.folder.trials())
    };
    let mut listener = ArmListener::new(run.out, budget, study.seconds_used(name)?);
    let outcome =
        nas_search::run(study, space.as_ref(), strategy.as_mut(), executor.as_mut(), &settings, &mut listener);
    listener.finish();
    let outcome = outcome?;
    if outcome.reason == StopReason::Interrupted {
        return Err(run.interrupted());
    }
    Ok(outcome)
}

/// A fresh strategy. Both arms share their seed, and so the random beginning of an evolution.
fn strategy(run: &Run, name: &str, space: &Arc<dyn SearchSpace>) -> anyhow::Result<Box<dyn Strategy>> {
    let seed = Seed::new(run.config.seed).child("strategy");
    if name == RANDOM {
        return Ok(Box::new(RandomSearch::new(Arc::clone(space), seed)));
    }
    let (population, sample) = (run.config.search.population, run.config.search.sample);
    let sizes = EvolutionConfig { population, sample, ..EvolutionConfig::PAPER };
    Ok(Box::new(RegularizedEvolution::new(Arc::clone(space), sizes, seed)?))
}

fn executor(run: &Run, study: &Study) -> anyhow::Result<Box<dyn Executor>> {
    let config = &run.config;
    let limit = config.search.trial_timeout.as_deref().map(parse_seconds).transpose().map_err(crate::exit::usage)?;
    let limit = limit.map(Duration::from_secs_f64);
    if config.run.in_process {
        let evaluator = recipe::evaluator(config, &run.data, run.device.clone())?;
        return Ok(Box::new(InProcess::new(evaluator).time_limit(limit)));
    }
    let program =
        std::env::current_exe().map_err(|e| failure(format!("cannot find the program of the workers: {e}")))?;
    let (study, threads, device) = (study.path().to_owned(), config.run.threads.to_string(), config.run.device.clone());
    let workers = Workers::new(config.run.jobs, move |job| {
        let mut command = Command::new(&program);
        command.arg("trial").arg(&study).arg(job.id.to_string());
        command.args(["--threads", &threads, "--device", &device]);
        command
    });
    Ok(Box::new(workers.time_limit(limit)))
}
