//! Maximum and average pooling with padding, plane by plane, and the mean of whole planes.

use nas_space::PoolKind;
use rayon::prelude::*;

use super::depthwise;
use super::lanes::{LANES, Lanes, update, update_from};
use super::pieces::samples_per_piece;
use super::plane::Geometry;
use super::read::{Operand, Read};
use crate::element::Element;
use crate::simd::{dispatch, items_per_task};

/// The sizes of one pooling.
pub(crate) struct Problem {
    pub(crate) kind: PoolKind,
    pub(crate) geometry: Geometry,
    pub(crate) batch: usize,
}

impl Problem {
    /// What pixels outside the image read as.
    fn outside<T: Element>(&self) -> Lanes<T> {
        match self.kind {
            PoolKind::Max => Lanes::splat(T::LOWEST),
            PoolKind::Average => Lanes::ZERO,
        }
    }

    /// For each output pixel, one over the number of its window's pixels inside the image.
    fn shares<T: Element>(&self) -> Vec<Lanes<T>> {
        let g = &self.geometry;
        let mut inside = vec![Lanes::<T>::ZERO; g.packed_len()];
        g.pack(&vec![Lanes::splat(T::ONE); g.input_len()], Read::PLAIN, Lanes::ZERO, &mut inside);
        let count = |start: usize| g.taps.iter().map(|tap| inside[start + tap].0[0].wide()).sum::<f64>();
        g.starts().map(|start| Lanes::splat(T::of(1.0 / count(start)))).collect()
    }

    fn piece(&self) -> usize {
        samples_per_piece(self.batch)
    }

    fn items_per_task(&self) -> usize {
        items_per_task(self.piece() * self.geometry.output_len() * LANES * self.geometry.taps.len())
    }
}

/// The largest value of a window, of a plane that holds a NaN or not. A NaN wins, as in PyTorch: it must surface in the
/// loss, not vanish here.
#[inline(always)]
fn largest<T: Element, const NAN: bool>(packed: &[Lanes<T>], taps: &[usize]) -> Lanes<T> {
    let mut best = Lanes::splat(T::LOWEST);
    for &tap in taps {
        best = best.zip(packed[tap], |best, value| if value > best || (NAN && value.is_nan()) { value } else { best });
    }
    best
}

/// Whether a NaN is among the values: asked once a plane, it need not be asked once a tap.
#[inline(always)]
fn holds_nan<T: Element>(packed: &[Lanes<T>]) -> bool {
    let mut found = Lanes::ZERO;
    let (chunks, rest) = packed.as_chunks::<4>();
    for chunk in chunks {
        for lanes in chunk {
            found = found.zip(*lanes, |found, value| if value.is_nan() { T::ONE } else { found });
        }
    }
    for lanes in rest {
        found = found.zip(*lanes, |found, value| if value.is_nan() { T::ONE } else { found });
    }
    found != Lanes::ZERO
}

#[inline(always)]
fn largest_of_all<T: Element, const NAN: bool>(
    g: &Geometry,
    packed: &[Lanes<T>],
    starts: &[usize],
    y: &mut [Lanes<T>],
) {
    for (y, &start) in y.iter_mut().zip(starts) {
        *y = largest::<T, NAN>(&packed[start..], &g.taps);
    }
}

/// y = pool(x), into the blocks of the output. An average is a depthwise convolution with equal weights, and a share.
pub(crate) fn forward<T: Element>(p: &Problem, x: &Operand<'_, T>, y: Vec<&mut [Lanes<T>]>) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let starts: Vec<usize> = g.starts().collect();
    let shares: Vec<Lanes<T>> = if p.kind == PoolKind::Average { p.shares() } else { Vec::new() };
    let ones = vec![Lanes::splat(T::ONE); g.taps.len()];
    let piece = p.piece();
    each_piece(y, piece * output, p.items_per_task(), |block, index, y| {
        let mut packed = crate::pool::take::<T>(g.packed_len());
        let x_block = &x.blocks[block][index * piece * input..];
        let read = x.read(block);
        dispatch(
            #[inline(always)]
            || {
                for (x, y) in x_block.chunks_exact(input).zip(y.chunks_exact_mut(output)) {
                    g.pack(x, read, p.outside(), &mut packed);
                    if p.kind == PoolKind::Average {
                        depthwise::forward(g, &ones, &packed, y);
                        update(
                            y,
                            &shares,
                            #[inline(always)]
                            |sum, share| sum * share,
                        );
                    } else if holds_nan(&packed) {
                        largest_of_all::<T, true>(g, &packed, &starts, y);
                    } else {
                        largest_of_all::<T, false>(g, &packed, &starts, y);
                    }
                }
            },
        );
    });
}

/// Calls `f` with (block, piece, the piece's part of the block) for all pieces of `len` lanes, in parallel.
fn each_piece<T: Element>(
    blocks: Vec<&mut [Lanes<T>]>,
    len: usize,
    grain: usize,
    f: impl Fn(usize, usize, &mut [Lanes<T>]) + Sync,
) {
    let parts: Vec<(usize, usize, &mut [Lanes<T>])> = blocks
        .into_iter()
        .enumerate()
        .flat_map(|(block, lanes)| lanes.chunks_mut(len.max(1)).enumerate().map(move |(i, part)| (block, i, part)))
        .collect();
    parts.into_par_iter().with_min_len(grain).for_each(|(block, index, part)| f(block, index, part));
}

/// dx from dy, added to what `dx` holds where `add` is set; for the maximum, the first of equal pixels (in reading order)
/// receives the gradient, as in PyTorch. An average does not read `x`.
pub(crate) fn input_gradient<T: Element>(
    p: &Problem,
    x: Option<&Operand<'_, T>>,
    dy: &[&[Lanes<T>]],
    dx: Vec<&mut [Lanes<T>]>,
    add: bool,
) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let starts: Vec<usize> = g.starts().collect();
    let shares: Vec<Lanes<T>> = if p.kind == PoolKind::Average { p.shares() } else { Vec::new() };
    let ones = vec![Lanes::splat(T::ONE); g.taps.len()];
    let transposed = g.transposed().filter(|_| p.kind == PoolKind::Average);
    let spread_len = transposed.as_ref().map_or(output, Geometry::packed_len);
    let piece = p.piece();
    each_piece(dx, piece * input, p.items_per_task(), |block, index, dx| {
        let mut packed = crate::pool::take::<T>(g.packed_len());
        let mut gradient = crate::pool::take::<T>(g.packed_len());
        let mut shared = crate::pool::take::<T>(output);
        let mut spread = crate::pool::take::<T>(spread_len);
        let mut plane = crate::pool::take::<T>(input);
        let first = index * piece;
        dispatch(
            #[inline(always)]
            || {
                for (sample, dx) in dx.chunks_exact_mut(input).enumerate() {
                    let sample = first + sample;
                    let dy = &dy[block][sample * output..(sample + 1) * output];
                    match (x, &transposed) {
                        (Some(x), _) if p.kind == PoolKind::Max => {
                            let plane = &x.blocks[block][sample * input..(sample + 1) * input];
                            g.pack(plane, x.read(block), p.outside(), &mut packed);
                            gradient.fill(Lanes::ZERO);
                            if holds_nan(&packed) {
                                hand_out_all::<T, true>(g, &packed, &starts, dy, &mut gradient);
                            } else {
                                hand_out_all::<T, false>(g, &packed, &starts, dy, &mut gradient);
                            }
                            unpack_into(g, &gradient, dx, add);
                        }
                        (_, Some(transposed)) => {
                            update_from(
                                &mut shared,
                                dy,
                                &shares,
                                #[inline(always)]
                                |_, dy, share| dy * share,
                            );
                            transposed.pack(&shared, Read::PLAIN, Lanes::ZERO, &mut spread);
                            depthwise::forward(transposed, &ones, &spread, &mut plane);
                            update(
                                dx,
                                &plane,
                                #[inline(always)]
                                |dx, value| if add { dx + value } else { value },
                            );
                        }
                        _ => {
                            update_from(
                                &mut shared,
                                dy,
                                &shares,
                                #[inline(always)]
                                |_, dy, share| dy * share,
                            );
                            gradient.fill(Lanes::ZERO);
                            depthwise::scatter(g, &ones, &shared, &mut gradient);
                            unpack_into(g, &gradient, dx, add);
                        }
                    }
                }
            },
        );
    });
}

/// Takes a gradient out of its packed plane.
#[inline(always)]
fn unpack_into<T: Element>(g: &Geometry, gradient: &[Lanes<T>], dx: &mut [Lanes<T>], add: bool) {
    g.unpack(
        gradient,
        dx,
        #[inline(always)]
        |target, value| if add { target + value } else { value },
    );
}

#[inline(always)]
fn hand_out_all<T: Element, const NAN: bool>(
    g: &Geometry,
    packed: &[Lanes<T>],
    starts: &[usize],
    dy: &[Lanes<T>],
    gradient: &mut [Lanes<T>],
) {
    for (dy, &start) in dy.iter().zip(starts) {
        let best = largest::<T, NAN>(&packed[start..], &g.taps);
        hand_out(&packed[start..], &g.taps, best, *dy, &mut gradient[start..]);
    }
}

/// Gives the gradient of one window to its largest pixel, the first of equal ones: what has been handed out is gone from
/// `open`.
#[inline(always)]
fn hand_out<T: Element>(packed: &[Lanes<T>], taps: &[usize], best: Lanes<T>, dy: Lanes<T>, gradient: &mut [Lanes<T>]) {
    let mut open = dy;
    for &tap in taps {
        let hit = packed[tap].zip(best, |value, best| if value == best { T::ONE } else { T::ZERO });
        gradient[tap] += open.gated(hit);
        open = open.zip(hit, |open, hit| if hit > T::ZERO { T::ZERO } else { open });
    }
}

/// The mean of every plane of `pixels` pixels: blocks of one pixel a sample.
pub(crate) fn mean_planes<T: Element>(x: &Operand<'_, T>, pixels: usize, y: Vec<&mut [Lanes<T>]>) {
    let share = Lanes::splat(1.0 / pixels as f64);
    let batch = y.first().map_or(0, |block| block.len());
    let piece = samples_per_piece(batch);
    each_piece(y, piece, items_per_task(piece * pixels * LANES), |block, index, y| {
        let read = x.read(block);
        let x = &x.blocks[block][index * piece * pixels..];
        for (y, x) in y.iter_mut().zip(x.chunks_exact(pixels)) {
            let mut sum = Lanes::ZERO;
            for value in x {
                sum += read.apply(*value);
            }
            *y = Lanes::of(sum.wide() * share);
        }
    });
}

/// dx = dy of its plane / pixels, added to what `dx` holds where `add` is set.
pub(crate) fn spread_planes<T: Element>(dy: &[&[Lanes<T>]], pixels: usize, dx: Vec<&mut [Lanes<T>]>, add: bool) {
    let share = Lanes::splat(T::of(1.0 / pixels as f64));
    let batch = dy.first().map_or(0, |block| block.len());
    let piece = samples_per_piece(batch);
    each_piece(dx, piece * pixels, items_per_task(piece * pixels * LANES), |block, index, dx| {
        for (dx, dy) in dx.chunks_exact_mut(pixels).zip(&dy[block][index * piece..]) {
            let value = *dy * share;
            for dx in dx {
                *dx = if add { *dx + value } else { value };
            }
        }
    });
}
