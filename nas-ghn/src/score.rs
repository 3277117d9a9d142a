//! What generated weights are worth: the score by which architectures are compared.

use std::sync::Arc;

use candle_core::DType;
use nas_data::{Images, Normalization};
use nas_nn::trainer::Evaluation;
use nas_nn::{Mode, evaluate};
use nas_search::{Evaluator, Failure, Job, Measurement, Progress};
use nas_space::{Architecture, NetworkConfig, NetworkGraph, SearchSpace};
use serde_json::json;

use crate::{Ghn, GhnError};

/// The images on which networks with generated weights are judged.
#[derive(Clone, Debug)]
pub struct ScoreData {
    /// The split that the numbers point into.
    pub images: Arc<Images>,
    /// The images.
    pub indices: Arc<Vec<u32>>,
    /// The normalisation, measured on training images.
    pub normalization: Normalization,
    /// Images per batch. Batch norms take the statistics of each batch, as the paper's do, so it is part of the result.
    pub batch_size: usize,
}

/// The accuracy and the loss of a network with generated weights.
///
/// # Errors
/// If the images do not fit the network.
pub fn score(ghn: &mut Ghn, graph: NetworkGraph, data: &ScoreData) -> Result<Evaluation, GhnError> {
    let plan = ghn.plan(graph)?;
    let mut network = plan.network(&ghn.generate(&plan), DType::F32)?;
    let ScoreData { images, indices, normalization, batch_size } = data;
    Ok(evaluate(&mut network, images, indices, normalization, *batch_size, Mode::BatchStatistics)?)
}

/// Measures architectures by generated weights instead of training them, for any search strategy.
pub struct Predicted {
    /// What generates the weights.
    pub ghn: Ghn,
    /// The space that architectures are of.
    pub space: Arc<dyn SearchSpace>,
    /// How large the networks are built.
    pub network: NetworkConfig,
    /// What they are judged on.
    pub data: ScoreData,
}

impl Predicted {
    fn measure(&mut self, architecture: &Architecture) -> Result<Measurement, GhnError> {
        let graph = self.space.lower(architecture, &self.network)?;
        let (parameters, flops) = (graph.parameters() as u64, graph.flops());
        let found = score(&mut self.ghn, graph, &self.data)?;
        Ok(Measurement {
            accuracy: found.accuracy,
            loss: found.loss,
            parameters,
            flops,
            epochs: 0,
            latency: None,
            extra: json!({ "weights": "generated" }),
        })
    }
}

impl Evaluator for Predicted {
    /// The result does not depend on the job's seed or epochs: nothing is drawn and nothing trained.
    fn evaluate(&mut self, job: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let found = self.measure(&job.architecture).map_err(|e| Failure::new("error", e.to_string()))?;
        match found.loss.is_finite() {
            true => Ok(found),
            false => Err(Failure::new("not_finite", format!("its loss with generated weights is {}", found.loss))),
        }
    }
}
