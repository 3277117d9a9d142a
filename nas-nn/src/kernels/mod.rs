//! The arithmetic, on plain slices: no candle, no graph. Generic over f32 and f64; parallel over samples, planes or
//! channels in pieces whose number does not depend on the thread count, so results are the same bits on any number.

pub(crate) mod conv;
pub(crate) mod elementwise;
pub(crate) mod head;
pub(crate) mod loss;
pub(crate) mod matrix;
pub(crate) mod norm;
pub(crate) mod plane;
pub(crate) mod pooling;
