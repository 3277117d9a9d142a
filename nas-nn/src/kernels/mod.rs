//! The arithmetic: plain functions over blocks of [`Lanes`](lanes::Lanes), in parallel over pieces of the batch.

pub(crate) mod conv;
mod depthwise;
pub(crate) mod elementwise;
mod laid;
pub(crate) mod lanes;
pub(crate) mod loss;
pub(crate) mod mixture;
pub(crate) mod norm;
pub(crate) mod pad;
pub(crate) mod pieces;
pub(crate) mod plane;
pub(crate) mod pooling;
mod product;
pub(crate) mod read;
pub(crate) mod siblings;
