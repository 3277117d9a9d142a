//! The products of a matrix that a linear layer is made of, over plain slices: loops whose every sum has one fixed
//! order, compiled for each instruction set, so that all machines get the same bits and each at its own speed.
//!
//! A matrix has a row for each output, as long as the input.

use std::sync::LazyLock;

static ARCH: LazyLock<pulp::Arch> = LazyLock::new(pulp::Arch::new);

/// Partial sums of a dot product: as many as the widest register holds, on every machine.
const LANES: usize = 8;

/// `y += W x`.
pub(crate) fn multiply(y: &mut [f64], w: &[f64], x: &[f64]) {
    ARCH.dispatch(
        #[inline(always)]
        || {
            for (y, row) in y.iter_mut().zip(w.chunks_exact(x.len())) {
                *y += dot(row, x);
            }
        },
    );
}

/// `x += y W`: what the gradient of the output says of the input.
pub(crate) fn multiply_back(x: &mut [f64], w: &[f64], y: &[f64]) {
    ARCH.dispatch(
        #[inline(always)]
        || {
            for (&y, row) in y.iter().zip(w.chunks_exact(x.len())) {
                x.iter_mut().zip(row).for_each(|(x, w)| *x += y * w);
            }
        },
    );
}

/// `W += y x`, a row for each `y`: what the gradient of the output says of the matrix.
pub(crate) fn multiply_outer(w: &mut [f64], y: &[f64], x: &[f64]) {
    ARCH.dispatch(
        #[inline(always)]
        || {
            for (&y, row) in y.iter().zip(w.chunks_exact_mut(x.len())) {
                row.iter_mut().zip(x).for_each(|(w, x)| *w += y * x);
            }
        },
    );
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers: every sum of them is exact, so that the order of summing cannot hide a fault.
    fn numbers(count: usize, step: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * step + 3) % 17) as f64 - 8.0).collect()
    }

    #[test]
    fn products_of_any_size() {
        for (outputs, inputs) in [(1, 1), (3, 5), (4, 8), (7, 13), (31, 8), (5, 70)] {
            let (w, x, y) = (numbers(outputs * inputs, 5), numbers(inputs, 7), numbers(outputs, 11));
            let (mut forward, mut back, mut outer) =
                (vec![1.0; outputs], vec![1.0; inputs], vec![1.0; outputs * inputs]);
            multiply(&mut forward, &w, &x);
            multiply_back(&mut back, &w, &y);
            multiply_outer(&mut outer, &y, &x);
            for o in 0..outputs {
                let expect = 1.0 + (0..inputs).map(|i| w[o * inputs + i] * x[i]).sum::<f64>();
                assert_eq!(forward[o], expect, "output {o} of {outputs} x {inputs}");
                for i in 0..inputs {
                    assert_eq!(outer[o * inputs + i], 1.0 + y[o] * x[i], "{o}, {i} of {outputs} x {inputs}");
                }
            }
            for i in 0..inputs {
                let expect = 1.0 + (0..outputs).map(|o| w[o * inputs + i] * y[o]).sum::<f64>();
                assert_eq!(back[i], expect, "input {i} of {outputs} x {inputs}");
            }
        }
    }
}
