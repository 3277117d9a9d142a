//! The mean of whole planes, and its gradient.

use super::super::lanes::{LANES, Lanes};
use super::super::pieces::{each_part, samples_per_piece};
use super::super::read::Operand;
use crate::element::{Element, Stored};
use crate::simd::items_per_task;

/// The mean of every plane of `pixels` pixels: blocks of one pixel a sample.
pub(crate) fn mean_planes<S: Stored>(x: &Operand<'_, S>, pixels: usize, y: Vec<&mut [Lanes<S>]>) {
    let share = Lanes::splat(1.0 / pixels as f64);
    let batch = y.first().map_or(0, |block| block.len());
    let piece = samples_per_piece(batch);
    each_part(y, piece, items_per_task(piece * pixels * LANES), |block, index, y| {
        let read = x.read(block);
        let x = &x.blocks[block][index * piece * pixels..];
        S::Real::dispatch(
            #[inline(always)]
            || {
                for (y, x) in y.iter_mut().zip(x.chunks_exact(pixels)) {
                    let mut sum = Lanes::ZERO;
                    for value in x {
                        sum += read.apply(value.load());
                    }
                    *y = Lanes::store(Lanes::of(sum.wide() * share));
                }
            },
        );
    });
}

/// dx = dy of its plane / pixels, added to what `dx` holds where `add` is set.
pub(crate) fn spread_planes<S: Stored>(dy: &[&[Lanes<S>]], pixels: usize, dx: Vec<&mut [Lanes<S>]>, add: bool) {
    let share = Lanes::splat(S::Real::of(1.0 / pixels as f64));
    let batch = dy.first().map_or(0, |block| block.len());
    let piece = samples_per_piece(batch);
    each_part(dx, piece * pixels, items_per_task(piece * pixels * LANES), |block, index, dx| {
        S::Real::dispatch(
            #[inline(always)]
            || {
                for (dx, dy) in dx.chunks_exact_mut(pixels).zip(&dy[block][index * piece..]) {
                    let value = dy.load() * share;
                    for dx in dx {
                        *dx = Lanes::store(if add { dx.load() + value } else { value });
                    }
                }
            },
        );
    });
}
