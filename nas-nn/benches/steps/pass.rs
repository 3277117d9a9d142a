//! What a case repeats: a training step as the DARTS reference takes it, or a forward pass.

use candle_core::{DType, Device, Tensor};
use nas_nn::optim::{DecayOn, Optimizer, Rate, Sgd, clip_scale, global_norm};
use nas_nn::{Mode, Network, NnError, Precision, StepConfig};
use nas_space::{NetworkGraph, Seed};
use rand::RngExt;
use serde_json::Value;

use crate::case::Case;
use crate::graph;
use crate::measure::{Counts, document, repeat};

/// Builds the network of a case and times its passes on one random batch; with `bf16`, training steps keep their
/// activations in that.
pub(crate) fn measure(case: &Case, bf16: bool, seconds: f64) -> Result<Value, String> {
    let graph = graph::of(case)?;
    let counts = counts(case, &graph);
    let times = time(case, graph, bf16, seconds).map_err(|error| error.to_string())?;
    Ok(document(&times, &counts))
}

fn time(case: &Case, graph: NetworkGraph, bf16: bool, seconds: f64) -> Result<Vec<f64>, NnError> {
    let (images, labels) = batch(case)?;
    let mut network = Network::init(graph, Seed::new(1), DType::F32, &Device::Cpu)?;
    network.set_precision(if bf16 { Precision::Bf16 } else { Precision::F32 });
    if case.evaluate {
        return repeat(seconds, || network.logits(&images, Mode::Evaluate).map(drop));
    }
    // PyTorch's side decays every parameter, batch norms too, as the DARTS reference does.
    let mut sgd = Sgd::new(0.9, false, 3e-4, DecayOn::All);
    repeat(seconds, || step(&mut network, &mut sgd, &images, &labels))
}

/// Forward, backward, clipping to a norm of 5, SGD.
fn step(network: &mut Network, sgd: &mut Sgd, images: &Tensor, labels: &Tensor) -> Result<(), NnError> {
    let config = StepConfig::CROSS_ENTROPY;
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(2) };
    let outcome = network.step(images, labels, &config, mode)?;
    let scale = clip_scale(global_norm(&outcome.gradients)?, 5.0);
    sgd.step(network.parameters(), &outcome.gradients, Rate { learning_rate: 0.025, scale })
}

/// Random images and labels.
fn batch(case: &Case) -> Result<(Tensor, Tensor), NnError> {
    let [height, width] = case.size;
    let mut rng = Seed::new(3).rng();
    let pixels: Vec<f32> = (0..case.batch * 3 * height * width).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect();
    let labels: Vec<u32> = (0..case.batch as u32).map(|image| image % graph::CLASSES as u32).collect();
    let images = Tensor::from_vec(pixels, (case.batch, 3, height, width), &Device::Cpu)?;
    Ok((images, Tensor::from_vec(labels, case.batch, &Device::Cpu)?))
}

fn counts(case: &Case, graph: &NetworkGraph) -> Counts {
    // Of a chain, only the copies count: stem and head do not belong to the operation.
    let one_image = match case.is_chain() {
        true => {
            graph.nodes().filter(|(_, node)| node.name.starts_with(graph::CHAIN)).map(|(i, _)| graph.flops_of(i)).sum()
        }
        false => graph.flops(),
    };
    let multiply_adds = one_image * case.batch as u64;
    // The backward pass computes as many for the gradients of the inputs, and as many for those of the weights.
    let passes = if case.evaluate { 1 } else { 3 };
    let kind = match (case.is_chain(), case.evaluate) {
        (true, _) => "operation",
        (false, true) => "evaluate",
        (false, false) => "step",
    };
    Counts {
        kind,
        parameters: graph.parameters(),
        multiply_adds,
        operations: 2 * passes * multiply_adds,
        bytes_moved: case.is_chain().then(|| bytes_moved(case)),
        copies: case.copies(),
    }
}

/// The least that a chain must move if an operation were one pass over memory: forward, each copy reads its input and
/// writes its output; backward, it reads its input and its output's gradient and writes its input's gradient. Average
/// pooling needs no input for that. What lies inside an operation is not counted, and neither are the weights.
fn bytes_moved(case: &Case) -> u64 {
    let tensor = 4 * case.batch * case.channels * case.size[0] * case.size[1];
    let backward = if case.network == "avg_pool_3x3" { 2 } else { 3 };
    let tensors = if case.evaluate { 2 } else { 2 + backward };
    (case.copies() * tensors * tensor) as u64
}
