//! The loop, the study and the executors, from outside.

mod budgets;
mod failures;
mod study;
mod toy;
#[cfg(unix)]
mod workers;
