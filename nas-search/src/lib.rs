//! The loop every search runs in, and the seams around it, without a tensor library.
//!
//! The one idea: a [`Strategy`] proposes architectures and is told what became of them; an [`Evaluator`] measures one
//! architecture; an [`Executor`] says where that happens; a [`Study`] records every trial in one SQLite file, so that a
//! search stopped at any instant goes on where it was. The loop that ties them lives once, in [`run()`].

mod budget;
mod error;
mod evaluator;
mod event;
pub mod executor;
pub mod files;
mod halving;
pub mod pareto;
mod random;
mod run;
mod strategy;
mod study;
mod trial;
mod warm_start;

pub use budget::Budget;
pub use error::SearchError;
pub use evaluator::{Evaluator, Job, Progress};
pub use event::{Event, GhnEpoch, Listener, SharedEpoch, SupernetEpoch};
pub use executor::{Executor, InProcess, Workers};
pub use halving::{HalvingConfig, SuccessiveHalving};
pub use random::{RandomSearch, check_state, proposal_seed, random_proposal};
pub use run::{Clock, Outcome, Settings, StopReason, run, run_in_memory};
pub use strategy::{Strategy, check_order};
pub use study::{Study, StudyInfo};
pub use trial::{Failure, Measurement, Proposal, Trial, TrialState};
pub use warm_start::WarmStart;
