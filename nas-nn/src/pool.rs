//! Buffers that come back: a training step asks for the same few sizes again and again, and fresh pages from the system
//! cost more than the arithmetic done in them. Freed activations wait here, by size, for the next layer that asks.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Mutex;

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};

use crate::element::Element;

type Shelf = BTreeMap<(TypeId, usize), Vec<Box<dyn Any + Send>>>;

static SHELF: Mutex<Shelf> = Mutex::new(BTreeMap::new());

/// A buffer of `len` elements with arbitrary old contents: every kernel writes all of its output.
pub(crate) fn take<T: Element>(len: usize) -> Vec<T> {
    let waiting = SHELF.lock().ok().and_then(|mut shelf| shelf.get_mut(&(TypeId::of::<T>(), len))?.pop());
    match waiting.map(|any| any.downcast::<Vec<T>>()) {
        Some(Ok(buffer)) => *buffer,
        _ => vec![T::ZERO; len],
    }
}

/// Gives a buffer back.
pub(crate) fn give<T: Element>(buffer: Vec<T>) {
    if buffer.is_empty() {
        return;
    }
    if let Ok(mut shelf) = SHELF.lock() {
        shelf.entry((TypeId::of::<T>(), buffer.len())).or_default().push(Box::new(buffer));
    }
}

/// Returns all waiting buffers to the system: between networks of different sizes.
pub fn clear() {
    if let Ok(mut shelf) = SHELF.lock() {
        shelf.clear();
    }
}

/// Takes the memory out of a tensor that nobody will read again.
pub(crate) fn recycle(tensor: &Tensor) {
    // On another device there is no such memory, and a tensor that cannot be written keeps its own: nothing is lost.
    let _ = tensor.inplace_op1(&Reclaim);
}

struct Reclaim;

impl InplaceOp1 for Reclaim {
    fn name(&self) -> &'static str {
        "reclaim"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> candle_core::Result<()> {
        match storage {
            CpuStorage::F32(buffer) => give(std::mem::take(buffer)),
            CpuStorage::F64(buffer) => give(std::mem::take(buffer)),
            _ => {}
        }
        Ok(())
    }
}
