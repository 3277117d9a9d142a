//! The gradients of a convolution, for the weights and the input at once: both read the incoming gradient and the
//! laid-out input while they are in cache.

use std::ops::Range;

use rayon::prelude::*;

use super::super::depthwise;
use super::super::elementwise::{write, write_gated};
use super::super::norm::GradientSums;
use super::super::product::{Gathered, outer, product};
use super::super::read::{Incoming, Operand, Read};
use super::plan::Plan;
use super::{Lanes, Problem, Stages, Weights, cut, dispatch, first_stages, samples_per_piece, scalars, weights};
use crate::element::Element;
use crate::pool;

/// What is asked for.
pub(crate) struct Wanted<'a, T> {
    /// The gradients of the weights.
    pub(crate) weights: bool,
    /// The gradient of the input, and where it goes.
    pub(crate) input: Option<InputGradient<'a, T>>,
}

/// Where the gradient of the input goes.
pub(crate) struct InputGradient<'a, T> {
    pub(crate) blocks: Vec<&'a mut [Lanes<T>]>,
    /// Whether the blocks hold a gradient already, to which this one is added.
    pub(crate) add: bool,
    /// Whether it is the gradient before the operand's ReLU rather than behind it.
    pub(crate) gate: bool,
    /// Whether the batch norm in front wants its sums over this gradient, which is nobody else's then.
    pub(crate) sums: bool,
}

/// The gradients of the weights, as candle holds them; empty where not asked for or without that stage.
pub(crate) struct Gradients<T> {
    pub(crate) depthwise: Vec<T>,
    pub(crate) dense: Vec<T>,
    /// For each block of the input the parts of its batch norm's sums, where they were wanted.
    pub(crate) sums: Vec<Vec<GradientSums>>,
}

impl<T> Gradients<T> {
    /// That of a single convolution's weight.
    pub(crate) fn single(self) -> Vec<T> {
        if self.dense.is_empty() { self.depthwise } else { self.dense }
    }
}

/// The gradients of x (through how it is read) and of the weights, from dy.
pub(crate) fn backward<T: Element>(
    p: &Problem<'_>,
    x: &Operand<'_, T>,
    w: Weights<'_, T>,
    dy: &Incoming<'_, T>,
    wanted: Wanted<'_, T>,
) -> Gradients<T> {
    let g = &p.geometry;
    let piece = samples_per_piece(p.batch);
    let plan = Plan::new(p, w);
    let pieces = p.batch.div_ceil(piece);
    let (blocks, finish) = match wanted.input {
        Some(InputGradient { blocks, add, gate, sums }) => {
            let pieces = cut(blocks, piece * g.input_len()).into_iter().map(Some).collect();
            (pieces, Finish { add, gate: gate && x.relu, sums })
        }
        None => ((0..pieces).map(|_| None).collect::<Vec<_>>(), Finish { add: false, gate: false, sums: false }),
    };
    let work = |(index, mut dx): (usize, Option<Vec<&mut [Lanes<T>]>>)| {
        let samples = index * piece..((index + 1) * piece).min(p.batch);
        let mut work = Work::new(p, &plan, wanted.weights);
        dispatch(
            #[inline(always)]
            || {
                for first in samples.clone().step_by(plan.together) {
                    let near = first..(first + plan.together).min(samples.end);
                    work.gradients(p, &plan, x, dy, near.clone(), wanted.weights, dx.is_some());
                    if let Some(dx) = &mut dx {
                        work.input(p, &plan, x, near, samples.start, dx, finish);
                    }
                }
            },
        );
        work
    };
    let pieces: Vec<Work<T>> = blocks.into_par_iter().with_min_len(p.items_per_task()).enumerate().map(work).collect();
    let (mut depthwise, mut dense, mut norm) = (Vec::new(), Vec::new(), vec![Vec::new(); p.inputs()]);
    for work in pieces {
        depthwise.push(work.depthwise_sums);
        dense.push(work.dense_sums);
        norm.iter_mut().zip(work.norm_sums).for_each(|(parts, part)| parts.push(part));
    }
    let mut gradients = Gradients { depthwise: Vec::new(), dense: Vec::new(), sums: norm };
    if wanted.weights && !w.depthwise.is_empty() {
        gradients.depthwise = vec![T::ZERO; w.depthwise.len()];
        weights::depthwise_gradient(p, &total(depthwise), &mut gradients.depthwise);
    }
    if wanted.weights && !w.dense.is_empty() {
        gradients.dense = vec![T::ZERO; w.dense.len()];
        weights::dense_gradient(p, &total(dense), &mut gradients.dense);
    }
    gradients
}

/// The pieces' sums, added up in their order.
fn total<T: Element>(pieces: Vec<pool::Buffer<T>>) -> pool::Buffer<T> {
    let mut pieces = pieces.into_iter();
    let mut total = pieces.next().unwrap_or_else(|| pool::take(0));
    for piece in pieces {
        for (total, part) in total.iter_mut().zip(&*piece) {
            *total += *part;
        }
    }
    total
}

/// The buffers of one piece.
struct Work<T: Element> {
    packed: pool::Buffer<T>,
    middle: pool::Buffer<T>,
    /// The incoming gradient, block by block.
    dy: pool::Buffer<T>,
    /// The gradient of the depthwise stage's output.
    du: pool::Buffer<T>,
    /// One plane of the input's gradient.
    plane: pool::Buffer<T>,
    depthwise_sums: pool::Buffer<T>,
    dense_sums: pool::Buffer<T>,
    norm_sums: Vec<GradientSums>,
}

impl<T: Element> Work<T> {
    fn new(p: &Problem<'_>, plan: &Plan<T>, weights: bool) -> Self {
        let g = &p.geometry;
        let (inputs, outputs, output) = (p.inputs(), p.outputs(), g.output_len() * plan.together);
        let depthwise = p.has_depthwise();
        let sums = |wanted: bool, len: usize| {
            let mut sums = pool::take(if wanted && weights { len } else { 0 });
            sums.fill(Lanes::ZERO);
            sums
        };
        Self {
            packed: pool::take(inputs * plan.together * g.packed_len()),
            middle: pool::take(if p.stages == Stages::Separable { inputs * output } else { 0 }),
            dy: pool::take(outputs * output),
            du: pool::take(if depthwise { inputs * plan.together * plan.plane } else { 0 }),
            plane: pool::take(g.input_len()),
            depthwise_sums: sums(depthwise, inputs * g.taps.len()),
            norm_sums: vec![GradientSums::ZERO; inputs],
            dense_sums: sums(p.stages != Stages::Depthwise, outputs * plan.reading.terms.len()),
        }
    }

    /// Works the stages of some samples out again, adds up the weights' gradients, and goes back to the first stage.
    #[inline(always)]
    fn gradients(
        &mut self,
        p: &Problem<'_>,
        plan: &Plan<T>,
        x: &Operand<'_, T>,
        dy: &Incoming<'_, T>,
        near: Range<usize>,
        weights: bool,
        input: bool,
    ) {
        let g = &p.geometry;
        let Self { packed, middle, dy: gradient, du, depthwise_sums, dense_sums, .. } = self;
        let (together, output) = (plan.together, g.output_len());
        let block_len = together * output;
        let pixels = near.len() * output;
        if weights {
            let mut blocks: Vec<_> = middle.chunks_mut(block_len).collect();
            let target = (p.stages == Stages::Separable).then_some(&mut blocks[..]);
            first_stages(p, x, &plan.taps, near.clone(), together, packed, target);
        }
        for block in 0..p.outputs() {
            dy.load(block, near.start * output, &mut gradient[block * block_len..][..pixels]);
        }
        if p.stages != Stages::Depthwise && weights {
            let source = if p.has_depthwise() { middle } else { &*packed };
            let at = &plan.reading.at[..pixels];
            let dy: Vec<&[Lanes<T>]> = gradient.chunks(block_len).map(|block| &block[..pixels]).collect();
            outer(&dy, Gathered { x: scalars(source), at, terms: &plan.reading.terms }, dense_sums);
        }
        if !p.has_depthwise() || !(weights || input) {
            return;
        }
        if let Some((transposed, _)) = &plan.transposed {
            for du in du.chunks_mut(plan.plane) {
                transposed.fill_outside(Lanes::ZERO, du);
            }
        }
        if p.stages == Stages::Depthwise {
            for (du, dy) in du.chunks_mut(together * plan.plane).zip(gradient.chunks(block_len)) {
                for (pixel, dy) in dy[..pixels].iter().enumerate() {
                    du[plan.places[pixel]] = *dy;
                }
            }
        } else {
            let at = &plan.identity[..pixels];
            let from = Gathered { x: scalars(gradient), at, terms: &plan.output_terms };
            let mut du: Vec<&mut [Lanes<T>]> = du.chunks_mut(together * plan.plane).collect();
            product(
                &plan.turned,
                from,
                &mut du,
                #[inline(always)]
                |pixel| plan.places[pixel],
                false,
            );
        }
        if !weights {
            return;
        }
        for block in 0..p.inputs() {
            let sums = &mut depthwise_sums[block * g.taps.len()..(block + 1) * g.taps.len()];
            for index in 0..near.len() {
                let at = block * together + index;
                let (du, packed) = (&du[at * plan.plane..], &packed[at * g.packed_len()..][..g.packed_len()]);
                depthwise::weight_gradient(
                    g,
                    du,
                    #[inline(always)]
                    |row| plan.places[row * g.output[1]],
                    packed,
                    sums,
                );
            }
        }
    }

    /// The gradient of the input of some samples, into their part of `dx`.
    #[inline(always)]
    fn input(
        &mut self,
        p: &Problem<'_>,
        plan: &Plan<T>,
        x: &Operand<'_, T>,
        near: Range<usize>,
        first: usize,
        dx: &mut [&mut [Lanes<T>]],
        finish: Finish,
    ) {
        let g = &p.geometry;
        let (together, input, packed_len) = (plan.together, g.input_len(), g.packed_len());
        if !p.has_depthwise() {
            self.dense_input(p, plan, near.len());
        }
        // The laid-out input has served; its buffer takes the gradient in the same layout.
        let Self { packed, du, plane, norm_sums, .. } = self;
        for (block, dx) in dx.iter_mut().enumerate() {
            let read = x.read(block);
            for (index, sample) in near.clone().enumerate() {
                let at = block * together + index;
                let du = du.get(at * plan.plane..).unwrap_or_default();
                let packed = &mut packed[at * packed_len..(at + 1) * packed_len];
                let dx = &mut dx[(sample - first) * input..(sample - first + 1) * input];
                match &plan.transposed {
                    Some((transposed, taps)) => {
                        depthwise::forward(transposed, &taps[block * g.taps.len()..], du, plane);
                    }
                    None => {
                        if p.has_depthwise() {
                            packed.fill(Lanes::ZERO);
                            let taps = &plan.taps[block * g.taps.len()..(block + 1) * g.taps.len()];
                            depthwise::scatter(g, taps, &du[..g.output_len()], packed);
                        }
                        g.unpack(packed, plane);
                    }
                }
                let x = &x.blocks[block][sample * input..(sample + 1) * input];
                finish.write(read, x, plane, dx);
                if let (true, Some(affine)) = (finish.sums, read.affine) {
                    norm_sums[block].add(dx, x, affine.center);
                }
            }
        }
    }

    /// The gradient of the dense stage's input, laid out as the input was.
    #[inline(always)]
    fn dense_input(&mut self, p: &Problem<'_>, plan: &Plan<T>, samples: usize) {
        let g = &p.geometry;
        let (output, packed_len) = (g.output_len(), g.packed_len());
        let at = &plan.identity[..samples * output];
        let from = Gathered { x: scalars(&self.dy), at, terms: &plan.output_terms };
        let direct = g.is_pointwise();
        if !direct {
            self.packed.fill(Lanes::ZERO);
        }
        let mut blocks: Vec<&mut [Lanes<T>]> = self.packed.chunks_mut(plan.together * packed_len).collect();
        for (turned, tap) in plan.turned.chunks(p.inputs() * p.out).zip(&g.taps) {
            product(
                turned,
                from,
                &mut blocks,
                #[inline(always)]
                |pixel| plan.places[pixel] + tap,
                !direct,
            );
        }
    }
}

/// What is done to a gradient of the input before it is written.
#[derive(Clone, Copy)]
struct Finish {
    add: bool,
    gate: bool,
    sums: bool,
}

impl Finish {
    #[inline(always)]
    fn write<T: Element>(self, read: Read<T>, x: &[Lanes<T>], gradient: &[Lanes<T>], dx: &mut [Lanes<T>]) {
        if self.gate {
            write_gated(x, read, gradient, dx, self.add);
        } else {
            write(
                gradient,
                dx,
                self.add,
                #[inline(always)]
                |value| value,
            );
        }
    }
}
