//! Shared weights as an evaluator: any strategy searches on them, at the price of a forward pass an architecture.
//!
//! With weights that were trained on uniformly sampled paths this is single-path one-shot search (Guo et al. 2020); with
//! random search as the strategy, random search with weight sharing (Li & Talwalkar 2019).

use std::sync::Arc;

use nas_data::{Images, Normalization};
use nas_nn::trainer::{BatchNormMode, Evaluation, evaluate};
use nas_search::{Evaluator, Failure, Job, Measurement, Progress};
use nas_space::{Architecture, NetworkConfig, PathSpace};
use serde_json::json;

use crate::{OneShotError, SharedWeights};

/// Measures architectures with weights that they share.
pub struct OnSharedWeights {
    /// The space.
    pub space: Arc<dyn PathSpace>,
    /// The size of the supernet.
    pub network: NetworkConfig,
    /// Its weights.
    pub weights: SharedWeights,
    /// The split that the numbers of the images point into.
    pub images: Arc<Images>,
    /// The images that architectures are compared on.
    pub validation: Arc<Vec<u32>>,
    /// The normalisation, measured on training images.
    pub normalization: Normalization,
    /// Images at a time. With the statistics of the batch it is part of the result.
    pub batch_size: usize,
    /// Which statistics batch norms use. The running ones are a mixture of all paths that were trained, so those of the
    /// batch tell paths apart better (Dong & Yang 2020 report both).
    pub batch_norm: BatchNormMode,
}

impl OnSharedWeights {
    /// What an architecture comes to: its accuracy, its learned parameters and its multiply-adds.
    ///
    /// # Errors
    /// If it is not of the space, or the images do not fit.
    pub fn measure(&self, architecture: &Architecture) -> Result<(Evaluation, usize, u64), OneShotError> {
        let graph = self.space.path(architecture, &self.network)?;
        let (parameters, flops) = (graph.parameters(), graph.flops());
        let mut network = self.weights.network(graph)?;
        let Self { images, validation, normalization, batch_size, .. } = self;
        let mode = self.batch_norm.mode();
        let found = evaluate(&mut network, images, validation, normalization, *batch_size, mode)?;
        Ok((found, parameters, flops))
    }
}

impl Evaluator for OnSharedWeights {
    fn evaluate(&mut self, job: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let measured = self.measure(&job.architecture).map_err(|error| Failure::new("error", error.to_string()))?;
        let (Evaluation { accuracy, loss, .. }, parameters, flops) = measured;
        Ok(Measurement {
            accuracy,
            loss,
            parameters: parameters as u64,
            flops,
            epochs: 0,
            latency: None,
            extra: json!({ "measured": "on shared weights" }),
        })
    }
}
