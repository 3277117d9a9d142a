//! The steps of an epoch: the architecture's first, then the weights'.

use std::sync::atomic::{AtomicBool, Ordering};

use nas_data::Batch;
use nas_nn::Mode;
use nas_nn::checkpoint::SaveClock;
use nas_nn::optim::{Optimizer, Rate, clip_scale, global_norm};
use nas_nn::trainer::Timekeeper;
use nas_search::{Event, Listener};
use nas_space::Seed;

use super::save::save;
use super::{DartsSearch, Order, batches, sampled};
use crate::supernet::OnBatches;
use crate::{DirichletSample, OneShotError, hypergradient};

/// Runs the steps of the epoch that are left, or one of them if it is late. Returns `false` if the search was stopped in
/// their midst; then all is saved.
pub(super) fn epoch(
    search: &mut DartsSearch,
    stop: &AtomicBool,
    time: &Timekeeper,
    clock: &mut SaveClock<'_>,
    listener: &mut dyn Listener,
) -> Result<bool, OneShotError> {
    let training = batches::training(search);
    let steps = training.batches_per_epoch();
    if training.skip >= steps {
        return Ok(true);
    }
    let validation = batches::validation(search).spawn()?;
    for (train, validation) in training.spawn()?.zip(validation) {
        match search.config.order {
            Order::Sampled => sampled::one(search, &train?, &validation?)?,
            Order::First | Order::Second | Order::Dirichlet => one(search, &train?, &validation?)?,
        }
        let standing = &search.standing;
        listener.on_event(&Event::SupernetStep {
            epoch: standing.epoch as u64 + 1,
            epochs: search.plan().epochs() as u64,
            step: standing.step as u64,
            steps: steps as u64,
            train_loss: standing.training.loss(),
            loss: standing.validation.loss(),
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
            return Ok(true);
        }
    }
    Ok(true)
}

/// One step of the architecture and one of the weights.
fn one(search: &mut DartsSearch, train: &Batch, validation: &Batch) -> Result<(), OneShotError> {
    let learning_rate = search.learning_rate();
    let DartsSearch { supernet, config, sgd, adam, standing, seed, .. } = search;
    let (epoch, step) = (standing.epoch + 1, standing.step + 1);
    let draws = seed.child("mixtures").index(epoch as u64).index(step as u64);
    let finite = |what, value: f64| match value.is_finite() {
        true => Ok(()),
        false => Err(OneShotError::NotFinite { what, value, epoch, step }),
    };
    let upper = match config.order {
        Order::First | Order::Sampled => supernet.architecture_gradients(validation)?,
        Order::Dirichlet => {
            let draw = DirichletSample::draw(&supernet.alphas, draws.child("architecture"))?;
            supernet.architecture_gradients_by(&draw, validation)?
        }
        Order::Second => hypergradient(&mut OnBatches { supernet, sgd, train, validation }, learning_rate)?,
    };
    finite("validation loss", upper.loss)?;
    finite("architecture gradient's norm", global_norm(&upper.architecture)?)?;
    // An architecture that rests is measured all the same: every epoch has a validation loss, and every step its time.
    if standing.epoch >= config.warmup_epochs {
        adam.step(&supernet.alphas.parameters, &upper.architecture, Rate::new(config.alpha_learning_rate))?;
    }

    // There is no drop-path in a supernet, so the mode's seed is never drawn from.
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(0) };
    let lower = match config.order {
        Order::Dirichlet => {
            let draw = DirichletSample::draw(&supernet.alphas, draws.child("weights"))?;
            supernet.gradients_by(&draw, train, mode)?
        }
        _ => supernet.gradients(train, mode)?,
    };
    finite("training loss", lower.loss)?;
    let mut rate = Rate::new(learning_rate);
    if config.clip_norm > 0.0 {
        let norm = global_norm(&lower.weights)?;
        finite("gradient's norm", norm)?;
        rate.scale = clip_scale(norm, config.clip_norm);
    }
    sgd.step(supernet.network.parameters(), &lower.weights, rate)?;
    standing.training.add(lower.loss, lower.correct, train.count);
    standing.validation.add(upper.loss, upper.correct, validation.count);
    standing.step += 1;
    Ok(())
}
