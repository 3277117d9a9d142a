//! The orthogonal matrix nearest to a matrix, about: five steps of a Newton-Schulz iteration.
//!
//! With `X` divided by its norm, each step is `X <- a X + (b A + c A²) X` with `A = X Xᵀ`: an odd polynomial of every
//! singular value that leaves the singular vectors alone. Its coefficients (Jordan et al. 2024) were chosen to lift small
//! values fast, so values end between 0.7 and 1.2 instead of at 1, which serves an optimiser as well.

use super::clip::squares;
use crate::element::Element;
use crate::kernels::lanes::{LANES, Lanes};

/// `a`, `b` and `c`.
pub(super) const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// Steps of the iteration.
pub(super) const STEPS: usize = 5;

/// Added to the norm that a matrix is divided by.
pub(super) const EPSILON: f64 = 1e-7;

/// Rows that a product works out together, so that what it loads serves all of them.
const BAND: usize = 4;

/// A matrix of whole tiles, eight rows of a register each: what is beyond its rows and columns is zero, and stays zero.
struct Matrix<T> {
    /// Registers of a row.
    width: usize,
    values: Vec<Lanes<T>>,
}

impl<T: Element> Matrix<T> {
    fn zeros(rows: usize, columns: usize) -> Self {
        let width = columns.div_ceil(LANES);
        Self { width, values: vec![Lanes::ZERO; rows.next_multiple_of(LANES) * width] }
    }

    fn at(&mut self, row: usize, column: usize) -> &mut T {
        &mut self.values[row * self.width + column / LANES].0[column % LANES]
    }
}

/// Replaces a matrix, row by row in `values`, by the orthogonal one nearest to it, about. A matrix of zeros stays one.
pub(super) fn orthogonalize<T: Element>(values: &mut [T], columns: usize) {
    let rows = values.len() / columns;
    let scale = T::of(1.0 / (squares(values).sqrt() + EPSILON));
    // Lying on its longer side: the smaller of both products with the transpose is taken.
    let stands = rows > columns;
    let mut x = if stands { Matrix::zeros(columns, rows) } else { Matrix::zeros(rows, columns) };
    for (row, values) in values.chunks_exact(columns).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            *(if stands { x.at(column, row) } else { x.at(row, column) }) = value * scale;
        }
    }
    iterate(&mut x, rows.min(columns), rows.max(columns));
    for (row, values) in values.chunks_exact_mut(columns).enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            *value = *(if stands { x.at(column, row) } else { x.at(row, column) });
        }
    }
}

/// The steps, on a matrix of no more rows than columns.
fn iterate<T: Element>(x: &mut Matrix<T>, rows: usize, columns: usize) {
    let [a, b, c] = COEFFICIENTS.map(T::of);
    let (mut transposed, mut next) = (Matrix::zeros(columns, rows), Matrix::zeros(rows, columns));
    let (mut gram, mut square) = (Matrix::zeros(rows, rows), Matrix::zeros(rows, rows));
    T::dispatch(
        #[inline(always)]
        || {
            for _ in 0..STEPS {
                transpose(x, &mut transposed);
                symmetric(x, &transposed, &mut gram);
                symmetric(&gram, &gram, &mut square);
                for (g, s) in gram.values.iter_mut().zip(&square.values) {
                    *g = g.zip(*s, |g, s| c.fma(s, b * g));
                }
                product(&gram, x, &mut next);
                for (x, n) in x.values.iter_mut().zip(&next.values) {
                    *x = x.zip(*n, |x, n| a.fma(x, n));
                }
            }
        },
    );
}

/// `to = fromᵀ`, tile by tile.
#[inline(always)]
fn transpose<T: Element>(from: &Matrix<T>, to: &mut Matrix<T>) {
    for (row, rows) in from.values.chunks_exact(LANES * from.width).enumerate() {
        for column in 0..from.width {
            for i in 0..LANES {
                let lanes = rows[i * from.width + column];
                for j in 0..LANES {
                    to.values[(column * LANES + j) * to.width + row].0[i] = lanes.0[j];
                }
            }
        }
    }
}

/// `out = left · right`.
#[inline(always)]
fn product<T: Element>(left: &Matrix<T>, right: &Matrix<T>, out: &mut Matrix<T>) {
    let bands = left.values.chunks_exact(BAND * left.width).zip(out.values.chunks_exact_mut(BAND * right.width));
    for (left, out) in bands {
        band(left, right, out, 0);
    }
}

/// The same where it is known to be symmetric: what is right of the diagonal is worked out, the rest is its mirror image.
#[inline(always)]
fn symmetric<T: Element>(left: &Matrix<T>, right: &Matrix<T>, out: &mut Matrix<T>) {
    let bands = left.values.chunks_exact(BAND * left.width).zip(out.values.chunks_exact_mut(BAND * right.width));
    for (number, (left, out)) in bands.enumerate() {
        band(left, right, out, number * BAND / LANES);
    }
    for row in 1..out.width {
        for column in 0..row {
            for i in 0..LANES {
                for j in 0..LANES {
                    let value = out.values[(column * LANES + j) * out.width + row].0[i];
                    out.values[(row * LANES + i) * out.width + column].0[j] = value;
                }
            }
        }
    }
}

/// A band of rows of a product, from a register of the row on.
#[inline(always)]
fn band<T: Element>(left: &[Lanes<T>], right: &Matrix<T>, out: &mut [Lanes<T>], first: usize) {
    let mut register = first;
    while register < right.width {
        register += match right.width - register {
            1 => tile::<T, 1>(left, right, out, register),
            2 | 4 => tile::<T, 2>(left, right, out, register),
            _ => tile::<T, 3>(left, right, out, register),
        };
    }
}

/// A band of rows and `W` registers of a product, summed in the order of the terms; returns `W`.
#[inline(always)]
fn tile<T: Element, const W: usize>(
    left: &[Lanes<T>],
    right: &Matrix<T>,
    out: &mut [Lanes<T>],
    register: usize,
) -> usize {
    let width = left.len() / BAND;
    let mut sums = [[Lanes::ZERO; W]; BAND];
    for (block, terms) in right.values.chunks_exact(LANES * right.width).enumerate() {
        let mut factors = [Lanes::ZERO; BAND];
        for row in 0..BAND {
            factors[row] = left[row * width + block];
        }
        for lane in 0..LANES {
            let at = lane * right.width + register;
            let mut term = [Lanes::ZERO; W];
            term.copy_from_slice(&terms[at..at + W]);
            for row in 0..BAND {
                let factor = Lanes::splat(factors[row].0[lane]);
                for w in 0..W {
                    sums[row][w] = factor.fma(term[w], sums[row][w]);
                }
            }
        }
    }
    for row in 0..BAND {
        let at = row * right.width + register;
        out[at..at + W].copy_from_slice(&sums[row]);
    }
    W
}

#[cfg(test)]
mod tests {
    use nas_space::Seed;
    use rand::RngExt;

    use super::*;

    fn numbers(rows: usize, columns: usize) -> Vec<f64> {
        let mut rng = Seed::new(7).index(rows as u64).index(columns as u64).rng();
        (0..rows * columns).map(|_| rng.random::<f64>() - 0.5).collect()
    }

    /// `x xᵀ` of rows as they lie.
    fn gram(x: &[f64], columns: usize) -> Vec<Vec<f64>> {
        let rows: Vec<&[f64]> = x.chunks_exact(columns).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum();
        rows.iter().map(|a| rows.iter().map(|b| dot(a, b)).collect()).collect()
    }

    /// The iteration as it stands above, loop by loop.
    fn plain(values: &[f64], columns: usize) -> Vec<f64> {
        let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt() + EPSILON;
        let mut x: Vec<f64> = values.iter().map(|v| v / norm).collect();
        let rows = x.len() / columns;
        let [a, b, c] = COEFFICIENTS;
        for _ in 0..STEPS {
            let g = gram(&x, columns);
            let before = x.clone();
            for i in 0..rows {
                for j in 0..columns {
                    let factor = |k: usize| b * g[i][k] + c * (0..rows).map(|m| g[i][m] * g[m][k]).sum::<f64>();
                    let sum: f64 = (0..rows).map(|k| factor(k) * before[k * columns + j]).sum();
                    x[i * columns + j] = a * before[i * columns + j] + sum;
                }
            }
        }
        x
    }

    #[test]
    fn any_shape_goes_through_the_iteration() {
        for (rows, columns) in [(1, 1), (1, 9), (3, 5), (8, 8), (7, 24), (5, 3), (50, 6), (9, 33), (29, 40)] {
            let values = numbers(rows, columns);
            let mut found = values.clone();
            orthogonalize(&mut found, columns);
            let mut single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            orthogonalize(&mut single, columns);
            for ((found, single), expect) in found.iter().zip(single).zip(plain(&values, columns)) {
                assert!((found - expect).abs() < 1e-12, "{rows} x {columns}: {found}, not {expect}");
                assert!((f64::from(single) - expect).abs() < 1e-4, "{rows} x {columns}: {single}, not {expect}");
            }
        }
    }

    /// Rows that were anything become rows of about length 1, about at right angles to one another.
    #[test]
    fn what_comes_out_is_nearly_orthogonal() {
        let mut x = numbers(6, 20);
        orthogonalize(&mut x, 20);
        for (i, row) in gram(&x, 20).into_iter().enumerate() {
            for (j, product) in row.into_iter().enumerate() {
                let expect = if i == j { 0.4..1.6 } else { -0.45..0.45 };
                assert!(expect.contains(&product), "rows {i} and {j}: {product}");
            }
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        let mut x = [0.0_f32; 12];
        orthogonalize(&mut x, 4);
        assert_eq!(x, [0.0; 12]);
    }
}
