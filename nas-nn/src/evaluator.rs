//! Measuring an architecture by training it from scratch: the evaluator that every other one is judged by.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use candle_core::{DType, Device};
use nas_search::{Evaluator, Failure, Job, Measurement, Progress};
use nas_space::{NetworkConfig, NetworkGraph, SearchSpace, Seed};
use serde_json::json;

use crate::memory::{self, TrainingStep};
use crate::trainer::{Ended, EpochReport, RunOptions, TrainConfig, TrainData, TrainEvent, TrainReport, Trainer};
use crate::{Network, NnError};

/// Trains every architecture anew and measures it on the validation images.
///
/// The result depends on the job's architecture, seed and epochs and on the fields here, apart from `device` on the CPU,
/// `checkpoint_every` and `memory_limit`: weights start at the seed's child `init`, the training is at its child `train`.
pub struct TrainFromScratch {
    /// The space the architectures are of.
    pub space: Arc<dyn SearchSpace>,
    /// How large the networks are built.
    pub network: NetworkConfig,
    /// How they are trained.
    pub train: TrainConfig,
    /// What on; there must be validation images.
    pub data: TrainData,
    /// Where.
    pub device: Device,
    /// The accuracy measured is the mean over this many last validations; 1 for that after the last epoch. A mean is
    /// steadier on a small validation split.
    pub last_validations: usize,
    /// The most bytes that a training may take, by [`memory::training_step`]; a larger network is a failed trial of the kind
    /// `out_of_memory` before it can bring the process down. `None` for no limit.
    pub memory_limit: Option<u64>,
    /// How long a trial may go unsaved, to be gone on with after a kill; `None` to save nothing and begin anew.
    pub checkpoint_every: Option<Duration>,
}

/// The file in a job's folder that holds its unfinished training.
const CHECKPOINT: &str = "training.safetensors";

impl TrainFromScratch {
    /// An evaluator on the CPU that measures after the last epoch, has no memory limit and saves nothing.
    pub fn new(space: Arc<dyn SearchSpace>, network: NetworkConfig, train: TrainConfig, data: TrainData) -> Self {
        Self {
            space,
            network,
            train,
            data,
            device: Device::Cpu,
            last_validations: 1,
            memory_limit: None,
            checkpoint_every: None,
        }
    }

    /// The training of so many epochs, where a job asks for its own number: the whole schedule, warm-up included, is
    /// stretched or shortened to it, and a training that is validated at its end stays one.
    fn training(&self, epochs: Option<u64>) -> TrainConfig {
        let Some(epochs) = epochs.and_then(|e| usize::try_from(e).ok()).filter(|e| *e != self.train.epochs) else {
            return self.train.clone();
        };
        let share = epochs as f64 / self.train.epochs.max(1) as f64;
        TrainConfig {
            epochs,
            warmup_epochs: self.train.warmup_epochs * share,
            evaluate_every: if self.train.evaluate_every >= self.train.epochs {
                epochs.max(1)
            } else {
                self.train.evaluate_every
            },
            ..self.train.clone()
        }
    }

    /// Trains to the end, or to where `progress` stops it.
    fn train(
        &self,
        graph: NetworkGraph,
        seed: Seed,
        epochs: Option<u64>,
        checkpoint: Option<&Path>,
        progress: &mut Progress<'_>,
    ) -> Result<TrainReport, NnError> {
        let network = Network::init(graph, seed.child("init"), DType::F32, &self.device)?;
        let mut trainer = Trainer::new(network, self.data.clone(), self.training(epochs), seed.child("train"))?;
        if let Some(path) = checkpoint.filter(|path| path.exists()) {
            trainer.restore(path)?;
        }
        let options = RunOptions {
            checkpoint,
            checkpoint_every: self.checkpoint_every.unwrap_or_default(),
            ..RunOptions::default()
        };
        trainer.run(&options, &mut |event| match event {
            TrainEvent::Step(step) => {
                let label = format!("epoch {}/{}, loss {:.3}", step.epoch, step.epochs, step.loss);
                progress(&label, step.fraction())
            }
            TrainEvent::Epoch { report, .. } => progress(&label(report), report.epoch as f64 / report.epochs as f64),
        })
    }

    fn measure(&self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let graph =
            self.space.lower(&job.architecture, &self.network).map_err(|e| Failure::new("error", e.to_string()))?;
        self.check_memory(&graph)?;
        let (parameters, flops) = (graph.parameters() as u64, graph.flops());
        let checkpoint = self.checkpoint_every.map(|_| job.folder.join(CHECKPOINT));
        let report =
            self.train(graph, Seed::new(job.seed), job.epochs, checkpoint.as_deref(), progress).map_err(failure)?;
        if report.ended == Ended::Interrupted {
            return Err(Failure::new("error", "the training was stopped before its end"));
        }
        let measurement = self.summary(&report, parameters, flops)?;
        if let Some(path) = checkpoint {
            // Best effort: what a finished trial leaves behind only takes room.
            let _ = std::fs::remove_file(path);
        }
        Ok(measurement)
    }

    /// The measurement of a finished training.
    fn summary(&self, report: &TrainReport, parameters: u64, flops: u64) -> Result<Measurement, Failure> {
        let validated: Vec<&EpochReport> = report.history.iter().filter(|epoch| epoch.validation.is_some()).collect();
        let first = validated.len().saturating_sub(self.last_validations.max(1));
        let last: Vec<_> = validated[first..].iter().filter_map(|epoch| epoch.validation).collect();
        if last.is_empty() {
            return Err(Failure::new("error", "nothing was validated: the evaluator has no validation images"));
        }
        let mean = |of: fn(&crate::trainer::Evaluation) -> f64| last.iter().map(of).sum::<f64>() / last.len() as f64;
        let accuracies: Vec<_> = report.history.iter().map(|epoch| epoch.validation.map(|v| v.accuracy)).collect();
        let losses: Vec<_> = report.history.iter().map(|epoch| epoch.train_loss).collect();
        Ok(Measurement {
            accuracy: mean(|v| v.accuracy),
            loss: mean(|v| v.loss),
            parameters,
            flops,
            epochs: report.history.len() as u64,
            latency: None,
            extra: json!({ "accuracies": accuracies, "train_losses": losses }),
        })
    }

    fn check_memory(&self, graph: &NetworkGraph) -> Result<(), Failure> {
        let Some(limit) = self.memory_limit else { return Ok(()) };
        let TrainConfig { batch_size: batch, precision, drop_path, .. } = self.train;
        let needed = memory::training_step(graph, &TrainingStep { batch, precision, drop_path: drop_path > 0.0 });
        if needed <= limit {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let reason = format!(
            "training it needs about {} MiB of memory at batch size {batch}, the limit is {} MiB; a smaller batch size or \
             fewer channels would fit",
            mib(needed),
            limit >> 20
        );
        Err(Failure::new("out_of_memory", reason))
    }
}

impl Evaluator for TrainFromScratch {
    fn evaluate(&mut self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        self.measure(job, progress)
    }
}

fn label(report: &EpochReport) -> String {
    let head = format!("epoch {}/{}, loss {:.3}", report.epoch, report.epochs, report.train_loss);
    match report.validation {
        Some(validation) => format!("{head}, accuracy {:.2} %", 100.0 * validation.accuracy),
        None => head,
    }
}

/// The kind of failure that an error is.
fn failure(error: NnError) -> Failure {
    let kind = if matches!(error, NnError::NotFinite { .. }) { "not_finite" } else { "error" };
    Failure::new(kind, error.to_string())
}

#[cfg(test)]
mod tests;
