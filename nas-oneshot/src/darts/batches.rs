//! The batches of a search: the training half once an epoch, and beside each of its batches a random one of the other half.

use std::sync::Arc;

use nas_data::BatchPlan;

use super::DartsSearch;
use crate::data::draw;

/// The batches of the epoch under way that the weights have yet to learn from.
pub(super) fn training(search: &DartsSearch) -> BatchPlan {
    let DartsSearch { supernet, data, config, seed, standing, .. } = search;
    let plan = BatchPlan::train(
        Arc::clone(&data.images),
        Arc::clone(&data.weights),
        config.batch_size,
        data.normalization.clone(),
        seed.child("training"),
        standing.epoch as u64,
    );
    BatchPlan { augment: config.augment.active(), skip: standing.step, dtype: supernet.dtype(), ..plan }
}

/// The batches of the epoch under way that the architecture has yet to learn from: one a step, each drawn afresh from the
/// whole half, without repeats inside a batch.
pub(super) fn validation(search: &DartsSearch) -> BatchPlan {
    let DartsSearch { supernet, data, config, seed, standing, .. } = search;
    let seed = seed.child("validation");
    let count = config.batch_size.min(data.architecture.len());
    let steps = search.steps_per_epoch();
    let draws = seed.index(standing.epoch as u64);
    let numbers = (0..steps as u64).flat_map(|step| draw(&data.architecture, count, draws.index(step))).collect();
    let plan = BatchPlan::evaluate(Arc::clone(&data.images), Arc::new(numbers), count, data.normalization.clone());
    BatchPlan {
        augment: config.augment.active(),
        seed,
        epoch: standing.epoch as u64,
        skip: standing.step,
        dtype: supernet.dtype(),
        ..plan
    }
}

/// The one batch on which curvature is measured, the same throughout the search and as it is.
pub(super) fn watched(search: &DartsSearch) -> BatchPlan {
    let DartsSearch { supernet, data, config, seed, .. } = search;
    let count = config.batch_size.min(data.architecture.len());
    let numbers = Arc::new(draw(&data.architecture, count, seed.child("curvature")));
    let plan = BatchPlan::evaluate(Arc::clone(&data.images), numbers, count, data.normalization.clone());
    BatchPlan { dtype: supernet.dtype(), ..plan }
}
