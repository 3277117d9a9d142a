//! Siblings: ops that read one activation, and run together. A few samples at a time go through all of them, so that the
//! activation, and in the reverse pass its gradient, come into cache once and not once for each op.

mod backward;
mod forward;

use std::ops::Range;

use super::laid::{Laid, Layout};
use super::lanes::Lanes;
use super::pieces::{parts, samples_per_piece};
use super::plane::{Frame, Geometry};
use super::read::Operand;
use crate::element::Stored;
use crate::pool;
use crate::simd::items_per_task;

pub(crate) use backward::{Backward, backward};
pub(crate) use forward::{Forward, Sibling, forward};

/// Blocks to write into.
type Blocks<'a, S> = Vec<&'a mut [Lanes<S>]>;

/// What running together takes to know of an op, in either pass.
pub(crate) trait Op<S: Stored> {
    /// Samples that it takes at once, at most.
    fn together(&self) -> usize {
        1
    }

    /// Work for one sample, as [`items_per_task`] counts it.
    fn sample_work(&self) -> usize;

    /// Lanes of scratch that it needs.
    fn scratch(&self) -> usize;

    /// What its depthwise stage reads, if it has one, and through which windows.
    fn depthwise(&self) -> Option<(&Operand<'_, S>, &Geometry)> {
        None
    }

    /// Makes it read planes that are laid out in this frame.
    fn share(&mut self, _: Frame) {}
}

/// A sibling of either kind, in one of the passes.
pub(crate) enum Either<C, P> {
    Convolution(Box<C>),
    Pooling(Box<P>),
}

impl<S: Stored, C: Op<S>, P: Op<S>> Op<S> for Either<C, P> {
    fn together(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.together(),
            Self::Pooling(pool) => pool.together(),
        }
    }

    fn sample_work(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.sample_work(),
            Self::Pooling(pool) => pool.sample_work(),
        }
    }

    fn scratch(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.scratch(),
            Self::Pooling(pool) => pool.scratch(),
        }
    }

    fn depthwise(&self) -> Option<(&Operand<'_, S>, &Geometry)> {
        match self {
            Self::Convolution(conv) => conv.depthwise(),
            Self::Pooling(pool) => pool.depthwise(),
        }
    }

    fn share(&mut self, frame: Frame) {
        match self {
            Self::Convolution(conv) => conv.share(frame),
            Self::Pooling(pool) => pool.share(frame),
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

impl Shared {
    /// What the ops have in common, if at least so many of them do.
    fn among<S: Stored>(ops: &[impl Op<S>], least: usize, chunk: usize) -> Option<Self> {
        let stages: Vec<_> = ops.iter().filter_map(Op::depthwise).collect();
        let relu = stages.first()?.0.relu;
        let windows = stages.iter().filter(|(x, _)| x.relu == relu).map(|(_, windows)| *windows);
        let enough = windows.clone().count() >= least;
        let (layout, frame) = Layout::new(windows, stages[0].0.blocks.len(), chunk)?;
        enough.then_some(Self { layout, frame, relu })
    }

    /// What an op reads, if it is this.
    fn operand<'a, S: Stored>(&self, op: &'a impl Op<S>) -> Option<&'a Operand<'a, S>> {
        op.depthwise().map(|(x, _)| x).filter(|x| x.relu == self.relu)
    }
}

/// How siblings go through a batch together: piece by piece, on any thread, and chunk by chunk within a piece.
struct Walk {
    batch: usize,
    /// Samples of a piece.
    piece: usize,
    /// Samples that go through all ops before the next ones.
    chunk: usize,
    /// Pieces that make a task worth handing over.
    grain: usize,
    /// Lanes of scratch that every op can do with.
    scratch: usize,
    shared: Option<Shared>,
}

impl Walk {
    /// For these ops, of which those that can are made to read their input laid out once, where at least so many can.
    fn new<S: Stored>(batch: usize, ops: &mut [impl Op<S>], least: usize) -> Self {
        let piece = samples_per_piece(batch);
        let chunk = ops.iter().map(Op::together).max().unwrap_or(1);
        let shared = Shared::among(ops, least, chunk);
        if let Some(shared) = &shared {
            ops.iter_mut().filter(|op| shared.operand(*op).is_some()).for_each(|op| op.share(shared.frame));
        }
        let grain = items_per_task(piece * ops.iter().map(Op::sample_work).sum::<usize>());
        let scratch = ops.iter().map(Op::scratch).max().unwrap_or(0);
        Self { batch, piece, chunk, grain, scratch, shared }
    }

    /// The samples of a piece.
    fn samples(&self, piece: usize) -> Range<usize> {
        piece * self.piece..((piece + 1) * self.piece).min(self.batch)
    }

    /// Goes through a piece: `f` gets scratch, the samples of each chunk, and what the ops share of them.
    fn piece<S: Stored>(
        &self,
        ops: &[impl Op<S>],
        piece: usize,
        mut f: impl FnMut(&mut [Lanes<S::Real>], Range<usize>, Option<Laid<'_, S::Real>>),
    ) {
        let shared = self.shared.as_ref();
        let shared = shared.and_then(|shared| Some((shared, ops.iter().find_map(|op| shared.operand(op))?)));
        let mut scratch = pool::take::<S::Real>(self.scratch);
        let mut planes = pool::zeros(shared.map_or(0, |(shared, _)| shared.layout.len()));
        for near in parts(self.samples(piece), self.chunk) {
            let laid = shared.map(|(shared, x)| shared.layout.lay(x, near.clone(), &mut planes));
            f(&mut scratch, near, laid);
        }
    }
}
