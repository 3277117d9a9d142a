//! A supernet: one network that holds every architecture of a space, and the parameters that weigh them.

use candle_core::{DType, Tensor, Var};
use nas_data::Batch;
use nas_nn::optim::Sgd;
use nas_nn::{Mode, Network, StepConfig};

use crate::bilevel::{Bilevel, Gradients};
use crate::{Alphas, OneShotError};

/// The loss of a search: plain cross-entropy.
pub(crate) const LOSS: StepConfig = StepConfig::CROSS_ENTROPY;

/// A network with mixed edges and its architecture parameters.
pub struct Supernet {
    /// The network; its tables of weights are set from [`alphas`](Self::alphas) before every pass.
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
        self.mix()?;
        let step = self.network.step(&batch.images, &batch.labels, &LOSS, mode)?;
        let architecture = self.alphas.pull_back(&step.mixtures)?;
        Ok(Gradients { loss: step.loss, correct: step.correct, weights: step.gradients, architecture })
    }

    /// The loss on a batch, with the gradients of the architecture alone, which cost less. Batch norms take the batch's
    /// statistics and remember nothing.
    ///
    /// # Errors
    /// If the images do not fit the network.
    pub fn architecture_gradients(&mut self, batch: &Batch) -> Result<Gradients, OneShotError> {
        self.mix()?;
        let step = self.network.mixture_step(&batch.images, &batch.labels, &LOSS, Mode::BatchStatistics)?;
        let architecture = self.alphas.pull_back(&step.mixtures)?;
        Ok(Gradients { loss: step.loss, correct: step.correct, weights: Vec::new(), architecture })
    }

    /// The numbers that the network computes with.
    pub fn dtype(&self) -> DType {
        self.network.parameters().first().map_or(DType::F32, |parameter| parameter.var.dtype())
    }

    /// Hands the network the weights of its mixed edges.
    fn mix(&mut self) -> Result<(), OneShotError> {
        for (table, weights) in self.alphas.weights()?.iter().enumerate() {
            self.network.set_mixture(table, weights)?;
        }
        Ok(())
    }
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
