//! The same loop without a study: for evaluators that answer at once, where a database would cost more than the search.

use std::collections::BTreeMap;
use std::slice;

use nas_space::{SearchSpace, Seed};

use super::spending::refusal;
use super::twins::{NetworkKey, network_key, nothing_new, taken_over};
use super::{Asked, Outcome, Settings, StopReason, ask, every_trial_failed};
use crate::{Evaluator, Job, SearchError, Strategy, Trial, TrialState};

/// Runs one arm in memory, one trial after another, and keeps nothing but what it returns.
///
/// It asks, tells and ends as [`run()`](super::run()) does on a study of this seed and lag, so its trials are the same, apart
/// from the seconds. Panics are not caught, nothing is listened to, and the budget's seconds are not looked at: an
/// evaluator for which those matter belongs into a study.
///
/// # Errors
/// A budget without trials or epochs, a proposal that is impossible, [`SearchError::EveryTrialFailed`], and what the strategy refuses.
pub fn run_in_memory(
    space: &dyn SearchSpace,
    strategy: &mut dyn Strategy,
    evaluator: &mut dyn Evaluator,
    seed: u64,
    lag: u64,
    settings: &Settings,
) -> Result<Outcome, SearchError> {
    settings.budget.check()?;
    if settings.budget.trials.is_none() && settings.budget.epochs.is_none() {
        return Err(SearchError::NoBudget);
    }
    let seed = Seed::new(seed).child("trial").child(&settings.arm);
    let lag = usize::try_from(lag).unwrap_or(usize::MAX);
    let mut trials: Vec<Trial> = Vec::new();
    let mut measured: BTreeMap<NetworkKey, usize> = BTreeMap::new();
    let mut told = 0;
    let (mut any_good, mut failures) = (false, 0);
    let reason = loop {
        if settings.stopped() {
            break StopReason::Interrupted;
        }
        let number = trials.len();
        while told < number.saturating_sub(lag) {
            strategy.tell(slice::from_ref(&trials[told]))?;
            // Nobody listens here; unheard events would only pile up.
            strategy.take_events();
            if settings.reuse_twins && trials[told].state == TrialState::Complete {
                measured.entry(network_key(space, &trials[told].proposal)).or_insert(told);
            }
            told += 1;
        }
        if let Some(reason) = refusal(settings, &trials, told, 0.0) {
            break reason;
        }
        if settings.budget.trials.is_none() && nothing_new(&trials) {
            break StopReason::Exhausted;
        }
        let Some(Asked { proposal, over_limit: failure }) = ask(space, strategy, number as u64)? else {
            break StopReason::Exhausted;
        };
        let seed = seed.index(number as u64).value();
        let first = settings.reuse_twins.then(|| measured.get(&network_key(space, &proposal)).copied()).flatten();
        let twin = first.and_then(|first| Some(taken_over(trials[first].measurement.as_ref()?, first)));
        let mut trial = Trial {
            id: number as u64,
            arm: settings.arm.clone(),
            number: number as u64,
            proposal,
            state: if failure.is_some() { TrialState::Failed } else { TrialState::Complete },
            seed,
            measurement: twin,
            failure,
            seconds: None,
        };
        if trial.measurement.is_none() && trial.failure.is_none() {
            let job = Job::of(&trial, settings.folder.join(number.to_string()));
            match evaluator.evaluate(&job, &mut |_, _| true).and_then(|m| m.check().map(|()| m)) {
                Ok(measurement) => trial.measurement = Some(measurement),
                Err(failure) => (trial.state, trial.failure) = (TrialState::Failed, Some(failure)),
            }
        }
        any_good |= trial.state == TrialState::Complete;
        failures += u64::from(trial.failure.as_ref().is_some_and(|failure| !failure.is_over_limit()));
        trials.push(trial);
        if !any_good && failures >= settings.give_up_after.max(1) {
            return Err(every_trial_failed(trials.len() as u64, trials.pop().and_then(|t| t.failure)));
        }
    };
    for trial in &trials[told..] {
        strategy.tell(slice::from_ref(trial))?;
    }
    if !any_good
        && reason != StopReason::Interrupted
        && let Some(last) = trials.last()
    {
        return Err(every_trial_failed(trials.len() as u64, last.failure.clone()));
    }
    let best = strategy.best(&trials).cloned();
    Ok(Outcome { reason, trials, best, seconds: 0.0 })
}
