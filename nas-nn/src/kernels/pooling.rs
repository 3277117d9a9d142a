//! Maximum and average pooling with padding, on the offsets of [`Geometry`].

use nas_space::PoolKind;
use rayon::prelude::*;

use super::matrix::Plain;
use super::plane::Geometry;
use crate::element::Element;
use crate::simd::{LANES, dispatch, items_per_task};

/// Planes a task handles.
const PLANES: usize = 8;

/// What pixels outside the image read as.
fn outside<T: Element>(kind: PoolKind) -> T {
    match kind {
        PoolKind::Max => T::LOWEST,
        PoolKind::Average => T::ZERO,
    }
}

/// For each flat output position, one over the number of its pixels inside the image.
fn shares<T: Element>(g: &Geometry) -> Vec<T> {
    let mut packed = vec![T::ZERO; g.packed_len()];
    g.pack::<T, Plain>(&vec![T::ONE; g.input_len()], &mut packed);
    let mut counts = vec![T::ZERO; g.flat_len()];
    for offset in g.offsets() {
        for (count, inside) in counts.iter_mut().zip(&packed[offset..]) {
            *count += *inside;
        }
    }
    // Positions between the rows may see no pixel at all; they are thrown away, but must not become infinite.
    counts.into_iter().map(|count| if count > T::ZERO { T::ONE / count } else { T::ZERO }).collect()
}

/// y = pool(x), plane by plane.
pub(crate) fn forward<T: Element>(kind: PoolKind, g: &Geometry, x: &[T], y: &mut [T]) {
    let (input, output) = (g.input_len(), g.output_len());
    let offsets: Vec<usize> = g.offsets().collect();
    let shares: Vec<T> = if kind == PoolKind::Average { shares(g) } else { Vec::new() };
    let grain = items_per_task(PLANES * output * offsets.len());
    y.par_chunks_mut(output * PLANES).with_min_len(grain).enumerate().for_each(|(task, y)| {
        let mut packed = vec![outside::<T>(kind); g.packed_len()];
        let mut flat = vec![T::ZERO; g.flat_len()];
        dispatch(
            #[inline(always)]
            || {
                for (i, y) in y.chunks_exact_mut(output).enumerate() {
                    let plane = &x[(task * PLANES + i) * input..][..input];
                    match kind {
                        PoolKind::Max => {
                            g.pack::<T, Plain>(plane, &mut packed);
                            largest(&offsets, &packed, &mut flat);
                        }
                        PoolKind::Average => {
                            g.pack::<T, Plain>(plane, &mut packed);
                            flat.fill(T::ZERO);
                            for &offset in &offsets {
                                for (sum, value) in flat.iter_mut().zip(&packed[offset..]) {
                                    *sum += *value;
                                }
                            }
                            for (sum, share) in flat.iter_mut().zip(&shares) {
                                *sum *= *share;
                            }
                        }
                    }
                    g.gather(&flat, y);
                }
            },
        );
    });
}

#[inline(always)]
fn largest<T: Element>(offsets: &[usize], packed: &[T], flat: &mut [T]) {
    // A NaN wins, as in PyTorch: it must surface in the loss, not vanish here.
    let larger = |best: T, value: T| if value > best || value.is_nan() { value } else { best };
    let (chunks, rest) = flat.as_chunks_mut::<LANES>();
    let whole = chunks.len() * LANES;
    for (index, chunk) in chunks.iter_mut().enumerate() {
        let mut best = [T::LOWEST; LANES];
        for &offset in offsets {
            let values = &packed[offset + index * LANES..][..LANES];
            for lane in 0..LANES {
                best[lane] = larger(best[lane], values[lane]);
            }
        }
        *chunk = best;
    }
    for (i, best) in rest.iter_mut().enumerate() {
        *best = offsets.iter().fold(T::LOWEST, |best, offset| larger(best, packed[offset + whole + i]));
    }
}

/// dx from dy; for the maximum, the first of equal pixels (in reading order) receives the gradient, as in PyTorch.
pub(crate) fn input_gradient<T: Element>(kind: PoolKind, g: &Geometry, x: &[T], dy: &[T], dx: &mut [T]) {
    let (input, output) = (g.input_len(), g.output_len());
    let offsets: Vec<usize> = g.offsets().collect();
    let shares: Vec<T> = if kind == PoolKind::Average { shares(g) } else { Vec::new() };
    let grain = items_per_task(PLANES * output * offsets.len());
    dx.par_chunks_mut(input * PLANES).with_min_len(grain).enumerate().for_each(|(task, dx)| {
        let mut packed = vec![outside::<T>(kind); g.packed_len()];
        let mut gradient = vec![T::ZERO; g.packed_len()];
        let mut spread = vec![T::ZERO; g.spread_len()];
        let mut flat = vec![T::ZERO; g.flat_len()];
        dispatch(
            #[inline(always)]
            || {
                for (i, dx) in dx.chunks_exact_mut(input).enumerate() {
                    let plane = task * PLANES + i;
                    g.spread(&dy[plane * output..(plane + 1) * output], &mut spread);
                    let dy = &mut spread[g.margin()..g.margin() + g.flat_len()];
                    gradient.fill(T::ZERO);
                    match kind {
                        PoolKind::Max => {
                            g.pack::<T, Plain>(&x[plane * input..(plane + 1) * input], &mut packed);
                            largest(&offsets, &packed, &mut flat);
                            for &offset in &offsets {
                                hand_out(&packed[offset..], &flat, dy, &mut gradient[offset..]);
                            }
                        }
                        PoolKind::Average => {
                            for (value, share) in dy.iter_mut().zip(&shares) {
                                *value *= *share;
                            }
                            for &offset in &offsets {
                                for (value, into) in dy.iter().zip(&mut gradient[offset..]) {
                                    *into += *value;
                                }
                            }
                        }
                    }
                    g.unpack(&gradient, dx);
                }
            },
        );
    });
}

/// Gives the gradient of each window to its pixel at one tap, where that pixel is the window's largest and no earlier
/// one was: what has been handed out is gone from `open`.
#[inline(always)]
fn hand_out<T: Element>(values: &[T], largest: &[T], open: &mut [T], gradient: &mut [T]) {
    let count = largest.len();
    let (values, open, gradient) = (&values[..count], &mut open[..count], &mut gradient[..count]);
    for i in 0..count {
        let hit = values[i] == largest[i];
        gradient[i] += if hit { open[i] } else { T::ZERO };
        open[i] = if hit { T::ZERO } else { open[i] };
    }
}
