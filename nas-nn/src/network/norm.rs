//! Batch norms in a network: from the moments to what readers of the output have to do, and back.

use std::sync::Arc;

use super::value::{Blocks, Gradient, NormGradient, Value, slices};
use crate::element::Stored;
use crate::kernels::elementwise;
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::norm::{GradientSums, Source, Tally, gradient_sums};
use crate::kernels::read::{Affine, Operand};
use crate::layout::per_channel;
use crate::pool::{self, Buffer};

/// The constant added to every variance (PyTorch's default, which all six methods use).
pub(crate) const EPSILON: f64 = 1e-5;

/// Up to this many elements a channel, the gradient is worked out in f64: it is then a small difference of large terms
/// (of two elements it all but vanishes), and so few cost nothing.
const FEW: f64 = 64.0;

/// One batch norm of a pass.
pub(crate) struct Norm<S: Stored> {
    /// What it normalizes; empty where that is worked out again whenever it is read.
    pub(crate) input: Blocks<S>,
    pub(crate) mean: Vec<Lanes<f64>>,
    /// One over the standard deviation.
    pub(crate) inverse: Vec<Lanes<f64>>,
    /// The learned scale, or 1; 0 in the gaps between channels.
    weight: Vec<Lanes<f64>>,
    /// The learned shift, or 0.
    bias: Vec<Lanes<f64>>,
    /// Elements each channel's moments were taken over; 0 for running statistics.
    count: f64,
}

impl<S: Stored> Norm<S> {
    /// From batch statistics.
    pub(crate) fn of_batch(input: Blocks<S>, tallies: &[Tally], affine: LearnedLanes) -> Self {
        let mean = tallies.iter().map(|tally| tally.mean).collect();
        let variance: Vec<Lanes<f64>> = tallies.iter().map(Tally::variance).collect();
        Self::new(input, mean, &variance, affine, tallies.first().map_or(0.0, |tally| tally.count))
    }

    /// From given statistics.
    pub(crate) fn given(
        input: Blocks<S>,
        mean: Vec<Lanes<f64>>,
        variance: &[Lanes<f64>],
        affine: LearnedLanes,
    ) -> Self {
        Self::new(input, mean, variance, affine, 0.0)
    }

    fn new(
        input: Blocks<S>,
        mean: Vec<Lanes<f64>>,
        variance: &[Lanes<f64>],
        (weight, bias): LearnedLanes,
        count: f64,
    ) -> Self {
        let inverse = variance.iter().map(|variance| variance.map(|v| 1.0 / (v + EPSILON).sqrt())).collect();
        Self { input, mean, inverse, weight, bias, count }
    }

    /// The output: `(x - mean) / sqrt(variance + eps) · weight + bias`, left to the reader.
    pub(crate) fn output(&self) -> Value<S> {
        let block = |b: usize| Affine::new(self.mean[b], self.inverse[b] * self.weight[b], self.bias[b]);
        let affine = (0..self.mean.len()).map(block).collect();
        Value { blocks: self.input.clone(), affine: Some(Arc::new(affine)), relu: false }
    }

    /// The sums over the batch that its gradients are made of.
    pub(crate) fn sums(&self, dy: &[&[Lanes<S>]], batch: usize) -> Vec<GradientSums> {
        let pixels = dy.first().map_or(0, |block| block.len()) / batch.max(1);
        gradient_sums(dy, &[self.source()], batch, pixels).remove(0)
    }

    /// What those sums are weighted with.
    pub(crate) fn source(&self) -> Source<'_, S> {
        Source { x: Operand::plain(slices(&self.input)), pooling: None, means: &self.mean }
    }

    /// The same norm, of an input that was worked out again.
    pub(crate) fn with_input(&self, input: Blocks<S>) -> Self {
        let Self { mean, inverse, weight, bias, count, .. } = self;
        let (mean, inverse, weight, bias) = (mean.clone(), inverse.clone(), weight.clone(), bias.clone());
        Self { input, mean, inverse, weight, bias, count: *count }
    }

    /// The same from parts that were taken elsewhere.
    pub(crate) fn total(&self, parts: &[Vec<GradientSums>]) -> Vec<GradientSums> {
        parts.iter().zip(&self.mean).map(|(parts, mean)| GradientSums::total::<S::Real>(parts, *mean)).collect()
    }

    /// Whether there are so few elements that the input gradient is worked out in f64.
    pub(crate) fn is_small(&self) -> bool {
        self.count > 0.0 && self.count <= FEW
    }

    /// One over the count; given statistics do not depend on the batch, so that nothing is pulled back for them.
    fn share(&self) -> Lanes<f64> {
        Lanes::splat(if self.count > 0.0 { 1.0 / self.count } else { 0.0 })
    }

    /// The gradient of the input, left to the reader, from the sums of the gradient's blocks.
    pub(crate) fn folded(&self, gradient: &Gradient<S>, sums: &[GradientSums]) -> Gradient<S> {
        let share = self.share();
        let pull = |b: usize| {
            let slope = self.inverse[b] * self.inverse[b] * sums[b].weighted * share;
            Affine::new(self.mean[b], slope.map(|s| -s), (sums[b].plain * share).map(|s| -s))
        };
        let gain = |b: usize| Lanes::of(self.weight[b] * self.inverse[b] * Lanes::splat(gradient.factor));
        let blocks = 0..sums.len();
        let norm = NormGradient {
            z: self.input.clone(),
            pull: blocks.clone().map(pull).collect(),
            gain: blocks.map(gain).collect(),
        };
        Gradient { norm: Some(norm), ..Gradient::plain(gradient.blocks.clone()) }
    }

    /// The gradient of the input, computed.
    pub(crate) fn computed(&self, gradient: &Gradient<S>, sums: &[GradientSums], batch: usize) -> Vec<Buffer<S>> {
        let mut dx = pool::fresh(self.input.len(), self.input.first().map_or(0, |block| block.len()));
        if self.is_small() {
            return self.in_f64(&slices(&gradient.blocks), &slices(&self.input), gradient.factor, batch, dx);
        }
        elementwise::load(&self.folded(gradient, sums).incoming(), pool::slices_mut(&mut dx));
        dx
    }

    fn in_f64(
        &self,
        dy: &[&[Lanes<S>]],
        z: &[&[Lanes<S>]],
        factor: f64,
        batch: usize,
        mut dx: Vec<Buffer<S>>,
    ) -> Vec<Buffer<S>> {
        let wide = |blocks: &[&[Lanes<S>]]| -> Vec<Vec<Lanes<f64>>> {
            blocks.iter().map(|block| block.iter().map(|lanes| lanes.load().wide()).collect()).collect()
        };
        let (dy, z) = (wide(dy), wide(z));
        let (dy, z): (Vec<&[_]>, Vec<&[_]>) = (dy.iter().map(|b| &b[..]).collect(), z.iter().map(|b| &b[..]).collect());
        let pixels = dy.first().map_or(0, |block| block.len()) / batch.max(1);
        let source = Source { x: Operand::plain(z.clone()), pooling: None, means: &self.mean };
        let sums = gradient_sums::<f64>(&dy, &[source], batch, pixels).remove(0);
        let share = self.share();
        for (b, dx) in dx.iter_mut().enumerate() {
            let slope = self.inverse[b] * self.inverse[b] * sums[b].weighted * share;
            let (gain, level) = (self.weight[b] * self.inverse[b] * Lanes::splat(factor), sums[b].plain * share);
            for ((dx, dy), z) in dx.iter_mut().zip(dy[b]).zip(z[b]) {
                *dx = Lanes::store(Lanes::of((*dy - level - (*z - self.mean[b]) * slope) * gain));
            }
        }
        dx
    }

    /// The gradients of scale and shift, in lanes.
    pub(crate) fn affine_gradients(&self, sums: &[GradientSums], factor: f64) -> LearnedLanes {
        let factor = Lanes::splat(factor);
        let weight = sums.iter().zip(&self.inverse).map(|(sums, inverse)| sums.weighted * *inverse * factor).collect();
        (weight, sums.iter().map(|sums| sums.plain * factor).collect())
    }

    /// All gradients of a norm that stands alone: of the input, and of scale and shift in lanes.
    pub(crate) fn gradients(&self, dy: Blocks<S>, batch: usize) -> (Vec<Buffer<S>>, LearnedLanes) {
        let gradient = Gradient::plain(dy);
        let sums = self.sums(&slices(&gradient.blocks), batch);
        (self.computed(&gradient, &sums, batch), self.affine_gradients(&sums, 1.0))
    }

    /// Σ dy · output over everything, from the sums: the gradient of a mixed edge's weight.
    pub(crate) fn dot(&self, sums: &[GradientSums]) -> f64 {
        let block = |b: usize| sums[b].weighted * self.inverse[b] * self.weight[b] + sums[b].plain * self.bias[b];
        (0..sums.len()).map(|b| block(b).0.iter().sum::<f64>()).sum()
    }
}

/// Learned scale and shift, or their gradients, in lanes.
pub(crate) type LearnedLanes = (Vec<Lanes<f64>>, Vec<Lanes<f64>>);

/// 1 for every channel, 0 in the gaps.
pub(crate) fn ones(slots: &[usize], blocks: usize) -> Vec<Lanes<f64>> {
    per_channel(slots, blocks, 0.0, |_| 1.0)
}

/// Zeros for every lane.
pub(crate) fn zeros(blocks: usize) -> Vec<Lanes<f64>> {
    vec![Lanes([0.0; LANES]); blocks]
}
