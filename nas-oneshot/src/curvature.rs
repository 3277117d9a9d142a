//! The largest eigenvalue of the Hessian of the validation loss with respect to the architecture parameters, the number
//! that tells a collapse before it comes (Zela et al. 2020, section 4).
//!
//! Power iteration finds it from products of the Hessian with a vector, and each product is a difference of two
//! gradients, so nothing but gradients is needed.

/// How far a product's difference reaches to either side, as a norm: far enough that the rounding of f32 gradients does
/// not show, near enough that the loss still looks quadratic.
const REACH: f64 = 0.05;

/// The most products of one search for an eigenvalue.
const PRODUCTS: usize = 20;

/// When two estimates in a row differ by less than this part of the latter, it is found.
const ENOUGH: f64 = 0.01;

/// An eigenvalue and its vector of norm 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// The eigenvalue.
    pub value: f64,
    /// The eigenvector.
    pub vector: Vec<f64>,
}

/// The largest eigenvalue of the Hessian at `at` of a function given by its gradient. `start` is where the iteration
/// begins, as long as `at`: the vector found before, or anything that is not zero.
///
/// Where the eigenvalue of largest size is negative, the spectrum is shifted by it, and its upper end is found then.
///
/// # Errors
/// What the gradient says.
pub fn largest_eigenvalue<E>(
    at: &[f64],
    start: &[f64],
    mut gradient: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Eigen, E> {
    let mut product = |vector: &[f64]| -> Result<Vec<f64>, E> {
        let moved = |factor: f64| -> Vec<f64> { at.iter().zip(vector).map(|(x, v)| x + factor * v).collect() };
        let (beyond, before) = (gradient(&moved(REACH))?, gradient(&moved(-REACH))?);
        Ok(beyond.iter().zip(before).map(|(a, b)| (a - b) / (2.0 * REACH)).collect())
    };
    let first = iterate(start, 0.0, &mut product)?;
    if first.value >= 0.0 {
        return Ok(first);
    }
    // The other end of the spectrum lies across from the vector found, so begin with what is left of the start.
    let along = dot(start, &first.vector);
    let rest: Vec<f64> = start.iter().zip(&first.vector).map(|(s, v)| s - along * v).collect();
    iterate(&rest, first.value, &mut product)
}

/// Power iteration on the Hessian minus `shift`.
fn iterate<E>(start: &[f64], shift: f64, product: &mut impl FnMut(&[f64]) -> Result<Vec<f64>, E>) -> Result<Eigen, E> {
    let mut vector = unit(start.to_vec());
    let mut value = f64::NAN;
    for _ in 0..PRODUCTS {
        let along: Vec<f64> = product(&vector)?.iter().zip(&vector).map(|(p, v)| p - shift * v).collect();
        // Rayleigh's quotient is off by the square of the vector's error only.
        let next = dot(&vector, &along);
        let settled = (next - value).abs() <= ENOUGH * next.abs();
        value = next;
        vector = unit(along);
        if settled {
            break;
        }
    }
    Ok(Eigen { value: value + shift, vector })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The vector at norm 1; a vector of zeros, which has no direction, becomes one of equal entries.
fn unit(vector: Vec<f64>) -> Vec<f64> {
    let norm = dot(&vector, &vector).sqrt();
    if norm == 0.0 {
        return vec![1.0 / (vector.len().max(1) as f64).sqrt(); vector.len()];
    }
    vector.into_iter().map(|v| v / norm).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Finds the largest eigenvalue of a symmetric matrix with these eigenvalues, whose vectors are those of a rotation.
    fn check(eigenvalues: [f64; 3], expect: f64) {
        let (c, s) = (0.6, 0.8);
        // Two rotations, one after the other: columns are eigenvectors.
        let vectors = [[c, -s * c, s * s], [s, c * c, -c * s], [0.0, s, c]];
        let gradient = |x: &[f64]| -> Result<Vec<f64>, Infallible> {
            let along = |k: usize| (0..3).map(|i| vectors[i][k] * x[i]).sum::<f64>() * eigenvalues[k];
            // A constant slope must not matter.
            Ok((0..3).map(|i| 0.3 + (0..3).map(|k| vectors[i][k] * along(k)).sum::<f64>()).collect())
        };
        let Ok(found) = largest_eigenvalue(&[0.4, -1.0, 2.0], &[1.0, 0.9, 1.1], gradient);
        // Estimates settle to a part of the largest size there is.
        assert!((found.value - expect).abs() < 0.02 * 4.0, "{eigenvalues:?}: {}", found.value);
    }

    #[test]
    fn the_largest_eigenvalue_is_found_whatever_its_sign() {
        check([3.0, 1.0, -0.5], 3.0);
        check([-4.0, 2.5, 0.1], 2.5);
        check([-4.0, -2.0, -0.5], -0.5);
    }

    #[test]
    fn nothing_bends_where_there_is_no_slope() {
        let Ok(found) = largest_eigenvalue(&[1.0, 2.0], &[1.0, 0.0], |x| Ok::<_, Infallible>(vec![0.5; x.len()]));
        assert_eq!(found.value, 0.0);
    }

    #[test]
    fn going_on_from_a_vector_found_costs_two_products() {
        let mut calls = 0;
        let mut gradient = |x: &[f64]| {
            calls += 1;
            Ok::<_, Infallible>(vec![5.0 * x[0], x[1]])
        };
        let Ok(found) = largest_eigenvalue(&[0.0, 0.0], &[1.0, 0.0], &mut gradient);
        assert!((found.value - 5.0).abs() < 1e-9);
        assert_eq!(calls, 4);
    }
}
