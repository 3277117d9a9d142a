//! Architecture parameters: tables of numbers whose softmax, row by row, weighs the operations of mixed edges.

use candle_core::{D, DType, Device, Tensor, Var};
use nas_nn::Parameter;
use nas_space::{MixedTable, Seed};
use rand::RngExt;

/// The standard deviation of fresh parameters (Liu et al. 2019, reference implementation).
const SPREAD: f64 = 1e-3;

/// The architecture parameters of a supernet, `[edges, operations]` a table, in f64.
///
/// They are [`Parameter`]s, named `alphas.0`, `alphas.1` and so on, so that any optimiser of `nas-nn` moves them.
#[derive(Clone, Debug)]
pub struct Alphas {
    /// The tables.
    pub parameters: Vec<Parameter>,
}

impl Alphas {
    /// Fresh parameters for these tables: normal numbers of standard deviation 0.001.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn fresh(tables: &[MixedTable], seed: Seed) -> candle_core::Result<Self> {
        let table = |(index, table): (usize, &MixedTable)| {
            let mut rng = seed.index(index as u64).rng();
            let shape = (table.edges.len(), table.operations.len());
            let values: Vec<f64> = (0..shape.0 * shape.1).map(|_| SPREAD * normal(&mut rng)).collect();
            Tensor::from_vec(values, shape, &Device::Cpu)
        };
        Self::of(tables.iter().enumerate().map(table).collect::<Result<Vec<_>, _>>()?)
    }

    /// Parameters of these values, `[edges, operations]` for each table, brought to f64.
    ///
    /// # Errors
    /// If a tensor is no matrix, or memory runs out.
    pub fn of(tables: Vec<Tensor>) -> candle_core::Result<Self> {
        let parameter = |(index, table): (usize, Tensor)| {
            table.dims2()?;
            let var = Var::from_tensor(&table.to_dtype(DType::F64)?)?;
            Ok(Parameter { name: format!("alphas.{index}"), var, decay: true })
        };
        Ok(Self { parameters: tables.into_iter().enumerate().map(parameter).collect::<candle_core::Result<_>>()? })
    }

    /// The weights that they stand for, `[edges, operations]` for each table: the softmax of each row.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn weights(&self) -> candle_core::Result<Vec<Tensor>> {
        self.parameters.iter().map(|table| softmax(&table.var)).collect()
    }

    /// From gradients with respect to the weights to gradients with respect to the parameters:
    /// `w * (g - sum of w * g over the row)`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn pull_back(&self, gradients: &[Tensor]) -> candle_core::Result<Vec<Tensor>> {
        let table = |(weights, gradient): (Tensor, &Tensor)| {
            let mean = (&weights * gradient)?.sum_keepdim(D::Minus1)?;
            weights * gradient.broadcast_sub(&mean)?
        };
        self.weights()?.into_iter().zip(gradients).map(table).collect()
    }

    /// The parameters as plain numbers: tables, rows, columns.
    ///
    /// # Errors
    /// If they are not on a device that can be read.
    pub fn values(&self) -> candle_core::Result<Vec<Vec<Vec<f64>>>> {
        self.parameters.iter().map(|table| table.var.to_vec2()).collect()
    }

    /// The weights as plain numbers.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn weight_values(&self) -> candle_core::Result<Vec<Vec<Vec<f64>>>> {
        self.weights()?.iter().map(Tensor::to_vec2).collect()
    }

    /// The mean over all edges of the entropy of an edge's weights, over that of equal weights: 1 while nothing is
    /// decided, 0 when every edge has one operation.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn entropy(&self) -> candle_core::Result<f64> {
        let mut sum = 0.0;
        let mut edges = 0;
        for row in self.weight_values()?.iter().flatten() {
            let most = (row.len() as f64).ln();
            let entropy: f64 = row.iter().filter(|w| **w > 0.0).map(|w| -w * w.ln()).sum();
            // An edge with one operation has nothing to decide.
            sum += if most > 0.0 { entropy / most } else { 0.0 };
            edges += 1;
        }
        Ok(sum / f64::from(edges.max(1)))
    }
}

/// The softmax of each row, shifted by the row's largest entry so that nothing overflows.
fn softmax(table: &Tensor) -> candle_core::Result<Tensor> {
    let table = table.detach();
    let powers = table.broadcast_sub(&table.max_keepdim(D::Minus1)?)?.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
}

/// A standard normal number (Box & Muller 1958).
pub(crate) fn normal(rng: &mut impl rand::Rng) -> f64 {
    // 1 - u lies above 0, where the logarithm exists.
    let (radius, turn) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}

#[cfg(test)]
mod tests {
    use nas_space::MixedSpace;
    use nas_space::spaces::Darts;

    use super::*;

    fn alphas(rows: &[[f64; 3]]) -> Alphas {
        let rows = Tensor::from_slice(rows.as_flattened(), (rows.len(), 3), &Device::Cpu).unwrap();
        Alphas::of(vec![rows]).unwrap()
    }

    #[test]
    fn fresh_parameters_are_small_and_hang_at_their_seed() {
        let fresh = |seed| Alphas::fresh(&Darts.tables(), Seed::new(seed)).unwrap().values().unwrap();
        assert_eq!(fresh(1), fresh(1));
        assert_ne!(fresh(1), fresh(2));
        let all: Vec<f64> = fresh(1).into_iter().flatten().flatten().collect();
        assert_eq!(all.len(), 2 * 14 * 8);
        let spread = (all.iter().map(|a| a * a).sum::<f64>() / all.len() as f64).sqrt();
        assert!((0.8e-3..1.2e-3).contains(&spread), "{spread}");
    }

    #[test]
    fn gradients_are_those_of_the_softmax() {
        let rows = [[0.3, -0.2, 0.5], [1.0, 2.0, -1.0]];
        let slopes = Tensor::new(&[[1.0, -2.0, 0.5], [0.1, 0.7, 3.0]], &Device::Cpu).unwrap();
        let loss = |rows: &[[f64; 3]]| {
            let weights = alphas(rows).weights().unwrap().remove(0);
            (weights * &slopes).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap()
        };
        let found = alphas(&rows).pull_back(std::slice::from_ref(&slopes)).unwrap().remove(0).to_vec2::<f64>().unwrap();
        for (row, column) in (0..2).flat_map(|row| (0..3).map(move |column| (row, column))) {
            let at = |change: f64| {
                let mut moved = rows;
                moved[row][column] += change;
                loss(&moved)
            };
            let expect = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((found[row][column] - expect).abs() < 1e-9, "{row} {column}: {} {expect}", found[row][column]);
        }
    }

    #[test]
    fn entropy_goes_from_one_to_zero() {
        assert!((alphas(&[[0.5; 3], [-3.0; 3]]).entropy().unwrap() - 1.0).abs() < 1e-12);
        assert!(alphas(&[[900.0, 0.0, 0.0]]).entropy().unwrap() < 1e-12);
        let half = alphas(&[[0.0, 0.0, -900.0]]).entropy().unwrap();
        assert!((half - 2.0_f64.ln() / 3.0_f64.ln()).abs() < 1e-12, "{half}");
    }
}
