//! Where trials run: in this process, or in worker processes that may die without harm.
//!
//! An executor runs jobs and says how each one ended; it knows nothing of strategies and budgets, and nothing of order:
//! jobs may end in any.

mod ending;
mod in_process;
mod measure;
mod worker;
mod workers;

use std::time::Duration;

pub use in_process::InProcess;
pub use measure::measure;
pub use worker::{ORPHANED, exit_when_parent_dies, report, run_trial};
pub use workers::Workers;

use crate::{Event, Failure, Job, Measurement, SearchError};

/// Gets the events of running trials. Returning `false` asks the executor to give its trials up soon.
pub type Observer<'a> = dyn FnMut(&Event) -> bool + 'a;

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It was measured.
    Measured(Measurement),
    /// It failed.
    Failed(Failure),
    /// Its worker process ended well and should have recorded the result in the study.
    Recorded,
    /// It was stopped on purpose before it was done; it has to run again.
    GivenUp,
}

/// A job that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The trial's id.
    pub id: u64,
    /// How it ended.
    pub ending: Ending,
    /// Wall-clock seconds it took.
    pub seconds: f64,
}

/// Something that runs trials.
pub trait Executor {
    /// How many jobs it runs at once; at least 1.
    fn capacity(&self) -> usize;

    /// Starts a job. The loop never has more than [`capacity`](Self::capacity) of them out.
    ///
    /// # Errors
    /// If the job cannot even be started and none after it could be: this ends the search.
    fn submit(&mut self, job: Job) -> Result<(), SearchError>;

    /// The next job that ends, in whatever order; `None` if none does within `timeout`. An executor without threads of
    /// its own may block for longer, until the job is done.
    ///
    /// # Errors
    /// If the executor itself is broken; a failed trial is no error.
    fn next(&mut self, timeout: Duration, observer: &mut Observer<'_>) -> Result<Option<Finished>, SearchError>;

    /// Stops all jobs that are out and waits until they are gone. The loop then looks in the study for what they
    /// recorded in time and queues the others again.
    fn cancel(&mut self);
}
