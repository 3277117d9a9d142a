//! Gradients of the sum of the outputs, which a network's training step, made for cross-entropy, does not give by itself.
//!
//! The head is replaced by one with two outputs: the sum of all former ones, made very small, and zero. Where two outputs
//! are all but equal, the gradient of the cross-entropy of the second with respect to the first is one half, for every
//! sample alike; so the step's gradients are those of the sum, but for known factors.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use nas_space::{Layer, NetworkGraph, Seed};

use super::Minibatch;
use super::linear_algebra::{log_determinant, trace_of_inverse};
use super::rewrite::{self, Change, rewrite};
use crate::{CustomLayer, Mode, Network, NnError, Parameter, StepConfig};

/// How large the small output may become: the halves are exact to about a quarter of it.
const SMALL: f64 = 1e-4;

/// The same in f64.
const SMALL_F64: f64 = 1e-9;

/// A network whose two outputs are a small multiple of the sum of the original's and zero.
pub(super) struct Summed {
    network: Network,
    /// What the sum was multiplied by.
    scale: f64,
    classes: usize,
    head: String,
}

impl Summed {
    /// Builds it for some images from the original's weights, which are found by name; `make` makes custom layers.
    pub(super) fn new(
        graph: &NetworkGraph,
        weights: &[Parameter],
        images: &Tensor,
        mode: Mode,
        make: crate::MakeLayer<'_>,
    ) -> Result<Self, NnError> {
        let output = graph.output();
        let two = rewrite(graph, None, |index, _| match index == output {
            true => Change::Replace(Layer::Linear { out: 2 }),
            false => Change::Keep,
        })?;
        let head = rewrite::head(graph)?.to_owned();
        let dtype = images.dtype();
        let mut network = Network::with_layers(two, crate::seeded(Seed::new(0), dtype, &Device::Cpu), make)?;
        for parameter in weights.iter().filter(|p| !p.name.starts_with(&format!("{head}."))) {
            network.set(&parameter.name, &parameter.var)?;
        }
        let classes = graph.node(output).shape.channels;
        let mut summed = Self { network, scale: 1.0, classes, head };
        let of =
            |kind: &str| weights.iter().find(|p| p.name == format!("{}.{kind}", summed.head)).map(|p| p.var.clone());
        let (weight, bias) = (of("weight"), of("bias"));
        summed.set_head(weight.as_ref(), bias.as_ref(), 1.0)?;
        let sums = summed.network.logits(images, mode)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
        let largest = sums.iter().map(|row| row[0].abs()).fold(0.0, f64::max);
        let small = if dtype == DType::F64 { SMALL_F64 } else { SMALL };
        if largest > 0.0 && largest.is_finite() {
            summed.scale = small / largest;
        }
        summed.set_head(weight.as_ref(), bias.as_ref(), summed.scale)?;
        Ok(summed)
    }

    /// The head: a multiple of the sum of the former rows, and zeros.
    fn set_head(&mut self, weight: Option<&Var>, bias: Option<&Var>, scale: f64) -> Result<(), NnError> {
        for (kind, tensor) in [("weight", weight), ("bias", bias)] {
            let Some(tensor) = tensor else { continue };
            let sum = (tensor.sum_keepdim(0)? * scale)?;
            let both = Tensor::cat(&[&sum, &sum.zeros_like()?], 0)?;
            self.network.set(&format!("{}.{kind}", self.head), &both)?;
        }
        Ok(())
    }

    /// The gradient of the sum over all outputs and images with respect to every parameter of the original, by name.
    pub(super) fn gradients(&mut self, images: &Tensor, mode: Mode) -> Result<Vec<(String, Tensor)>, NnError> {
        let batch = images.dim(0)?;
        let labels = Tensor::ones(batch, DType::U32, &Device::Cpu)?;
        let config = StepConfig::CROSS_ENTROPY;
        let step = self.network.step(images, &labels, &config, mode)?;
        // The loss is the mean over the batch, and half of the small output.
        let factor = 2.0 * batch as f64;
        let head = format!("{}.", self.head);
        let parameters = self.network.parameters().iter().zip(step.gradients);
        let each = parameters.map(|(parameter, gradient)| {
            let gradient = (gradient * factor)?;
            let gradient = match parameter.name.starts_with(&head) {
                // Every one of the former rows was a summand of the first, which was not small there.
                true => {
                    let first = gradient.narrow(0, 0, 1)?;
                    let rows: Vec<&Tensor> = (0..self.classes).map(|_| &first).collect();
                    Tensor::cat(&rows, 0)?
                }
                false => (gradient / self.scale)?,
            };
            Ok((parameter.name.clone(), gradient))
        });
        each.collect()
    }
}

/// The custom layer that adds zeros to the images, one for each pixel: their gradient is the images'.
const PIXELS: &str = "pixels";

struct Pixels(Var);

impl CustomLayer for Pixels {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x + self.0.as_tensor()
    }

    fn parameters(&self) -> Vec<(String, Var)> {
        vec![(PIXELS.to_owned(), self.0.clone())]
    }
}

/// The gradient of the sum of all outputs with respect to the images, one row an image.
pub(super) fn image_gradients(
    graph: &NetworkGraph,
    minibatch: &Minibatch,
    seed: Seed,
) -> Result<Vec<Vec<f64>>, NnError> {
    let images = &minibatch.images;
    let network = Network::init(rewrite::pruned(graph)?, seed, DType::F32, &Device::Cpu)?;
    let watched = rewrite(graph, Some(PIXELS), |_, _| Change::Keep)?;
    let make = |_: &str, _: VarBuilder<'_>| -> candle_core::Result<Box<dyn CustomLayer>> {
        Ok(Box::new(Pixels(Var::from_tensor(&images.zeros_like()?)?)))
    };
    let mut summed = Summed::new(&watched, network.parameters(), images, Mode::BatchStatistics, &make)?;
    let gradients = summed.gradients(images, Mode::BatchStatistics)?;
    let pixels = gradients.into_iter().find(|(name, _)| name == &format!("image.{PIXELS}"));
    let Some((_, gradient)) = pixels else { return Err(NnError::Proxy { reason: "its logits depend on no image" }) };
    Ok(gradient.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2()?)
}

/// The constant added to every eigenvalue.
const K: f64 = 1e-5;

/// See [`Proxy::JacobCov`](super::Proxy::JacobCov).
pub(super) fn jacob_cov(graph: &NetworkGraph, minibatch: &Minibatch, seed: Seed) -> Result<f64, NnError> {
    Ok(score_of(&image_gradients(graph, minibatch, seed)?))
}

/// Minus the sum of `log(v + k) + 1 / (v + k)` over the eigenvalues of the correlations between rows.
pub(super) fn score_of(rows: &[Vec<f64>]) -> f64 {
    let centred: Option<Vec<Vec<f64>>> = rows.iter().map(|row| unit(row)).collect();
    let Some(rows) = centred else { return f64::NEG_INFINITY };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let entry = |i: usize, j: usize| dot(&rows[i], &rows[j]) + if i == j { K } else { 0.0 };
    let matrix: Vec<Vec<f64>> = (0..rows.len()).map(|i| (0..rows.len()).map(|j| entry(i, j)).collect()).collect();
    let (logs, inverses) = (log_determinant(&matrix), trace_of_inverse(&matrix));
    inverses.map_or(f64::NEG_INFINITY, |inverses| -(logs + inverses))
}

/// A row less its mean, of length one; `None` where it is constant.
fn unit(row: &[f64]) -> Option<Vec<f64>> {
    let mean = row.iter().sum::<f64>() / row.len() as f64;
    let centred: Vec<f64> = row.iter().map(|x| x - mean).collect();
    let length = centred.iter().map(|x| x * x).sum::<f64>().sqrt();
    (length > 0.0 && length.is_finite()).then(|| centred.into_iter().map(|x| x / length).collect())
}
