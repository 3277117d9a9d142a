//! Buffers that come back: a training step asks for the same few sizes again and again, and fresh pages from the system
//! cost more than the arithmetic done in them. Freed activations wait here, by size, for the next layer that asks.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Mutex;

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};

use crate::element::Element;

/// The buffers of one element type and size.
#[derive(Default)]
struct Size {
    waiting: Vec<Box<dyn Any + Send>>,
    /// Buffers taken and not yet given back. What comes back beyond that was not made here and is not kept, or memory
    /// made elsewhere in every step would pile up.
    out: usize,
}

type Shelf = BTreeMap<(TypeId, usize), Size>;

static SHELF: Mutex<Shelf> = Mutex::new(BTreeMap::new());

/// A buffer of `len` elements with arbitrary old contents: every kernel writes all of its output.
pub(crate) fn take<T: Element>(len: usize) -> Vec<T> {
    let waiting = SHELF.lock().ok().and_then(|mut shelf| {
        let size = shelf.entry((TypeId::of::<T>(), len)).or_default();
        size.out += 1;
        size.waiting.pop()
    });
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
    if let Ok(mut shelf) = SHELF.lock()
        && let Some(size) = shelf.get_mut(&(TypeId::of::<T>(), buffer.len()))
        && size.out > 0
    {
        size.out -= 1;
        size.waiting.push(Box::new(buffer));
    }
}

/// Bytes that wait for their next use.
pub fn waiting_bytes() -> usize {
    let element = |id: TypeId| if id == TypeId::of::<f64>() { 8 } else { 4 };
    let bytes = |((id, len), size): (&(TypeId, usize), &Size)| element(*id) * len * size.waiting.len();
    SHELF.lock().map_or(0, |shelf| shelf.iter().map(bytes).sum())
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
