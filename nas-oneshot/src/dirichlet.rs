//! Weights of mixed edges drawn from Dirichlet distributions, and the way back to the architecture (Chen et al. 2021, DrNAS,
//! section 3.1).
//!
//! The one idea: the weights of an edge are the shares of independent gamma-distributed numbers, and how such a number moves
//! with its distribution's shape, while it keeps its place there, follows from the distribution function alone
//! (Figurnov, Mohamed & Mnih 2018). So a loss at drawn weights has a gradient with respect to the distribution.

use candle_core::{D, Device, Tensor};
use nas_space::Seed;
use rand_distr::{Distribution, Gamma};
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

use crate::{Alphas, Mixing};

/// Half the distance, in parts of a shape, over which a distribution function's difference is taken: where its rounding and
/// its curvature spoil about equally few digits.
const NEAR: f64 = 1e-5;

/// Values below it are as good as zero, and so is their slope.
const NOTHING: f64 = 1e-12;

/// A draw: each edge's weights, from the Dirichlet distribution whose concentrations are `elu(alpha) + 1`. Fresh parameters
/// stand for a distribution that is about uniform over all weightings.
#[derive(Clone, Debug)]
pub struct DirichletSample {
    weights: Vec<Tensor>,
    /// How far each gamma-distributed number moves with its parameter, over the sum of its row.
    slopes: Vec<Tensor>,
}

impl DirichletSample {
    /// Draws.
    ///
    /// # Errors
    /// If the parameters are not finite, or memory runs out.
    pub fn draw(alphas: &Alphas, seed: Seed) -> candle_core::Result<Self> {
        let (mut weights, mut slopes) = (Vec::new(), Vec::new());
        for (index, rows) in alphas.values()?.iter().enumerate() {
            let mut rng = seed.index(index as u64).rng();
            let (mut shares, mut moves) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
            for row in rows {
                let mut values = Vec::with_capacity(row.len());
                for &alpha in row {
                    let gamma = Gamma::new(concentration(alpha), 1.0).map_err(candle_core::Error::wrap)?;
                    // A row of zeros would have no shares.
                    values.push(gamma.sample(&mut rng).max(f64::MIN_POSITIVE));
                }
                let sum: f64 = values.iter().sum();
                let slope = |(&alpha, &value): (&f64, &f64)| {
                    concentration_slope(alpha) * value_slope(concentration(alpha), value) / sum
                };
                moves.push(row.iter().zip(&values).map(slope).collect::<Vec<f64>>());
                shares.push(values.iter().map(|value| value / sum).collect::<Vec<f64>>());
            }
            weights.push(Tensor::new(shares, &Device::Cpu)?);
            slopes.push(Tensor::new(moves, &Device::Cpu)?);
        }
        Ok(Self { weights, slopes })
    }
}

impl Mixing for DirichletSample {
    fn weights(&self) -> candle_core::Result<Vec<Tensor>> {
        Ok(self.weights.clone())
    }

    /// `slope * (g - sum of w * g over the row)`.
    fn pull_back(&self, gradients: &[Tensor]) -> candle_core::Result<Vec<Tensor>> {
        let table = |((weights, slopes), gradient): ((&Tensor, &Tensor), &Tensor)| {
            let mean = (weights * gradient)?.sum_keepdim(D::Minus1)?;
            slopes * gradient.broadcast_sub(&mean)?
        };
        self.weights.iter().zip(&self.slopes).zip(gradients).map(table).collect()
    }
}

/// `elu(alpha) + 1`: above 0 for every parameter.
fn concentration(alpha: f64) -> f64 {
    if alpha > 0.0 { alpha + 1.0 } else { alpha.exp() }
}

fn concentration_slope(alpha: f64) -> f64 {
    if alpha > 0.0 { 1.0 } else { alpha.exp() }
}

/// How a number of the gamma distribution of a shape moves with it: minus the slope of the distribution function over the
/// density. The difference is taken of the smaller tail, which has digits left where the other is almost 1.
fn value_slope(shape: f64, value: f64) -> f64 {
    if value < NOTHING {
        return 0.0;
    }
    let near = NEAR * shape;
    let [above, below] = [shape + near, shape - near];
    let change = match value < shape {
        true => gamma_lr(below, value) - gamma_lr(above, value),
        false => gamma_ur(above, value) - gamma_ur(below, value),
    };
    let density = ((shape - 1.0) * value.ln() - value - ln_gamma(shape)).exp();
    if density > 0.0 { change / (2.0 * near * density) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [[f64; 3]; 2] = [[0.3, -0.6, 1.5], [0.0, -2.0, 0.1]];
    const DRAWS: u64 = 20_000;

    fn alphas(rows: &[[f64; 3]]) -> Alphas {
        Alphas::of(vec![Tensor::from_slice(rows.as_flattened(), (rows.len(), 3), &Device::Cpu).unwrap()]).unwrap()
    }

    fn draws() -> impl Iterator<Item = DirichletSample> {
        (0..DRAWS).map(|draw| DirichletSample::draw(&alphas(&ROWS), Seed::new(3).index(draw)).unwrap())
    }

    /// Mean and variance over all draws of what `f` says of one.
    fn moments(values: impl Iterator<Item = f64>) -> [f64; 2] {
        let (sum, squares) = values.fold((0.0, 0.0), |(sum, squares), v| (sum + v, squares + v * v));
        let mean = sum / DRAWS as f64;
        [mean, squares / DRAWS as f64 - mean * mean]
    }

    #[test]
    fn weights_have_the_moments_of_their_distribution() {
        let all: Vec<Vec<Vec<f64>>> = draws().map(|d| d.weights[0].to_vec2().unwrap()).collect();
        for (row, alphas) in ROWS.iter().enumerate() {
            let shapes = alphas.map(concentration);
            let total: f64 = shapes.iter().sum();
            for (column, shape) in shapes.iter().enumerate() {
                let mean = shape / total;
                let variance = mean * (1.0 - mean) / (total + 1.0);
                let found = moments(all.iter().map(|draw| draw[row][column]));
                // Four standard deviations of a mean; a variance of numbers between 0 and 1 has less.
                let tolerance = 4.0 * (variance / DRAWS as f64).sqrt();
                assert!((found[0] - mean).abs() < tolerance, "{row} {column}: {found:?}, not {mean}");
                assert!((found[1] - variance).abs() < tolerance, "{row} {column}: {found:?}, not {variance}");
            }
        }
        assert!(all.iter().flatten().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    }

    /// The number at the same place in a distribution of another shape, found by halving.
    #[test]
    fn a_number_keeps_its_place_while_the_shape_moves() {
        for (shape, value) in [(0.05, 1e-6), (0.4, 0.01), (0.4, 3.0), (1.0, 0.5), (1.0, 15.0), (2.5, 0.1), (2.5, 2.5)] {
            let place = gamma_ur(shape, value);
            let at = |shape: f64| {
                let (mut low, mut high) = (value / 10.0, value * 10.0);
                for _ in 0..200 {
                    let middle = 0.5 * (low + high);
                    if gamma_ur(shape, middle) > place { low = middle } else { high = middle }
                }
                low
            };
            let step = 1e-4 * shape;
            let expect = (at(shape + step) - at(shape - step)) / (2.0 * step);
            let found = value_slope(shape, value);
            assert!((found / expect - 1.0).abs() < 1e-4, "{shape} {value}: {found}, not {expect}");
        }
    }

    /// The mean of the gradients at drawn weights is the gradient of the mean.
    #[test]
    fn gradients_are_right_in_the_mean() {
        let costs = [[0.7, -1.3, 0.2], [2.0, -0.5, 1.0]];
        let gradient = Tensor::new(&costs, &Device::Cpu).unwrap();
        let pulled = |draw: DirichletSample| draw.pull_back(std::slice::from_ref(&gradient)).unwrap().remove(0);
        let all: Vec<Vec<Vec<f64>>> = draws().map(|draw| pulled(draw).to_vec2().unwrap()).collect();
        let cost = |row: usize, alphas: [f64; 3]| {
            let shapes = alphas.map(concentration);
            (0..3).map(|i| costs[row][i] * shapes[i]).sum::<f64>() / shapes.iter().sum::<f64>()
        };
        for (row, column) in (0..2).flat_map(|row| (0..3).map(move |column| (row, column))) {
            let at = |change: f64| {
                let mut moved = ROWS[row];
                moved[column] += change;
                cost(row, moved)
            };
            let expect = (at(1e-6) - at(-1e-6)) / 2e-6;
            let [mean, variance] = moments(all.iter().map(|draw| draw[row][column]));
            let tolerance = 4.0 * (variance / DRAWS as f64).sqrt();
            assert!((mean - expect).abs() < tolerance + 1e-6, "{row} {column}: {mean}, not {expect} ± {tolerance}");
        }
    }

    #[test]
    fn parameters_far_below_zero_still_have_weights() {
        let far = DirichletSample::draw(&alphas(&[[-60.0, -60.0, -60.0], [-60.0, 3.0, -60.0]]), Seed::new(1)).unwrap();
        let rows = far.weights[0].to_vec2::<f64>().unwrap();
        assert!(rows.iter().flatten().all(|w| w.is_finite()) && rows[1][1] > 0.999, "{rows:?}");
        let slopes = far.slopes[0].to_vec2::<f64>().unwrap();
        assert!(slopes.iter().flatten().all(|slope| slope.is_finite()), "{slopes:?}");
    }
}
