//! The crate as its users see it.

mod gradients;
mod learning;
mod problems;
mod same_again;
mod search;
mod toy;
