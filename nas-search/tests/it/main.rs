//! The loop, the study and the executors, from outside.

mod budgets;
mod failures;
#[cfg(target_os = "linux")]
mod full_disk;
mod halving;
mod in_memory;
mod limits;
mod study;
mod toy;
#[cfg(unix)]
mod workers;
