//! Convolution: forward, gradient of the input, gradients of the weights; any groups, kernel, stride, dilation, padding.
//!
//! A convolution is a chain of stages that runs over a few samples at a time, so that what lies between them stays in
//! cache: the input is laid out (through the batch norm and ReLU in front of it), a depthwise convolution works plane by
//! plane, a product mixes the channels. A depthwise convolution and the 1x1 convolution behind it are one chain; its
//! middle is never written to memory, and the reverse pass works it out again.

mod backward;
mod plan;
mod weights;

use std::ops::Range;

use nas_space::Conv2d;
use rayon::prelude::*;

use super::depthwise;
use super::lanes::{LANES, Lanes, scalars};
use super::norm::Tally;
use super::pieces::{cut, samples_per_piece};
use super::plane::Geometry;
use super::product::{Gathered, channel_start, product};
use super::read::Operand;
use crate::element::Element;
use crate::pool;
use crate::simd::{dispatch, items_per_task};

pub(crate) use backward::{InputGradient, Wanted, backward};

/// Bytes of the buffers that the stages of some samples go through: what stays in the second cache.
const CACHED: usize = 1 << 18;

/// Which stages a convolution has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stages {
    /// Each channel by itself.
    Depthwise,
    /// Channels are mixed; in groups, where weights outside them count as zero.
    Dense {
        /// Groups of channels.
        groups: usize,
    },
    /// A depthwise convolution, then a 1x1 convolution of its output.
    Separable,
}

impl Stages {
    /// Those of a single convolution of so many channels.
    pub(crate) fn of(conv: &Conv2d, channels: usize) -> Self {
        let Conv2d { out, groups, .. } = *conv;
        if groups > 1 && groups == out && groups == channels { Self::Depthwise } else { Self::Dense { groups } }
    }
}

/// The sizes of one convolution.
pub(crate) struct Problem<'a> {
    pub(crate) geometry: Geometry,
    pub(crate) batch: usize,
    pub(crate) stages: Stages,
    /// Where each input channel lies among the lanes of the input's blocks.
    pub(crate) slots: &'a [usize],
    /// Output channels.
    pub(crate) out: usize,
}

/// The weights, as candle holds them.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a, T> {
    /// `[channels, 1, rows, columns]`; empty without that stage.
    pub(crate) depthwise: &'a [T],
    /// `[out, in / groups, rows, columns]`; empty without that stage.
    pub(crate) dense: &'a [T],
}

impl<'a, T> Weights<'a, T> {
    /// Those of a single convolution.
    pub(crate) fn of(stages: Stages, weight: &'a [T]) -> Self {
        match stages {
            Stages::Depthwise => Self { depthwise: weight, dense: &[] },
            _ => Self { depthwise: &[], dense: weight },
        }
    }
}

impl Problem<'_> {
    /// Blocks of the input.
    fn inputs(&self) -> usize {
        self.slots.iter().max().map_or(0, |last| last / LANES + 1)
    }

    /// Blocks of the output; a depthwise convolution leaves channels where they are.
    pub(crate) fn outputs(&self) -> usize {
        match self.stages {
            Stages::Depthwise => self.inputs(),
            _ => self.out.div_ceil(LANES),
        }
    }

    fn has_depthwise(&self) -> bool {
        !matches!(self.stages, Stages::Dense { .. })
    }

    fn groups(&self) -> usize {
        if let Stages::Dense { groups } = self.stages { groups } else { 1 }
    }

    /// Input channels that one output channel of the dense stage reads.
    fn fan_in(&self) -> usize {
        self.slots.len() / self.groups()
    }

    /// Samples that go through the stages together.
    fn together(&self) -> usize {
        let g = &self.geometry;
        let lanes = self.inputs() * (g.packed_len() + 2 * g.output_len()) + 2 * self.outputs() * g.output_len();
        (CACHED / (lanes * size_of::<Lanes<f32>>()).max(1)).clamp(1, samples_per_piece(self.batch))
    }

    /// Work for one sample, as [`items_per_task`] counts it: a multiply-add is an eighth of a touch.
    fn sample_work(&self) -> usize {
        let g = &self.geometry;
        let depthwise = if self.has_depthwise() { self.slots.len() * g.taps.len() } else { 0 };
        let taps = if self.has_depthwise() { 1 } else { g.taps.len() };
        let dense = if self.stages == Stages::Depthwise { 0 } else { self.out * self.fan_in() * taps };
        g.output_len() * (depthwise + dense) / 8
    }

    fn items_per_task(&self) -> usize {
        items_per_task(samples_per_piece(self.batch) * self.sample_work())
    }

    /// Where the product of the dense stage reads, over `together` samples laid out block by block.
    fn reading(&self, together: usize) -> Reading {
        let g = &self.geometry;
        let (plane, starts, taps): (usize, Vec<usize>, &[usize]) = match self.stages {
            Stages::Dense { .. } => (g.packed_len(), g.starts().collect(), &g.taps),
            _ => (g.output_len(), (0..g.output_len()).collect(), &[0]),
        };
        let sample = |sample: usize| starts.iter().map(move |start| (sample * plane + start) * LANES);
        let channel = |&slot: &usize| {
            let start = channel_start(slot, together * plane);
            taps.iter().map(move |tap| start + tap * LANES)
        };
        Reading { at: (0..together).flat_map(sample).collect(), terms: self.slots.iter().flat_map(channel).collect() }
    }
}

/// The lists of a [`Gathered`] operand.
struct Reading {
    at: Vec<usize>,
    terms: Vec<usize>,
}

/// Lays the input of some samples out, and runs the depthwise stage into the blocks of `middle`, where it is wanted.
#[inline(always)]
fn first_stages<T: Element>(
    p: &Problem<'_>,
    x: &Operand<'_, T>,
    taps: &[Lanes<T>],
    samples: Range<usize>,
    together: usize,
    packed: &mut [Lanes<T>],
    mut middle: Option<&mut [&mut [Lanes<T>]]>,
) {
    let g = &p.geometry;
    let (input, output, plane) = (g.input_len(), g.output_len(), g.packed_len());
    for (block, x_block) in x.blocks.iter().enumerate() {
        let read = x.read(block);
        for (index, sample) in samples.clone().enumerate() {
            let packed = &mut packed[(block * together + index) * plane..][..plane];
            g.pack(&x_block[sample * input..(sample + 1) * input], read, Lanes::ZERO, packed);
            if let Some(middle) = &mut middle {
                let middle = &mut middle[block][index * output..(index + 1) * output];
                depthwise::forward(g, &taps[block * g.taps.len()..], packed, middle);
            }
        }
    }
}

/// y = conv(x), into blocks of the output; with `tally`, the moments of what was written, for each block.
pub(crate) fn forward<T: Element>(
    p: &Problem<'_>,
    x: &Operand<'_, T>,
    w: Weights<'_, T>,
    y: Vec<&mut [Lanes<T>]>,
    tally: bool,
) -> Vec<Tally> {
    let g = &p.geometry;
    let output = g.output_len();
    let piece = samples_per_piece(p.batch);
    let together = p.together();
    let taps = weights::depthwise(p, w.depthwise);
    let dense = weights::dense(p, w.dense);
    let reading = p.reading(together);
    let outputs = y.len();
    let work = |(index, mut y): (usize, Vec<&mut [Lanes<T>]>)| {
        let samples = index * piece..((index + 1) * piece).min(p.batch);
        let mut packed = pool::take::<T>(p.inputs() * together * g.packed_len());
        let separable = p.stages == Stages::Separable;
        let mut middle = pool::take::<T>(if separable { p.inputs() * together * output } else { 0 });
        let mut tallies = vec![Tally::EMPTY; if tally { outputs } else { 0 }];
        dispatch(
            #[inline(always)]
            || {
                for first in samples.clone().step_by(together) {
                    let near = first..(first + together).min(samples.end);
                    let span = (near.start - samples.start) * output..(near.end - samples.start) * output;
                    let mut y: Vec<&mut [Lanes<T>]> = y.iter_mut().map(|y| &mut y[span.clone()]).collect();
                    if p.stages == Stages::Depthwise {
                        first_stages(p, x, &taps, near.clone(), together, &mut packed, Some(&mut y));
                    } else {
                        let mut blocks: Vec<_> = middle.chunks_mut(together * output).collect();
                        let target = p.has_depthwise().then_some(&mut blocks[..]);
                        first_stages(p, x, &taps, near.clone(), together, &mut packed, target);
                        let source = if p.has_depthwise() { &middle } else { &packed };
                        let at = &reading.at[..near.len() * output];
                        let from = Gathered { x: scalars(source), at, terms: &reading.terms };
                        product(
                            &dense,
                            from,
                            &mut y,
                            #[inline(always)]
                            |pixel| pixel,
                            false,
                        );
                    }
                    for (tally, y) in tallies.iter_mut().zip(&y) {
                        tally.add(y);
                    }
                }
            },
        );
        tallies
    };
    let pieces = cut(y, piece * output);
    let tallies: Vec<Vec<Tally>> =
        pieces.into_par_iter().with_min_len(p.items_per_task()).enumerate().map(work).collect();
    let mut total = vec![Tally::EMPTY; if tally { outputs } else { 0 }];
    for tallies in tallies {
        for (total, tally) in total.iter_mut().zip(&tallies) {
            total.merge(tally);
        }
    }
    total
}
