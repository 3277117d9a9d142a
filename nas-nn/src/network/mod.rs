//! A network: a graph with its tensors, run forward and backward.
//!
//! The passes are our own rather than candle's. Activations lie in blocks of eight channels, batch norms and ReLUs are
//! worked out by whoever reads their output, and the reverse pass computes the gradients that have somewhere to go and no
//! others, handing every activation's memory back as it passes it.

mod backward;
mod custom;
mod forward;
pub mod memory;
mod mixture;
pub(crate) mod norm;
mod plan;
mod precision;
mod siblings;
mod value;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Init, VarBuilder};
use half::bf16;
use nas_space::{Layer, NetworkGraph, Seed};
use rayon::prelude::*;

use crate::element::{Element, Stored};
use crate::ops::{not_on_cpu, unknown_type};
use crate::{NnError, pool};
use custom::CustomLayers;
pub use custom::{CustomLayer, MakeLayer};
use mixture::Mixture;
use plan::Plan;
pub use precision::Precision;

/// Images that go through an evaluation together. Judged on their own, few of them are better than many: what one layer
/// writes is still in cache when the next one reads it, and threads have networks of their own to run.
const ALONG: usize = 16;

/// A learned tensor of a network.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its path: the node's name and `weight` or `bias`, such as `cells.0.preprocess1.op.1.weight`.
    pub name: String,
    /// The tensor. Weights of convolutions are `[out, in / groups, rows, columns]`.
    pub var: Var,
    /// Whether weight decay belongs on it: weights of convolutions and linear layers, not biases, not batch norm.
    pub decay: bool,
}

/// How a forward pass runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Batch statistics, running statistics updated, paths dropped per sample with this probability.
    Train {
        /// The probability with which a path is dropped, 0 for never, below 1.
        drop_path: f64,
        /// The seed of this step's masks.
        seed: Seed,
    },
    /// Running statistics, nothing dropped, nothing updated.
    Evaluate,
    /// Batch statistics, nothing dropped, nothing updated.
    BatchStatistics,
}

/// What the loss of a training step is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepConfig {
    /// Label smoothing, from 0 (none) below 1.
    pub label_smoothing: f64,
    /// The weight of the auxiliary head's loss (0.4 in the papers); without an auxiliary head it is unused.
    pub auxiliary_weight: f64,
}

impl StepConfig {
    /// The cross-entropy of the main head and nothing else.
    pub const CROSS_ENTROPY: Self = Self { label_smoothing: 0.0, auxiliary_weight: 0.0 };
}

/// The outcome of one forward and backward pass.
pub struct Step {
    /// The mean loss, in nats, auxiliary part included.
    pub loss: f64,
    /// How many samples the main head classified right.
    pub correct: usize,
    /// The gradient of the loss with respect to each parameter, in the order of [`Network::parameters`]; empty after
    /// [`Network::mixture_step`].
    pub gradients: Vec<Tensor>,
    /// The gradient with respect to each table of [`Network::mixtures`], `[edges, operations]` in f64.
    pub mixtures: Vec<Tensor>,
}

/// A network graph with its tensors.
pub struct Network {
    graph: NetworkGraph,
    plan: Plan,
    parameters: Vec<Parameter>,
    /// Running statistics, by path, in graph order: mean and variance of each batch norm in turn.
    buffers: Vec<(String, Tensor)>,
    /// The weights of mixed edges, by table.
    mixtures: Vec<Mixture>,
    customs: CustomLayers,
    precision: Precision,
}

impl Network {
    /// Takes every tensor of the graph from a `VarBuilder`: learned ones and running statistics, by their paths.
    ///
    /// The hints ask for PyTorch's defaults: weights and biases of convolutions and linear layers uniform within
    /// ±1/sqrt(fan in), batch norms 1 and 0, running means 0 and variances 1.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(graph: NetworkGraph, tensors: VarBuilder<'_>) -> Result<Self, NnError> {
        Self::with_layers(graph, tensors, &|name, _| {
            let message =
                format!("nobody brought the custom layer `{name}`: build the network by Network::with_layers");
            Err(candle_core::Error::Msg(message))
        })
    }

    /// As [`new`](Self::new), for a graph with [`Custom`](Layer::Custom) nodes, whose layers `make` makes. Weight decay
    /// belongs on all of their parameters.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape, or `make` says so.
    pub fn with_layers(graph: NetworkGraph, tensors: VarBuilder<'_>, make: MakeLayer<'_>) -> Result<Self, NnError> {
        let mut customs = CustomLayers::new();
        let (mut parameters, mut buffers) = (Vec::new(), Vec::new());
        let mut parameter_of = vec![None; graph.len()];
        let mut buffer_of = vec![None; graph.len()];
        for (index, node) in graph.nodes() {
            if let Layer::Custom { name, .. } = &node.layer {
                let layer = make(name, tensors.pp(&node.name))?;
                for (path, var) in layer.parameters() {
                    parameter_of[index].get_or_insert(parameters.len());
                    parameters.push(Parameter { name: format!("{}.{path}", node.name), var, decay: true });
                }
                customs.insert(index, layer);
            }
            let norm = matches!(node.layer, Layer::BatchNorm { .. });
            let shapes = graph.parameter_shapes(index);
            // The fan in of a layer's bias is that of its weight.
            let fan_in = shapes.first().map_or(1, |(_, shape)| shape[1..].iter().product());
            for (kind, shape) in shapes {
                let bound = 1.0 / (fan_in as f64).sqrt();
                let hint = match (norm, kind) {
                    (true, "weight") => Init::Const(1.0),
                    (true, _) => Init::Const(0.0),
                    (false, _) => Init::Uniform { lo: -bound, up: bound },
                };
                let name = format!("{}.{kind}", node.name);
                parameter_of[index].get_or_insert(parameters.len());
                let var = Var::from_tensor(&tensors.get_with_hints(shape, &name, hint)?)?;
                parameters.push(Parameter { name, var, decay: !norm && kind == "weight" });
            }
            if norm {
                buffer_of[index] = Some(buffers.len());
                for (kind, value) in [("running_mean", 0.0), ("running_var", 1.0)] {
                    let name = format!("{}.{kind}", node.name);
                    let start = tensors.get_with_hints(node.shape.channels, &name, Init::Const(value))?;
                    buffers.push((name, start.copy()?.detach()));
                }
            }
        }
        let plan = Plan::new(&graph, &parameter_of, &buffer_of);
        let mixtures = mixture::tables(&graph);
        Ok(Self { graph, plan, parameters, buffers, mixtures, customs, precision: Precision::F32 })
    }

    /// A freshly initialised network (see [`seeded`](crate::seeded)).
    ///
    /// # Errors
    /// If the device cannot hold it.
    pub fn init(graph: NetworkGraph, seed: Seed, dtype: DType, device: &Device) -> Result<Self, NnError> {
        Self::new(graph, crate::seeded(seed, dtype, device))
    }

    /// The graph.
    pub fn graph(&self) -> &NetworkGraph {
        &self.graph
    }

    /// The learned tensors, in graph order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The running statistics of the batch norms: path (`….running_mean`, `….running_var`) and tensor, in graph order.
    pub fn buffers(&self) -> &[(String, Tensor)] {
        &self.buffers
    }

    /// What later training steps on f32 images keep activations and their gradients in; f32, unless this says otherwise.
    /// Steps in f64 and [`logits`](Self::logits) round nothing.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
    }

    /// Replaces a parameter's or a running statistic's values.
    ///
    /// # Errors
    /// If there is no tensor of that path, or its shape differs.
    pub fn set(&mut self, path: &str, value: &Tensor) -> Result<(), NnError> {
        let check = |tensor: &Tensor| {
            if tensor.dims() == value.dims() {
                return Ok(());
            }
            Err(NnError::Tensor {
                path: path.to_owned(),
                reason: format!("has shape {:?}, the network needs {:?}", value.dims(), tensor.dims()),
            })
        };
        if let Some(parameter) = self.parameters.iter().find(|p| p.name == path) {
            check(&parameter.var)?;
            let value = value.to_dtype(parameter.var.dtype())?.to_device(parameter.var.device())?;
            return Ok(parameter.var.set(&value)?);
        }
        if let Some((_, buffer)) = self.buffers.iter_mut().find(|(name, _)| name == path) {
            check(buffer)?;
            *buffer = value.to_dtype(buffer.dtype())?.to_device(buffer.device())?.copy()?.detach();
            return Ok(());
        }
        Err(NnError::Tensor { path: path.to_owned(), reason: "is not a tensor of this network".into() })
    }

    /// The logits `[batch, classes]` for images `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// If the images do not have the graph's shape, or their device or data type has no kernels.
    pub fn logits(&mut self, images: &Tensor, mode: Mode) -> Result<Tensor, NnError> {
        self.check(images)?;
        match images.dtype() {
            DType::F64 => in_pool(|| self.logits_in::<f64>(images, mode)),
            _ => in_pool(|| self.logits_in::<f32>(images, mode)),
        }
    }

    fn logits_in<T: Element>(&mut self, images: &Tensor, mode: Mode) -> Result<Tensor, NnError> {
        let batch = images.dims()[0];
        let logits: Vec<T> = if mode == Mode::Evaluate && batch > ALONG {
            let part = |first: usize| self.logits_of_part(&images.narrow(0, first, ALONG.min(batch - first))?);
            let parts: Vec<usize> = (0..batch).step_by(ALONG).collect();
            parts.into_par_iter().map(part).collect::<Result<Vec<Vec<T>>, NnError>>()?.concat()
        } else {
            let run = forward::run::<T>(self, images, mode, false)?;
            forward::follow(self, &run)?;
            forward::logits(self, &run, self.plan.output)?
        };
        let classes = logits.len() / batch.max(1);
        Ok(Tensor::from_vec(logits, (batch, classes), &Device::Cpu)?)
    }

    /// The logits of some images, each judged on its own.
    fn logits_of_part<T: Element>(&self, images: &Tensor) -> Result<Vec<T>, NnError> {
        let run = forward::run::<T>(self, images, Mode::Evaluate, false)?;
        Ok(forward::logits(self, &run, self.plan.output)?)
    }

    /// One forward and backward pass: cross-entropy with the labels `[batch]` (u32), and every gradient.
    ///
    /// # Errors
    /// If the shapes do not fit, or the device or data type has no kernels.
    pub fn step(&mut self, images: &Tensor, labels: &Tensor, config: &StepConfig, mode: Mode) -> Result<Step, NnError> {
        self.pass(images, labels, config, mode, true)
    }

    /// One forward and backward pass for the weights of mixed edges alone: the parameters' gradients, which an
    /// architecture step has no use for, are not worked out.
    ///
    /// # Errors
    /// If the shapes do not fit, or the device or data type has no kernels.
    pub fn mixture_step(
        &mut self,
        images: &Tensor,
        labels: &Tensor,
        config: &StepConfig,
        mode: Mode,
    ) -> Result<Step, NnError> {
        self.pass(images, labels, config, mode, false)
    }

    fn pass(
        &mut self,
        images: &Tensor,
        labels: &Tensor,
        config: &StepConfig,
        mode: Mode,
        weights: bool,
    ) -> Result<Step, NnError> {
        self.check(images)?;
        let labels = labels.to_vec1::<u32>()?;
        match (images.dtype(), self.precision) {
            (DType::F64, _) => in_pool(|| self.step_in::<f64>(images, &labels, config, mode, weights)),
            (_, Precision::F32) => in_pool(|| self.step_in::<f32>(images, &labels, config, mode, weights)),
            (_, Precision::Bf16) => in_pool(|| self.step_in::<bf16>(images, &labels, config, mode, weights)),
        }
    }

    fn step_in<S: Stored>(
        &mut self,
        images: &Tensor,
        labels: &[u32],
        config: &StepConfig,
        mode: Mode,
        weights: bool,
    ) -> Result<Step, NnError> {
        let run = forward::run::<S>(self, images, mode, true)?;
        forward::follow(self, &run)?;
        backward::run(self, run, labels, config, weights)
    }

    /// What every pass needs of its images.
    fn check(&self, images: &Tensor) -> Result<(), NnError> {
        let first = self.plan.steps.iter().find(|step| step.inputs.contains(&0)).map_or("input", |s| s.layer.kind());
        if !images.device().is_cpu() {
            return Err(not_on_cpu(first).into());
        }
        if !matches!(images.dtype(), DType::F32 | DType::F64) {
            return Err(unknown_type(first, images.dtype()).into());
        }
        let shape = self.graph.input_shape();
        let expected = [shape.channels, shape.height, shape.width];
        if images.rank() != 4 || images.dims()[1..] != expected {
            return Err(NnError::Images { found: images.dims().to_vec(), expected });
        }
        Ok(())
    }
}

impl Drop for Network {
    /// The next network needs buffers of other sizes.
    fn drop(&mut self) {
        pool::clear_unless_kept();
    }
}

/// Runs a whole pass on a thread of the pool: a kernel called from outside would hop to the pool and back, each of the
/// hundreds of them.
fn in_pool<R: Send>(pass: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| pass())
}
