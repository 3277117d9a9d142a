//! Proxies of the loss's gradient: how much it depends on each weight, and on each layer.

use candle_core::{DType, Device, Tensor};
use nas_space::{NetworkGraph, Seed};

use super::Minibatch;
use super::rewrite;
use crate::{Mode, Network, NnError, StepConfig};

/// See [`Proxy::Snip`](super::Proxy::Snip).
pub(super) fn snip(graph: &NetworkGraph, minibatch: &Minibatch, seed: Seed) -> Result<f64, NnError> {
    over_weights(graph, minibatch, seed, |weight, gradient| (weight * gradient)?.abs()?.sum_all())
}

/// See [`Proxy::GradNorm`](super::Proxy::GradNorm).
pub(super) fn grad_norm(graph: &NetworkGraph, minibatch: &Minibatch, seed: Seed) -> Result<f64, NnError> {
    over_weights(graph, minibatch, seed, |_, gradient| gradient.sqr()?.sum_all()?.sqrt())
}

/// The sum of what `each` makes of the weight of a convolution or linear layer and of its gradient, in f64.
fn over_weights(
    graph: &NetworkGraph,
    minibatch: &Minibatch,
    seed: Seed,
    each: impl Fn(&Tensor, &Tensor) -> candle_core::Result<Tensor>,
) -> Result<f64, NnError> {
    let mut network = Network::init(rewrite::pruned(graph)?, seed, DType::F32, &Device::Cpu)?;
    let config = StepConfig::CROSS_ENTROPY;
    let step = network.step(&minibatch.images, &minibatch.labels, &config, Mode::BatchStatistics)?;
    let mut sum = 0.0;
    for (parameter, gradient) in network.parameters().iter().zip(&step.gradients).filter(|(p, _)| p.decay) {
        let (weight, gradient) = (parameter.var.to_dtype(DType::F64)?, gradient.to_dtype(DType::F64)?);
        sum += each(&weight, &gradient)?.to_scalar::<f64>()?;
    }
    Ok(if sum.is_nan() { f64::NEG_INFINITY } else { sum })
}
