//! Elementwise kernels: weighted sums of operands, gates, factors of samples. Each works through blocks in parts that fit
//! the first cache.

use rayon::prelude::*;

use super::lanes::{LANES, Lanes, update, update_from};
use super::pieces;
use super::read::{Affine, Incoming, Operand, Read};
use crate::element::Element;
use crate::simd::dispatch;

/// Pixels of a part: 16 KiB of f32.
const PART: usize = 512;
/// Parts that make a task worth handing over.
const GRAIN: usize = 8;

/// Calls `f` with (block, first pixel, pixels) for every part of every block, in parallel.
fn each_part<T: Element>(y: Vec<&mut [Lanes<T>]>, f: impl Fn(usize, usize, &mut [Lanes<T>]) + Sync) {
    pieces::each_part(y, PART, GRAIN, |block, index, part| f(block, index * PART, part));
}

/// `y (+)= f(x)` over two slices.
#[inline(always)]
pub(super) fn write<T: Element>(x: &[Lanes<T>], y: &mut [Lanes<T>], add: bool, f: impl Fn(Lanes<T>) -> Lanes<T>) {
    // The loops must not ask at every pixel.
    if add {
        update(
            y,
            x,
            #[inline(always)]
            |y, x| y + f(x),
        );
    } else {
        update(
            y,
            x,
            #[inline(always)]
            |_, x| f(x),
        );
    }
}

/// `y (+)= read(x)`.
#[inline(always)]
fn write_read<T: Element>(x: &[Lanes<T>], read: Read<T>, y: &mut [Lanes<T>], add: bool) {
    match read {
        Read { affine: None, relu: false } => write(
            x,
            y,
            add,
            #[inline(always)]
            |x| x,
        ),
        Read { affine: None, relu: true } => write(
            x,
            y,
            add,
            #[inline(always)]
            |x: Lanes<T>| x.rectified(),
        ),
        Read { affine: Some(a), relu: false } => write(
            x,
            y,
            add,
            #[inline(always)]
            |x| a.apply(x),
        ),
        Read { affine: Some(a), relu: true } => write(
            x,
            y,
            add,
            #[inline(always)]
            |x| a.apply(x).rectified(),
        ),
    }
}

/// y = Σ inputs, in their order, each as it is read.
pub(crate) fn sum<T: Element>(inputs: &[Operand<'_, T>], y: Vec<&mut [Lanes<T>]>) {
    each_part(y, |block, from, y| {
        dispatch(
            #[inline(always)]
            || {
                for (index, input) in inputs.iter().enumerate() {
                    write_read(&input.blocks[block][from..from + y.len()], input.read(block), y, index > 0);
                }
            },
        );
    });
}

/// y = Σ weights[i] · inputs[i], in their order, each as it is read: a mixed edge (Liu et al. 2019, equation 2). The
/// weight enters the affine map, so that it costs nothing.
pub(crate) fn weighted_sum<T: Element>(inputs: &[Operand<'_, T>], weights: &[T], y: Vec<&mut [Lanes<T>]>) {
    each_part(y, |block, from, y| {
        dispatch(
            #[inline(always)]
            || {
                for (index, (input, weight)) in inputs.iter().zip(weights).enumerate() {
                    let x = &input.blocks[block][from..from + y.len()];
                    let weight = Lanes::splat(*weight);
                    let read = input.read(block);
                    if read.relu {
                        write(
                            x,
                            y,
                            index > 0,
                            #[inline(always)]
                            |x| read.apply(x) * weight,
                        );
                        continue;
                    }
                    let Affine { center, scale, shift } = read.affine.unwrap_or(Affine::identity());
                    let weighted = Affine { center, scale: scale * weight, shift: shift * weight };
                    write(
                        x,
                        y,
                        index > 0,
                        #[inline(always)]
                        |x| weighted.apply(x),
                    );
                }
            },
        );
    });
}

/// y (+)= x · factor, block by block.
pub(crate) fn accumulate<T: Element>(x: &[&[Lanes<T>]], factor: T, y: Vec<&mut [Lanes<T>]>, add: bool) {
    let factor = Lanes::splat(factor);
    each_part(y, |block, from, y| {
        let x = &x[block][from..from + y.len()];
        dispatch(
            #[inline(always)]
            || {
                write(
                    x,
                    y,
                    add,
                    #[inline(always)]
                    |x| x * factor,
                )
            },
        );
    });
}

/// `dx (+)= dy` where what `read` makes of x is positive before its ReLU, and zero elsewhere.
#[inline(always)]
pub(super) fn write_gated<T: Element>(x: &[Lanes<T>], read: Read<T>, dy: &[Lanes<T>], dx: &mut [Lanes<T>], add: bool) {
    let affine = read.affine.unwrap_or(Affine::identity());
    if add {
        update_from(
            dx,
            dy,
            x,
            #[inline(always)]
            |dx, dy, x| dx + dy.gated(affine.apply(x)),
        );
    } else {
        update_from(
            dx,
            dy,
            x,
            #[inline(always)]
            |_, dy, x| dy.gated(affine.apply(x)),
        );
    }
}

/// dx (+)= dy where what is read from x is positive: the gradient of a ReLU.
pub(crate) fn gate<T: Element>(x: &Operand<'_, T>, dy: &[&[Lanes<T>]], dx: Vec<&mut [Lanes<T>]>, add: bool) {
    each_part(dx, |block, from, dx| {
        let (read, part) = (x.read(block), from..from + dx.len());
        dispatch(
            #[inline(always)]
            || write_gated(&x.blocks[block][part.clone()], read, &dy[block][part], dx, add),
        );
    });
}

/// dx = a gradient as it is read.
pub(crate) fn load<T: Element>(dy: &Incoming<'_, T>, dx: Vec<&mut [Lanes<T>]>) {
    each_part(dx, |block, from, dx| {
        dispatch(
            #[inline(always)]
            || dy.load(block, from, dx),
        );
    });
}

/// y (+)= read(x) · factor of its sample, for samples of `pixels` pixels.
pub(crate) fn scale_samples<T: Element>(
    x: &Operand<'_, T>,
    factors: &[T],
    pixels: usize,
    y: Vec<&mut [Lanes<T>]>,
    add: bool,
) {
    each_part(y, |block, from, y| {
        let read = x.read(block);
        let mut done = 0;
        while done < y.len() {
            let sample = (from + done) / pixels;
            let until = ((sample + 1) * pixels - from).min(y.len());
            let factor = Lanes::splat(factors[sample]);
            dispatch(
                #[inline(always)]
                || {
                    let x = &x.blocks[block][from + done..from + until];
                    write(
                        x,
                        &mut y[done..until],
                        add,
                        #[inline(always)]
                        |x| read.apply(x) * factor,
                    );
                },
            );
            done = until;
        }
    });
}

/// Σ over all pixels and channels of dy · read(x): how much the loss changes with a mixed edge's weight.
pub(crate) fn dot<T: Element>(x: &Operand<'_, T>, dy: &[&[Lanes<T>]]) -> f64 {
    let block = |block: usize| -> f64 {
        let read = x.read(block);
        let part = |(x, dy): (&[Lanes<T>], &[Lanes<T>])| {
            dispatch(
                #[inline(always)]
                || {
                    let mut sums = [Lanes::ZERO; 2];
                    for (i, (x, dy)) in x.iter().zip(dy).enumerate() {
                        sums[i % 2] = dy.fma(read.apply(*x), sums[i % 2]);
                    }
                    let both = (sums[0] + sums[1]).wide();
                    (0..LANES).map(|lane| both.0[lane]).sum::<f64>()
                },
            )
        };
        let parts: Vec<f64> =
            x.blocks[block].par_chunks(PART).with_min_len(GRAIN).zip(dy[block].par_chunks(PART)).map(part).collect();
        parts.iter().sum()
    };
    (0..x.blocks.len()).map(block).sum()
}
