//! The head: global average pooling and the linear layer. Small, so plain loops do.

use rayon::prelude::*;

use super::matrix::{Plain, dots, rows_product};
use crate::element::Element;
use crate::simd::{dispatch, items_per_task};

/// y[plane] = mean of the plane's `pixels` elements.
pub(crate) fn mean_planes<T: Element>(x: &[T], pixels: usize, y: &mut [T]) {
    let share = 1.0 / pixels as f64;
    y.par_iter_mut().with_min_len(items_per_task(pixels)).zip(x.par_chunks(pixels)).for_each(|(y, x)| {
        let mut sum = T::ZERO;
        for value in x {
            sum += *value;
        }
        *y = T::of(sum.wide() * share);
    });
}

/// dx = dy of its plane / pixels.
pub(crate) fn spread_planes<T: Element>(dy: &[T], pixels: usize, dx: &mut [T]) {
    let share = T::of(1.0 / pixels as f64);
    dx.par_chunks_mut(pixels).with_min_len(items_per_task(pixels)).zip(dy).for_each(|(dx, dy)| dx.fill(*dy * share));
}

/// y `[batch, out]` = x `[batch, features]` · wᵀ `[out, features]` + bias `[out]`.
pub(crate) fn linear<T: Element>(x: &[T], w: &[T], bias: &[T], features: usize, y: &mut [T]) {
    let out = bias.len();
    let rows: Vec<usize> = (0..out).map(|o| o * features).collect();
    y.par_chunks_mut(out).with_min_len(items_per_task(out * features / 8)).zip(x.par_chunks(features)).for_each(
        |(y, x)| {
            y.copy_from_slice(bias);
            dispatch(
                #[inline(always)]
                || dots::<T, Plain>(x, 0, 1, &rows, w, features, &[(0, 0)], y),
            );
        },
    );
}

/// dx `[batch, features]` = dy `[batch, out]` · w `[out, features]`.
pub(crate) fn linear_input_gradient<T: Element>(dy: &[T], w: &[T], features: usize, out: usize, dx: &mut [T]) {
    let rows: Vec<usize> = (0..out).map(|o| o * features).collect();
    dx.par_chunks_mut(features).with_min_len(items_per_task(out * features / 8)).zip(dy.par_chunks(out)).for_each(
        |(dx, dy)| {
            dispatch(
                #[inline(always)]
                || rows_product::<T, Plain>(dy, &rows, w, features, dx, features, 1),
            );
        },
    );
}

/// dw `[out, features]` = dyᵀ · x, and dbias `[out]` = Σ dy.
pub(crate) fn linear_weight_gradient<T: Element>(dy: &[T], x: &[T], features: usize, dw: &mut [T], dbias: &mut [T]) {
    let out = dbias.len();
    let batch = dy.len() / out;
    let rows: Vec<usize> = (0..batch).map(|sample| sample * features).collect();
    dw.par_chunks_mut(features).with_min_len(items_per_task(batch * features / 8)).zip(dbias).enumerate().for_each(
        |(o, (dw, dbias))| {
            let column: Vec<T> = (0..batch).map(|sample| dy[sample * out + o]).collect();
            *dbias = column.iter().fold(T::ZERO, |sum, value| sum + *value);
            dispatch(
                #[inline(always)]
                || rows_product::<T, Plain>(&column, &rows, x, features, dw, features, 1),
            );
        },
    );
}
