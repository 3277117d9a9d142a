//! Twins: trials whose network is equal to one that was measured, for equally many epochs, take that measurement over.

use nas_space::SearchSpace;

use super::spending::{is_over_limit, is_twin};
use crate::trial::with_extra;
use crate::{Measurement, Proposal, Trial};

/// After how many trials in a row that cost nothing, twins or over a limit, a strategy counts as exhausted where no budget
/// in trials ends it: neither epochs nor seconds would end the search of a small space.
const NOTHING_NEW: usize = 1000;

/// What equal measurements have in common: the network, and how long it is to be trained.
pub(super) type NetworkKey = (String, Option<u64>);

/// The key of what a proposal asks to be measured.
pub(super) fn network_key(space: &dyn SearchSpace, proposal: &Proposal) -> NetworkKey {
    (space.canonical(&proposal.architecture), proposal.epochs)
}

/// The measurement of the trial numbered `first`, as its twin gets it: for no epochs of its own.
pub(super) fn taken_over(measurement: &Measurement, first: usize) -> Measurement {
    let mut measurement = measurement.clone();
    measurement.epochs = 0;
    if let Some(extra) = measurement.extra.as_object_mut() {
        extra.shift_remove("shared_with");
    }
    measurement.extra = with_extra(&measurement.extra, "twin_of", first as u64);
    measurement
}

/// Whether the last trials all cost nothing, so many of them that nothing new will come.
pub(super) fn nothing_new(trials: &[Trial]) -> bool {
    let cost_nothing = |trial: &Trial| is_twin(trial) || is_over_limit(trial);
    trials.len() >= NOTHING_NEW && trials[trials.len() - NOTHING_NEW..].iter().all(cost_nothing)
}
