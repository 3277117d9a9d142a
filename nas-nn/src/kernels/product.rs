//! The two products that every dense convolution comes down to.
//!
//! Both read a buffer of scalars at `at[pixel] + terms[k]`: `at` says where each pixel's window begins, `terms` where, from
//! there, each (input channel, tap) lies. Kernel shape, stride, dilation and padding all vanish into these two lists, and
//! nothing is copied once for each tap (no im2col). Each element is summed in a fixed order, whatever block computes it.

use super::lanes::{LANES, Lanes};
use crate::element::{Element, Stored};
use crate::simd;

/// Terms are summed in chains of this length, and the chains' sums are added up: the rounding error of long sums grows
/// with the chain, not with the whole length.
const CHAIN: usize = 48;

/// Pixels that all output blocks are worked out for while their inputs are in the first cache.
const NEAR: usize = 96;

/// Where the operand of a product is read: element (pixel, k) is `x[at[pixel] + terms[k]]`.
#[derive(Clone, Copy)]
pub(crate) struct Gathered<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) at: &'a [usize],
    pub(crate) terms: &'a [usize],
}

impl<T> Gathered<'_, T> {
    /// Both products read without bounds checks; this stands for all of them.
    fn check(&self) {
        let last = |list: &[usize]| list.iter().max().copied().unwrap_or(0);
        assert!(last(self.at) + last(self.terms) < self.x.len(), "a product reads past its buffer");
    }
}

/// Where the results of a product go: that of a pixel to `places[pixel] + offset`.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) places: &'a [usize],
    pub(crate) offset: usize,
    /// Whether results are added to what is there.
    pub(crate) add: bool,
}

/// Whether an odd block is worked out by itself, and not with the two before it. With AVX2 it would wait for its own sums;
/// with AVX-512 two blocks share registers, and a third among them costs more.
fn odd_block_alone() -> bool {
    simd::is_avx512()
}

/// `y[b][to(pixel)] (+)= Σ_k weights[b][k] · x[at[pixel] + terms[k]]`; the weights are `[b][k]` of lanes.
pub(crate) fn product<S: Stored>(
    weights: &[Lanes<S::Real>],
    from: Gathered<'_, S::Real>,
    y: &mut [&mut [Lanes<S>]],
    to: Target<'_>,
) {
    from.check();
    let (k, alone) = (from.terms.len(), odd_block_alone());
    assert!(weights.len() >= y.len() * k, "a product has too few weights");
    S::Real::dispatch(
        #[inline(always)]
        || {
            for first in (0..from.at.len()).step_by(NEAR) {
                let pixels = first..(first + NEAR).min(from.at.len());
                let mut block = 0;
                while (alone || y.len() != block + 3)
                    && let Some(pair) = y[block..].first_chunk_mut::<2>()
                {
                    strip::<S, 2, 6>(&weights[block * k..(block + 2) * k], from, pair, to, pixels.clone());
                    block += 2;
                }
                if !alone && let Some(three) = y[block..].first_chunk_mut::<3>() {
                    strip::<S, 3, 4>(&weights[block * k..(block + 3) * k], from, three, to, pixels);
                } else if let Some(one) = y[block..].first_chunk_mut::<1>() {
                    strip::<S, 1, 6>(&weights[block * k..(block + 1) * k], from, one, to, pixels);
                }
            }
        },
    );
}

#[inline(always)]
fn strip<S: Stored, const B: usize, const P: usize>(
    weights: &[Lanes<S::Real>],
    from: Gathered<'_, S::Real>,
    y: &mut [&mut [Lanes<S>]; B],
    to: Target<'_>,
    pixels: std::ops::Range<usize>,
) {
    let mut at = pixels.start;
    while at + P <= pixels.end {
        tile::<S, B, P>(weights, from, y, to, at);
        at += P;
    }
    while at + 2 <= pixels.end {
        tile::<S, B, 2>(weights, from, y, to, at);
        at += 2;
    }
    if at < pixels.end {
        tile::<S, B, 1>(weights, from, y, to, at);
    }
}

#[inline(always)]
fn tile<S: Stored, const B: usize, const P: usize>(
    weights: &[Lanes<S::Real>],
    from: Gathered<'_, S::Real>,
    y: &mut [&mut [Lanes<S>]; B],
    to: Target<'_>,
    first: usize,
) {
    let k = from.terms.len();
    let mut starts = [0; P];
    starts.copy_from_slice(&from.at[first..first + P]);
    let mut totals: [[Lanes<S::Real>; B]; P] = chain(weights, k, 0, from, &starts);
    for begin in (CHAIN..k).step_by(CHAIN) {
        let sums: [[Lanes<S::Real>; B]; P] = chain(weights, k, begin, from, &starts);
        for p in 0..P {
            for b in 0..B {
                totals[p][b] += sums[p][b];
            }
        }
    }
    for p in 0..P {
        for b in 0..B {
            let target = &mut y[b][to.places[first + p] + to.offset];
            *target = Lanes::store(if to.add { target.load() + totals[p][b] } else { totals[p][b] });
        }
    }
}

/// The sums of one chain, which begins with term `begin` of `k`, for the pixels whose windows begin at `starts`.
#[inline(always)]
fn chain<T: Element, const B: usize, const P: usize>(
    weights: &[Lanes<T>],
    k: usize,
    begin: usize,
    from: Gathered<'_, T>,
    starts: &[usize; P],
) -> [[Lanes<T>; B]; P] {
    let mut sums = [[Lanes::ZERO; B]; P];
    for (i, term) in (begin..).zip(&from.terms[begin..k.min(begin + CHAIN)]) {
        let mut weight = [Lanes::ZERO; B];
        for b in 0..B {
            // SAFETY: `product` has checked that there are `k` weights for each block.
            weight[b] = unsafe { *weights.get_unchecked(b * k + i) };
        }
        for p in 0..P {
            // SAFETY: `Gathered::check` has seen the largest start and the largest term.
            let value = Lanes::splat(unsafe { *from.x.get_unchecked(starts[p] + term) });
            for b in 0..B {
                sums[p][b] = weight[b].fma(value, sums[p][b]);
            }
        }
    }
    sums
}

/// `sums[b][k] += Σ_pixel dy[b][pixel] · x[at[pixel] + terms[k]]`: the gradient of the weights of [`product`].
pub(crate) fn outer<T: Element>(dy: &[&[Lanes<T>]], from: Gathered<'_, T>, sums: &mut [Lanes<T>]) {
    from.check();
    let (k, pixels, alone) = (from.terms.len(), from.at.len(), odd_block_alone());
    assert!(dy.iter().all(|dy| dy.len() >= pixels) && sums.len() >= dy.len() * k, "a gradient is cut short");
    for first in (0..pixels).step_by(NEAR) {
        let near = Gathered { at: &from.at[first..(first + NEAR).min(pixels)], ..from };
        let mut block = 0;
        while block < dy.len() {
            let sums = &mut sums[block * k..];
            let from = |block: usize| &dy[block][first..];
            // Sums for twelve registers of AVX2's sixteen; three blocks with four terms would need all of them, and the
            // compiler then sends a sum through memory.
            block += match dy.len() - block {
                1 => outer_strip::<T, 1, 8>([from(block)], near, sums),
                3 if !alone => outer_strip::<T, 3, 3>([from(block), from(block + 1), from(block + 2)], near, sums),
                _ => outer_strip::<T, 2, 6>([from(block), from(block + 1)], near, sums),
            };
        }
    }
}

/// The gradients of `B` blocks of outputs, `K` terms at a time; the number of blocks. Each size is compiled by itself: of
/// all in one function the compiler would keep too much in registers.
fn outer_strip<T: Element, const B: usize, const K: usize>(
    dy: [&[Lanes<T>]; B],
    from: Gathered<'_, T>,
    sums: &mut [Lanes<T>],
) -> usize {
    let k = from.terms.len();
    T::dispatch(
        #[inline(always)]
        || {
            let mut term = 0;
            while term < k {
                let left = k - term;
                // Few sums at once wait for themselves, so fours are better than what is left behind the last `K`.
                if left.is_multiple_of(K) || left >= K + 4 {
                    outer_tile::<T, B, K>(dy, from, term, sums);
                    term += K;
                } else if K > 4 && left >= 4 {
                    outer_tile::<T, B, 4>(dy, from, term, sums);
                    term += 4;
                } else {
                    outer_tile::<T, B, 1>(dy, from, term, sums);
                    term += 1;
                }
            }
        },
    );
    B
}

#[inline(always)]
fn outer_tile<T: Element, const B: usize, const K: usize>(
    dy: [&[Lanes<T>]; B],
    from: Gathered<'_, T>,
    first: usize,
    sums: &mut [Lanes<T>],
) {
    let Gathered { x, at, terms } = from;
    let k = terms.len();
    let mut own = [0; K];
    own.copy_from_slice(&terms[first..first + K]);
    let mut near = [[Lanes::ZERO; B]; K];
    for (pixel, start) in at.iter().enumerate() {
        let mut gradient = [Lanes::ZERO; B];
        for b in 0..B {
            // SAFETY: `outer` has checked that every block reaches as far as `at`.
            gradient[b] = unsafe { *dy[b].get_unchecked(pixel) };
        }
        for i in 0..K {
            // SAFETY: `Gathered::check` has seen the largest start and the largest term.
            let value = Lanes::splat(unsafe { *x.get_unchecked(start + own[i]) });
            for b in 0..B {
                near[i][b] = gradient[b].fma(value, near[i][b]);
            }
        }
    }
    for b in 0..B {
        for i in 0..K {
            sums[b * k + first + i] += near[i][b];
        }
    }
}

/// Where each channel of planes of `plane` pixels lies, in scalars: channel `slot` of a buffer of whole blocks.
pub(crate) fn channel_start(slot: usize, plane: usize) -> usize {
    slot / LANES * plane * LANES + slot % LANES
}
