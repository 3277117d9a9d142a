//! Elementwise kernels: ReLU, sums, copies into channels, dropped paths.

use rayon::prelude::*;

use crate::element::Element;
use crate::simd::{dispatch, items_per_task};

/// Elements a task handles: 64 KiB of f32.
const GRAIN: usize = 1 << 14;

/// y = max(x, 0); a NaN stays one.
pub(crate) fn relu<T: Element>(x: &[T], y: &mut [T]) {
    y.par_chunks_mut(GRAIN).with_min_len(2).zip(x.par_chunks(GRAIN)).for_each(|(y, x)| {
        dispatch(
            #[inline(always)]
            || y.iter_mut().zip(x).for_each(|(y, x)| *y = if *x < T::ZERO { T::ZERO } else { *x }),
        );
    });
}

/// dx = dy where y > 0, else 0; `y` is the output (or the input: the sign is the same).
pub(crate) fn relu_gradient<T: Element>(y: &[T], dy: &[T], dx: &mut [T]) {
    dx.par_chunks_mut(GRAIN).with_min_len(2).zip(y.par_chunks(GRAIN).zip(dy.par_chunks(GRAIN))).for_each(
        |(dx, (y, dy))| {
            dispatch(
                #[inline(always)]
                || {
                    for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                        *dx = if *y > T::ZERO { *dy } else { T::ZERO };
                    }
                },
            );
        },
    );
}

/// y = Σ inputs, in their order.
pub(crate) fn sum<T: Element>(inputs: &[&[T]], y: &mut [T]) {
    y.par_chunks_mut(GRAIN).with_min_len(2).enumerate().for_each(|(task, y)| {
        let from = task * GRAIN;
        let part = |i: usize| &inputs[i][from..from + y.len()];
        let mut next = 1;
        match inputs.len() {
            1 => {
                y.copy_from_slice(part(0));
                return;
            }
            _ => {
                let (a, b) = (part(0), part(1));
                dispatch(
                    #[inline(always)]
                    || y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (a, b))| *y = *a + *b),
                );
                next += 1;
            }
        }
        for input in &inputs[next..] {
            let input = &input[from..from + y.len()];
            dispatch(
                #[inline(always)]
                || y.iter_mut().zip(input).for_each(|(y, x)| *y += *x),
            );
        }
    });
}

/// Copies `x` (samples of `own` elements) into `y` (samples of `whole` elements) at `offset` of each sample.
pub(crate) fn place<T: Element>(x: &[T], own: usize, y: &mut [T], whole: usize, offset: usize) {
    y.par_chunks_mut(whole)
        .with_min_len(items_per_task(2 * own))
        .zip(x.par_chunks(own))
        .for_each(|(y, x)| y[offset..offset + own].copy_from_slice(x));
}

/// The way back: takes `own` elements at `offset` out of each sample of `whole` elements.
pub(crate) fn take<T: Element>(y: &[T], whole: usize, offset: usize, x: &mut [T], own: usize) {
    x.par_chunks_mut(own)
        .with_min_len(items_per_task(2 * own))
        .zip(y.par_chunks(whole))
        .for_each(|(x, y)| x.copy_from_slice(&y[offset..offset + own]));
}

/// y = x · factor of its sample.
pub(crate) fn scale_samples<T: Element>(x: &[T], factors: &[T], y: &mut [T]) {
    let sample = x.len() / factors.len().max(1);
    y.par_chunks_mut(sample).with_min_len(items_per_task(2 * sample)).zip(x.par_chunks(sample)).zip(factors).for_each(
        |((y, x), factor)| {
            dispatch(
                #[inline(always)]
                || y.iter_mut().zip(x).for_each(|(y, x)| *y = *x * *factor),
            );
        },
    );
}
