//! Whether the budget has room for one trial more.
//!
//! Trials and epochs are counted over what the strategy was told when the trial is proposed, never over what happens to
//! have finished, so that the answer is the same for any number of workers. Seconds are what they are.

use super::{Settings, StopReason};
use crate::{Trial, TrialState};

/// Why there may be no proposal after the trials so far, of which the first `told` were told; `None` if there may.
pub(super) fn refusal(settings: &Settings, trials: &[Trial], told: usize, used: f64) -> Option<StopReason> {
    let budget = &settings.budget;
    if budget.trials.is_some_and(|limit| trials.len() as u64 >= limit) {
        return Some(StopReason::Trials);
    }
    if budget.epochs.is_some_and(|limit| epochs_with_one_more(settings, trials, told) > limit as f64) {
        return Some(StopReason::Epochs);
    }
    out_of_time(settings, trials, used).then_some(StopReason::Seconds)
}

/// Whether a trial that starts now would probably end too late: one is expected to take the mean of those measured. The
/// first trial is never late: a search that was cut off in its midst would else come back to nothing.
pub(super) fn out_of_time(settings: &Settings, trials: &[Trial], used: f64) -> bool {
    let Some(limit) = settings.budget.seconds else { return false };
    if trials.iter().all(|trial| trial.state == TrialState::Waiting) {
        return false;
    }
    // Twins take no time; shared trials took theirs in another arm, and are as long as ours.
    let times: Vec<f64> = trials.iter().filter_map(|t| t.seconds).filter(|s| *s > 0.0).collect();
    let mean = if times.is_empty() { 0.0 } else { times.iter().sum::<f64>() / times.len() as f64 };
    used >= limit || used + mean > limit
}

/// Epochs told of, plus those expected of the trials that are out and of the next one.
fn epochs_with_one_more(settings: &Settings, trials: &[Trial], told: usize) -> f64 {
    let measured: Vec<u64> = trials[..told].iter().filter_map(epochs).filter(|e| *e > 0).collect();
    let mean = match settings.epochs_per_trial {
        Some(each) => each as f64,
        None if measured.is_empty() => 1.0,
        None => measured.iter().sum::<u64>() as f64 / measured.len() as f64,
    };
    // A twin, and what is over a limit, are known from the beginning; another failed trial spent something that was never
    // measured.
    let asked = |t: &Trial| if is_over_limit(t) { 0.0 } else { t.proposal.epochs.map_or(mean, |epochs| epochs as f64) };
    let expected = |t: &Trial| if is_twin(t) { 0.0 } else { asked(t) };
    let known: f64 = trials[..told].iter().map(|t| epochs(t).map_or(asked(t), |e| e as f64)).sum();
    known + trials[told..].iter().map(expected).sum::<f64>() + mean
}

fn epochs(trial: &Trial) -> Option<u64> {
    trial.measurement.as_ref().map(|m| m.epochs)
}

/// Whether the trial took over another one's measurement.
pub(super) fn is_twin(trial: &Trial) -> bool {
    trial.state == TrialState::Complete && trial.measurement.as_ref().is_some_and(|m| m.twin_of().is_some())
}

/// Whether the trial costs more than it may, so that it was not trained.
pub(super) fn is_over_limit(trial: &Trial) -> bool {
    trial.failure.as_ref().is_some_and(crate::Failure::is_over_limit)
}
