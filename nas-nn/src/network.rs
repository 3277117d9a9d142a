//! A network: a graph with its tensors, run forward and backward.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use nas_space::{NetworkGraph, Seed};

use crate::NnError;

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
        /// The probability with which a path is dropped, 0 for never.
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

/// The outcome of one forward and backward pass.
pub struct Step {
    /// The mean loss, in nats, auxiliary part included.
    pub loss: f64,
    /// How many samples the main head classified right.
    pub correct: usize,
    /// The gradient of the loss with respect to each parameter, in the order of [`Network::parameters`].
    pub gradients: Vec<Tensor>,
}

/// A network graph with its tensors.
pub struct Network {
    graph: NetworkGraph,
    parameters: Vec<Parameter>,
    /// Running statistics, by path, in graph order.
    buffers: Vec<(String, Tensor)>,
}

impl Network {
    /// Takes every tensor of the graph from a `VarBuilder`: learned ones and running statistics, by their paths.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(graph: NetworkGraph, tensors: VarBuilder<'_>) -> Result<Self, NnError> {
        todo!()
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

    /// Replaces a parameter's or a running statistic's values.
    ///
    /// # Errors
    /// If there is no tensor of that path, or its shape differs.
    pub fn set(&mut self, path: &str, value: &Tensor) -> Result<(), NnError> {
        todo!()
    }

    /// The logits `[batch, classes]` for images `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// If the images do not have the graph's shape.
    pub fn logits(&mut self, images: &Tensor, mode: Mode) -> Result<Tensor, NnError> {
        todo!()
    }

    /// One forward and backward pass: cross-entropy with the labels `[batch]` (u32), and every gradient.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn step(&mut self, images: &Tensor, labels: &Tensor, config: &StepConfig, mode: Mode) -> Result<Step, NnError> {
        todo!()
    }
}
