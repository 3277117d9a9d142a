//! The one loop that every search runs in.
//!
//! It is a pipeline with a fixed lag: the proposal for trial `n` is asked for when exactly the trials `0..n - lag` have
//! been told, in order. Workers may finish in any order and any number of them may run: what is proposed, and so the
//! whole study, is the same. Whatever is needed to go on lies in the study, so that a resumed search is this same
//! function called again with a fresh strategy.

mod in_memory;
mod pipeline;
mod settings;
mod spending;
mod twins;

use std::time::Duration;

use nas_space::{SearchSpace, SpaceError};

use crate::executor::{Ending, Finished};
use crate::{Event, Executor, Failure, Listener, Proposal, SearchError, Strategy, Study, TrialState};
pub use in_memory::run_in_memory;
use pipeline::{Next, Pipeline};
pub use settings::{Clock, Outcome, Settings, StopReason};

/// After how many trials that all failed, most of them because they cost more than they may, the search stops. More than
/// [`Settings::give_up_after`]: what is measured only when a trial begins, a latency, may take luck to keep to.
const NOTHING_WITHIN: u64 = 100;

/// How often the loop looks whether it should stop while nothing happens.
const GLANCE: Duration = Duration::from_millis(100);

/// Runs one arm of a study until its budget is used up, or on from where it was stopped.
///
/// The strategy must be fresh: what the study knows of it is loaded and told here. The listener gets every event.
/// Trials that fail count against the budget. When the time runs out, trials that run are finished.
///
/// # Errors
/// A budget or a proposal that is impossible, [`SearchError::EveryTrialFailed`], and what the study, the strategy and
/// the executor refuse. The study is then as good to resume as after a kill.
pub fn run(
    study: &Study,
    space: &dyn SearchSpace,
    strategy: &mut dyn Strategy,
    executor: &mut dyn Executor,
    settings: &Settings,
    listener: &mut dyn Listener,
) -> Result<Outcome, SearchError> {
    settings.budget.check()?;
    study.claim()?;
    let mut pipeline = Pipeline::resume(study, space, strategy, settings)?;
    let finished = pipeline.trials.iter().filter(|t| t.state.is_over()).count() as u64;
    listener.on_event(&Event::ArmStarted { arm: settings.arm.clone(), trials: settings.budget.trials, finished });
    pipeline.warn_of_idle_workers(executor.capacity(), listener);
    let result = drive(&mut pipeline, executor, listener);
    // However it ended: nothing goes on running, and nothing that was learned is lost.
    executor.cancel();
    let put_back = pipeline.put_back();
    let reason = result?;
    put_back?;
    let outcome = pipeline.finish(reason)?;
    listener.on_event(&Event::ArmFinished { arm: settings.arm.clone(), reason: reason.to_string() });
    Ok(outcome)
}

/// Hands out trials and takes results until there is a reason to stop.
fn drive(
    pipeline: &mut Pipeline<'_>,
    executor: &mut dyn Executor,
    listener: &mut dyn Listener,
) -> Result<StopReason, SearchError> {
    let mut out = 0;
    let (mut failures, mut over_limit) = (0, 0);
    let mut any_good = false;
    loop {
        let mut ended = None;
        while out < executor.capacity().max(1) && !pipeline.settings.stopped() {
            match pipeline.next_job(listener)? {
                Next::Job(job) => {
                    listener.on_event(&Event::TrialStarted { trial: job.id });
                    executor.submit(job)?;
                    out += 1;
                }
                Next::Nothing => break,
                Next::End(reason) => {
                    ended = Some(reason);
                    break;
                }
            }
        }
        if pipeline.settings.stopped() {
            return Ok(StopReason::Interrupted);
        }
        if let Some(reason) = ended
            && out == 0
        {
            return Ok(reason);
        }
        let stop = &pipeline.settings.stop;
        let mut observer = |event: &Event| {
            listener.on_event(event);
            !stop.load(std::sync::atomic::Ordering::Relaxed)
        };
        let Some(finished) = executor.next(GLANCE, &mut observer)? else {
            pipeline.note_seconds(false)?;
            continue;
        };
        out -= 1;
        let trial = pipeline.record(finished)?;
        if !trial.state.is_over() {
            continue;
        }
        any_good |= trial.state != TrialState::Failed;
        let failure = trial.failure.clone();
        match &failure {
            Some(failure) if failure.is_over_limit() => over_limit += 1,
            Some(_) => failures += 1,
            None => {}
        }
        listener.on_event(&Event::TrialFinished { trial: Box::new(trial) });
        if !any_good && (failures >= pipeline.settings.give_up_after.max(1) || over_limit >= NOTHING_WITHIN) {
            return Err(every_trial_failed(failures + over_limit, failure));
        }
    }
}

/// What a strategy proposes.
struct Asked {
    proposal: Proposal,
    /// Where it costs more than it may: it is a failed trial then, which nobody needs to run.
    over_limit: Option<Failure>,
}

/// The strategy's proposal, checked; `None` if it has no more.
fn ask(space: &dyn SearchSpace, strategy: &mut dyn Strategy, number: u64) -> Result<Option<Asked>, SearchError> {
    let proposal = match strategy.ask(number..number + 1) {
        Ok(proposals) => proposals.into_iter().next(),
        Err(SearchError::Exhausted { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(proposal) = proposal else { return Ok(None) };
    let over_limit = match space.check(&proposal.architecture) {
        Ok(()) => None,
        Err(over @ SpaceError::OverLimit { .. }) => Some(Failure::new(Failure::OVER_LIMIT, over.to_string())),
        Err(source) => {
            return Err(SearchError::BadProposal { strategy: strategy.name().to_owned(), number, source });
        }
    };
    Ok(Some(Asked { proposal, over_limit }))
}

fn every_trial_failed(count: u64, failure: Option<Failure>) -> SearchError {
    let Failure { kind, reason } = failure.unwrap_or_else(|| Failure::new("error", "no reason was recorded"));
    SearchError::EveryTrialFailed { count, kind, reason }
}
