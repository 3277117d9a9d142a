//! Synaptic flow.

use candle_core::{DType, Device, Tensor};
use nas_space::{Layer, NetworkGraph, Seed};

use super::outputs::Summed;
use super::rewrite::{Change, rewrite};
use crate::{Mode, Network, NnError};

/// See [`Proxy::Synflow`](super::Proxy::Synflow).
pub(super) fn score(graph: &NetworkGraph, seed: Seed) -> Result<f64, NnError> {
    let graph = rewrite(graph, None, |_, node| match node.layer {
        Layer::BatchNorm { .. } => Change::Drop,
        _ => Change::Keep,
    })?;
    let mut network = Network::init(graph.clone(), seed, DType::F64, &Device::Cpu)?;
    let names: Vec<String> = network.parameters().iter().map(|p| p.name.clone()).collect();
    for (at, name) in names.iter().enumerate() {
        let absolute = network.parameters()[at].var.abs()?;
        network.set(name, &absolute)?;
    }
    let shape = graph.input_shape();
    let ones = Tensor::ones((1, shape.channels, shape.height, shape.width), DType::F64, &Device::Cpu)?;
    let none = |name: &str, _: candle_nn::VarBuilder<'_>| {
        Err(candle_core::Error::Msg(format!("synflow knows no custom layer `{name}`")))
    };
    let mut summed = Summed::new(&graph, network.parameters(), &ones, Mode::Evaluate, &none)?;
    let mut flow = 0.0;
    for (name, gradient) in summed.gradients(&ones, Mode::Evaluate)? {
        // Weights of convolutions and linear layers; biases have no synapse.
        if let Some(parameter) = network.parameters().iter().find(|p| p.name == name && p.decay) {
            flow += (parameter.var.as_tensor() * gradient)?.abs()?.sum_all()?.to_scalar::<f64>()?;
        }
    }
    Ok(if flow.is_nan() { f64::NEG_INFINITY } else { flow })
}
