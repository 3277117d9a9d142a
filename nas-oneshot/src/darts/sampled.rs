//! The step of GDAS (Dong & Yang 2019): the weights', then the architecture's, each on a network of one operation an edge
//! that is drawn for it.
//!
//! Weights of operations that were not drawn rest: they neither decay nor follow their momentum.

use nas_data::Batch;
use nas_nn::optim::{Optimizer, Rate, clip_scale, global_norm};
use nas_nn::{Mode, Network};
use nas_space::{Seed, one_an_edge};

use super::DartsSearch;
use crate::supernet::LOSS;
use crate::{EdgeSample, OneShotError};

/// The temperature at the beginning, and what it falls to, in a straight line over the epochs (section 4).
const TEMPERATURES: [f64; 2] = [10.0, 0.1];

/// One step of the weights and one of the architecture.
pub(super) fn one(search: &mut DartsSearch, train: &Batch, validation: &Batch) -> Result<(), OneShotError> {
    let (epoch, step) = (search.standing.epoch + 1, search.standing.step + 1);
    let finite = |what, value: f64| match value.is_finite() {
        true => Ok(()),
        false => Err(OneShotError::NotFinite { what, value, epoch, step }),
    };
    let draws = search.seed.child("edges").index(epoch as u64).index(step as u64);
    let (_, mut network) = draw(search, draws.child("weights"))?;
    // There is no drop-path in a supernet, so the mode's seed is never drawn from.
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(0) };
    let lower = network.step(&train.images, &train.labels, &LOSS, mode)?;
    finite("training loss", lower.loss)?;
    let mut rate = Rate::new(search.learning_rate());
    if search.config.clip_norm > 0.0 {
        let norm = global_norm(&lower.gradients)?;
        finite("gradient's norm", norm)?;
        rate.scale = clip_scale(norm, search.config.clip_norm);
    }
    search.sgd.step(network.parameters(), &lower.gradients, rate)?;

    let (sample, mut network) = draw(search, draws.child("architecture"))?;
    let upper = network.mixture_step(&validation.images, &validation.labels, &LOSS, Mode::BatchStatistics)?;
    finite("validation loss", upper.loss)?;
    let gradients = sample.pull_back(&upper.mixtures)?;
    finite("architecture gradient's norm", global_norm(&gradients)?)?;
    if search.standing.epoch >= search.config.warmup_epochs {
        let rate = Rate::new(search.config.alpha_learning_rate);
        search.adam.step(&search.supernet.alphas.parameters, &gradients, rate)?;
    }

    let standing = &mut search.standing;
    standing.training.add(lower.loss, lower.correct, train.count);
    standing.validation.add(upper.loss, upper.correct, validation.count);
    standing.step += 1;
    Ok(())
}

/// A draw, and its network on the supernet's weights. Each edge's weight is the one it has: 1.
fn draw(search: &DartsSearch, seed: Seed) -> Result<(EdgeSample, Network), OneShotError> {
    let sample = EdgeSample::draw(&search.supernet.alphas, temperature(search), seed)?;
    let graph = one_an_edge(search.supernet.network.graph(), &sample.choices)?;
    let weights = search.lent.as_ref().expect("a search by sampled edges lends its weights");
    Ok((sample, weights.network(graph)?))
}

/// The temperature of the epoch under way. In fewer epochs than planned it falls the faster.
fn temperature(search: &DartsSearch) -> f64 {
    let plan = search.plan();
    let (done, last) = (plan.fraction(search.standing.epoch as f64), plan.fraction(plan.epochs() as f64 - 1.0));
    let progress = if last > 0.0 { (done / last).min(1.0) } else { 0.0 };
    TEMPERATURES[0] + (TEMPERATURES[1] - TEMPERATURES[0]) * progress
}
