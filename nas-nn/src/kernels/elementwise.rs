//! Elementwise kernels: weighted sums of operands, gates, factors of samples. Each works through blocks in parts that fit
//! the first cache.

use rayon::prelude::*;

use super::lanes::{LANES, Lanes, update, update_from};
use super::pieces;
use super::read::{Affine, Incoming, Operand, Read};
use crate::element::{Element, Stored};
use crate::pool;

/// Pixels of a part: 16 KiB of f32.
const PART: usize = 512;
/// Parts that make a task worth handing over.
const GRAIN: usize = 8;

/// Calls `f` with (block, first pixel, pixels) for every part of every block, in parallel.
fn each_part<S: Stored>(y: Vec<&mut [Lanes<S>]>, f: impl Fn(usize, usize, &mut [Lanes<S>]) + Sync) {
    pieces::each_part(y, PART, GRAIN, |block, index, part| f(block, index * PART, part));
}

/// `y (+)= f(x)` over two slices.
#[inline(always)]
pub(super) fn write<X: Stored<Real = T>, Y: Stored<Real = T>, T: Element>(
    x: &[Lanes<X>],
    y: &mut [Lanes<Y>],
    add: bool,
    f: impl Fn(Lanes<T>) -> Lanes<T>,
) {
    // The loops must not ask at every pixel.
    if add {
        update(
            y,
            x,
            #[inline(always)]
            |y, x| Lanes::store(y.load() + f(x.load())),
        );
    } else {
        update(
            y,
            x,
            #[inline(always)]
            |_, x| Lanes::store(f(x.load())),
        );
    }
}

/// `y (+)= read(x)`.
#[inline(always)]
fn write_read<X: Stored<Real = T>, Y: Stored<Real = T>, T: Element>(
    x: &[Lanes<X>],
    read: Read<T>,
    y: &mut [Lanes<Y>],
    add: bool,
) {
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
pub(crate) fn sum<S: Stored>(inputs: &[Operand<'_, S>], y: Vec<&mut [Lanes<S>]>) {
    each_part(y, |block, from, y| {
        if S::ROUNDS {
            summed_beside(y, |y| sum_part(inputs, block, from, y));
        } else {
            sum_part(inputs, block, from, y);
        }
    });
}

fn sum_part<S: Stored, Y: Stored<Real = S::Real>>(
    inputs: &[Operand<'_, S>],
    block: usize,
    from: usize,
    y: &mut [Lanes<Y>],
) {
    for (index, input) in inputs.iter().enumerate() {
        let x = &input.blocks[block][from..from + y.len()];
        S::Real::dispatch(
            #[inline(always)]
            || write_read(x, input.read(block), y, index > 0),
        );
    }
}

/// Sums beside `y`, so that only the total is rounded by being stored.
pub(super) fn summed_beside<S: Stored>(y: &mut [Lanes<S>], sum: impl FnOnce(&mut [Lanes<S::Real>])) {
    let mut total = pool::take(y.len());
    sum(&mut total);
    put(&total, None, y, false);
}

/// y (+)= x · factor, block by block.
pub(crate) fn accumulate<S: Stored>(x: &[&[Lanes<S>]], factor: S::Real, y: Vec<&mut [Lanes<S>]>, add: bool) {
    let factor = Lanes::splat(factor);
    each_part(y, |block, from, y| {
        let x = &x[block][from..from + y.len()];
        S::Real::dispatch(
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
fn write_gated<S: Stored, D: Stored<Real = S::Real>>(
    x: &[Lanes<S>],
    read: Read<S::Real>,
    dy: &[Lanes<D>],
    dx: &mut [Lanes<S>],
    add: bool,
) {
    let affine = read.affine.unwrap_or(Affine::identity());
    if add {
        update_from(
            dx,
            dy,
            x,
            #[inline(always)]
            |dx, dy, x| Lanes::store(dx.load() + dy.load().gated(affine.apply(x.load()))),
        );
    } else {
        update_from(
            dx,
            dy,
            x,
            #[inline(always)]
            |_, dy, x| Lanes::store(dy.load().gated(affine.apply(x.load()))),
        );
    }
}

/// Some pixels of an operand, and how they are read.
type Part<'a, S> = (&'a [Lanes<S>], Read<<S as Stored>::Real>);

/// `dx (+)= dy`, a plane at a time; with an operand only where that is positive before its ReLU.
pub(super) fn put<S: Stored>(dy: &[Lanes<S::Real>], gate: Option<Part<'_, S>>, dx: &mut [Lanes<S>], add: bool) {
    S::Real::dispatch(
        #[inline(always)]
        || match gate {
            Some((x, read)) => write_gated(x, read, dy, dx, add),
            None => write(
                dy,
                dx,
                add,
                #[inline(always)]
                |value| value,
            ),
        },
    );
}

/// dx (+)= dy where what is read from x is positive: the gradient of a ReLU.
pub(crate) fn gate<S: Stored>(x: &Operand<'_, S>, dy: &[&[Lanes<S>]], dx: Vec<&mut [Lanes<S>]>, add: bool) {
    each_part(dx, |block, from, dx| {
        let (read, part) = (x.read(block), from..from + dx.len());
        S::Real::dispatch(
            #[inline(always)]
            || write_gated(&x.blocks[block][part.clone()], read, &dy[block][part], dx, add),
        );
    });
}

/// dx = a gradient as it is read.
pub(crate) fn load<S: Stored>(dy: &Incoming<'_, S>, dx: Vec<&mut [Lanes<S>]>) {
    each_part(dx, |block, from, dx| {
        let mut near = [Lanes::ZERO; PART];
        let near = &mut near[..dx.len()];
        dy.load(block, from, near);
        put(near, None, dx, false);
    });
}

/// y (+)= read(x) · factor of its sample, for samples of `pixels` pixels.
pub(crate) fn scale_samples<S: Stored>(
    x: &Operand<'_, S>,
    factors: &[S::Real],
    pixels: usize,
    y: Vec<&mut [Lanes<S>]>,
    add: bool,
) {
    each_part(y, |block, from, y| {
        let read = x.read(block);
        let mut done = 0;
        while done < y.len() {
            let sample = (from + done) / pixels;
            let until = ((sample + 1) * pixels - from).min(y.len());
            let factor = Lanes::splat(factors[sample]);
            S::Real::dispatch(
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
pub(crate) fn dot<S: Stored>(x: &Operand<'_, S>, dy: &[&[Lanes<S>]]) -> f64 {
    let block = |block: usize| -> f64 {
        let read = x.read(block);
        let part = |(x, dy): (&[Lanes<S>], &[Lanes<S>])| {
            S::Real::dispatch(
                #[inline(always)]
                || {
                    let mut sums = [Lanes::ZERO; 2];
                    for (i, (x, dy)) in x.iter().zip(dy).enumerate() {
                        sums[i % 2] = dy.load().fma(read.apply(x.load()), sums[i % 2]);
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
