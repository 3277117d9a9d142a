//! Siblings: ops that read one activation, and run together. A few samples at a time go through all of them, so that the
//! activation, and in the reverse pass its gradient, come into cache once and not once for each op.

use std::ops::Range;

use rayon::prelude::*;

use super::conv::{self, Gradients};
use super::laid::{Laid, Layout};
use super::lanes::Lanes;
use super::norm::Tally;
use super::pieces::{cut, samples_per_piece};
use super::plane::{Frame, Geometry};
use super::pooling;
use super::read::Operand;
use crate::element::Stored;
use crate::pool;
use crate::simd::items_per_task;

/// Blocks to write into.
type Blocks<'a, S> = Vec<&'a mut [Lanes<S>]>;

/// What one sibling does in the forward pass.
pub(crate) enum Forward<'a, S: Stored> {
    Convolution(Box<conv::Forward<'a, S>>),
    Pooling(pooling::Forward<'a, S>),
}

impl<S: Stored> Forward<'_, S> {
    /// Pixels of a plane of its output.
    fn pixels(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.problem.geometry.output_len(),
            Self::Pooling(pool) => pool.pooling.output_len(),
        }
    }

    /// Blocks of its output.
    fn blocks(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.problem.outputs(),
            Self::Pooling(pool) => pool.x.blocks.len(),
        }
    }

    fn together(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.together(),
            Self::Pooling(_) => 1,
        }
    }

    /// Work for one sample, as [`items_per_task`] counts it.
    fn sample_work(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.problem.sample_work(),
            Self::Pooling(pool) => pool.x.blocks.len() * pool.pooling.work(),
        }
    }

    /// Lanes of scratch that it needs.
    fn scratch(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.scratch(),
            Self::Pooling(pool) => pool.scratch(),
        }
    }

    fn depthwise(&self) -> Option<(&Operand<'_, S>, &Geometry)> {
        match self {
            Self::Convolution(conv) => conv.depthwise(),
            Self::Pooling(_) => None,
        }
    }

    fn share(&mut self, frame: Frame) {
        if let Self::Convolution(conv) = self {
            conv.share(frame);
        }
    }

    fn run(
        &self,
        scratch: &mut [Lanes<S::Real>],
        near: Range<usize>,
        laid: Option<Laid<'_, S::Real>>,
        y: &mut [&mut [Lanes<S>]],
    ) {
        match self {
            Self::Convolution(conv) => conv.run(scratch, near, laid, y),
            Self::Pooling(pool) => pool.run(scratch, near, y),
        }
    }
}

/// What the depthwise stages of several siblings read, laid out once.
struct Shared {
    layout: Layout,
    frame: Frame,
    /// Whether it is read through a ReLU.
    relu: bool,
}

/// What the depthwise stage of an op reads, if it has one, and through which windows.
type Reading<'a, S> = Option<(&'a Operand<'a, S>, &'a Geometry)>;

impl Shared {
    /// What the ops have in common, if at least so many of them do.
    fn among<'a, S: Stored>(ops: impl Iterator<Item = Reading<'a, S>>, least: usize, chunk: usize) -> Option<Self> {
        let stages: Vec<_> = ops.flatten().collect();
        let relu = stages.first()?.0.relu;
        let windows = stages.iter().filter(|(x, _)| x.relu == relu).map(|(_, windows)| *windows);
        let enough = windows.clone().count() >= least;
        let (layout, frame) = Layout::new(windows, stages[0].0.blocks.len(), chunk)?;
        enough.then_some(Self { layout, frame, relu })
    }

    /// What an op reads, if it is this.
    fn operand<'a, S: Stored>(&self, op: Reading<'a, S>) -> Option<&'a Operand<'a, S>> {
        op.map(|(x, _)| x).filter(|x| x.relu == self.relu)
    }
}

/// One sibling, and where its output goes.
pub(crate) struct Sibling<'a, S: Stored> {
    pub(crate) op: Forward<'a, S>,
    /// The blocks of its output; none if only its moments are wanted.
    pub(crate) y: Option<Blocks<'a, S>>,
    /// Whether the moments of each block of the output are wanted.
    pub(crate) tally: bool,
}

/// Runs all siblings; for each the moments of its output's blocks, or nothing.
pub(crate) fn forward<S: Stored>(batch: usize, siblings: Vec<Sibling<'_, S>>) -> Vec<Vec<Tally>> {
    let piece = samples_per_piece(batch);
    let mut parts: Vec<Vec<Option<Blocks<'_, S>>>> = (0..batch.div_ceil(piece)).map(|_| Vec::new()).collect();
    let mut ops = Vec::with_capacity(siblings.len());
    for Sibling { op, y, tally } in siblings {
        match y {
            Some(y) => {
                let cut = cut(y, piece * op.pixels());
                parts.iter_mut().zip(cut).for_each(|(part, y)| part.push(Some(y)));
            }
            None => parts.iter_mut().for_each(|part| part.push(None)),
        }
        ops.push((op, tally));
    }
    let chunk = ops.iter().map(|(op, _)| op.together()).max().unwrap_or(1);
    let grain = items_per_task(piece * ops.iter().map(|(op, _)| op.sample_work()).sum::<usize>());
    let spare = ops.iter().map(|(op, _)| op.blocks() * op.pixels()).max().unwrap_or(0) * chunk;
    let scratch = ops.iter().map(|(op, _)| op.scratch()).max().unwrap_or(0);
    let shared = Shared::among(ops.iter().map(|(op, _)| op.depthwise()), 2, chunk);
    if let Some(shared) = &shared {
        ops.iter_mut()
            .filter(|(op, _)| shared.operand(op.depthwise()).is_some())
            .for_each(|(op, _)| op.share(shared.frame));
    }
    let shared = shared
        .as_ref()
        .and_then(|shared| Some((shared, ops.iter().find_map(|(op, _)| shared.operand(op.depthwise()))?)));
    let no_tallies = || -> Vec<Vec<Tally>> {
        ops.iter().map(|(op, tally)| vec![Tally::EMPTY; if *tally { op.blocks() } else { 0 }]).collect()
    };
    let work = |(index, mut ys): (usize, Vec<Option<Blocks<'_, S>>>)| {
        let samples = index * piece..((index + 1) * piece).min(batch);
        let mut scratch = pool::take::<S::Real>(scratch);
        // Where outputs go of which only the moments are wanted.
        let mut spare = pool::take::<S>(if ys.iter().all(Option::is_some) { 0 } else { spare });
        let mut tallies = no_tallies();
        let mut planes = pool::zeros(shared.map_or(0, |(shared, _)| shared.layout.len()));
        for first in samples.clone().step_by(chunk) {
            let near = first..(first + chunk).min(samples.end);
            let laid = shared.map(|(shared, x)| shared.layout.lay(x, near.clone(), &mut planes));
            for (((op, _), y), tallies) in ops.iter().zip(&mut ys).zip(&mut tallies) {
                let pixels = near.len() * op.pixels();
                let mut y: Blocks<'_, S> = match y {
                    Some(y) => {
                        let from = (near.start - samples.start) * op.pixels();
                        y.iter_mut().map(|y| &mut y[from..from + pixels]).collect()
                    }
                    None => spare.chunks_mut(pixels).take(op.blocks()).collect(),
                };
                run_chunk(op, &mut scratch, near.clone(), laid, &mut y, tallies);
            }
        }
        tallies
    };
    let pieces: Vec<Vec<Vec<Tally>>> = parts.into_par_iter().with_min_len(grain).enumerate().map(work).collect();
    let mut totals = no_tallies();
    for piece in &pieces {
        for (total, part) in totals.iter_mut().flatten().zip(piece.iter().flatten()) {
            total.merge(part);
        }
    }
    totals
}

/// Runs one op on the samples of a chunk, whose part of the output is `y`.
fn run_chunk<S: Stored>(
    op: &Forward<'_, S>,
    scratch: &mut [Lanes<S::Real>],
    near: Range<usize>,
    laid: Option<Laid<'_, S::Real>>,
    y: &mut [&mut [Lanes<S>]],
    tallies: &mut [Tally],
) {
    let (pixels, together) = (op.pixels(), op.together());
    for first in near.clone().step_by(together) {
        let now = first..(first + together).min(near.end);
        let span = (now.start - near.start) * pixels..(now.end - near.start) * pixels;
        let mut y: Blocks<'_, S> = y.iter_mut().map(|y| &mut y[span.clone()]).collect();
        op.run(scratch, now, laid, &mut y);
        for (tally, y) in tallies.iter_mut().zip(&y) {
            tally.add(y);
        }
    }
}

/// What one sibling does in the reverse pass.
pub(crate) enum Backward<'a, S: Stored> {
    Convolution(Box<conv::Backward<'a, S>>),
    Pooling(Box<pooling::Backward<'a, S>>),
}

impl<S: Stored> Backward<'_, S> {
    /// Pixels of a plane of the activation that all siblings read.
    fn input_len(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.input_len(),
            Self::Pooling(pool) => pool.input_len(),
        }
    }

    fn together(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.together(),
            Self::Pooling(_) => 1,
        }
    }

    fn sample_work(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.sample_work(),
            Self::Pooling(pool) => pool.sample_work(),
        }
    }

    /// Lanes of scratch that it needs.
    fn scratch(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.scratch(),
            Self::Pooling(pool) => pool.scratch(),
        }
    }

    fn depthwise(&self) -> Option<(&Operand<'_, S>, &Geometry)> {
        match self {
            Self::Convolution(conv) => conv.depthwise(),
            Self::Pooling(_) => None,
        }
    }

    fn share(&mut self, frame: Frame) {
        if let Self::Convolution(conv) = self {
            conv.share(frame);
        }
    }

    /// What it adds up over a piece, if anything.
    fn sums(&self) -> Option<conv::Sums<S::Real>> {
        match self {
            Self::Convolution(conv) => Some(conv.sums_of_piece()),
            Self::Pooling(_) => None,
        }
    }

    /// Works on some samples; `dx` is their part of the activation's gradient.
    fn run(
        &self,
        scratch: &mut [Lanes<S::Real>],
        sums: &mut Option<conv::Sums<S::Real>>,
        near: Range<usize>,
        laid: Option<Laid<'_, S::Real>>,
        dx: Option<&mut [&mut [Lanes<S>]]>,
        add: bool,
    ) {
        match (self, sums, dx) {
            (Self::Convolution(conv), Some(sums), dx) => conv.run(scratch, sums, near, laid, dx, add),
            (Self::Pooling(pool), _, Some(dx)) => pool.run(scratch, near, dx, add),
            _ => {}
        }
    }
}

/// The gradient of the activation that all siblings read, into the blocks `dx` where it is wanted, added to what they hold
/// with `add`; and for each sibling the gradients of its weights.
pub(crate) fn backward<S: Stored>(
    batch: usize,
    mut siblings: Vec<Backward<'_, S>>,
    dx: Option<Blocks<'_, S>>,
    add: bool,
) -> Vec<Gradients<S::Real>> {
    let piece = samples_per_piece(batch);
    let input = siblings.first().map_or(0, Backward::input_len);
    let parts: Vec<Option<Blocks<'_, S>>> = match dx {
        Some(dx) => cut(dx, piece * input).into_iter().map(Some).collect(),
        None => (0..batch.div_ceil(piece)).map(|_| None).collect(),
    };
    let chunk = siblings.iter().map(Backward::together).max().unwrap_or(1);
    let grain = items_per_task(piece * siblings.iter().map(Backward::sample_work).sum::<usize>());
    let scratch = siblings.iter().map(Backward::scratch).max().unwrap_or(0);
    let shared = Shared::among(siblings.iter().map(Backward::depthwise), 1, chunk);
    if let Some(shared) = &shared {
        siblings.iter_mut().filter(|op| shared.operand(op.depthwise()).is_some()).for_each(|op| op.share(shared.frame));
    }
    let siblings = &siblings[..];
    let shared = shared
        .as_ref()
        .and_then(|shared| Some((shared, siblings.iter().find_map(|op| shared.operand(op.depthwise()))?)));
    let work = |(index, mut dx): (usize, Option<Blocks<'_, S>>)| {
        let samples = index * piece..((index + 1) * piece).min(batch);
        let mut scratch = pool::take::<S::Real>(scratch);
        let mut sums: Vec<_> = siblings.iter().map(Backward::sums).collect();
        let mut planes = pool::zeros(shared.map_or(0, |(shared, _)| shared.layout.len()));
        for first in samples.clone().step_by(chunk) {
            let near = first..(first + chunk).min(samples.end);
            let laid = shared.map(|(shared, x)| shared.layout.lay(x, near.clone(), &mut planes));
            for (number, (sibling, sums)) in siblings.iter().zip(&mut sums).enumerate() {
                for first in near.clone().step_by(sibling.together()) {
                    let now = first..(first + sibling.together()).min(near.end);
                    let span = (now.start - samples.start) * input..(now.end - samples.start) * input;
                    let mut part: Option<Blocks<'_, S>> =
                        dx.as_mut().map(|dx| dx.iter_mut().map(|dx| &mut dx[span.clone()]).collect());
                    sibling.run(&mut scratch, sums, now, laid, part.as_deref_mut(), add || number > 0);
                }
            }
        }
        sums
    };
    let pieces: Vec<Vec<Option<conv::Sums<S::Real>>>> =
        parts.into_par_iter().with_min_len(grain).enumerate().map(work).collect();
    let mut own: Vec<Vec<conv::Sums<S::Real>>> = siblings.iter().map(|_| Vec::with_capacity(pieces.len())).collect();
    for sums in pieces {
        own.iter_mut().zip(sums).for_each(|(own, sums)| own.extend(sums));
    }
    let gradients = |(sibling, sums): (&Backward<'_, S>, Vec<conv::Sums<S::Real>>)| match sibling {
        Backward::Convolution(conv) => conv.gradients(sums),
        Backward::Pooling(_) => Gradients::NONE,
    };
    siblings.iter().zip(own).map(gradients).collect()
}
