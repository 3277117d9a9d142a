//! The ops of a network, on candle tensors.
//!
//! Each op is two plain functions, forward and backward, which a [`Network`](crate::Network) calls in a pass of its own
//! and which compute only what is asked for. The public functions of this module wrap the same pairs as candle
//! `CustomOp`s, so that a layer written in plain candle code can use them under candle's own `backward()`.
//!
//! They run on the CPU, in f32 and f64. On another device an op says by name that it has no kernel there yet.

pub(crate) mod conv;
pub(crate) mod elementwise;
pub(crate) mod head;
pub(crate) mod norm;
pub(crate) mod pooling;
mod view;

pub use conv::conv2d;
pub use elementwise::relu;
pub use head::{cross_entropy, linear};
pub use norm::batch_norm;
pub use pooling::{global_average_pool, pool2d};

pub(crate) use view::{View, output, typed};
