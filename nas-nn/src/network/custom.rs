//! Layers of the caller's own, in plain candle code, inside a network: on the way in and out they cost a change of layout,
//! and their gradients are candle's.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use candle_nn::VarBuilder;

use crate::NnError;
use crate::element::Stored;
use crate::layout;
use crate::ops::View;
use crate::pool::Buffer;

/// A layer in plain candle code, for a [`Custom`](nas_space::Layer::Custom) node of a graph.
pub trait CustomLayer: Send + Sync {
    /// The output `[batch, channels, rows, columns]` for an input of that form; differentiable by candle.
    ///
    /// # Errors
    /// Whatever candle says.
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor>;

    /// The learned tensors, by their paths below the node's name, always in the same order.
    fn parameters(&self) -> Vec<(String, Var)> {
        Vec::new()
    }
}

/// Makes the layer of a name; the `VarBuilder` stands at the node's path.
pub type MakeLayer<'a> = &'a dyn Fn(&str, VarBuilder<'_>) -> candle_core::Result<Box<dyn CustomLayer>>;

/// The custom layers of a network, by node.
pub(super) type CustomLayers = BTreeMap<usize, Box<dyn CustomLayer>>;

/// What a custom layer leaves for the reverse pass: its input and its output.
pub(super) struct Passed {
    input: Var,
    output: Tensor,
}

/// Runs the layer of the node `name` on values `[batch, channels, rows, columns]`.
pub(super) fn forward<S: Stored>(
    name: &str,
    layer: &dyn CustomLayer,
    x: Vec<S::Real>,
    dims: &[usize],
    expected: &[usize],
) -> Result<(Vec<Buffer<S>>, Passed), NnError> {
    let input = Var::from_vec(x, dims, &candle_core::Device::Cpu)?;
    let output = layer.forward(&input)?.contiguous()?;
    if output.dims() != expected {
        let message = format!(
            "`{name}`: a custom layer yields {:?}; its node says {expected:?}: one of the two has to change",
            output.dims()
        );
        return Err(candle_core::Error::Msg(message).into());
    }
    let view = View::tensor("custom", &output)?;
    let blocks = layout::to_blocks(view.slice()?, dims[0], expected[1], expected[2] * expected[3]);
    drop(view);
    Ok((blocks, Passed { input, output }))
}

/// The gradients of the input and of the layer's parameters, by candle.
pub(super) fn backward<S: Stored>(
    layer: &dyn CustomLayer,
    passed: &Passed,
    dy: Vec<S::Real>,
) -> Result<(Vec<Buffer<S>>, Vec<Tensor>), NnError> {
    let dy = Tensor::from_vec(dy, passed.output.dims(), &candle_core::Device::Cpu)?;
    // The gradient of Σ y · dy is what dy becomes on its way back.
    let store = (&passed.output * dy)?.sum_all()?.backward()?;
    let gradient = |var: &Var| match store.get(var) {
        Some(gradient) => gradient.contiguous(),
        None => var.zeros_like(),
    };
    let dx = gradient(&passed.input)?;
    let (batch, channels, rows, columns) = dx.dims4()?;
    let view = View::tensor("custom", &dx)?;
    let blocks = layout::to_blocks(view.slice()?, batch, channels, rows * columns);
    let parameters = layer.parameters().iter().map(|(_, var)| gradient(var)).collect::<Result<_, _>>()?;
    Ok((blocks, parameters))
}
