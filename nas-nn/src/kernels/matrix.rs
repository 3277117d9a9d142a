//! The two products that every convolution comes down to.
//!
//! Both read the rows of B at given offsets of one buffer. A 1x1 convolution lists the channels of the image; a 3x3
//! convolution lists, for each channel, nine shifted views of a padded plane, so nothing is copied nine times (no
//! im2col). Each element is summed in a fixed order, whatever block computes it.

use crate::element::Element;
use crate::simd::LANES;

/// Products are summed in chains of this length, and the chains' sums are added up: the rounding error of long sums
/// grows with the chain, not with the whole length.
const CHAIN: usize = 32;

#[inline(always)]
fn load<T: Element>(from: &[T]) -> [T; LANES] {
    from[..LANES].try_into().expect("the slice has exactly LANES elements")
}

/// What is done to an element of B as it is read.
pub(crate) trait Read {
    fn read<T: Element>(value: T) -> T;
}

/// Read as it is.
pub(crate) struct Plain;

/// Read through a ReLU, so that the ReLU's output never exists in memory. A NaN stays one.
pub(crate) struct Rectified;

impl Read for Plain {
    #[inline(always)]
    fn read<T: Element>(value: T) -> T {
        value
    }
}

impl Read for Rectified {
    #[inline(always)]
    fn read<T: Element>(value: T) -> T {
        if value < T::ZERO { T::ZERO } else { value }
    }
}

/// `c[m][..n] = Σ_k a[m][k] · b[rows[k]..][..n]` for `m` rows; `a` has row stride `rows.len()`, `c` row stride `ldc`.
#[inline(always)]
pub(crate) fn rows_product<T: Element, R: Read>(
    a: &[T],
    rows: &[usize],
    b: &[T],
    n: usize,
    c: &mut [T],
    ldc: usize,
    m: usize,
) {
    let reach = rows.iter().max().map_or(0, |row| row + n);
    assert!(reach <= b.len(), "a row of the product reaches past its buffer");
    let mut row = 0;
    while row + 4 <= m {
        strip::<T, R, 4, 2>(&a[row * rows.len()..], rows, b, n, &mut c[row * ldc..], ldc);
        row += 4;
    }
    if row + 2 <= m {
        strip::<T, R, 2, 4>(&a[row * rows.len()..], rows, b, n, &mut c[row * ldc..], ldc);
        row += 2;
    }
    if row < m {
        strip::<T, R, 1, 4>(&a[row * rows.len()..], rows, b, n, &mut c[row * ldc..], ldc);
    }
}

/// `M` rows of the product, in blocks of `V` registers; the last blocks overlap the ones before, which costs a few
/// columns twice and no masked code. Every row of `b` reaches `n` elements far.
#[inline(always)]
fn strip<T: Element, R: Read, const M: usize, const V: usize>(
    a: &[T],
    rows: &[usize],
    b: &[T],
    n: usize,
    c: &mut [T],
    ldc: usize,
) {
    let wide = V * LANES;
    let mut at = 0;
    while at + wide <= n {
        block::<T, R, M, V>(a, rows, b, at, c, ldc);
        at += wide;
    }
    while at + LANES <= n {
        block::<T, R, M, 1>(a, rows, b, at, c, ldc);
        at += LANES;
    }
    if at < n {
        if n >= LANES {
            block::<T, R, M, 1>(a, rows, b, n - LANES, c, ldc);
        } else {
            narrow::<T, R, M>(a, rows, b, n, c, ldc);
        }
    }
}

#[inline(always)]
fn block<T: Element, R: Read, const M: usize, const V: usize>(
    a: &[T],
    rows: &[usize],
    b: &[T],
    at: usize,
    c: &mut [T],
    ldc: usize,
) {
    let mut totals = [[[T::ZERO; LANES]; V]; M];
    for (part, rows_part) in rows.chunks(CHAIN).enumerate() {
        let mut weights = [&a[..0]; M];
        for m in 0..M {
            weights[m] = &a[m * rows.len() + part * CHAIN..][..rows_part.len()];
        }
        let mut sums = [[[T::ZERO; LANES]; V]; M];
        for (k, &row) in rows_part.iter().enumerate() {
            for v in 0..V {
                // SAFETY: `rows_product` has checked that every row reaches `n` elements into `b`, and `strip` keeps
                // `at + V * LANES <= n`.
                let values =
                    load(unsafe { b.get_unchecked(row + at + v * LANES..row + at + (v + 1) * LANES) }).map(R::read);
                for m in 0..M {
                    for lane in 0..LANES {
                        sums[m][v][lane] = weights[m][k].fma(values[lane], sums[m][v][lane]);
                    }
                }
            }
        }
        for m in 0..M {
            for v in 0..V {
                for lane in 0..LANES {
                    totals[m][v][lane] += sums[m][v][lane];
                }
            }
        }
    }
    for m in 0..M {
        let target = &mut c[m * ldc + at..m * ldc + at + V * LANES];
        for v in 0..V {
            target[v * LANES..(v + 1) * LANES].copy_from_slice(&totals[m][v]);
        }
    }
}

/// The product where a row is shorter than a register: maps of a few pixels, deep in a network, where a batch norm over
/// few elements magnifies every rounding. Summed in f64, which so little work can afford.
#[inline(always)]
fn narrow<T: Element, R: Read, const M: usize>(a: &[T], rows: &[usize], b: &[T], n: usize, c: &mut [T], ldc: usize) {
    for m in 0..M {
        let mut sums = [0.0; LANES];
        for (k, &row) in rows.iter().enumerate() {
            let weight = a[m * rows.len() + k].wide();
            for (sum, value) in sums[..n].iter_mut().zip(&b[row..row + n]) {
                *sum = weight.mul_add(R::read(*value).wide(), *sum);
            }
        }
        for (target, sum) in c[m * ldc..m * ldc + n].iter_mut().zip(sums) {
            *target = T::of(sum);
        }
    }
}

/// One plane of a depthwise convolution, row by row: `y[row][i] = Σ_t weights[t] · b[start(row) + offsets[t] + i]`, for
/// rows of `width` elements, at least [`LANES`].
#[inline(always)]
pub(crate) fn taps_product<T: Element>(
    weights: &[T],
    offsets: &[usize],
    b: &[T],
    start: impl Fn(usize) -> usize,
    width: usize,
    y: &mut [T],
) {
    let weights = &weights[..offsets.len()];
    let reach = offsets.iter().max().map_or(0, |offset| offset + width);
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        // This bounds every load of the row.
        let b = &b[start(row)..][..reach];
        let mut at = 0;
        while at + 2 * LANES <= width {
            taps_block::<T, 2>(weights, offsets, b, at, y);
            at += 2 * LANES;
        }
        while at < width {
            let last = at.min(width - LANES);
            taps_block::<T, 1>(weights, offsets, b, last, y);
            at += LANES;
        }
    }
}

#[inline(always)]
fn taps_block<T: Element, const V: usize>(weights: &[T], offsets: &[usize], b: &[T], at: usize, y: &mut [T]) {
    let mut sums = [[T::ZERO; LANES]; V];
    for (weight, offset) in weights.iter().zip(offsets) {
        for v in 0..V {
            let from = offset + at + v * LANES;
            // SAFETY: `taps_product` has cut `b` to the largest offset and `width`, and keeps `at + V * LANES <= width`.
            let values = load(unsafe { b.get_unchecked(from..from + LANES) });
            for lane in 0..LANES {
                sums[v][lane] = weight.fma(values[lane], sums[v][lane]);
            }
        }
    }
    y[at..at + V * LANES].as_chunks_mut::<LANES>().0.copy_from_slice(&sums);
}

/// `d[m][k] += Σ_s Σ_i a[s_a + m·lda + i] · b[s_b + rows[k] + i]` over `n` elements of each sample `(s_a, s_b)`, for `m`
/// rows; `d` has row stride `rows.len()`. The lanes are added up once, behind the last sample.
#[inline(always)]
pub(crate) fn dots<T: Element, R: Read>(
    a: &[T],
    lda: usize,
    m: usize,
    rows: &[usize],
    b: &[T],
    n: usize,
    samples: &[(usize, usize)],
    d: &mut [T],
) {
    let mut row = 0;
    while row + 4 <= m {
        dots_strip::<T, R, 4, 4>(&a[row * lda..], lda, rows, b, n, samples, &mut d[row * rows.len()..]);
        row += 4;
    }
    while row < m {
        let (a, d) = (&a[row * lda..], &mut d[row * rows.len()..]);
        // The taps of a 3x3 kernel fit the registers at once; those of 5x5 in fives.
        if rows.len() == 9 {
            dots_block::<T, R, 1, 9>(a, lda, rows, b, n, samples, d, 9);
        } else {
            dots_strip::<T, R, 1, 5>(a, lda, rows, b, n, samples, d);
        }
        row += 1;
    }
}

#[inline(always)]
fn dots_strip<T: Element, R: Read, const M: usize, const K: usize>(
    a: &[T],
    lda: usize,
    rows: &[usize],
    b: &[T],
    n: usize,
    samples: &[(usize, usize)],
    d: &mut [T],
) {
    let mut k = 0;
    while k + K <= rows.len() {
        dots_block::<T, R, M, K>(a, lda, &rows[k..], b, n, samples, &mut d[k..], rows.len());
        k += K;
    }
    while k < rows.len() {
        dots_block::<T, R, M, 1>(a, lda, &rows[k..], b, n, samples, &mut d[k..], rows.len());
        k += 1;
    }
}

#[inline(always)]
fn dots_block<T: Element, R: Read, const M: usize, const K: usize>(
    a: &[T],
    lda: usize,
    rows: &[usize],
    b: &[T],
    n: usize,
    samples: &[(usize, usize)],
    d: &mut [T],
    ldd: usize,
) {
    let mut sums = [[[T::ZERO; LANES]; K]; M];
    let blocks = n / LANES;
    for &(a_from, b_from) in samples {
        // All slices get the one length `blocks`, so that the loop over them needs no checks.
        let mut left: [&[[T; LANES]]; M] = [&[]; M];
        let mut right: [&[[T; LANES]]; K] = [&[]; K];
        for m in 0..M {
            left[m] = &a[a_from + m * lda..][..n].as_chunks::<LANES>().0[..blocks];
        }
        for k in 0..K {
            right[k] = &b[b_from + rows[k]..][..n].as_chunks::<LANES>().0[..blocks];
        }
        for block in 0..blocks {
            let mut x = [[T::ZERO; LANES]; M];
            for m in 0..M {
                x[m] = left[m][block];
            }
            for k in 0..K {
                let y = right[k][block].map(R::read);
                for m in 0..M {
                    for lane in 0..LANES {
                        sums[m][k][lane] = x[m][lane].fma(y[lane], sums[m][k][lane]);
                    }
                }
            }
        }
        for i in blocks * LANES..n {
            for k in 0..K {
                let y = R::read(b[b_from + rows[k] + i]);
                for m in 0..M {
                    sums[m][k][i % LANES] = a[a_from + m * lda + i].fma(y, sums[m][k][i % LANES]);
                }
            }
        }
    }
    for m in 0..M {
        for k in 0..K {
            d[m * ldd + k] += fold(sums[m][k]);
        }
    }
}

/// The sum of the lanes, halving: the order is part of the result and the same on every machine.
#[inline(always)]
pub(crate) fn fold<T: Element>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            let upper = lanes[lane + half];
            lanes[lane] += upper;
        }
        half /= 2;
    }
    lanes[0]
}
