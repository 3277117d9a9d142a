//! A world outside the crates, made with the public traits only: strings of bits whose accuracy is their share of ones,
//! measured with noise. It is the toy of the regularized evolution notebook (google-research, 2019).

use nas_search::{Evaluator, Failure, Job, Measurement, Progress};
use nas_space::{Architecture, Chooses, Decision, GraphBuilder, Layer, NetworkConfig, NetworkGraph, SearchSpace};
use nas_space::{Seed, SpaceError};
use rand::RngExt;
use serde_json::Value;

/// Strings of a number of bits.
pub(crate) struct Bits {
    decisions: Vec<Decision>,
}

impl Bits {
    pub(crate) fn new(bits: usize) -> Self {
        let bit = |i| Decision {
            name: format!("bit{i}"),
            group: "bits".into(),
            chooses: Chooses::Value,
            options: vec!["0".into(), "1".into()],
        };
        Self { decisions: (0..bits).map(bit).collect() }
    }
}

impl SearchSpace for Bits {
    fn name(&self) -> &str {
        "bits"
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        let mut net = GraphBuilder::new(config.input);
        let image = net.input();
        let pooled = net.push("pool", Layer::GlobalAveragePool, &[image])?;
        let logits = net.push("classifier", Layer::Linear { out: config.classes }, &[pooled])?;
        Ok(net.finish(logits, None))
    }

    fn text(&self, architecture: &Architecture) -> String {
        architecture.choices.iter().map(usize::to_string).collect()
    }
}

/// Counts ones, with normal noise drawn from the trial's seed.
pub(crate) struct CountOnes {
    pub(crate) noise: f64,
}

impl Evaluator for CountOnes {
    fn evaluate(&mut self, job: &Job, _progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let mut rng = Seed::new(job.seed).child("noise").rng();
        // Box and Muller; one minus the draw, so that the logarithm never sees zero.
        let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>() * std::f64::consts::TAU);
        let normal = (-2.0 * radius.ln()).sqrt() * angle.cos();
        let accuracy = true_accuracy(&job.architecture) + self.noise * normal;
        Ok(Measurement {
            accuracy,
            loss: 1.0 - accuracy,
            parameters: 0,
            flops: 0,
            epochs: 0,
            latency: None,
            extra: Value::Null,
        })
    }
}

/// The accuracy without noise.
pub(crate) fn true_accuracy(architecture: &Architecture) -> f64 {
    architecture.choices.iter().sum::<usize>() as f64 / architecture.choices.len() as f64
}
