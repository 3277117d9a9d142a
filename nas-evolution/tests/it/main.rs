//! Regularized evolution in the one loop, from outside.

mod bits;
mod notebook;
mod relatives;
mod same_again;
mod sharing;
mod strategy;
