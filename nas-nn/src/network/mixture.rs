//! The weights of mixed edges: tables that come from outside, from a softmax over architecture parameters, say, and whose
//! gradients go back there.

use candle_core::{DType, Tensor};
use nas_space::{Layer, NetworkGraph};

use super::Network;
use crate::NnError;

/// One table of weights: a row for each edge, a column for each operation.
#[derive(Clone, Debug)]
pub(crate) struct Mixture {
    pub(super) weights: Vec<f64>,
    /// Operations.
    pub(super) width: usize,
}

impl Mixture {
    /// The weights of some rows, one after another.
    pub(super) fn rows(&self, first: usize, count: usize) -> &[f64] {
        &self.weights[first * self.width..(first + count) * self.width]
    }
}

/// The tables a graph asks for, with equal weights.
pub(super) fn tables(graph: &NetworkGraph) -> Vec<Mixture> {
    let mut sizes: Vec<(usize, usize)> = Vec::new();
    for (index, node) in graph.nodes() {
        if let Layer::WeightedSum { table, row, edges } = node.layer {
            let width = graph.inputs(index).len() / edges;
            sizes.resize(sizes.len().max(table + 1), (0, 1));
            sizes[table] = (sizes[table].0.max(row + edges), sizes[table].1.max(width));
        }
    }
    let equal = |(rows, width): (usize, usize)| Mixture { weights: vec![1.0 / width as f64; rows * width], width };
    sizes.into_iter().map(equal).collect()
}

impl Network {
    /// The tables of mixed edges' weights, `[edges, operations]` in f64: what a
    /// [`WeightedSum`](nas_space::Layer::WeightedSum) layer names by table and row. Equal weights at first.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn mixtures(&self) -> Result<Vec<Tensor>, NnError> {
        let tensor = |m: &Mixture| {
            Tensor::from_slice(&m.weights, (m.weights.len() / m.width, m.width), &candle_core::Device::Cpu)
        };
        Ok(self.mixtures.iter().map(tensor).collect::<Result<_, _>>()?)
    }

    /// Replaces a table of mixed edges' weights.
    ///
    /// # Errors
    /// If there is no such table, or it has another shape.
    pub fn set_mixture(&mut self, table: usize, weights: &Tensor) -> Result<(), NnError> {
        let path = format!("mixtures.{table}");
        let Some(mixture) = self.mixtures.get_mut(table) else {
            return Err(NnError::Tensor { path, reason: "is not a table of this network".into() });
        };
        let expected = [mixture.weights.len() / mixture.width, mixture.width];
        if weights.dims() != expected {
            let reason = format!("has shape {:?}, the network needs {expected:?}", weights.dims());
            return Err(NnError::Tensor { path, reason });
        }
        mixture.weights = weights.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        Ok(())
    }
}
