//! One operation an edge, drawn by the Gumbel trick, and the way back to the architecture (Dong & Yang 2019, section 3.2).

use candle_core::{Device, Tensor};
use nas_space::Seed;
use rand::RngExt;

use crate::{Alphas, Mixing};

/// A draw: of each edge the operation whose parameter, with Gumbel noise of its own, is the largest. So it is drawn with the
/// probability of the parameters' softmax.
///
/// The forward pass takes the draw as it is; the reverse pass takes it for the softmax of the noisy parameters over a
/// temperature, which comes the closer to it the lower the temperature is. Of operations that were not drawn nothing is
/// known, so their weights have no gradient.
#[derive(Clone, Debug)]
pub struct EdgeSample {
    /// The operation of each edge: tables, rows.
    pub choices: Vec<Vec<usize>>,
    /// Noisy parameters over the temperature.
    soft: Alphas,
    temperature: f64,
}

impl EdgeSample {
    /// Draws, at a temperature above 0.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn draw(alphas: &Alphas, temperature: f64, seed: Seed) -> candle_core::Result<Self> {
        let (mut choices, mut soft) = (Vec::new(), Vec::new());
        for (index, rows) in alphas.values()?.into_iter().enumerate() {
            let mut rng = seed.index(index as u64).rng();
            let noisy: Vec<Vec<f64>> =
                rows.into_iter().map(|row| row.into_iter().map(|alpha| alpha + gumbel(&mut rng)).collect()).collect();
            choices.push(noisy.iter().map(|row| largest(row)).collect());
            soft.push((Tensor::new(noisy, &Device::Cpu)? / temperature)?);
        }
        Ok(Self { choices, soft: Alphas::of(soft)?, temperature })
    }

    /// From gradients with respect to the weights of the operations drawn, `[edges, 1]` a table, to gradients with respect
    /// to the architecture parameters. Rows that are missing at the end have none.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn pull_back(&self, gradients: &[Tensor]) -> candle_core::Result<Vec<Tensor>> {
        let mut full = Vec::with_capacity(self.choices.len());
        for (index, (choices, soft)) in self.choices.iter().zip(&self.soft.parameters).enumerate() {
            let found = gradients.get(index).map_or_else(|| Ok(Vec::new()), |table| table.flatten_all()?.to_vec1())?;
            let (rows, width) = soft.var.dims2()?;
            let mut table = vec![0.0_f64; rows * width];
            for (row, (choice, slope)) in choices.iter().zip(found).enumerate() {
                table[row * width + choice] = slope;
            }
            full.push(Tensor::from_vec(table, (rows, width), &Device::Cpu)?);
        }
        self.soft.pull_back(&full)?.into_iter().map(|table| table / self.temperature).collect()
    }
}

/// A number of the standard Gumbel distribution.
fn gumbel(rng: &mut impl rand::Rng) -> f64 {
    // Zero has no logarithm.
    let uniform = rng.random::<f64>().max(f64::MIN_POSITIVE);
    -(-uniform.ln()).ln()
}

/// The place of the largest entry, the first of equals.
fn largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [[f64; 3]; 2] = [[0.3, -0.2, 0.5], [1.0, 2.0, -1.0]];

    fn alphas(rows: &[[f64; 3]]) -> Alphas {
        Alphas::of(vec![Tensor::from_slice(rows.as_flattened(), (rows.len(), 3), &Device::Cpu).unwrap()]).unwrap()
    }

    #[test]
    fn operations_are_drawn_as_often_as_the_softmax_says() {
        const DRAWS: usize = 20_000;
        let alphas = alphas(&ROWS);
        let expect = alphas.weight_values().unwrap().remove(0);
        let mut counts = [[0_usize; 3]; 2];
        for draw in 0..DRAWS as u64 {
            let sample = EdgeSample::draw(&alphas, 3.0, Seed::new(4).index(draw)).unwrap();
            sample.choices[0].iter().enumerate().for_each(|(row, choice)| counts[row][*choice] += 1);
        }
        for (row, column) in (0..2).flat_map(|row| (0..3).map(move |column| (row, column))) {
            let (share, expect) = (counts[row][column] as f64 / DRAWS as f64, expect[row][column]);
            // Four standard deviations of a share.
            let tolerance = 4.0 * (expect * (1.0 - expect) / DRAWS as f64).sqrt();
            assert!((share - expect).abs() < tolerance, "{row} {column}: {share}, not {expect}");
        }
    }

    /// The same noise with parameters moved a little: the softmax at the temperature, differentiated by differences.
    #[test]
    fn gradients_are_those_of_the_softmax_of_noisy_parameters() {
        for temperature in [10.0, 1.0, 0.3] {
            let (seed, slopes) = (Seed::new(7), [0.7, -1.3]);
            let sample = EdgeSample::draw(&alphas(&ROWS), temperature, seed).unwrap();
            let value = |rows: &[[f64; 3]]| {
                let moved = EdgeSample::draw(&alphas(rows), temperature, seed).unwrap();
                let weights = moved.soft.weight_values().unwrap().remove(0);
                (0..2).map(|row| slopes[row] * weights[row][sample.choices[0][row]]).sum::<f64>()
            };
            let gradient = Tensor::new(&[[slopes[0]], [slopes[1]]], &Device::Cpu).unwrap();
            let found = sample.pull_back(&[gradient]).unwrap().remove(0).to_vec2::<f64>().unwrap();
            for (row, column) in (0..2).flat_map(|row| (0..3).map(move |column| (row, column))) {
                let at = |change: f64| {
                    let mut moved = ROWS;
                    moved[row][column] += change;
                    value(&moved)
                };
                let expect = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((found[row][column] - expect).abs() < 1e-7, "{temperature}: {} {expect}", found[row][column]);
            }
        }
    }

    #[test]
    fn edges_without_a_gradient_stay() {
        let sample = EdgeSample::draw(&alphas(&ROWS), 1.0, Seed::new(1)).unwrap();
        let none = sample.pull_back(&[]).unwrap().remove(0).to_vec2::<f64>().unwrap();
        assert_eq!(none, [[0.0; 3]; 2]);
        let first = Tensor::new(&[[1.0_f64]], &Device::Cpu).unwrap();
        let found = sample.pull_back(&[first]).unwrap().remove(0).to_vec2::<f64>().unwrap();
        assert!(found[0][sample.choices[0][0]] > 0.0 && found[1] == [0.0; 3], "{found:?}");
    }
}
