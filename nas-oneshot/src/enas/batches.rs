//! The batches of a search: the weights' part of the images once an epoch, and random ones of the other part.

use std::sync::Arc;

use nas_data::BatchPlan;

use super::EnasSearch;
use crate::data::draw;

/// The batches of the epoch under way that the weights have yet to learn from.
pub(super) fn training(search: &EnasSearch) -> BatchPlan {
    let EnasSearch { data, config, seed, standing, weights, .. } = search;
    let plan = BatchPlan::train(
        Arc::clone(&data.images),
        Arc::clone(&data.weights),
        config.batch_size,
        data.normalization.clone(),
        seed.child("training"),
        standing.epoch as u64,
    );
    BatchPlan { augment: config.augment.active(), skip: standing.step, dtype: weights.dtype(), ..plan }
}

/// The batches of the epoch under way that architectures are worth their accuracy on: one for each, drawn afresh from the
/// whole part, without repeats inside a batch.
pub(super) fn rewards(search: &EnasSearch) -> BatchPlan {
    let count = batch_size(search);
    let draws = search.seed.child("rewards").index(search.standing.epoch as u64);
    let samples = 0..search.config.samples as u64;
    let numbers = samples.flat_map(|sample| draw(&search.data.architecture, count, draws.index(sample))).collect();
    BatchPlan { skip: search.standing.sample, ..of(search, numbers) }
}

/// The one batch on which architectures are looked at when an epoch ends.
pub(super) fn looked_at(search: &EnasSearch) -> BatchPlan {
    let seed = search.seed.child("drawn").index(search.standing.epoch as u64);
    of(search, draw(&search.data.architecture, batch_size(search), seed))
}

/// The images that candidates are compared on.
pub(super) fn candidates(search: &EnasSearch) -> Vec<u32> {
    let all = search.data.architecture.len();
    let count = match search.config.candidate_images {
        0 => all,
        count => count.min(all),
    };
    draw(&search.data.architecture, count, search.seed.child("candidates"))
}

/// Images of a validation batch.
fn batch_size(search: &EnasSearch) -> usize {
    search.config.batch_size.min(search.data.architecture.len())
}

fn of(search: &EnasSearch, numbers: Vec<u32>) -> BatchPlan {
    let EnasSearch { data, weights, .. } = search;
    let (images, normalization) = (Arc::clone(&data.images), data.normalization.clone());
    let plan = BatchPlan::evaluate(images, Arc::new(numbers), batch_size(search), normalization);
    BatchPlan { dtype: weights.dtype(), ..plan }
}
