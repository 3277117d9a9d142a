//! How an architecture is measured.

use std::path::PathBuf;

use nas_space::Architecture;

use crate::{Failure, Measurement, Proposal, Trial};

/// One evaluation to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The trial's id in its study.
    pub id: u64,
    /// The architecture to measure.
    pub architecture: Architecture,
    /// The seed of everything random in it.
    pub seed: u64,
    /// How many epochs to train, where the strategy chose it ([`Proposal::epochs`](crate::Proposal::epochs)). An
    /// evaluator that does not train in epochs leaves it alone.
    pub epochs: Option<u64>,
    /// A folder of the trial's own, for checkpoints and logs; it exists only if the evaluator makes it.
    pub folder: PathBuf,
}

impl Job {
    /// The evaluation that a trial asks for.
    pub fn of(trial: &Trial, folder: PathBuf) -> Self {
        let Proposal { architecture, epochs, .. } = &trial.proposal;
        Self { id: trial.id, architecture: architecture.clone(), seed: trial.seed, epochs: *epochs, folder }
    }
}

/// How an evaluator reports on its way: after each unit of work. Returning `false` asks it to stop.
pub type Progress<'a> = dyn FnMut(&str, f64) -> bool + 'a;

/// Measures architectures: by training, with shared weights, with a hypernetwork, by a proxy, from a table.
///
/// The result may depend on the job's architecture and seed and on nothing else, so that any worker, at any time,
/// after any number of kills, measures the same.
pub trait Evaluator {
    /// Measures one architecture. `progress` gets a label and the fraction done.
    ///
    /// # Errors
    /// A [`Failure`] makes this trial a failed one; the search goes on.
    fn evaluate(&mut self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure>;
}

impl<E: Evaluator + ?Sized> Evaluator for Box<E> {
    fn evaluate(&mut self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        (**self).evaluate(job, progress)
    }
}
