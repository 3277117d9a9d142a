//! A proxy in the place of a measured accuracy, so that any strategy can search by it.

use std::sync::Arc;

use nas_search::{Evaluator, Failure, Job, Measurement, Progress};
use nas_space::{NetworkConfig, SearchSpace, Seed};
use serde_json::json;

use super::{Minibatch, Proxy};

/// Scores every architecture by a proxy instead of training it.
///
/// The measurement's accuracy is no accuracy but the score brought between 0 and 1 in its order: `s / (2 (1 + |s|)) + 1/2` of
/// its signed logarithm s. The loss is what is left to 1; `extra` has the score itself. Weights begin at the child `init` of
/// the job's seed, as those of a training do. A network that cannot learn at all is a failed trial.
pub struct OnProxy {
    /// The proxy.
    pub proxy: Proxy,
    /// The space the architectures are of.
    pub space: Arc<dyn SearchSpace>,
    /// How large the networks are built.
    pub network: NetworkConfig,
    /// What they are scored on.
    pub minibatch: Minibatch,
}

impl Evaluator for OnProxy {
    fn evaluate(&mut self, job: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let error = |e: crate::NnError| Failure::new("error", e.to_string());
        let graph = self.space.lower(&job.architecture, &self.network).map_err(|e| error(e.into()))?;
        let score = self.proxy.score(&graph, &self.minibatch, Seed::new(job.seed).child("init")).map_err(error)?;
        if !score.is_finite() {
            return Err(Failure::new("not_finite", format!("its {} came out as {score}", self.proxy.name())));
        }
        Ok(Measurement {
            accuracy: between(score),
            loss: 1.0 - between(score),
            parameters: graph.parameters() as u64,
            flops: graph.flops(),
            epochs: 0,
            latency: None,
            extra: json!({ "proxy": self.proxy.name(), "score": score }),
        })
    }
}

/// A score between 0 and 1, in the same order: scores of synflow span twenty powers of ten.
fn between(score: f64) -> f64 {
    let logarithm = score.signum() * score.abs().ln_1p();
    0.5 + logarithm / (2.0 * (1.0 + logarithm.abs()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn scores_keep_their_order() {
        let scores = [-1e30, -5.0, -0.1, 0.0, 1e-3, 1.0, 1500.0, 1501.0, 1e25, 1.01e25];
        let between: Vec<f64> = scores.into_iter().map(super::between).collect();
        assert!(between.is_sorted_by(|a, b| a < b), "{between:?}");
        assert!(between.iter().all(|x| (0.0..1.0).contains(x)));
    }
}
