//! The forward pass of siblings.

use std::ops::Range;

use rayon::prelude::*;

use super::super::laid::Laid;
use super::super::lanes::Lanes;
use super::super::norm::Tally;
use super::super::pieces::{cut, parts};
use super::super::{conv, pooling};
use super::{Blocks, Either, Op, Walk};
use crate::element::Stored;
use crate::pool;

/// What one sibling does in the forward pass.
pub(crate) type Forward<'a, S> = Either<conv::Forward<'a, S>, pooling::Forward<'a, S>>;

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
    let (mut ops, mut outputs, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
    for Sibling { op, y, tally } in siblings {
        wanted.push(if tally { op.blocks() } else { 0 });
        ops.push(op);
        outputs.push(y);
    }
    let walk = Walk::new(batch, &mut ops, 2);
    let ops = &ops[..];
    let mut pieces: Vec<Vec<Option<Blocks<'_, S>>>> = (0..batch.div_ceil(walk.piece)).map(|_| Vec::new()).collect();
    for (op, y) in ops.iter().zip(outputs) {
        match y {
            Some(y) => {
                let cut = cut(y, walk.piece * op.pixels());
                pieces.iter_mut().zip(cut).for_each(|(piece, y)| piece.push(Some(y)));
            }
            None => pieces.iter_mut().for_each(|piece| piece.push(None)),
        }
    }
    let largest = ops.iter().map(|op| op.blocks() * op.pixels()).max().unwrap_or(0) * walk.chunk;
    let no_tallies = || -> Vec<Vec<Tally>> { wanted.iter().map(|&blocks| vec![Tally::EMPTY; blocks]).collect() };
    let work = |(piece, mut ys): (usize, Vec<Option<Blocks<'_, S>>>)| {
        let begin = walk.samples(piece).start;
        // Where outputs go of which only the moments are wanted.
        let mut spare = pool::take::<S>(if ys.iter().all(Option::is_some) { 0 } else { largest });
        let mut tallies = no_tallies();
        walk.piece(ops, piece, |scratch, near, laid| {
            for ((op, y), tallies) in ops.iter().zip(&mut ys).zip(&mut tallies) {
                let pixels = near.len() * op.pixels();
                let mut y: Blocks<'_, S> = match y {
                    Some(y) => {
                        let from = (near.start - begin) * op.pixels();
                        y.iter_mut().map(|y| &mut y[from..from + pixels]).collect()
                    }
                    None => spare.chunks_mut(pixels).take(op.blocks()).collect(),
                };
                run_chunk(op, scratch, near.clone(), laid, &mut y, tallies);
            }
        });
        tallies
    };
    let found: Vec<Vec<Vec<Tally>>> = pieces.into_par_iter().with_min_len(walk.grain).enumerate().map(work).collect();
    let mut totals = no_tallies();
    for piece in &found {
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
    let pixels = op.pixels();
    for now in parts(near.clone(), op.together()) {
        let span = (now.start - near.start) * pixels..(now.end - near.start) * pixels;
        let mut y: Blocks<'_, S> = y.iter_mut().map(|y| &mut y[span.clone()]).collect();
        op.run(scratch, now, laid, &mut y);
        for (tally, y) in tallies.iter_mut().zip(&y) {
            tally.add(y);
        }
    }
}
