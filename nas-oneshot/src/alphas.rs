//! Architecture parameters: tables of numbers whose softmax, row by row, weighs the operations of mixed edges.

use candle_core::{D, DType, Device, Tensor, Var};
use nas_nn::Parameter;
use nas_space::{MixedTable, Seed};
use rand::RngExt;

/// The standard deviation of fresh parameters (Liu et al. 2019, reference implementation).
const SPREAD: f64 = 1e-3;

/// What weighs the operations of mixed edges in a pass, and the way back from there to the architecture parameters.
pub trait Mixing {
    /// The weights, `[edges, operations]` for each table.
    ///
    /// # Errors
    /// If memory runs out.
    fn weights(&self) -> candle_core::Result<Vec<Tensor>>;

    /// From gradients with respect to the weights to gradients with respect to the parameters.
    ///
    /// # Errors
    /// If the shapes do not fit.
    fn pull_back(&self, gradients: &[Tensor]) -> candle_core::Result<Vec<Tensor>>;
}

/// The architecture parameters of a supernet, `[edges, operations]` a table, in f64.
///
/// They are [`Parameter`]s, named `alphas.0`, `alphas.1` and so on, so that any optimiser of `nas-nn` moves them. With edge
/// normalization (Xu et al. 2020, PC-DARTS, section 3.3) there are as many tables `[edges, 1]` behind those of operations:
/// the edges that end in one node share a softmax, which weighs all their operations.
#[derive(Clone, Debug)]
pub struct Alphas {
    /// The tables.
    pub parameters: Vec<Parameter>,
    /// For each table of operations the node in which each row's edge ends; empty without edge normalization.
    ends: Vec<Vec<usize>>,
}

impl Alphas {
    /// Fresh parameters for these tables: normal numbers of standard deviation 0.001.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn fresh(tables: &[MixedTable], seed: Seed) -> candle_core::Result<Self> {
        Self::of(drawn(tables.iter().map(|table| (table.edges.len(), table.operations.len())), seed)?)
    }

    /// The same with edge normalization.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn with_edges(tables: &[MixedTable], seed: Seed) -> candle_core::Result<Self> {
        let operations = tables.iter().map(|table| (table.edges.len(), table.operations.len()));
        let edges = tables.iter().map(|table| (table.edges.len(), 1));
        let ends = tables.iter().map(|table| table.edges.iter().map(|(_, node)| *node).collect()).collect();
        Ok(Self { ends, ..Self::of(drawn(operations.chain(edges), seed)?)? })
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
        let parameters = tables.into_iter().enumerate().map(parameter).collect::<candle_core::Result<_>>()?;
        Ok(Self { parameters, ends: Vec::new() })
    }

    /// Parameters of other values with the same meaning.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn like(&self, tables: Vec<Tensor>) -> candle_core::Result<Self> {
        Ok(Self { ends: self.ends.clone(), ..Self::of(tables)? })
    }

    /// The softmax of each row of the tables of operations.
    fn operations(&self) -> candle_core::Result<Vec<Tensor>> {
        let tables = self.parameters.len() - self.ends.len();
        self.parameters[..tables].iter().map(|table| softmax(&table.var)).collect()
    }

    /// The softmax over the edges of each node, `[edges, 1]` a table.
    fn edges(&self) -> candle_core::Result<Vec<Tensor>> {
        let tables = self.parameters.len() - self.ends.len();
        let table = |(parameter, ends): (&Parameter, &Vec<usize>)| {
            let values: Vec<f64> = parameter.var.flatten_all()?.to_vec1()?;
            let largest = sums(ends, &values, f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> =
                values.iter().zip(&largest).map(|(value, largest)| (value - largest).exp()).collect();
            let totals = sums(ends, &powers, 0.0, |a, b| a + b);
            column(powers.iter().zip(totals).map(|(power, total)| power / total).collect())
        };
        self.parameters[tables..].iter().zip(&self.ends).map(table).collect()
    }

    /// The parameters as plain numbers: tables, rows, columns.
    ///
    /// # Errors
    /// If they are not on a device that can be read.
    pub fn values(&self) -> candle_core::Result<Vec<Vec<Vec<f64>>>> {
        self.parameters.iter().map(|table| table.var.to_vec2()).collect()
    }

    /// The weights of operations as plain numbers; an operation's on an edge is multiplied by the edge's where edges have
    /// some.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn weight_values(&self) -> candle_core::Result<Vec<Vec<Vec<f64>>>> {
        let tables = self.parameters.len() - self.ends.len();
        self.weights()?[..tables].iter().map(Tensor::to_vec2).collect()
    }

    /// The mean over all edges of the entropy of an edge's weights, over that of equal weights: 1 while nothing is
    /// decided, 0 when every edge has one operation.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn entropy(&self) -> candle_core::Result<f64> {
        let mut sum = 0.0;
        let mut edges = 0;
        let tables: Vec<Vec<Vec<f64>>> = self.operations()?.iter().map(Tensor::to_vec2).collect::<Result<_, _>>()?;
        for row in tables.iter().flatten() {
            let most = (row.len() as f64).ln();
            let entropy: f64 = row.iter().filter(|w| **w > 0.0).map(|w| -w * w.ln()).sum();
            // An edge with one operation has nothing to decide.
            sum += if most > 0.0 { entropy / most } else { 0.0 };
            edges += 1;
        }
        Ok(sum / f64::from(edges.max(1)))
    }
}

impl Mixing for Alphas {
    /// The softmax of each row; with edge normalization times the edge's weight, and behind these tables those of the edges.
    fn weights(&self) -> candle_core::Result<Vec<Tensor>> {
        let (operations, edges) = (self.operations()?, self.edges()?);
        if edges.is_empty() {
            return Ok(operations);
        }
        let both = operations.iter().zip(&edges).map(|(operations, edges)| operations.broadcast_mul(edges));
        both.chain(edges.iter().map(|edges| Ok(edges.clone()))).collect()
    }

    /// Of a softmax: `w * (g - sum of w * g over the row)`, or over the edges of a node.
    fn pull_back(&self, gradients: &[Tensor]) -> candle_core::Result<Vec<Tensor>> {
        let row = |(weights, gradient): (&Tensor, &Tensor)| {
            let mean = (weights * gradient)?.sum_keepdim(D::Minus1)?;
            weights * gradient.broadcast_sub(&mean)?
        };
        let (operations, edges) = (self.operations()?, self.edges()?);
        if edges.is_empty() {
            return operations.iter().zip(gradients).map(row).collect();
        }
        let (products, plain) = gradients.split_at(operations.len());
        let (mut found, mut behind) = (Vec::new(), Vec::new());
        for (table, ends) in self.ends.iter().enumerate() {
            let (operations, edges, gradient) = (&operations[table], &edges[table], &products[table]);
            found.push(row((operations, &gradient.broadcast_mul(edges)?))?);
            let slopes = ((operations * gradient)?.sum_keepdim(D::Minus1)? + &plain[table])?;
            let (edges, slopes): (Vec<f64>, Vec<f64>) =
                (edges.flatten_all()?.to_vec1()?, slopes.flatten_all()?.to_vec1()?);
            let parts: Vec<f64> = edges.iter().zip(&slopes).map(|(edge, slope)| edge * slope).collect();
            let means = sums(ends, &parts, 0.0, |a, b| a + b);
            let each = edges.iter().zip(slopes.iter().zip(means)).map(|(edge, (slope, mean))| edge * (slope - mean));
            behind.push(column(each.collect())?);
        }
        found.append(&mut behind);
        Ok(found)
    }
}

/// Tables of normal numbers.
fn drawn(shapes: impl Iterator<Item = (usize, usize)>, seed: Seed) -> candle_core::Result<Vec<Tensor>> {
    let table = |(index, shape): (usize, (usize, usize))| {
        let mut rng = seed.index(index as u64).rng();
        let values: Vec<f64> = (0..shape.0 * shape.1).map(|_| SPREAD * normal(&mut rng)).collect();
        Tensor::from_vec(values, shape, &Device::Cpu)
    };
    shapes.enumerate().map(table).collect()
}

/// For each row what all rows of its node come to, taken together in their order.
fn sums(ends: &[usize], values: &[f64], empty: f64, with: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let of =
        |node: usize| (0..ends.len()).filter(|&row| ends[row] == node).fold(empty, |sum, row| with(sum, values[row]));
    ends.iter().map(|&node| of(node)).collect()
}

fn column(values: Vec<f64>) -> candle_core::Result<Tensor> {
    let rows = values.len();
    Tensor::from_vec(values, (rows, 1), &Device::Cpu)
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

    /// Two edges into the node 0, three into the node 1.
    const ENDS: [usize; 5] = [0, 0, 1, 1, 1];

    fn with_edges(values: &[f64; 20]) -> Alphas {
        let (operations, edges) = values.split_at(15);
        let tables = [(operations, (5, 3)), (edges, (5, 1))]
            .map(|(values, shape)| Tensor::from_slice(values, shape, &Device::Cpu).unwrap());
        Alphas { ends: vec![ENDS.to_vec()], ..Alphas::of(tables.to_vec()).unwrap() }
    }

    #[test]
    fn edges_of_a_node_share_their_weight() {
        let values = std::array::from_fn(|i| (i as f64 * 1.7).sin());
        let alphas = with_edges(&values);
        let weights: Vec<Vec<Vec<f64>>> = alphas.weights().unwrap().iter().map(|w| w.to_vec2().unwrap()).collect();
        for node in [0, 1] {
            let rows = || (0..5).filter(|&row| ENDS[row] == node);
            assert!((rows().map(|row| weights[1][row][0]).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((rows().flat_map(|row| &weights[0][row]).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let ratio = weights[1][3][0] / weights[1][2][0];
        assert!((ratio - (values[18] - values[17]).exp()).abs() < 1e-12, "{ratio}");
        assert_eq!(alphas.weight_values().unwrap(), weights[..1]);
        // The entropy is that of the operations alone.
        assert_eq!(
            alphas.entropy().unwrap(),
            Alphas::of(vec![alphas.parameters[0].var.as_tensor().clone()]).unwrap().entropy().unwrap()
        );
    }

    #[test]
    fn gradients_are_those_of_both_softmaxes() {
        let values: [f64; 20] = std::array::from_fn(|i| (i as f64 * 1.7).sin());
        let slopes: [f64; 20] = std::array::from_fn(|i| (i as f64 * 0.9).cos());
        let tables = with_edges(&slopes).parameters;
        let slopes: Vec<Tensor> = tables.iter().map(|table| table.var.as_tensor().clone()).collect();
        let flat = |tables: Vec<Tensor>| -> Vec<f64> {
            tables.iter().flat_map(|table| table.flatten_all().unwrap().to_vec1::<f64>().unwrap()).collect()
        };
        let loss = |values: &[f64; 20]| -> f64 {
            let weights = with_edges(values).weights().unwrap();
            flat(weights.iter().zip(&slopes).map(|(w, slope)| (w * slope).unwrap()).collect()).iter().sum()
        };
        let found = flat(with_edges(&values).pull_back(&slopes).unwrap());
        for (at, found) in found.iter().enumerate() {
            let moved = |change: f64| {
                let mut moved = values;
                moved[at] += change;
                loss(&moved)
            };
            let expect = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((found - expect).abs() < 1e-9, "{at}: {found} {expect}");
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
