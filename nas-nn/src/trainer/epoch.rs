//! The steps of one epoch.

use std::sync::Arc;

use nas_data::{Batch, BatchPlan};

use super::evaluate::place;
use super::report::{StepReport, TrainEvent};
use super::save::save;
use super::{TrainListener, Trainer};
use crate::checkpoint::SaveClock;
use crate::optim::{Rate, clip_scale, global_norm};
use crate::schedule::Progress;
use crate::{Mode, NnError};

/// Runs the steps of the epoch that are left. Returns `false` if the listener stopped them; then all is saved.
pub(super) fn steps(
    trainer: &mut Trainer,
    clock: &mut SaveClock<'_>,
    listener: &mut TrainListener<'_>,
) -> Result<bool, NnError> {
    let steps = steps_per_epoch(trainer);
    let plan = batches(trainer);
    if plan.skip >= steps {
        return Ok(true);
    }
    for batch in plan.spawn()? {
        let report = step(trainer, &batch?, steps)?;
        let go_on = listener(&TrainEvent::Step(report));
        // The last step is saved with the epoch's end, unless there will be none.
        if !go_on || (clock.is_due() && report.step < steps) {
            save(clock, trainer)?;
        }
        if !go_on {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Steps of a whole epoch.
pub(super) fn steps_per_epoch(trainer: &Trainer) -> usize {
    batches(trainer).batches_per_epoch()
}

/// The batches of the current epoch that are left.
fn batches(trainer: &Trainer) -> BatchPlan {
    let Trainer { network, data, config, seed, standing, .. } = trainer;
    let (dtype, device) = place(network);
    let augment = config.augment.active();
    let plan = BatchPlan::train(
        Arc::clone(&data.images),
        Arc::clone(&data.train),
        config.batch_size,
        data.normalization.clone(),
        seed.child("batches"),
        standing.epoch as u64,
    );
    BatchPlan { augment, skip: standing.step, dtype, device, ..plan }
}

/// One step: forward, backward, update, and what became of it.
fn step(trainer: &mut Trainer, batch: &Batch, steps: usize) -> Result<StepReport, NnError> {
    let Trainer { network, config, seed, optimizer, standing, .. } = trainer;
    let (epoch, step) = (standing.epoch, standing.step);
    let finite = |what, value: f64| match value.is_finite() {
        true => Ok(()),
        false => Err(NnError::NotFinite { what, value, epoch: epoch + 1, step: step + 1 }),
    };
    let mode = Mode::Train {
        drop_path: config.drop_path * standing.plan.fraction(epoch as f64),
        seed: seed.child("drop_path").index(epoch as u64).index(step as u64),
    };
    let outcome = network.step(&batch.images, &batch.labels, &config.step_config(), mode)?;
    finite("loss", outcome.loss)?;
    let learning_rate = config.schedule().at(Progress {
        fraction: standing.plan.fraction(epoch as f64 + step as f64 / steps as f64),
        step: (epoch * steps + step) as u64,
        steps_per_epoch: steps as u64,
    });
    let mut rate = Rate::new(learning_rate);
    if config.clip_norm > 0.0 {
        let norm = global_norm(&outcome.gradients)?;
        finite("gradient's norm", norm)?;
        rate.scale = clip_scale(norm, config.clip_norm);
    }
    optimizer.step(network.parameters(), &outcome.gradients, rate)?;
    standing.count(outcome.loss, outcome.correct, batch.count, learning_rate);
    Ok(StepReport {
        epoch: epoch + 1,
        epochs: standing.plan.epochs(),
        step: standing.step,
        steps,
        loss: standing.mean_loss(),
        accuracy: standing.accuracy(),
        learning_rate,
    })
}
