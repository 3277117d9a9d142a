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

use super::depthwise;
use super::laid::Laid;
use super::lanes::{LANES, Lanes, carve, scalars};
use super::pieces::samples_per_piece;
use super::plane::{Frame, Geometry};
use super::product::{Gathered, Target, channel_start, product};
use super::read::Operand;
use super::siblings::Op;
use crate::element::Stored;
use crate::pool::Buffer;

pub(crate) use backward::{Backward, Gradients, Sums};

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
        let packed = if self.has_depthwise() { g.output_len() } else { g.packed_len() };
        let lanes = self.inputs() * (packed + g.output_len()) + 2 * self.outputs() * g.output_len();
        (CACHED / (lanes * size_of::<Lanes<f32>>()).max(1)).clamp(1, samples_per_piece(self.batch))
    }

    /// Work for one sample, as [`items_per_task`](crate::simd::items_per_task) counts it: a multiply-add is an eighth of a
    /// touch.
    fn sample_work(&self) -> usize {
        let g = &self.geometry;
        let depthwise = if self.has_depthwise() { self.slots.len() * g.taps.len() } else { 0 };
        let taps = if self.has_depthwise() { 1 } else { g.taps.len() };
        let dense = if self.stages == Stages::Depthwise { 0 } else { self.out * self.fan_in() * taps };
        g.output_len() * (depthwise + dense) / 8
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
        let terms = self.slots.iter().flat_map(channel).collect();
        let places = (0..together * starts.len()).collect();
        Reading { at: (0..together).flat_map(sample).collect(), terms, places }
    }
}

/// The lists of a [`Gathered`] operand.
struct Reading {
    at: Vec<usize>,
    terms: Vec<usize>,
    /// Where the results of a pixel go: all pixels, one after another.
    places: Vec<usize>,
}

/// The planes that a depthwise stage reads, where they lie laid out already, and its windows in them.
type Shared<'a, T> = Option<(&'a Geometry, Laid<'a, T>)>;

/// Lays the input of some samples out in `packed`; or, where `middle` is wanted, one plane after another in the same
/// place (unless it is laid out in `shared`), and runs the depthwise stage into its blocks.
fn first_stages<S: Stored, M: Stored<Real = S::Real>>(
    p: &Problem<'_>,
    x: &Operand<'_, S>,
    taps: &[Lanes<S::Real>],
    samples: Range<usize>,
    together: usize,
    shared: Shared<'_, S::Real>,
    packed: &mut [Lanes<S::Real>],
    mut middle: Option<&mut [&mut [Lanes<M>]]>,
) {
    let g = &p.geometry;
    let (input, output, plane) = (g.input_len(), g.output_len(), g.packed_len());
    for (block, x_block) in x.blocks.iter().enumerate() {
        let read = x.read(block);
        for (index, sample) in samples.clone().enumerate() {
            let Some(middle) = &mut middle else {
                let packed = &mut packed[(block * together + index) * plane..][..plane];
                g.pack(&x_block[sample * input..(sample + 1) * input], read, Lanes::ZERO, packed);
                continue;
            };
            let (taps, middle) = (&taps[block * g.taps.len()..], &mut middle[block][index * output..][..output]);
            match shared {
                Some((g, laid)) => depthwise::forward(g, taps, laid.plane(block, sample), middle),
                None => {
                    g.pack(&x_block[sample * input..(sample + 1) * input], read, Lanes::ZERO, packed);
                    depthwise::forward(g, taps, packed, middle);
                }
            }
        }
    }
}

/// A convolution of an activation, with what is worked out once for all samples.
pub(crate) struct Forward<'a, S: Stored> {
    pub(crate) problem: Problem<'a>,
    x: Operand<'a, S>,
    together: usize,
    taps: Buffer<S::Real>,
    dense: Buffer<S::Real>,
    reading: Reading,
    /// The windows of a depthwise stage in the planes that it shares with others.
    shared: Option<Geometry>,
}

impl<S: Stored> Op<S> for Forward<'_, S> {
    fn together(&self) -> usize {
        self.together
    }

    fn sample_work(&self) -> usize {
        self.problem.sample_work()
    }

    fn scratch(&self) -> usize {
        self.buffers().iter().sum()
    }

    fn depthwise(&self) -> Option<(&Operand<'_, S>, &Geometry)> {
        self.problem.has_depthwise().then_some((&self.x, &self.problem.geometry))
    }

    fn share(&mut self, frame: Frame) {
        self.shared = Some(self.problem.geometry.within(frame));
    }
}

impl<'a, S: Stored> Forward<'a, S> {
    pub(crate) fn new(problem: Problem<'a>, x: Operand<'a, S>, w: Weights<'_, S::Real>) -> Self {
        let together = problem.together();
        let (taps, dense) = (weights::depthwise(&problem, w.depthwise), weights::dense(&problem, w.dense));
        Self { together, taps, dense, reading: problem.reading(together), problem, x, shared: None }
    }

    /// Lengths of the buffers between the stages: the input laid out, all of it for a dense stage and one plane for a
    /// depthwise one, and the output of the first of two stages.
    fn buffers(&self) -> [usize; 2] {
        let (p, g) = (&self.problem, &self.problem.geometry);
        let planes = p.inputs() * self.together;
        let packed = if p.has_depthwise() { 1 } else { planes };
        [packed * g.packed_len(), if p.stages == Stages::Separable { planes * g.output_len() } else { 0 }]
    }

    /// Convolves some samples into the blocks of `y`; `laid` holds them where others read them, too.
    pub(super) fn run(
        &self,
        scratch: &mut [Lanes<S::Real>],
        near: Range<usize>,
        laid: Option<Laid<'_, S::Real>>,
        y: &mut [&mut [Lanes<S>]],
    ) {
        let Self { problem: p, x, together, taps, dense, reading, shared } = self;
        let shared = shared.as_ref().zip(laid);
        let (output, together) = (p.geometry.output_len(), *together);
        let [packed, middle] = carve(scratch, self.buffers());
        let pixels = near.len() * output;
        if p.stages == Stages::Depthwise {
            first_stages(p, x, taps, near, together, shared, packed, Some(y));
            return;
        }
        let mut blocks: Vec<_> = middle.chunks_mut(together * output).collect();
        first_stages(p, x, taps, near, together, shared, packed, p.has_depthwise().then_some(&mut blocks[..]));
        let source = if p.has_depthwise() { &*middle } else { &*packed };
        let from = Gathered { x: scalars(source), at: &reading.at[..pixels], terms: &reading.terms };
        product(dense, from, y, Target { places: &reading.places, offset: 0, add: false });
    }
}
