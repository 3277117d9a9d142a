//! Tests of whole hypernetworks.

mod gradients;
mod propagation;
mod search;
mod tiny;
