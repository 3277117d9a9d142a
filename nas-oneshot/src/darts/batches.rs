//! The batches of a search: the training half once an epoch, and beside each of its batches a random one of the other half.

use std::sync::Arc;

use nas_data::{Augment, BatchPlan};
use nas_space::Seed;
use rand::RngExt;

use super::DartsSearch;

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
    BatchPlan { augment: augment(search), skip: standing.step, dtype: supernet.dtype(), ..plan }
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
        augment: augment(search),
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

fn augment(search: &DartsSearch) -> Option<Augment> {
    Some(search.config.augment).filter(|augment| *augment != Augment::default())
}

/// So many of some numbers, in random order.
fn draw(from: &[u32], count: usize, seed: Seed) -> Vec<u32> {
    let (mut pool, mut rng) = (from.to_vec(), seed.rng());
    for place in 0..count {
        let other = rng.random_range(place..pool.len());
        pool.swap(place, other);
    }
    pool.truncate(count);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_has_no_repeats_and_reaches_everything() {
        let from: Vec<u32> = (10..20).collect();
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..50 {
            let mut drawn = draw(&from, 4, Seed::new(3).index(step));
            seen.extend(drawn.iter().copied());
            drawn.sort_unstable();
            drawn.dedup();
            assert!(drawn.len() == 4 && drawn.iter().all(|n| from.contains(n)));
        }
        assert_eq!(seen.len(), 10);
        assert_eq!(draw(&from, 4, Seed::new(3)), draw(&from, 4, Seed::new(3)));
    }
}
