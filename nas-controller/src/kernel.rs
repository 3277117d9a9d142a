//! The three products that a recurrent network is made of, over plain slices: loops whose every sum has one fixed order,
//! compiled for each instruction set, so that all machines get the same bits and each at its own speed.
//!
//! A matrix `[rows, columns]` lies row by row and takes `rows` values to `columns`. So the forward product adds scaled
//! rows, which a compiler turns into vectors without changing a sum.

use std::sync::LazyLock;

static ARCH: LazyLock<pulp::Arch> = LazyLock::new(pulp::Arch::new);

/// Partial sums of a dot product: as many as the widest register holds, on every machine.
const LANES: usize = 8;

/// `y += x W`, with `W` of `[x.len(), y.len()]`.
pub(crate) fn add_product(y: &mut [f64], w: &[f64], x: &[f64]) {
    ARCH.dispatch(
        #[inline(always)]
        || product(y, w, x),
    );
}

/// `x += W y`, with `W` of `[x.len(), y.len()]`: the gradient of [`add_product`] with regard to its `x`.
pub(crate) fn add_transposed(x: &mut [f64], w: &[f64], y: &[f64]) {
    ARCH.dispatch(
        #[inline(always)]
        || transposed(x, w, y),
    );
}

/// `W += sum over t of x_t^T y_t`, with `x` of `[times, rows]`, `y` of `[times, columns]` and `W` of `[rows, columns]`:
/// the gradient of [`add_product`] with regard to its `W`, over all times at once.
pub(crate) fn add_outer(w: &mut [f64], x: &[f64], y: &[f64], columns: usize) {
    ARCH.dispatch(
        #[inline(always)]
        || outer(w, x, y, columns),
    );
}

#[inline(always)]
fn product(y: &mut [f64], w: &[f64], x: &[f64]) {
    let n = y.len();
    let fours = x.len() / 4;
    for k in 0..fours {
        let (x, w) = (&x[4 * k..4 * k + 4], &w[4 * k * n..4 * (k + 1) * n]);
        let (a, b, c, d) = (&w[..n], &w[n..2 * n], &w[2 * n..3 * n], &w[3 * n..4 * n]);
        for i in 0..n {
            y[i] += x[0] * a[i] + x[1] * b[i] + x[2] * c[i] + x[3] * d[i];
        }
    }
    for k in 4 * fours..x.len() {
        let w = &w[k * n..(k + 1) * n];
        for i in 0..n {
            y[i] += x[k] * w[i];
        }
    }
}

#[inline(always)]
fn transposed(x: &mut [f64], w: &[f64], y: &[f64]) {
    let n = y.len();
    let whole = n / LANES * LANES;
    for k in 0..x.len() {
        let w = &w[k * n..(k + 1) * n];
        let mut lanes = [0.0; LANES];
        let mut at = 0;
        while at < whole {
            let (a, b) = (&w[at..at + LANES], &y[at..at + LANES]);
            for j in 0..LANES {
                lanes[j] += a[j] * b[j];
            }
            at += LANES;
        }
        let [a, b, c, d, e, f, g, h] = lanes;
        let mut sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
        for i in whole..n {
            sum += w[i] * y[i];
        }
        x[k] += sum;
    }
}

#[inline(always)]
fn outer(w: &mut [f64], x: &[f64], y: &[f64], n: usize) {
    let times = y.len() / n;
    let rows = x.len() / times.max(1);
    for k in 0..rows {
        let w = &mut w[k * n..(k + 1) * n];
        let mut t = 0;
        while t + 4 <= times {
            let y = &y[t * n..(t + 4) * n];
            let (a, b, c, d) = (&y[..n], &y[n..2 * n], &y[2 * n..3 * n], &y[3 * n..4 * n]);
            let (p, q, r, s) = (x[t * rows + k], x[(t + 1) * rows + k], x[(t + 2) * rows + k], x[(t + 3) * rows + k]);
            for i in 0..n {
                w[i] += p * a[i] + q * b[i] + r * c[i] + s * d[i];
            }
            t += 4;
        }
        while t < times {
            let (y, p) = (&y[t * n..(t + 1) * n], x[t * rows + k]);
            for i in 0..n {
                w[i] += p * y[i];
            }
            t += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers: every sum of them is exact, so that the order of summing cannot hide a fault.
    fn numbers(count: usize, step: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * step + 3) % 17) as f64 - 8.0).collect()
    }

    fn check(rows: usize, columns: usize, times: usize) {
        let (w, x, y) = (numbers(rows * columns, 5), numbers(times * rows, 7), numbers(times * columns, 11));
        let (x0, y0) = (&x[..rows], &y[..columns]);
        let mut forward = vec![1.0; columns];
        add_product(&mut forward, &w, x0);
        let mut back = vec![1.0; rows];
        add_transposed(&mut back, &w, y0);
        let mut gradient = vec![1.0; rows * columns];
        add_outer(&mut gradient, &x, &y, columns);
        for i in 0..columns {
            let expect = 1.0 + (0..rows).map(|k| x0[k] * w[k * columns + i]).sum::<f64>();
            assert_eq!(forward[i], expect, "forward {i} of {rows} x {columns}");
        }
        for k in 0..rows {
            let expect = 1.0 + (0..columns).map(|i| y0[i] * w[k * columns + i]).sum::<f64>();
            assert_eq!(back[k], expect, "back {k} of {rows} x {columns}");
            for i in 0..columns {
                let expect = 1.0 + (0..times).map(|t| x[t * rows + k] * y[t * columns + i]).sum::<f64>();
                assert_eq!(gradient[k * columns + i], expect, "gradient {k}, {i} of {rows} x {columns}, {times} times");
            }
        }
    }

    #[test]
    fn products_of_any_size() {
        for (rows, columns, times) in [(1, 1, 1), (3, 5, 2), (4, 8, 4), (7, 13, 5), (8, 31, 9), (70, 140, 6)] {
            check(rows, columns, times);
        }
    }
}
