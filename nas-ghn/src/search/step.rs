//! The steps of an epoch: new architectures, their generated weights, and the loss's way back through them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::DType;
use nas_data::{Batch, BatchPlan};
use nas_nn::checkpoint::SaveClock;
use nas_nn::optim::{Rate, clip_scale, global_norm};
use nas_nn::trainer::Timekeeper;
use nas_nn::{Mode, StepConfig};
use nas_search::{Event, Listener};

use super::GhnSearch;
use super::save::save;
use crate::{GhnError, Gradients};

/// Plain cross-entropy.
const LOSS: StepConfig = StepConfig::CROSS_ENTROPY;

/// The batches of the epoch under way that are yet to be learned from.
pub(super) fn batches(search: &GhnSearch) -> BatchPlan {
    let GhnSearch { data, config, seed, standing, .. } = search;
    let plan = BatchPlan::train(
        Arc::clone(&data.images),
        Arc::clone(&data.train),
        config.batch_size,
        data.normalization.clone(),
        seed.child("training"),
        standing.epoch as u64,
    );
    BatchPlan { augment: config.augment.active(), skip: standing.step, ..plan }
}

/// Runs the steps of the epoch that are left, or one of them if it is late. Returns `false` if the search was stopped in
/// their midst; then all is saved.
pub(super) fn epoch(
    search: &mut GhnSearch,
    stop: &AtomicBool,
    time: &Timekeeper,
    clock: &mut SaveClock<'_>,
    listener: &mut dyn Listener,
) -> Result<bool, GhnError> {
    let plan = batches(search);
    let steps = plan.batches_per_epoch();
    if plan.skip >= steps {
        return Ok(true);
    }
    for batch in plan.spawn()? {
        one(search, &batch?, steps)?;
        let standing = &search.standing;
        listener.on_event(&Event::GhnStep {
            epoch: standing.epoch as u64 + 1,
            epochs: search.plan().epochs() as u64,
            step: standing.step as u64,
            steps: steps as u64,
            train_loss: standing.tally.loss(),
        });
        let stopped = stop.load(Ordering::Relaxed);
        // The last step is saved with the epoch's end, unless there will be none.
        if stopped || (clock.is_due() && search.standing.step < steps) {
            save(clock, search)?;
        }
        if stopped {
            return Ok(false);
        }
        if time.ends_learning() {
            break;
        }
    }
    Ok(true)
}

/// One step: the mean gradient over the architectures drawn.
fn one(search: &mut GhnSearch, batch: &Batch, steps: usize) -> Result<(), GhnError> {
    let (epoch, step, count) = (search.standing.epoch, search.standing.step, search.config.meta_batch);
    let finite = |what, value: f64| match value.is_finite() {
        true => Ok(()),
        false => Err(GhnError::NotFinite { what, value, epoch: epoch + 1, step: step + 1 }),
    };
    let draws = search.seed.child("architectures").index(epoch as u64).index(step as u64);
    let mut plans = Vec::with_capacity(count);
    for number in 0..count as u64 {
        let graph = search.learned_from(draws.index(number))?;
        plans.push(search.ghn.plan(graph)?);
    }
    let mut sum = Gradients::default();
    for (plan, generated) in plans.iter().zip(search.ghn.generate_all(&plans)) {
        let mut network = plan.network(&generated, DType::F32)?;
        let outcome = network.step(&batch.images, &batch.labels, &LOSS, Mode::BatchStatistics)?;
        finite("training loss", outcome.loss)?;
        let gradients = search.ghn.pull_back(plan, &generated, &plan.values(&outcome.gradients)?);
        sum.add(&gradients, 1.0 / count as f64);
        search.standing.tally.add(outcome.loss, outcome.correct, batch.count);
    }
    let (gradients, ids) = search.ghn.as_tensors(&sum)?;
    let mut rate = Rate::new(search.learning_rate(step, steps));
    let norm = global_norm(&gradients)?;
    finite("gradient's norm", norm)?;
    if search.config.clip_norm > 0.0 {
        rate.scale = clip_scale(norm, search.config.clip_norm);
    }
    let GhnSearch { ghn, adam, standing, .. } = search;
    ghn.step(adam, &gradients, &ids, rate)?;
    standing.step += 1;
    Ok(())
}
