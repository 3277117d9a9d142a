//! Depthwise convolution of one plane of eight channels: forward, gradient of the weights, and the gradient of the input
//! where a stride keeps it from being a forward convolution of its own.

use super::lanes::Lanes;
use super::plane::Geometry;
use crate::element::Element;

/// `y[pixel] = Σ_tap weights[tap] · packed[start(pixel) + tap]`.
#[inline(always)]
pub(crate) fn forward<T: Element>(
    g: &Geometry,
    weights: &[Lanes<T>],
    packed: &[Lanes<T>],
    y: &mut [Lanes<T>],
) {
    let weights = &weights[..g.taps.len()];
    assert!(packed.len() >= g.packed_len(), "a packed plane is cut short");
    if g.step() == 1 {
        rows::<T, 1>(g, weights, packed, y);
    } else {
        rows::<T, 0>(g, weights, packed, y);
    }
}

/// All rows; `STEP` is the distance of neighbouring windows where it is known beforehand, which most of the time it is.
#[inline(always)]
fn rows<T: Element, const STEP: usize>(g: &Geometry, weights: &[Lanes<T>], packed: &[Lanes<T>], y: &mut [Lanes<T>]) {
    let width = g.output[1];
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        let mut at = 0;
        while at + 8 <= width {
            run::<T, 8, STEP>(g, weights, packed, row, at, y);
            at += 8;
        }
        while at + 4 <= width {
            run::<T, 4, STEP>(g, weights, packed, row, at, y);
            at += 4;
        }
        while at < width {
            run::<T, 1, STEP>(g, weights, packed, row, at, y);
            at += 1;
        }
    }
}

/// `P` pixels of a row, from column `at` on.
#[inline(always)]
fn run<T: Element, const P: usize, const STEP: usize>(
    g: &Geometry,
    weights: &[Lanes<T>],
    packed: &[Lanes<T>],
    row: usize,
    at: usize,
    y: &mut [Lanes<T>],
) {
    let step = if STEP == 0 { g.step() } else { STEP };
    let start = g.start(row, at);
    let mut sums = [Lanes::ZERO; P];
    for (weight, tap) in weights.iter().zip(&g.taps) {
        for p in 0..P {
            // SAFETY: `forward` has checked the packed plane, and by construction every tap of every window lies in it.
            let value = unsafe { *packed.get_unchecked(start + tap + p * step) };
            sums[p] = weight.fma(value, sums[p]);
        }
    }
    y[at..at + P].copy_from_slice(&sums);
}

/// `sums[tap] += Σ_pixel dy[pixel] · packed[start(pixel) + tap]`; row `r` of `dy` begins at `rows(r)`.
#[inline(always)]
pub(crate) fn weight_gradient<T: Element>(
    g: &Geometry,
    dy: &[Lanes<T>],
    rows: impl Fn(usize) -> usize + Copy,
    packed: &[Lanes<T>],
    sums: &mut [Lanes<T>],
) {
    assert!(packed.len() >= g.packed_len(), "a packed plane is cut short");
    let count = g.taps.len();
    let mut tap = 0;
    // The taps of a 3x3 kernel fit the registers at once, those of 5x5 and 7x7 row by row.
    while count.is_multiple_of(9) && tap < count {
        taps::<T, 9>(g, dy, rows, packed, tap, sums);
        tap += 9;
    }
    while count.is_multiple_of(7) && tap < count {
        taps::<T, 7>(g, dy, rows, packed, tap, sums);
        tap += 7;
    }
    while tap + 5 <= count {
        taps::<T, 5>(g, dy, rows, packed, tap, sums);
        tap += 5;
    }
    while tap < count {
        taps::<T, 1>(g, dy, rows, packed, tap, sums);
        tap += 1;
    }
}

#[inline(always)]
fn taps<T: Element, const K: usize>(
    g: &Geometry,
    dy: &[Lanes<T>],
    rows: impl Fn(usize) -> usize,
    packed: &[Lanes<T>],
    first: usize,
    sums: &mut [Lanes<T>],
) {
    let mut own = [0; K];
    own.copy_from_slice(&g.taps[first..first + K]);
    let mut near = [Lanes::ZERO; K];
    for row in 0..g.output[0] {
        let dy = &dy[rows(row)..][..g.output[1]];
        let (start, step) = (g.start(row, 0), g.step());
        for (column, dy) in dy.iter().enumerate() {
            let from = start + column * step;
            for k in 0..K {
                // SAFETY: `weight_gradient` has checked the packed plane; every tap of every window lies in it.
                let value = unsafe { *packed.get_unchecked(from + own[k]) };
                near[k] = dy.fma(value, near[k]);
            }
        }
    }
    for k in 0..K {
        sums[first + k] += near[k];
    }
}

/// `packed[start(pixel) + tap] += weights[tap] · dy[pixel]`: the gradient of the input, in the form of a packed plane.
#[inline(always)]
pub(crate) fn scatter<T: Element>(g: &Geometry, weights: &[Lanes<T>], dy: &[Lanes<T>], packed: &mut [Lanes<T>]) {
    for (dy, start) in dy.iter().zip(g.starts()) {
        for (weight, tap) in weights.iter().zip(&g.taps) {
            let target = &mut packed[start + tap];
            *target = weight.fma(*dy, *target);
        }
    }
}
