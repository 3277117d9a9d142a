//! The arms of a search: the strategy under test, then random search at the same budget.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nas_oneshot::Found;
use nas_search::{
    Budget, Event, Executor, InProcess, Listener, Outcome, Settings, StopReason, Strategy, Study, Trial, WarmStart,
    Workers, random_proposal,
};

use super::hypernet::{self, Generated};
use super::listener::ArmListener;
use super::results::Searched;
use super::supernet::{self, Supernet};
use super::{Run, TimePlan, time, warm_start};
use crate::config::Config;
use crate::exit::failure;
use crate::hypernet::Hypernet;
use crate::oneshot::{self, OneShot};
use crate::recipe;
use crate::strategies::RANDOM;
use crate::tensorboard::ArmSeries;
use crate::units::parse_seconds;

/// Runs the arms, or what is left of them.
///
/// # Errors
/// What the loop refuses; that no trial succeeded; or an interruption.
pub fn search(run: &Run, study: &Study, time: Option<&TimePlan>) -> anyhow::Result<Searched> {
    let config = &run.config;
    let budget =
        Budget { trials: config.search.trials, epochs: config.search.epochs, seconds: time.map(|t| t.first_arm) };
    let name = config.search.strategy_name();
    let one_shot = OneShot::of(&config.search)?;
    let found = one_shot.as_ref().map(|asked| supernet::search(run, study, asked, time)).transpose()?;
    let hypernet = Hypernet::asked(&config.search.strategy)?;
    let generated = hypernet.as_ref().map(|asked| hypernet::search(run, study, asked, time)).transpose()?;
    let beside = one_shot.as_ref().and_then(OneShot::random);
    let few = beside.or(hypernet.as_ref().map(|asked| asked.random));
    let has_random = config.search.baseline && name != RANDOM && few != Some(0);
    let first = match (&found, &generated) {
        (_, Some(generated)) => {
            let best = generated.report.best.clone();
            let arms = if has_random { 2.0 } else { 1.0 };
            let seconds = time.map(|t| t.left_for_trials(generated.seconds) / arms);
            let budget = Budget { seconds, ..Budget::trials(best.len() as u64) };
            arm_of(run, study, name, &mut Found::new(name, best), budget)?
        }
        (Some(found), None) if beside.is_some() => {
            let mut strategy = Found::new(name, found.report.found());
            arm_of(run, study, name, &mut strategy, Budget::trials(1))?
        }
        _ => {
            let warm = warm_start::begin(run, study)?;
            let left = |seconds: f64| (seconds - warm.as_ref().map_or(0.0, |warm| warm.seconds)).max(1.0);
            let budget = Budget { seconds: budget.seconds.map(left), ..budget };
            let mut strategy = strategy(run, &config.search.strategy)?;
            if let Some(warm) = warm {
                strategy = Box::new(WarmStart::new(strategy, warm.first));
            }
            arm_of(run, study, name, strategy.as_mut(), budget)?
        }
    };
    let random = if has_random {
        if study.trials(RANDOM)?.is_empty() {
            study.import(name, RANDOM, random_beginning(run, &first.trials)?)?;
        }
        let shared = study.seconds_shared(RANDOM)?;
        if let Some(few) = few {
            // They are few, and trained like those found.
            let phase = found.as_ref().map(|f| f.seconds).or(generated.as_ref().map(|g| g.seconds)).unwrap_or(0.0);
            let seconds = time.map(|t| t.left_for_trials(phase + first.seconds));
            let random = random_arm(run, study, Budget { seconds, ..Budget::trials(few) })?;
            return finish(study, name, first, Some(random), found, generated);
        }
        // As much training; under a budget in time also no more than is left of the search's.
        let before =
            first.seconds + warm_start::seconds_used(study)? + found.as_ref().map_or(0.0, |found| found.seconds);
        let seconds = time.map(|t| (t.search - before).max(1.0) + shared);
        Some(random_arm(run, study, Budget { seconds, ..equal_budget(config, &first.trials) })?)
    } else {
        None
    };
    finish(study, name, first, random, found, generated)
}

/// Names the winner.
fn finish(
    study: &Study,
    name: &str,
    first: Outcome,
    random: Option<Outcome>,
    supernet: Option<Supernet>,
    hypernet: Option<Generated>,
) -> anyhow::Result<Searched> {
    let winner = first.best.clone().ok_or_else(|| {
        failure(format!(
            "no trial of `{}` succeeded, so there is nothing to train; {} lists the reasons",
            name,
            study.path().display()
        ))
    })?;
    let (warm_start, seconds) = (warm_start::known(study)?, time::search_seconds(study, name)?);
    Ok(Searched { first, random, winner, supernet, hypernet, warm_start, seconds })
}

/// How many trials at the beginning of an arm are those of random search, which can then take them over.
fn random_beginning(run: &Run, trials: &[Trial]) -> anyhow::Result<u64> {
    let (space, seed) = (run.space()?, recipe::strategy_seed(&run.config));
    let is_random = |t: &&Trial| {
        let proposal = &t.proposal;
        proposal.epochs.is_none() && proposal.architecture == random_proposal(space.as_ref(), seed, t.number)
    };
    Ok(trials.iter().take_while(is_random).count() as u64)
}

/// The budget that is fair to random search: as many trials, or where they were of different lengths as many epochs.
fn equal_budget(config: &Config, trials: &[Trial]) -> Budget {
    if trials.iter().all(|t| t.proposal.epochs.is_none()) {
        return Budget::trials(trials.len() as u64);
    }
    let epochs = trials.iter().filter_map(|t| t.measurement.as_ref()).map(|m| m.epochs).sum::<u64>();
    Budget::epochs(epochs.max(config.trial.epochs as u64))
}

/// A fresh strategy, asked for with or without settings.
fn strategy(run: &Run, method: &str) -> anyhow::Result<Box<dyn Strategy>> {
    let (method, task) = recipe::method(&run.config, method, &run.space()?)?;
    method.make(&task)
}

/// Runs the arm of random search.
fn random_arm(run: &Run, study: &Study, budget: Budget) -> anyhow::Result<Outcome> {
    arm_of(run, study, RANDOM, strategy(run, RANDOM)?.as_mut(), budget)
}

/// Runs the arm of a strategy.
fn arm_of(
    run: &Run,
    study: &Study,
    name: &str,
    strategy: &mut dyn Strategy,
    budget: Budget,
) -> anyhow::Result<Outcome> {
    let config = &run.config;
    let space = run.space()?;
    let mut executor = executor(run, study)?;
    let settings = Settings {
        epochs_per_trial: Some(config.trial.epochs as u64),
        stop: Arc::clone(&run.stop),
        ..Settings::new(name, budget, run.folder.trials())
    };
    let mut shown = ArmListener::new(run.out, budget, study.seconds_used(name)?);
    let mut board = ArmSeries::open(&run.board(), name, study.trials(name)?);
    let mut listener = |event: &Event| {
        shown.on_event(event);
        board.on_event(event);
    };
    let outcome = nas_search::run(study, space.as_ref(), strategy, executor.as_mut(), &settings, &mut listener);
    shown.finish();
    let outcome = outcome?;
    if outcome.reason == StopReason::Interrupted {
        return Err(run.interrupted());
    }
    Ok(outcome)
}

fn executor(run: &Run, study: &Study) -> anyhow::Result<Box<dyn Executor>> {
    let config = &run.config;
    let limit = config.search.trial_timeout.as_deref().map(parse_seconds).transpose().map_err(crate::exit::usage)?;
    let limit = limit.map(Duration::from_secs_f64);
    if let Some(OneShot::Shared(asked)) = OneShot::of(&config.search)? {
        // A process of its own would take longer to start than a trial takes.
        let evaluator = oneshot::evaluator(config, &run.data, &asked, &run.folder.shared_weights())?;
        let evaluator = recipe::with_latency(config, &run.data, run.device.clone(), Box::new(evaluator))?;
        return Ok(Box::new(InProcess::new(evaluator).time_limit(limit)));
    }
    if config.run.in_process || crate::warm_start::evaluator(&config.search.evaluator)?.is_some() {
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
