//! Batch normalization (Ioffe & Szegedy 2015): per channel over batch, rows and columns.
//!
//! Moments are taken while a part of the activation is in cache (deviations from the mean so far, and their squares) and
//! merged in f64 in a fixed order: one pass, without the cancellation of a sum of squares. Applying them is left to whoever
//! reads the activation ([`Read`](super::read::Read)).

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::{LANES, Lanes, update};
use super::pieces::samples_per_piece;
use super::pooling::Pooling;
use super::read::Operand;
use crate::element::{Element, Stored};
use crate::pool;
use crate::simd::items_per_task;

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
    pub(crate) fn add<S: Stored>(&mut self, values: &[Lanes<S>]) {
        S::Real::dispatch(
            #[inline(always)]
            || self.count_in(values),
        );
    }

    #[inline(always)]
    fn count_in<S: Stored>(&mut self, values: &[Lanes<S>]) {
        for values in values.chunks(NEAR) {
            let count = values.len() as f64;
            let share = Lanes::splat(1.0 / count);
            // A center near the mean will do: the mean deviation says by how much it is off, and is taken out again. The
            // mean of what came before spares a pass over the values.
            let mean = if self.count > 0.0 { self.mean } else { sum(values).wide() * share };
            let center = Lanes::<S::Real>::of(mean);
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
fn sum<S: Stored>(values: &[Lanes<S>]) -> Lanes<S::Real> {
    let mut chains = [Lanes::ZERO; CHAINS];
    let (chunks, rest) = values.as_chunks::<CHAINS>();
    for chunk in chunks {
        for i in 0..CHAINS {
            chains[i] += chunk[i].load();
        }
    }
    for value in rest {
        chains[0] += value.load();
    }
    joined(chains)
}

/// Σ (v - center) and Σ (v - center)².
#[inline(always)]
fn deviations<S: Stored>(values: &[Lanes<S>], center: Lanes<S::Real>) -> (Lanes<f64>, Lanes<f64>) {
    let (mut plain, mut squared) = ([Lanes::ZERO; CHAINS], [Lanes::ZERO; CHAINS]);
    let (chunks, rest) = values.as_chunks::<CHAINS>();
    for chunk in chunks {
        for i in 0..CHAINS {
            let deviation = chunk[i].load() - center;
            plain[i] += deviation;
            squared[i] = deviation.fma(deviation, squared[i]);
        }
    }
    for value in rest {
        let deviation = value.load() - center;
        plain[0] += deviation;
        squared[0] = deviation.fma(deviation, squared[0]);
    }
    (joined(plain).wide(), joined(squared).wide())
}

/// The moments of every block of an activation as it is read, each sample `pixels` large.
pub(crate) fn moments<S: Stored>(x: &Operand<'_, S>, batch: usize, pixels: usize) -> Vec<Tally> {
    let tallies = each_part(x.blocks.len(), batch, pixels, |block, range| {
        let mut tally = Tally::EMPTY;
        let read = x.read(block);
        let mut near = [Lanes::ZERO; NEAR];
        S::Real::dispatch(
            #[inline(always)]
            || {
                for values in x.blocks[block][range].chunks(NEAR) {
                    let near = &mut near[..values.len()];
                    update(
                        near,
                        values,
                        #[inline(always)]
                        |_, value| read.apply(value.load()),
                    );
                    tally.count_in(near);
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
    pub(crate) fn add<D: Stored<Real = T>, X: Stored<Real = T>, T: Element>(
        &mut self,
        dy: &[Lanes<D>],
        x: &[Lanes<X>],
        center: Lanes<T>,
    ) {
        T::dispatch(
            #[inline(always)]
            || self.count_in(dy, x, center),
        );
    }

    #[inline(always)]
    fn count_in<D: Stored<Real = T>, X: Stored<Real = T>, T: Element>(
        &mut self,
        dy: &[Lanes<D>],
        x: &[Lanes<X>],
        center: Lanes<T>,
    ) {
        for (dy, x) in dy.chunks(NEAR).zip(x.chunks(NEAR)) {
            let (mut a, mut b) = ([Lanes::ZERO; CHAINS], [Lanes::ZERO; CHAINS]);
            let ((dy, dy_rest), (x, x_rest)) = (dy.as_chunks::<CHAINS>(), x.as_chunks::<CHAINS>());
            for (dy, x) in dy.iter().zip(x) {
                for i in 0..CHAINS {
                    a[i] += dy[i].load();
                    b[i] = dy[i].load().fma(x[i].load() - center, b[i]);
                }
            }
            for (dy, x) in dy_rest.iter().zip(x_rest) {
                a[0] += dy.load();
                b[0] = dy.load().fma(x.load() - center, b[0]);
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

/// What sums over a gradient are weighted with: values, in what is left of each channel when its mean is taken off.
pub(crate) struct Source<'a, S: Stored> {
    /// The values, which are read as they are; or, with a pooling, what that reads.
    pub(crate) x: Operand<'a, S>,
    /// The pooling whose output are the values, to be worked out again.
    pub(crate) pooling: Option<&'a Pooling<S::Real>>,
    /// The mean of each block.
    pub(crate) means: &'a [Lanes<f64>],
}

/// The sums of every block, for each of several sources whose gradient is the same one: it is read once for all of them.
/// Each sample is `pixels` large.
pub(crate) fn gradient_sums<S: Stored>(
    dy: &[&[Lanes<S>]],
    sources: &[Source<'_, S>],
    batch: usize,
    pixels: usize,
) -> Vec<Vec<GradientSums>> {
    let packed = sources.iter().filter_map(|source| source.pooling).map(Pooling::packed_len).max().unwrap_or(0);
    let near = (NEAR / pixels.max(1)).max(1) * pixels;
    let parts = each_part(dy.len(), batch, pixels, |block, range| {
        let mut sums = vec![GradientSums::ZERO; sources.len()];
        let mut packed = pool::take::<S::Real>(packed);
        let mut plane = pool::take::<S::Real>(if packed.is_empty() { 0 } else { pixels });
        for from in range.clone().step_by(near.max(1)) {
            let near = from..(from + near).min(range.end);
            for (sums, Source { x, pooling, means }) in sums.iter_mut().zip(sources) {
                let center = Lanes::of(means[block]);
                let Some(pooling) = pooling else {
                    sums.add(&dy[block][near.clone()], &x.blocks[block][near.clone()], center);
                    continue;
                };
                let input = pooling.input_len();
                for (sample, dy) in (near.start / pixels..).zip(dy[block][near.clone()].chunks_exact(pixels)) {
                    let x_plane = &x.blocks[block][sample * input..(sample + 1) * input];
                    pooling.plane(x_plane, x.read(block), &mut packed, &mut plane);
                    sums.add(dy, &plane, center);
                }
            }
        }
        sums
    });
    let total = |source: usize, block: usize| {
        let parts: Vec<GradientSums> = parts[block].iter().map(|sums| sums[source]).collect();
        GradientSums::total::<S::Real>(&parts, sources[source].means[block])
    };
    (0..sources.len()).map(|source| (0..dy.len()).map(|block| total(source, block)).collect()).collect()
}
