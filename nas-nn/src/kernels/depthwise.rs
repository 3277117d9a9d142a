//! Depthwise convolution of one plane of eight channels: forward, gradient of the weights, and the gradient of the input
//! where a stride keeps it from being a forward convolution of its own.

use super::lanes::Lanes;
use super::plane::Geometry;
use crate::element::{Element, Stored};

/// Calls `$f` with the kernel's width and dilation, and the stride along a row, as constants where they are usual ones: the
/// loads that neighbouring pixels share are then made once. 0 stands for any.
macro_rules! specialized {
    ($f:ident, $g:expr, $($argument:expr),*) => {
        match $g.row_pattern() {
            (3, 1, 1) => $f::<S, 3, 1, 1>($g, $($argument),*),
            (3, 2, 1) => $f::<S, 3, 2, 1>($g, $($argument),*),
            (5, 1, 1) => $f::<S, 5, 1, 1>($g, $($argument),*),
            (5, 2, 1) => $f::<S, 5, 2, 1>($g, $($argument),*),
            (7, 1, 1) => $f::<S, 7, 1, 1>($g, $($argument),*),
            _ => $f::<S, 1, 0, 0>($g, $($argument),*),
        }
    };
}

/// `y[pixel] = Σ_tap weights[tap] · packed[start(pixel) + tap]`.
pub(crate) fn forward<S: Stored>(
    g: &Geometry,
    weights: &[Lanes<S::Real>],
    packed: &[Lanes<S::Real>],
    y: &mut [Lanes<S>],
) {
    assert!(packed.len() >= g.packed_len() && weights.len() >= g.taps.len(), "a depthwise convolution is cut short");
    S::Real::dispatch(
        #[inline(always)]
        || specialized!(forward_with, g, &weights[..g.taps.len()], packed, y),
    );
}

#[inline(always)]
fn forward_with<S: Stored, const K: usize, const DILATION: usize, const STEP: usize>(
    g: &Geometry,
    weights: &[Lanes<S::Real>],
    packed: &[Lanes<S::Real>],
    y: &mut [Lanes<S>],
) {
    let width = g.output[1];
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        let mut at = 0;
        while at + 8 <= width {
            forward_run::<S, 8, K, DILATION, STEP>(g, weights, packed, row, at, y);
            at += 8;
        }
        while at + 4 <= width {
            forward_run::<S, 4, K, DILATION, STEP>(g, weights, packed, row, at, y);
            at += 4;
        }
        while at < width {
            forward_run::<S, 1, K, DILATION, STEP>(g, weights, packed, row, at, y);
            at += 1;
        }
    }
}

/// `P` pixels of a row, from column `at` on; the taps in runs of `K`.
#[inline(always)]
fn forward_run<S: Stored, const P: usize, const K: usize, const DILATION: usize, const STEP: usize>(
    g: &Geometry,
    weights: &[Lanes<S::Real>],
    packed: &[Lanes<S::Real>],
    row: usize,
    at: usize,
    y: &mut [Lanes<S>],
) {
    let step = if STEP == 0 { g.step() } else { STEP };
    let start = g.start(row, at);
    let mut sums = [Lanes::ZERO; P];
    let (weights, _) = weights.as_chunks::<K>();
    for (weights, taps) in weights.iter().zip(g.taps.as_chunks::<K>().0) {
        let from = start + taps[0];
        for k in 0..K {
            for p in 0..P {
                // SAFETY: `forward` has checked the packed plane, and by construction every tap of every window is in it.
                let value = unsafe { *packed.get_unchecked(from + k * DILATION + p * step) };
                sums[p] = weights[k].fma(value, sums[p]);
            }
        }
    }
    for (y, sum) in y[at..at + P].iter_mut().zip(sums) {
        *y = Lanes::store(sum);
    }
}

/// `sums[tap] += Σ_pixel dy[pixel] · packed[start(pixel) + tap]`; pixel `i` of the output lies at `dy[places[i]]`, and the
/// pixels of a row one after another.
pub(crate) fn weight_gradient<T: Element>(
    g: &Geometry,
    dy: &[Lanes<T>],
    places: &[usize],
    packed: &[Lanes<T>],
    sums: &mut [Lanes<T>],
) {
    assert!(packed.len() >= g.packed_len(), "a packed plane is cut short");
    T::dispatch(
        #[inline(always)]
        || match g.row_pattern() {
            // The taps of a 3x3 kernel fit the registers at once, those of wider ones two rows at a time.
            (3, 1, 1) if g.taps.len() == 9 => weight_run::<T, 3, 3, 1, 1>(g, dy, places, packed, 0, sums),
            (3, 2, 1) if g.taps.len() == 9 => weight_run::<T, 3, 3, 2, 1>(g, dy, places, packed, 0, sums),
            (5, 1, 1) => weight_rows::<T, 5, 1, 1>(g, dy, places, packed, sums),
            (5, 2, 1) => weight_rows::<T, 5, 2, 1>(g, dy, places, packed, sums),
            (7, 1, 1) => weight_rows::<T, 7, 1, 1>(g, dy, places, packed, sums),
            (3, 1, 1) => weight_rows::<T, 3, 1, 1>(g, dy, places, packed, sums),
            _ => weight_rows::<T, 1, 0, 0>(g, dy, places, packed, sums),
        },
    );
}

#[inline(always)]
fn weight_rows<T: Element, const K: usize, const DILATION: usize, const STEP: usize>(
    g: &Geometry,
    dy: &[Lanes<T>],
    places: &[usize],
    packed: &[Lanes<T>],
    sums: &mut [Lanes<T>],
) {
    let mut first = 0;
    while first + 2 * K <= g.taps.len() {
        weight_run::<T, 2, K, DILATION, STEP>(g, dy, places, packed, first, sums);
        first += 2 * K;
    }
    while first < g.taps.len() {
        weight_run::<T, 1, K, DILATION, STEP>(g, dy, places, packed, first, sums);
        first += K;
    }
}

/// `R` rows of `K` taps, from tap `first` on, over the whole plane.
#[inline(always)]
fn weight_run<T: Element, const R: usize, const K: usize, const DILATION: usize, const STEP: usize>(
    g: &Geometry,
    dy: &[Lanes<T>],
    places: &[usize],
    packed: &[Lanes<T>],
    first: usize,
    sums: &mut [Lanes<T>],
) {
    let step = if STEP == 0 { g.step() } else { STEP };
    let mut offsets = [0; R];
    for r in 0..R {
        offsets[r] = g.taps[first + r * K];
    }
    let mut near = [[Lanes::ZERO; K]; R];
    for row in 0..g.output[0] {
        let dy = &dy[places[row * g.output[1]]..][..g.output[1]];
        let start = g.start(row, 0);
        let (pairs, rest) = dy.as_chunks::<2>();
        for (pair, dy) in pairs.iter().enumerate() {
            for p in 0..2 {
                for r in 0..R {
                    for k in 0..K {
                        let from = start + offsets[r] + (2 * pair + p) * step + k * DILATION;
                        // SAFETY: `weight_gradient` has checked the plane; every tap of every window is in it.
                        let value = unsafe { *packed.get_unchecked(from) };
                        near[r][k] = dy[p].fma(value, near[r][k]);
                    }
                }
            }
        }
        if let [dy] = rest {
            for r in 0..R {
                for k in 0..K {
                    let from = start + offsets[r] + (g.output[1] - 1) * step + k * DILATION;
                    // SAFETY: as above.
                    let value = unsafe { *packed.get_unchecked(from) };
                    near[r][k] = dy.fma(value, near[r][k]);
                }
            }
        }
    }
    for r in 0..R {
        for k in 0..K {
            sums[first + r * K + k] += near[r][k];
        }
    }
}

/// `packed[start(pixel) + tap] += weights[tap] · dy[pixel]`: the gradient of the input, in the form of a packed plane.
pub(crate) fn scatter<T: Element>(g: &Geometry, weights: &[Lanes<T>], dy: &[Lanes<T>], packed: &mut [Lanes<T>]) {
    T::dispatch(
        #[inline(always)]
        || {
            for (row, dy) in dy.chunks_exact(g.output[1]).enumerate() {
                for (column, dy) in dy.iter().enumerate() {
                    let target = &mut packed[g.start(row, column)..];
                    for (weight, tap) in weights.iter().zip(&g.taps) {
                        target[*tap] = weight.fma(*dy, target[*tap]);
                    }
                }
            }
        },
    );
}
