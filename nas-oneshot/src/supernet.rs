//! A supernet: one network that holds every architecture of a space, and the parameters that weigh them.

use candle_core::{DType, Tensor, Var};
use nas_data::Batch;
use nas_nn::optim::Sgd;
use nas_nn::{Mode, Network, StepConfig};

use crate::bilevel::{Bilevel, Gradients};
use crate::{Alphas, Mixing, OneShotError};

/// The loss of a search: plain cross-entropy.
pub(crate) const LOSS: StepConfig = StepConfig::CROSS_ENTROPY;

/// A network with mixed edges and its architecture parameters.
pub struct Supernet {
    /// The network; its tables of weights are set before every pass.
    pub network: Network,
    /// The architecture parameters.
    pub alphas: Alphas,
}

impl Supernet {
    /// The loss on a batch, with the gradients of weights and architecture.
    ///
    /// # Errors
    /// If the images do not fit the network.
    pub fn gradients(&mut self, batch: &Batch, mode: Mode) -> Result<Gradients, OneShotError> {
        whole(&mut self.network, &self.alphas, batch, mode)
    }

    /// The same where something else than the parameters' softmax weighs the operations.
    ///
    /// # Errors
    /// If the images do not fit the network, or the weights its tables.
    pub fn gradients_by(&mut self, mixing: &dyn Mixing, batch: &Batch, mode: Mode) -> Result<Gradients, OneShotError> {
        whole(&mut self.network, mixing, batch, mode)
    }

    /// The loss on a batch, with the gradients of the architecture alone, which cost less. Batch norms take the batch's
    /// statistics and remember nothing.
    ///
    /// # Errors
    /// If the images do not fit the network.
    pub fn architecture_gradients(&mut self, batch: &Batch) -> Result<Gradients, OneShotError> {
        upper(&mut self.network, &self.alphas, batch)
    }

    /// The same where something else than the parameters' softmax weighs the operations.
    ///
    /// # Errors
    /// If the images do not fit the network, or the weights its tables.
    pub fn architecture_gradients_by(&mut self, mixing: &dyn Mixing, batch: &Batch) -> Result<Gradients, OneShotError> {
        upper(&mut self.network, mixing, batch)
    }

    /// The numbers that the network computes with.
    pub fn dtype(&self) -> DType {
        self.network.parameters().first().map_or(DType::F32, |parameter| parameter.var.dtype())
    }
}

fn whole(network: &mut Network, mixing: &dyn Mixing, batch: &Batch, mode: Mode) -> Result<Gradients, OneShotError> {
    mix(network, mixing)?;
    let step = network.step(&batch.images, &batch.labels, &LOSS, mode)?;
    let architecture = mixing.pull_back(&step.mixtures)?;
    Ok(Gradients { loss: step.loss, correct: step.correct, weights: step.gradients, architecture })
}

fn upper(network: &mut Network, mixing: &dyn Mixing, batch: &Batch) -> Result<Gradients, OneShotError> {
    mix(network, mixing)?;
    let step = network.mixture_step(&batch.images, &batch.labels, &LOSS, Mode::BatchStatistics)?;
    let architecture = mixing.pull_back(&step.mixtures)?;
    Ok(Gradients { loss: step.loss, correct: step.correct, weights: Vec::new(), architecture })
}

/// Hands the network the weights of its mixed edges.
fn mix(network: &mut Network, mixing: &dyn Mixing) -> Result<(), OneShotError> {
    for (table, weights) in mixing.weights()?.iter().enumerate() {
        network.set_mixture(table, weights)?;
    }
    Ok(())
}

/// The bilevel problem of a search step: a training and a validation batch, and the optimiser of the weights.
pub struct OnBatches<'a> {
    /// The supernet.
    pub supernet: &'a mut Supernet,
    /// The optimiser whose next step the architecture looks through.
    pub sgd: &'a Sgd,
    /// What the weights learn from.
    pub train: &'a Batch,
    /// What the architecture learns from.
    pub validation: &'a Batch,
}

impl Bilevel for OnBatches<'_> {
    type Error = OneShotError;

    fn weights(&self) -> Vec<Var> {
        self.supernet.network.parameters().iter().map(|parameter| parameter.var.clone()).collect()
    }

    fn training(&mut self) -> Result<Gradients, OneShotError> {
        self.supernet.gradients(self.train, Mode::BatchStatistics)
    }

    fn training_architecture(&mut self) -> Result<Gradients, OneShotError> {
        self.supernet.architecture_gradients(self.train)
    }

    fn validation(&mut self) -> Result<Gradients, OneShotError> {
        self.supernet.gradients(self.validation, Mode::BatchStatistics)
    }

    fn direction(&self, gradients: &[Tensor]) -> Result<Vec<Tensor>, OneShotError> {
        let parameters = self.supernet.network.parameters().iter();
        Ok(parameters.zip(gradients).map(|(p, gradient)| self.sgd.direction(p, gradient)).collect::<Result<_, _>>()?)
    }
}
