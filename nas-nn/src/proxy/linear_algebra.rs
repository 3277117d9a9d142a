//! Determinants and inverses of small symmetric matrices, by their Cholesky factors, in f64.

/// How small a pivot may be beside its diagonal entry before the matrix counts as singular.
const SINGULAR: f64 = 1e-12;

/// A symmetric positive definite matrix as L·Lᵀ: the rows of L, each up to its diagonal. `None` if it is not positive
/// definite, to about twelve digits.
fn cholesky(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for (i, row) in matrix.iter().enumerate() {
        let mut own: Vec<f64> = Vec::with_capacity(i + 1);
        for j in 0..i {
            let dot: f64 = own.iter().zip(&factor[j]).map(|(a, b)| a * b).sum();
            own.push((row[j] - dot) / factor[j][j]);
        }
        let pivot = row[i] - own.iter().map(|a| a * a).sum::<f64>();
        if pivot.is_nan() || pivot <= SINGULAR * row[i] {
            return None;
        }
        own.push(pivot.sqrt());
        factor.push(own);
    }
    Some(factor)
}

/// The logarithm of the determinant of a symmetric matrix without negative eigenvalues; minus infinity where it has a zero.
pub(super) fn log_determinant(matrix: &[Vec<f64>]) -> f64 {
    let logs = |factor: Vec<Vec<f64>>| factor.iter().enumerate().map(|(i, row)| 2.0 * row[i].ln()).sum();
    cholesky(matrix).map_or(f64::NEG_INFINITY, logs)
}

/// The trace of the inverse of a symmetric positive definite matrix: the sum of one over each eigenvalue. `None` if it has
/// no inverse.
pub(super) fn trace_of_inverse(matrix: &[Vec<f64>]) -> Option<f64> {
    let factor = cholesky(matrix)?;
    // The inverse is Mᵀ·M, M being the inverse of the factor: its trace is the sum of the squares of M's entries.
    let squares = (0..factor.len()).map(|column| {
        let mut solution = vec![0.0; factor.len()];
        for i in column..factor.len() {
            let known: f64 = (column..i).map(|j| factor[i][j] * solution[j]).sum();
            solution[i] = (f64::from(u8::from(i == column)) - known) / factor[i][i];
        }
        solution.iter().map(|x| x * x).sum::<f64>()
    });
    Some(squares.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a}, not {b}");
    }

    #[test]
    fn by_hand() {
        // Eigenvalues 1 and 3.
        let matrix = vec![vec![2.0, 1.0], vec![1.0, 2.0]];
        close(log_determinant(&matrix), 3.0_f64.ln());
        close(trace_of_inverse(&matrix).unwrap(), 1.0 + 1.0 / 3.0);
        // The sum of eigenvalues 1, 2 and 4 turned by the rows of an orthogonal matrix.
        let axes = [[2.0, -1.0, 2.0], [2.0, 2.0, -1.0], [-1.0, 2.0, 2.0]].map(|axis| axis.map(|x| x / 3.0));
        let entry = |i: usize, j: usize| (0..3).map(|k| f64::from(1 << k) * axes[k][i] * axes[k][j]).sum();
        let matrix: Vec<Vec<f64>> = (0..3).map(|i| (0..3).map(|j| entry(i, j)).collect()).collect();
        close(log_determinant(&matrix), 8.0_f64.ln());
        close(trace_of_inverse(&matrix).unwrap(), 1.75);
    }

    #[test]
    fn a_singular_matrix_has_no_determinant_to_take_the_logarithm_of() {
        let matrix = vec![vec![5.0, 5.0], vec![5.0, 5.0]];
        assert_eq!(log_determinant(&matrix), f64::NEG_INFINITY);
        assert_eq!(trace_of_inverse(&matrix), None);
        assert_eq!(log_determinant(&[vec![f64::NAN]]), f64::NEG_INFINITY);
    }
}
