//! Batch normalization (Ioffe & Szegedy 2015): per channel over batch, rows and columns.
//!
//! Moments are taken while a part of the activation is in cache (its mean, then its squared deviations) and merged in f64
//! in a fixed order: one pass over memory, without the cancellation of a sum of squares. Applying them is left to whoever
//! reads the activation ([`Read`](super::read::Read)).

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::{LANES, Lanes, update};
use super::pieces::samples_per_piece;
use super::read::Operand;
use crate::element::Element;
use crate::simd::{dispatch, items_per_task};

/// Pixels whose sums are kept in the precision of the data before they go on in f64; they fit the first cache.
const NEAR: usize = 256;

/// Count, mean and squared deviations of eight channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tally {
    pub(crate) count: f64,
    pub(crate) mean: Lanes<f64>,
    /// Σ (x - mean)².
    pub(crate) squares: Lanes<f64>,
}

impl Tally {
    pub(crate) const EMPTY: Self = Self { count: 0.0, mean: Lanes::ZERO, squares: Lanes::ZERO };

    /// Counts more pixels in.
    #[inline(always)]
    pub(crate) fn add<T: Element>(&mut self, values: &[Lanes<T>]) {
        for values in values.chunks(NEAR) {
            let count = values.len() as f64;
            let share = Lanes::splat(1.0 / count);
            let center = Lanes::<T>::of(sum(values).wide() * share);
            // The rounded mean is off by a little; the mean deviation says by how much (corrected two-pass).
            let (deviation, squared) = deviations(values, center);
            let correction = deviation * share;
            let mean = center.wide() + correction;
            self.merge(&Self { count, mean, squares: squared - correction * deviation });
        }
    }

    /// Adds the counts of other pixels (Chan et al. 1979).
    #[inline(always)]
    pub(crate) fn merge(&mut self, other: &Self) {
        let total = self.count + other.count;
        if other.count == 0.0 {
            return;
        }
        let shift = other.mean - self.mean;
        let weight = self.count * other.count / total;
        self.mean = shift.fma(Lanes::splat(other.count / total), self.mean);
        self.squares += (shift * shift).fma(Lanes::splat(weight), other.squares);
        self.count = total;
    }

    /// Biased variance (divided by the count).
    pub(crate) fn variance(&self) -> Lanes<f64> {
        self.squares.map(|squares| squares / self.count)
    }
}

/// Chains of additions side by side, so that they need not wait for one another.
const CHAINS: usize = 4;

#[inline(always)]
fn joined<T: Element>(chains: [Lanes<T>; CHAINS]) -> Lanes<T> {
    (chains[0] + chains[1]) + (chains[2] + chains[3])
}

#[inline(always)]
fn sum<T: Element>(values: &[Lanes<T>]) -> Lanes<T> {
    let mut chains = [Lanes::ZERO; CHAINS];
    let (chunks, rest) = values.as_chunks::<CHAINS>();
    for chunk in chunks {
        for i in 0..CHAINS {
            chains[i] += chunk[i];
        }
    }
    for value in rest {
        chains[0] += *value;
    }
    joined(chains)
}

/// Σ (v - center) and Σ (v - center)².
#[inline(always)]
fn deviations<T: Element>(values: &[Lanes<T>], center: Lanes<T>) -> (Lanes<f64>, Lanes<f64>) {
    let (mut plain, mut squared) = ([Lanes::ZERO; CHAINS], [Lanes::ZERO; CHAINS]);
    let (chunks, rest) = values.as_chunks::<CHAINS>();
    for chunk in chunks {
        for i in 0..CHAINS {
            let deviation = chunk[i] - center;
            plain[i] += deviation;
            squared[i] = deviation.fma(deviation, squared[i]);
        }
    }
    for value in rest {
        let deviation = *value - center;
        plain[0] += deviation;
        squared[0] = deviation.fma(deviation, squared[0]);
    }
    (joined(plain).wide(), joined(squared).wide())
}

/// The moments of every block of an activation as it is read, each sample `pixels` large.
pub(crate) fn moments<T: Element>(x: &Operand<'_, T>, batch: usize, pixels: usize) -> Vec<Tally> {
    let tallies = each_part(x.blocks.len(), batch, pixels, |block, range| {
        let mut tally = Tally::EMPTY;
        let read = x.read(block);
        let mut near = [Lanes::ZERO; NEAR];
        dispatch(
            #[inline(always)]
            || {
                for values in x.blocks[block][range].chunks(NEAR) {
                    let near = &mut near[..values.len()];
                    update(
                        near,
                        values,
                        #[inline(always)]
                        |_, value| read.apply(value),
                    );
                    tally.add(near);
                }
            },
        );
        tally
    });
    let total = |parts: &[Tally]| {
        let mut total = Tally::EMPTY;
        parts.iter().for_each(|part| total.merge(part));
        total
    };
    tallies.iter().map(|parts| total(parts)).collect()
}

/// Works out something for each piece of each block: `[block][piece]`.
fn each_part<R: Send>(
    blocks: usize,
    batch: usize,
    pixels: usize,
    f: impl Fn(usize, Range<usize>) -> R + Sync + Send,
) -> Vec<Vec<R>> {
    let piece = samples_per_piece(batch) * pixels;
    let pieces = (batch * pixels).div_ceil(piece.max(1));
    let part = |index: usize| {
        let (block, from) = (index / pieces, index % pieces * piece);
        f(block, from..(from + piece).min(batch * pixels))
    };
    let grain = items_per_task(2 * LANES * piece);
    let mut parts: Vec<R> = (0..blocks * pieces).into_par_iter().with_min_len(grain).map(part).collect();
    let mut rows = Vec::with_capacity(blocks);
    while !parts.is_empty() {
        let rest = parts.split_off(pieces);
        rows.push(std::mem::replace(&mut parts, rest));
    }
    rows
}

/// Σ dy and Σ dy · (x - center) of eight channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GradientSums {
    pub(crate) plain: Lanes<f64>,
    pub(crate) weighted: Lanes<f64>,
}

impl GradientSums {
    pub(crate) const ZERO: Self = Self { plain: Lanes::ZERO, weighted: Lanes::ZERO };

    /// Counts more pixels in.
    #[inline(always)]
    pub(crate) fn add<T: Element>(&mut self, dy: &[Lanes<T>], x: &[Lanes<T>], center: Lanes<T>) {
        for (dy, x) in dy.chunks(NEAR).zip(x.chunks(NEAR)) {
            let (mut a, mut b) = ([Lanes::ZERO; CHAINS], [Lanes::ZERO; CHAINS]);
            let ((dy, dy_rest), (x, x_rest)) = (dy.as_chunks::<CHAINS>(), x.as_chunks::<CHAINS>());
            for (dy, x) in dy.iter().zip(x) {
                for i in 0..CHAINS {
                    a[i] += dy[i];
                    b[i] = dy[i].fma(x[i] - center, b[i]);
                }
            }
            for (dy, x) in dy_rest.iter().zip(x_rest) {
                a[0] += *dy;
                b[0] = dy.fma(*x - center, b[0]);
            }
            self.plain += joined(a).wide();
            self.weighted += joined(b).wide();
        }
    }

    /// The total of parts taken around `mean` as type `T` rounds it.
    pub(crate) fn total<T: Element>(parts: &[Self], mean: Lanes<f64>) -> Self {
        let mut total = Self::ZERO;
        for part in parts {
            total.plain += part.plain;
            total.weighted += part.weighted;
        }
        let off = Lanes::<T>::of(mean).wide() - mean;
        total.weighted = total.plain.fma(off, total.weighted);
        total
    }
}

/// A batch norm's input and its blocks' means.
pub(crate) type Normalized<'a, T> = (Vec<&'a [Lanes<T>]>, &'a [Lanes<f64>]);

/// The sums of every block, for each of several batch norms whose outputs have one gradient: it is read once for all of
/// them. Each sample is `pixels` large.
pub(crate) fn gradient_sums<T: Element>(
    dy: &[&[Lanes<T>]],
    norms: &[Normalized<'_, T>],
    batch: usize,
    pixels: usize,
) -> Vec<Vec<GradientSums>> {
    let parts = each_part(dy.len(), batch, pixels, |block, range| {
        let mut sums = vec![GradientSums::ZERO; norms.len()];
        dispatch(
            #[inline(always)]
            || {
                for from in range.clone().step_by(NEAR) {
                    let near = from..(from + NEAR).min(range.end);
                    for (sums, (x, means)) in sums.iter_mut().zip(norms) {
                        sums.add(&dy[block][near.clone()], &x[block][near.clone()], Lanes::of(means[block]));
                    }
                }
            },
        );
        sums
    });
    let total = |norm: usize, block: usize| {
        let parts: Vec<GradientSums> = parts[block].iter().map(|sums| sums[norm]).collect();
        GradientSums::total::<T>(&parts, norms[norm].1[block])
    };
    (0..norms.len()).map(|norm| (0..dy.len()).map(|block| total(norm, block)).collect()).collect()
}
