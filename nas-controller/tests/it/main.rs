//! The crate as its users see it.

mod gradients;
mod learning;
mod same_again;
mod search;
mod toy;
