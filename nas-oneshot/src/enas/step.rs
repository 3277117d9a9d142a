//! The steps of an epoch: those of the shared weights, then those of the strategy.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Tensor;
use nas_data::Batch;
use nas_nn::checkpoint::SaveClock;
use nas_nn::optim::{Optimizer, Rate, clip_scale, global_norm};
use nas_nn::trainer::{Timekeeper, judge};
use nas_nn::{Mode, Network, Parameter};
use nas_search::{Event, Listener, Measurement, Trial, TrialState};
use nas_space::Seed;

use super::save::save;
use super::{EnasSearch, Idle, PATHS, batches};
use crate::OneShotError;
use crate::supernet::LOSS;

/// Runs the steps of the weights that are left in the epoch, or one of them if it is late. Returns `false` if the search was
/// stopped in their midst; then all is saved.
pub(super) fn weights(
    search: &mut EnasSearch,
    stop: &AtomicBool,
    time: &Timekeeper,
    clock: &mut SaveClock<'_>,
    listener: &mut dyn Listener,
) -> Result<bool, OneShotError> {
    let plan = batches::training(search);
    if plan.skip >= plan.batches_per_epoch() {
        return Ok(true);
    }
    for batch in plan.spawn()? {
        learn(search, &batch?)?;
        search.standing.step += 1;
        if !go_on(search, stop, clock, listener)? {
            return Ok(false);
        }
        if time.ends_learning() {
            break;
        }
    }
    Ok(true)
}

/// As [`weights`], for the architectures that the strategy learns from; if it is late, it learns from none.
pub(super) fn strategy(
    search: &mut EnasSearch,
    stop: &AtomicBool,
    time: &Timekeeper,
    clock: &mut SaveClock<'_>,
    listener: &mut dyn Listener,
) -> Result<bool, OneShotError> {
    if search.standing.sample >= search.config.samples || time.ends_learning() {
        return Ok(true);
    }
    for batch in batches::rewards(search).spawn()? {
        reward(search, &batch?, listener)?;
        search.standing.sample += 1;
        if !go_on(search, stop, clock, listener)? {
            return Ok(false);
        }
        if time.ends_learning() {
            break;
        }
    }
    Ok(true)
}

/// Tells of a step, and saves if it is time or the search is to stop.
fn go_on(
    search: &mut EnasSearch,
    stop: &AtomicBool,
    clock: &mut SaveClock<'_>,
    listener: &mut dyn Listener,
) -> Result<bool, OneShotError> {
    let (standing, steps) = (&search.standing, search.steps_per_epoch());
    let step = standing.step + standing.sample;
    listener.on_event(&Event::SupernetStep {
        epoch: standing.epoch as u64 + 1,
        epochs: search.plan().epochs() as u64,
        step: step as u64,
        steps: steps as u64,
        train_loss: standing.training.loss(),
        loss: standing.rewards.loss(),
    });
    let stopped = stop.load(Ordering::Relaxed);
    // The last step is saved with the epoch's end, unless there will be none.
    if stopped || (clock.is_due() && step < steps) {
        save(clock, search)?;
    }
    Ok(!stopped)
}

/// One step of the weights of one path.
fn learn(search: &mut EnasSearch, batch: &Batch) -> Result<(), OneShotError> {
    let (epoch, step) = (search.standing.epoch, search.standing.step);
    let steps = batches::training(search).batches_per_epoch();
    let proposal = search.propose(PATHS + (epoch * steps + step) as u64)?;
    let mut network = search.weights.network(search.space.path(&proposal.architecture, &search.network)?)?;
    // There is no drop-path in a supernet, so the mode's seed is never drawn from.
    let found =
        network.step(&batch.images, &batch.labels, &LOSS, Mode::Train { drop_path: 0.0, seed: Seed::new(0) })?;
    finite(search, "training loss", found.loss)?;
    let mut rate = Rate::new(search.learning_rate());
    if search.config.clip_norm > 0.0 {
        let norm = global_norm(&found.gradients)?;
        finite(search, "gradient's norm", norm)?;
        rate.scale = clip_scale(norm, search.config.clip_norm);
    }
    search.sgd.step(network.parameters(), &found.gradients, rate)?;
    if search.config.idle == Idle::Move {
        let (parameters, zeros) = others(search.weights.parameters(), &network)?;
        search.sgd.step(&parameters, &zeros, rate)?;
    }
    search.weights.remember(&network);
    search.standing.training.add(found.loss, found.correct, batch.count);
    Ok(())
}

/// The weights that a path does not use, with gradients of zero.
fn others(all: &[Parameter], path: &Network) -> candle_core::Result<(Vec<Parameter>, Vec<Tensor>)> {
    let used: BTreeSet<&str> = path.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    let idle: Vec<Parameter> =
        all.iter().filter(|parameter| !used.contains(parameter.name.as_str())).cloned().collect();
    let zeros = idle.iter().map(|parameter| parameter.var.zeros_like()).collect::<candle_core::Result<_>>()?;
    Ok((idle, zeros))
}

/// One architecture that the strategy learns from.
fn reward(search: &mut EnasSearch, batch: &Batch, listener: &mut dyn Listener) -> Result<(), OneShotError> {
    let number = search.standing.told;
    let proposal = search.propose(number)?;
    let graph = search.space.path(&proposal.architecture, &search.network)?;
    let (parameters, flops) = (graph.parameters() as u64, graph.flops());
    let mut network = search.weights.network(graph)?;
    let logits = network.logits(&batch.images, search.config.batch_norm.mode())?;
    let (loss, correct) = judge(&logits, &batch.labels)?;
    let loss = loss / batch.count as f64;
    finite(search, "validation loss", loss)?;
    let measurement = Measurement {
        accuracy: correct as f64 / batch.count as f64,
        loss,
        parameters,
        flops,
        epochs: 0,
        latency: None,
        extra: serde_json::Value::Null,
    };
    let trial = Trial {
        id: number,
        arm: search.strategy.name().to_owned(),
        number,
        proposal,
        state: TrialState::Complete,
        seed: 0,
        measurement: Some(measurement),
        failure: None,
        seconds: None,
    };
    search.strategy.tell(&[trial])?;
    search.standing.told += 1;
    search.standing.rewards.add(loss, correct, batch.count);
    for event in search.strategy.take_events() {
        if let Event::PolicyUpdated { baseline, entropy, .. } = event {
            (search.standing.baseline, search.standing.entropy) = (Some(baseline), Some(entropy));
        }
        listener.on_event(&event);
    }
    Ok(())
}

fn finite(search: &EnasSearch, what: &'static str, value: f64) -> Result<(), OneShotError> {
    let (epoch, step) = (search.standing.epoch + 1, search.standing.step + search.standing.sample + 1);
    if value.is_finite() { Ok(()) } else { Err(OneShotError::NotFinite { what, value, epoch, step }) }
}
