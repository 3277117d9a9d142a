//! An activation or a gradient on its way through the network, shared between its readers; when the last one lets go,
//! its memory goes back to the [pool](crate::pool).

use std::sync::Arc;

use candle_core::Tensor;

use crate::pool;

#[derive(Clone)]
pub(super) struct Value(Arc<Inner>);

struct Inner {
    tensor: Tensor,
    ours: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.ours {
            pool::recycle(&self.tensor);
        }
    }
}

impl Value {
    /// A tensor made by an op of ours, whose memory nobody else holds.
    pub(super) fn own(tensor: Tensor) -> Self {
        Self(Arc::new(Inner { tensor, ours: true }))
    }

    /// A tensor that belongs to the caller.
    pub(super) fn borrowed(tensor: Tensor) -> Self {
        Self(Arc::new(Inner { tensor, ours: false }))
    }

    pub(super) fn tensor(&self) -> &Tensor {
        &self.0.tensor
    }
}
