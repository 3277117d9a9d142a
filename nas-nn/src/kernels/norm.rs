//! Batch normalization (Ioffe & Szegedy 2015): per channel over batch, rows and columns.
//!
//! Moments are taken plane by plane while the plane is in cache (its mean, then its squared deviations) and merged in
//! f64 in a fixed order: one pass over memory, without the cancellation of a sum of squares.

use rayon::prelude::*;

use super::matrix::fold;
use crate::element::Element;
use crate::simd::{LANES, dispatch, items_per_task};

/// The moments of each channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f64>,
    /// Biased variance (divided by the count).
    pub(crate) variance: Vec<f64>,
    /// Elements each channel was taken over.
    pub(crate) count: usize,
}

/// Batch, channels and pixels of an activation.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) batch: usize,
    pub(crate) channels: usize,
    pub(crate) pixels: usize,
}

impl Extent {
    #[inline(always)]
    fn plane<'a, T>(&self, x: &'a [T], sample: usize, channel: usize) -> &'a [T] {
        &x[(sample * self.channels + channel) * self.pixels..][..self.pixels]
    }
}

/// Lanes of a sum over a plane: four registers, so that additions need not wait for one another.
const WIDE: usize = 4 * LANES;

#[inline(always)]
fn fold_wide<T: Element>(lanes: [T; WIDE]) -> T {
    let (parts, _) = lanes.as_chunks::<LANES>();
    let mut sum = parts[0];
    for part in &parts[1..] {
        for lane in 0..LANES {
            sum[lane] += part[lane];
        }
    }
    fold(sum)
}

#[inline(always)]
fn sum<T: Element>(values: &[T]) -> T {
    let mut lanes = [T::ZERO; WIDE];
    let (chunks, rest) = values.as_chunks::<WIDE>();
    for chunk in chunks {
        for lane in 0..WIDE {
            lanes[lane] += chunk[lane];
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += *value;
    }
    fold_wide(lanes)
}

/// Σ (v - center) and Σ (v - center)².
#[inline(always)]
fn deviations<T: Element>(values: &[T], center: T) -> (f64, f64) {
    let (mut plain, mut squared) = ([T::ZERO; WIDE], [T::ZERO; WIDE]);
    let mut add = |lane: usize, value: T| {
        let deviation = value - center;
        plain[lane] += deviation;
        squared[lane] = deviation.fma(deviation, squared[lane]);
    };
    let (chunks, rest) = values.as_chunks::<WIDE>();
    for chunk in chunks {
        for lane in 0..WIDE {
            add(lane, chunk[lane]);
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        add(lane, *value);
    }
    (fold_wide(plain).wide(), fold_wide(squared).wide())
}

/// Mean and biased variance of every channel.
pub(crate) fn moments<T: Element>(extent: Extent, x: &[T]) -> Moments {
    let pixels = extent.pixels as f64;
    let channel = |channel: usize| {
        dispatch(
            #[inline(always)]
            || {
                let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
                for sample in 0..extent.batch {
                    let plane = extent.plane(x, sample, channel);
                    let center = T::of(sum(plane).wide() / pixels);
                    // The rounded mean is off by a little; the mean deviation says by how much (corrected two-pass).
                    let (deviation, squared) = deviations(plane, center);
                    let own = center.wide() + deviation / pixels;
                    let spread = squared - deviation * deviation / pixels;
                    let shift = own - mean;
                    let total = count + pixels;
                    mean += shift * pixels / total;
                    squares += spread + shift * shift * count * pixels / total;
                    count = total;
                }
                (mean, squares / count)
            },
        )
    };
    let (mean, variance) = (0..extent.channels)
        .into_par_iter()
        .with_min_len(items_per_task(2 * extent.batch * extent.pixels))
        .map(channel)
        .unzip();
    Moments { mean, variance, count: extent.batch * extent.pixels }
}

/// One channel's part in an affine map: `(x - center) · scale + shift`. The difference is taken first, so that a large
/// mean costs no digits.
#[derive(Clone, Copy)]
pub(crate) struct Affine<T> {
    center: T,
    scale: T,
    shift: T,
}

impl<T: Element> Affine<T> {
    /// The map in the precision of the data; what rounding takes from the center goes into the shift.
    pub(crate) fn new(center: f64, scale: f64, shift: f64) -> Self {
        let rounded = T::of(center);
        Self { center: rounded, scale: T::of(scale), shift: T::of(shift + (rounded.wide() - center) * scale) }
    }
}

/// y = (x - center) · scale + shift, per channel.
pub(crate) fn normalize<T: Element>(extent: Extent, x: &[T], affine: &[Affine<T>], y: &mut [T]) {
    let sample = extent.channels * extent.pixels;
    y.par_chunks_mut(sample).with_min_len(items_per_task(2 * sample)).zip(x.par_chunks(sample)).for_each(|(y, x)| {
        dispatch(
            #[inline(always)]
            || {
                let planes = y.chunks_exact_mut(extent.pixels).zip(x.chunks_exact(extent.pixels));
                for ((y, x), Affine { center, scale, shift }) in planes.zip(affine) {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = (*x - *center).fma(*scale, *shift);
                    }
                }
            },
        );
    });
}

/// For each channel the sums Σ dy and Σ dy · (x - mean).
pub(crate) fn gradient_sums<T: Element>(extent: Extent, x: &[T], dy: &[T], mean: &[f64]) -> Vec<(f64, f64)> {
    let channel = |channel: usize| {
        let center = T::of(mean[channel]);
        dispatch(
            #[inline(always)]
            || {
                let (mut plain, mut weighted) = (0.0, 0.0);
                for sample in 0..extent.batch {
                    let x = extent.plane(x, sample, channel);
                    let dy = extent.plane(dy, sample, channel);
                    let (mut a, mut b) = ([T::ZERO; WIDE], [T::ZERO; WIDE]);
                    let ((x_chunks, x_rest), (dy_chunks, dy_rest)) = (x.as_chunks::<WIDE>(), dy.as_chunks::<WIDE>());
                    for (x, dy) in x_chunks.iter().zip(dy_chunks) {
                        for lane in 0..WIDE {
                            a[lane] += dy[lane];
                            b[lane] = dy[lane].fma(x[lane] - center, b[lane]);
                        }
                    }
                    for (lane, (x, dy)) in x_rest.iter().zip(dy_rest).enumerate() {
                        a[lane] += *dy;
                        b[lane] = dy.fma(*x - center, b[lane]);
                    }
                    plain += fold_wide(a).wide();
                    weighted += fold_wide(b).wide();
                }
                // The center was rounded; this is what it was off by.
                (plain, weighted + plain * (center.wide() - mean[channel]))
            },
        )
    };
    (0..extent.channels)
        .into_par_iter()
        .with_min_len(items_per_task(2 * extent.batch * extent.pixels))
        .map(channel)
        .collect()
}

/// dx = ((dy + shift) + (x - center) · scale) · gain, per channel: the gradient of a normalization with batch statistics,
/// its constants worked out by the caller. What cancels is taken off before anything is scaled.
pub(crate) fn input_gradient<T: Element>(
    extent: Extent,
    x: &[T],
    dy: &[T],
    gains: &[T],
    affine: &[Affine<T>],
    dx: &mut [T],
) {
    let sample = extent.channels * extent.pixels;
    dx.par_chunks_mut(sample)
        .with_min_len(items_per_task(3 * sample))
        .zip(x.par_chunks(sample).zip(dy.par_chunks(sample)))
        .for_each(|(dx, (x, dy))| {
            dispatch(
                #[inline(always)]
                || {
                    let sources = x.chunks_exact(extent.pixels).zip(dy.chunks_exact(extent.pixels));
                    let planes = dx.chunks_exact_mut(extent.pixels).zip(sources);
                    for ((dx, (x, dy)), (gain, Affine { center, scale, shift })) in planes.zip(gains.iter().zip(affine))
                    {
                        for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                            *dx = (*x - *center).fma(*scale, *dy + *shift) * *gain;
                        }
                    }
                },
            );
        });
}
