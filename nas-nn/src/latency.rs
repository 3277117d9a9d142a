//! Latency: how long one image takes through a network on this machine.
//!
//! It is measured as networks are evaluated: the forward pass of [`Network::logits`] with running statistics, one image a
//! batch, on the threads of the calling pool. Weights do not matter, so a network need not be trained. No two
//! measurements are equal to the bit: whoever needs the same number again has to keep it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};
use nas_search::{Evaluator, Failure, Job, Measurement, Progress, files};
use nas_space::{NetworkConfig, NetworkGraph, SearchSpace, Seed};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::{Mode, Network, NnError};

/// Passes before the clock starts: the first ones find their memory and wake the threads.
const WARM_UP: usize = 5;

/// Passes that are timed, at least.
const FEWEST: usize = 15;

/// Passes that are timed, at most.
const MOST: usize = 1000;

/// How long is measured, where the fewest passes take less.
const MEASURE: Duration = Duration::from_millis(150);

/// A measured latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The median of all passes, in seconds for one image.
    pub seconds: f64,
    /// The fastest pass.
    pub fastest: f64,
    /// The slowest pass.
    pub slowest: f64,
    /// Passes timed.
    pub passes: usize,
    /// Threads it ran on.
    pub threads: usize,
}

/// Measures the latency of a graph's network, with fresh weights: after 5 passes that are not counted, the median of at
/// least 15, and of as many as take 0.15 seconds.
///
/// # Errors
/// If the device has no kernels, or the network cannot be built.
pub fn latency(graph: NetworkGraph, device: &Device) -> Result<Latency, NnError> {
    let shape = graph.node(0).shape;
    let mut network = Network::init(graph, Seed::new(0).child("latency"), DType::F32, device)?;
    let mut rng = Seed::new(0).child("image").rng();
    let pixels: Vec<f32> = (0..shape.elements()).map(|_| rng.random::<f32>()).collect();
    let image = Tensor::from_vec(pixels, (1, shape.channels, shape.height, shape.width), device)?;
    for _ in 0..WARM_UP {
        network.logits(&image, Mode::Evaluate)?;
    }
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() < FEWEST || times.len() < MOST && begin.elapsed() < MEASURE {
        let start = Instant::now();
        network.logits(&image, Mode::Evaluate)?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(Latency {
        seconds: median(&times),
        fastest: times[0],
        slowest: times[times.len() - 1],
        passes: times.len(),
        threads: rayon::current_num_threads(),
    })
}

/// The middle of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[half - 1] + sorted[half]) / 2.0 } else { sorted[half] }
}

/// Measures the latency of every architecture before another evaluator measures the rest.
///
/// What was measured is recorded with the trial, and until then in the job's folder: a trial that goes on after a kill
/// keeps its latency, and a resumed search measures none again.
pub struct WithLatency<E> {
    /// What measures everything else.
    pub evaluator: E,
    /// The space the architectures are of.
    pub space: Arc<dyn SearchSpace>,
    /// How large the networks are built.
    pub network: NetworkConfig,
    /// Where they run.
    pub device: Device,
    /// The most seconds for one image; an architecture that takes longer is a failed trial of the kind `over_limit`, and
    /// never trained.
    pub limit: Option<f64>,
}

/// The file in a job's folder that holds its latency until the trial is over.
const FILE: &str = "latency.json";

impl<E> WithLatency<E> {
    /// The job's latency, measured now or found.
    fn latency(&self, job: &Job) -> Result<Latency, Failure> {
        let file = job.folder.join(FILE);
        if let Some(known) = read(&file) {
            return Ok(known);
        }
        let error = |e: NnError| Failure::new("error", e.to_string());
        let graph = self.space.lower(&job.architecture, &self.network).map_err(|e| error(e.into()))?;
        let measured = latency(graph, &self.device).map_err(error)?;
        let text = serde_json::to_string(&measured).map_err(|e| Failure::new("error", e.to_string()))?;
        files::write_atomically(&file, text.as_bytes()).map_err(|e| error(e.into()))?;
        Ok(measured)
    }
}

/// A latency that was kept; what cannot be read is measured anew.
fn read(file: &Path) -> Option<Latency> {
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

impl<E: Evaluator> Evaluator for WithLatency<E> {
    fn evaluate(&mut self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let seconds = self.latency(job)?.seconds;
        let result = match self.limit.filter(|limit| seconds > *limit) {
            Some(limit) => {
                let (found, limit) = (milliseconds(seconds), milliseconds(limit));
                let reason = format!("its latency is {found}, the limit is {limit}");
                Err(Failure::new(Failure::OVER_LIMIT, reason))
            }
            None => self.evaluator.evaluate(job, progress),
        };
        // Best effort: what a finished trial leaves behind only takes room. A trial that was stopped goes on with it.
        if result.is_ok() {
            let _ = std::fs::remove_file(job.folder.join(FILE));
            let _ = std::fs::remove_dir(&job.folder);
        }
        result.map(|measurement| Measurement { latency: Some(seconds), ..measurement })
    }
}

/// A time such as `3.21 ms`.
fn milliseconds(seconds: f64) -> String {
    format!("{:.3} ms", seconds * 1e3)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use nas_space::Architecture;
    use serde_json::Value;

    use super::*;
    use crate::testing::{Toy, network_config};

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    /// An evaluator that counts how often it is asked.
    struct Counts<'a>(&'a Cell<usize>);

    impl Evaluator for Counts<'_> {
        fn evaluate(&mut self, _: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
            self.0.set(self.0.get() + 1);
            if self.0.get() == 1 {
                return Err(Failure::new("error", "stopped"));
            }
            let extra = Value::Null;
            Ok(Measurement { accuracy: 0.5, loss: 1.0, parameters: 1, flops: 1, epochs: 1, latency: None, extra })
        }
    }

    #[test]
    fn a_trial_that_goes_on_keeps_the_latency_that_was_measured() {
        let folder = tempfile::tempdir().unwrap();
        let asked = Cell::new(0);
        let mut evaluator = WithLatency {
            evaluator: Counts(&asked),
            space: Arc::new(Toy::new()),
            network: network_config(4),
            device: Device::Cpu,
            limit: None,
        };
        let architecture = Architecture { space: "toy".into(), choices: vec![1] };
        let job = Job { id: 0, architecture, seed: 1, epochs: None, folder: folder.path().join("0") };
        evaluator.evaluate(&job, &mut |_, _| true).unwrap_err();
        let kept = read(&job.folder.join(FILE)).unwrap();
        assert!(kept.fastest > 0.0 && kept.fastest <= kept.seconds && kept.seconds <= kept.slowest);
        assert!(kept.passes >= FEWEST && kept.threads >= 1);
        let measured = evaluator.evaluate(&job, &mut |_, _| true).unwrap();
        assert_eq!(measured.latency, Some(kept.seconds));
        assert!(!job.folder.exists(), "nothing stays of a finished trial");
        // Nothing takes no time at all.
        evaluator.limit = Some(1e-12);
        let failure = evaluator.evaluate(&job, &mut |_, _| true).unwrap_err();
        assert!(failure.is_over_limit(), "{failure:?}");
        assert!(failure.reason.ends_with("the limit is 0.000 ms"), "{}", failure.reason);
        assert_eq!(asked.get(), 2, "beyond the limit, nothing is trained");
    }
}
