//! The reverse pass of siblings.

use std::ops::Range;

use rayon::prelude::*;

use super::super::conv::{self, Gradients, Sums};
use super::super::laid::Laid;
use super::super::lanes::Lanes;
use super::super::pieces::{cut, parts};
use super::super::pooling;
use super::{Blocks, Either, Op, Walk};
use crate::element::Stored;

/// What one sibling does in the reverse pass.
pub(crate) type Backward<'a, S> = Either<conv::Backward<'a, S>, pooling::Backward<'a, S>>;

impl<S: Stored> Backward<'_, S> {
    /// Pixels of a plane of the activation that all siblings read.
    fn input_len(&self) -> usize {
        match self {
            Self::Convolution(conv) => conv.input_len(),
            Self::Pooling(pool) => pool.input_len(),
        }
    }

    /// What it adds up over a piece, if anything.
    fn sums(&self) -> Option<Sums<S::Real>> {
        match self {
            Self::Convolution(conv) => Some(conv.sums_of_piece()),
            Self::Pooling(_) => None,
        }
    }

    /// Works on some samples; `dx` is their part of the activation's gradient.
    fn run(
        &self,
        scratch: &mut [Lanes<S::Real>],
        sums: &mut Option<Sums<S::Real>>,
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

    /// The gradients of its weights, from what it added up over all pieces in their order.
    fn gradients(&self, sums: Vec<Sums<S::Real>>) -> Gradients<S::Real> {
        match self {
            Self::Convolution(conv) => conv.gradients(sums),
            Self::Pooling(_) => Gradients::NONE,
        }
    }
}

/// The gradient of the activation that all siblings read, into the blocks `dx` where it is wanted, added to what they hold
/// with `add`; and for each sibling the gradients of its weights.
pub(crate) fn backward<S: Stored>(
    batch: usize,
    mut ops: Vec<Backward<'_, S>>,
    dx: Option<Blocks<'_, S>>,
    add: bool,
) -> Vec<Gradients<S::Real>> {
    let walk = Walk::new(batch, &mut ops, 1);
    let ops = &ops[..];
    let input = ops.first().map_or(0, Backward::input_len);
    let pieces: Vec<Option<Blocks<'_, S>>> = match dx {
        Some(dx) => cut(dx, walk.piece * input).into_iter().map(Some).collect(),
        None => (0..batch.div_ceil(walk.piece)).map(|_| None).collect(),
    };
    let work = |(piece, mut dx): (usize, Option<Blocks<'_, S>>)| {
        let begin = walk.samples(piece).start;
        let mut sums: Vec<_> = ops.iter().map(Backward::sums).collect();
        walk.piece(ops, piece, |scratch, near, laid| {
            for (number, (op, sums)) in ops.iter().zip(&mut sums).enumerate() {
                for now in parts(near.clone(), op.together()) {
                    let span = (now.start - begin) * input..(now.end - begin) * input;
                    let mut part: Option<Blocks<'_, S>> =
                        dx.as_mut().map(|dx| dx.iter_mut().map(|dx| &mut dx[span.clone()]).collect());
                    op.run(scratch, sums, now, laid, part.as_deref_mut(), add || number > 0);
                }
            }
        });
        sums
    };
    let found: Vec<Vec<Option<Sums<S::Real>>>> =
        pieces.into_par_iter().with_min_len(walk.grain).enumerate().map(work).collect();
    let mut own: Vec<Vec<Sums<S::Real>>> = ops.iter().map(|_| Vec::with_capacity(found.len())).collect();
    for sums in found {
        own.iter_mut().zip(sums).for_each(|(own, sums)| own.extend(sums));
    }
    ops.iter().zip(own).map(|(op, sums)| op.gradients(sums)).collect()
}
