//! Convolution: forward, gradient of the input, gradient of the weight; any groups, kernel, stride, dilation, padding.
//!
//! A depthwise convolution works plane by plane, any other sample by sample; both call the products of
//! [`matrix`](super::matrix) on the planes that [`Geometry`] lays out. A ReLU in front is part of the convolution: its
//! output is made as the input is read, and its gradient as the input's is written.

use std::ops::Range;

use rayon::prelude::*;

use super::matrix::{Plain, Read, Rectified, dots, rows_product, taps_product};
use super::plane::Geometry;
use crate::element::Element;
use crate::simd::{LANES, dispatch, items_per_task};

/// The sizes of one convolution.
pub(crate) struct Problem {
    pub(crate) geometry: Geometry,
    pub(crate) batch: usize,
    pub(crate) groups: usize,
    /// Input channels of one group.
    pub(crate) fan_in: usize,
    /// Output channels of one group.
    pub(crate) fan_out: usize,
    /// Whether the convolution reads its input through a ReLU.
    pub(crate) rectify: bool,
}

/// Planes a task handles in a depthwise convolution: enough to make the task worth its hand-over.
const PLANES: usize = 8;

/// The batch is cut into this many pieces at most when weight gradients are summed: each has a sum of its own, and the
/// sums are added in order. Fixed, so that the result does not depend on the number of threads.
const PIECES: usize = 8;

/// Elements of laid-out planes that one weight gradient sums over before its lanes are added up: what stays in cache.
const CACHED: usize = 1 << 16;

impl Problem {
    fn depthwise(&self) -> bool {
        self.fan_in == 1 && self.fan_out == 1
    }

    fn taps(&self) -> usize {
        self.geometry.taps.len()
    }

    /// Elements touched for one sample, give or take: a multiply-add of these products is an eighth of a touch.
    fn sample_work(&self) -> usize {
        self.geometry.output_len() * self.groups * self.group_weights() / 8
    }

    /// Weights of one group.
    fn group_weights(&self) -> usize {
        self.fan_out * self.fan_in * self.taps()
    }

    /// Offsets of every (input channel, tap) in the packed planes of one group.
    fn packed_rows(&self) -> Vec<usize> {
        let g = &self.geometry;
        if g.is_pointwise() {
            return (0..self.fan_in).map(|channel| channel * g.input_len()).collect();
        }
        (0..self.fan_in).flat_map(|channel| g.offsets().map(move |o| channel * g.packed_len() + o)).collect()
    }
}

/// y = conv(x, w), or conv(relu(x), w).
pub(crate) fn forward<T: Element>(p: &Problem, x: &[T], w: &[T], y: &mut [T]) {
    if p.rectify { forward_from::<T, Rectified>(p, x, w, y) } else { forward_from::<T, Plain>(p, x, w, y) }
}

fn forward_from<T: Element, R: Read>(p: &Problem, x: &[T], w: &[T], y: &mut [T]) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let rows = p.packed_rows();
    let width = g.output[1];
    if p.depthwise() {
        let grain = items_per_task(PLANES * output * p.taps());
        y.par_chunks_mut(output * PLANES).with_min_len(grain).enumerate().for_each(|(task, y)| {
            let mut packed = vec![T::ZERO; g.packed_len()];
            let mut flat = vec![T::ZERO; g.flat_len()];
            dispatch(
                #[inline(always)]
                || {
                    for (i, y) in y.chunks_exact_mut(output).enumerate() {
                        let plane = task * PLANES + i;
                        let weight = &w[plane % p.groups * p.taps()..][..p.taps()];
                        g.pack::<T, R>(&x[plane * input..(plane + 1) * input], &mut packed);
                        if width >= LANES {
                            taps_product(weight, &rows, &packed, |row| row * g.pitch, width, y);
                        } else {
                            rows_product::<T, Plain>(weight, &rows, &packed, g.flat_len(), &mut flat, 0, 1);
                            g.gather(&flat, y);
                        }
                    }
                },
            );
        });
        return;
    }
    let (sample_in, sample_out) = (p.groups * p.fan_in * input, p.groups * p.fan_out * output);
    let grain = items_per_task(p.sample_work());
    y.par_chunks_mut(sample_out).with_min_len(grain).enumerate().for_each(|(sample, y)| {
        let x = &x[sample * sample_in..(sample + 1) * sample_in];
        let direct = g.is_pointwise();
        let mut packed = vec![T::ZERO; if direct { 0 } else { p.fan_in * g.packed_len() }];
        let mut flat = vec![T::ZERO; if direct { 0 } else { p.fan_out * g.flat_len() }];
        dispatch(
            #[inline(always)]
            || {
                for group in 0..p.groups {
                    let x = &x[group * p.fan_in * input..(group + 1) * p.fan_in * input];
                    let y = &mut y[group * p.fan_out * output..(group + 1) * p.fan_out * output];
                    let w = &w[group * p.group_weights()..(group + 1) * p.group_weights()];
                    if direct {
                        rows_product::<T, R>(w, &rows, x, output, y, output, p.fan_out);
                        continue;
                    }
                    for (plane, packed) in x.chunks_exact(input).zip(packed.chunks_exact_mut(g.packed_len())) {
                        g.pack::<T, R>(plane, packed);
                    }
                    rows_product::<T, Plain>(w, &rows, &packed, g.flat_len(), &mut flat, g.flat_len(), p.fan_out);
                    for (flat, y) in flat.chunks_exact(g.flat_len()).zip(y.chunks_exact_mut(output)) {
                        g.gather(flat, y);
                    }
                }
            },
        );
    });
}

/// One phase of the input gradient as a product: the taps that fall on the phase, and where they read the gradient.
struct Phase<T> {
    /// `[fan_in, fan_out · taps of the phase]` for each group.
    weights: Vec<T>,
    rows: Vec<usize>,
}

/// The weights turned around for each phase of the input.
fn turned<T: Element>(p: &Problem, w: &[T]) -> Vec<Phase<T>> {
    let g = &p.geometry;
    let taps = p.taps();
    let phase_of = |phase: usize| {
        let own: Vec<usize> = (0..taps).filter(|&t| g.taps[t].0 == phase).collect();
        let mut weights = Vec::with_capacity(p.groups * p.fan_in * p.fan_out * own.len());
        for group in 0..p.groups {
            for input in 0..p.fan_in {
                for output in 0..p.fan_out {
                    let base = ((group * p.fan_out + output) * p.fan_in + input) * taps;
                    weights.extend(own.iter().map(|&t| w[base + t]));
                }
            }
        }
        let plane = if g.is_pointwise() { g.output_len() } else { g.spread_len() };
        let rows = (0..p.fan_out)
            .flat_map(|output| own.iter().map(move |&t| output * plane + g.margin() - g.taps[t].1).collect::<Vec<_>>())
            .collect();
        Phase { weights, rows }
    };
    (0..g.phases()).map(phase_of).collect()
}

/// dx from dy and w; with a ReLU in front, `x` says where it let through.
pub(crate) fn input_gradient<T: Element>(p: &Problem, x: &[T], dy: &[T], w: &[T], dx: &mut [T]) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let phases = turned(p, w);
    if p.depthwise() {
        let width = g.input[1];
        let first_pixel = g.first_pixel().filter(|_| width >= LANES);
        let grain = items_per_task(PLANES * output * p.taps());
        dx.par_chunks_mut(input * PLANES).with_min_len(grain).enumerate().for_each(|(task, dx)| {
            let mut spread = vec![T::ZERO; g.spread_len()];
            let mut packed = vec![T::ZERO; g.packed_len()];
            dispatch(
                #[inline(always)]
                || {
                    for (i, dx) in dx.chunks_exact_mut(input).enumerate() {
                        let plane = task * PLANES + i;
                        g.spread(&dy[plane * output..(plane + 1) * output], &mut spread);
                        if let Some(start) = first_pixel {
                            let weights = &phases[0].weights[plane % p.groups * p.taps()..];
                            taps_product(weights, &phases[0].rows, &spread, |row| start + row * g.pitch, width, dx);
                        } else {
                            for (phase, packed) in phases.iter().zip(packed.chunks_exact_mut(g.phase_len())) {
                                let count = phase.rows.len();
                                let weights = &phase.weights[plane % p.groups * count..][..count];
                                rows_product::<T, Plain>(weights, &phase.rows, &spread, g.phase_len(), packed, 0, 1);
                            }
                            g.unpack(&packed, dx);
                        }
                        if p.rectify {
                            mask(&x[plane * input..(plane + 1) * input], dx);
                        }
                    }
                },
            );
        });
        return;
    }
    let (sample_in, sample_out) = (p.groups * p.fan_in * input, p.groups * p.fan_out * output);
    let grain = items_per_task(p.sample_work());
    dx.par_chunks_mut(sample_in).with_min_len(grain).enumerate().for_each(|(sample, dx)| {
        let dy = &dy[sample * sample_out..(sample + 1) * sample_out];
        let direct = g.is_pointwise();
        let mut spread = vec![T::ZERO; if direct { 0 } else { p.fan_out * g.spread_len() }];
        let mut packed = vec![T::ZERO; if direct { 0 } else { p.fan_in * g.packed_len() }];
        dispatch(
            #[inline(always)]
            || {
                for group in 0..p.groups {
                    let dy = &dy[group * p.fan_out * output..(group + 1) * p.fan_out * output];
                    let dx = &mut dx[group * p.fan_in * input..(group + 1) * p.fan_in * input];
                    if direct {
                        let Phase { weights, rows } = &phases[0];
                        let weights = &weights[group * p.group_weights()..(group + 1) * p.group_weights()];
                        rows_product::<T, Plain>(weights, rows, dy, output, dx, input, p.fan_in);
                        continue;
                    }
                    for (plane, spread) in dy.chunks_exact(output).zip(spread.chunks_exact_mut(g.spread_len())) {
                        g.spread(plane, spread);
                    }
                    for (index, phase) in phases.iter().enumerate() {
                        let size = p.fan_in * phase.rows.len();
                        let weights = &phase.weights[group * size..(group + 1) * size];
                        let target = &mut packed[index * g.phase_len()..];
                        rows_product::<T, Plain>(
                            weights,
                            &phase.rows,
                            &spread,
                            g.phase_len(),
                            target,
                            g.packed_len(),
                            p.fan_in,
                        );
                    }
                    for (packed, dx) in packed.chunks_exact(g.packed_len()).zip(dx.chunks_exact_mut(input)) {
                        g.unpack(packed, dx);
                    }
                }
                if p.rectify {
                    mask(&x[sample * sample_in..(sample + 1) * sample_in], dx);
                }
            },
        );
    });
}

/// The gradient of a ReLU: nothing passes where its input was not positive.
#[inline(always)]
fn mask<T: Element>(x: &[T], dx: &mut [T]) {
    for (dx, x) in dx.iter_mut().zip(x) {
        *dx = if *x > T::ZERO { *dx } else { T::ZERO };
    }
}

/// dw from dy and x.
pub(crate) fn weight_gradient<T: Element>(p: &Problem, dy: &[T], x: &[T], dw: &mut [T]) {
    if p.rectify {
        weight_gradient_from::<T, Rectified>(p, dy, x, dw);
    } else {
        weight_gradient_from::<T, Plain>(p, dy, x, dw);
    }
}

fn weight_gradient_from<T: Element, R: Read>(p: &Problem, dy: &[T], x: &[T], dw: &mut [T]) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let rows = p.packed_rows();
    if p.depthwise() {
        let grain = items_per_task(p.batch * output * p.taps());
        dw.par_chunks_mut(p.taps()).with_min_len(grain).enumerate().for_each(|(channel, dw)| {
            let mut packed = vec![T::ZERO; g.packed_len()];
            let mut spread = vec![T::ZERO; g.spread_len()];
            dw.fill(T::ZERO);
            dispatch(
                #[inline(always)]
                || {
                    for sample in 0..p.batch {
                        let plane = sample * p.groups + channel;
                        g.pack::<T, R>(&x[plane * input..(plane + 1) * input], &mut packed);
                        g.spread(&dy[plane * output..(plane + 1) * output], &mut spread);
                        dots::<T, Plain>(&spread[g.margin()..], 0, 1, &rows, &packed, g.flat_len(), &[(0, 0)], dw);
                    }
                },
            );
        });
        return;
    }
    let piece = p.batch.div_ceil(PIECES);
    let sums: Vec<Vec<T>> = (0..p.batch.div_ceil(piece))
        .into_par_iter()
        .with_min_len(items_per_task(piece * p.sample_work()))
        .map(|index| {
            let mut sum = vec![T::ZERO; dw.len()];
            let samples = index * piece..((index + 1) * piece).min(p.batch);
            dispatch(
                #[inline(always)]
                || {
                    if g.is_pointwise() {
                        weight_gradient_in_place::<T, R>(p, &rows, samples, dy, x, &mut sum);
                    } else {
                        weight_gradient_laid_out::<T, R>(p, &rows, samples, dy, x, &mut sum);
                    }
                },
            );
            sum
        })
        .collect();
    dw.fill(T::ZERO);
    for sum in sums {
        for (total, part) in dw.iter_mut().zip(sum) {
            *total += part;
        }
    }
}

/// The weight gradient of some samples of a 1x1 convolution, which reads its planes where they lie.
#[inline(always)]
fn weight_gradient_in_place<T: Element, R: Read>(
    p: &Problem,
    rows: &[usize],
    samples: Range<usize>,
    dy: &[T],
    x: &[T],
    sum: &mut [T],
) {
    let pixels = p.geometry.output_len();
    for group in 0..p.groups {
        let starts = |sample: usize| {
            let plane = sample * p.groups + group;
            (plane * p.fan_out * pixels, plane * p.fan_in * pixels)
        };
        let starts: Vec<(usize, usize)> = samples.clone().map(starts).collect();
        let sum = &mut sum[group * p.group_weights()..(group + 1) * p.group_weights()];
        dots::<T, R>(dy, pixels, p.fan_out, rows, x, pixels, &starts, sum);
    }
}

/// The weight gradient of some samples of any other convolution: planes are laid out for a few samples at a time.
#[inline(always)]
fn weight_gradient_laid_out<T: Element, R: Read>(
    p: &Problem,
    rows: &[usize],
    samples: Range<usize>,
    dy: &[T],
    x: &[T],
    sum: &mut [T],
) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let (packed_sample, spread_sample) = (p.fan_in * g.packed_len(), p.fan_out * g.spread_len());
    let together = (CACHED / (packed_sample + spread_sample)).clamp(1, samples.len());
    let mut packed = vec![T::ZERO; together * packed_sample];
    let mut spread = vec![T::ZERO; together * spread_sample];
    for first in samples.clone().step_by(together) {
        let count = together.min(samples.end - first);
        let starts: Vec<(usize, usize)> = (0..count).map(|i| (i * spread_sample, i * packed_sample)).collect();
        for group in 0..p.groups {
            for i in 0..count {
                let plane = (first + i) * p.groups + group;
                let x = x[plane * p.fan_in * input..][..p.fan_in * input].chunks_exact(input);
                let dy = dy[plane * p.fan_out * output..][..p.fan_out * output].chunks_exact(output);
                for (plane, packed) in x.zip(packed[i * packed_sample..].chunks_exact_mut(g.packed_len())) {
                    g.pack::<T, R>(plane, packed);
                }
                for (plane, spread) in dy.zip(spread[i * spread_sample..].chunks_exact_mut(g.spread_len())) {
                    g.spread(plane, spread);
                }
            }
            let sum = &mut sum[group * p.group_weights()..(group + 1) * p.group_weights()];
            let left = &spread[g.margin()..];
            dots::<T, Plain>(left, g.spread_len(), p.fan_out, rows, &packed, g.flat_len(), &starts, sum);
        }
    }
}
