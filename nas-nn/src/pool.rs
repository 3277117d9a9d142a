//! Buffers that come back: a training step asks for the same few sizes again and again, and fresh pages from the system
//! cost more than the arithmetic done in them. Freed activations wait here, by size, for the next layer that asks.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::element::Element;
use crate::kernels::lanes::Lanes;

/// The buffers of one type and size that wait.
#[derive(Default)]
struct Size {
    waiting: Vec<Box<dyn Any + Send>>,
    bytes: usize,
}

type Shelf = BTreeMap<(TypeId, usize), Size>;

static SHELF: Mutex<Shelf> = Mutex::new(BTreeMap::new());

/// A buffer of lanes that goes back to the pool when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer<T: Element>(Vec<Lanes<T>>);

/// A buffer of `len` lanes with arbitrary old contents: every kernel writes all of its output.
pub(crate) fn take<T: Element>(len: usize) -> Buffer<T> {
    let key = (TypeId::of::<T>(), len);
    let waiting = SHELF.lock().ok().and_then(|mut shelf| shelf.get_mut(&key).and_then(|size| size.waiting.pop()));
    match waiting.map(|any| any.downcast::<Vec<Lanes<T>>>()) {
        Some(Ok(buffer)) => Buffer(*buffer),
        _ => Buffer(vec![Lanes::ZERO; len]),
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.is_empty() {
            return;
        }
        if let Ok(mut shelf) = SHELF.lock() {
            let size = shelf.entry((TypeId::of::<T>(), buffer.len())).or_default();
            size.bytes = std::mem::size_of_val(buffer.as_slice());
            size.waiting.push(Box::new(buffer));
        }
    }
}

impl<T: Element> Deref for Buffer<T> {
    type Target = [Lanes<T>];

    fn deref(&self) -> &[Lanes<T>] {
        &self.0
    }
}

impl<T: Element> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [Lanes<T>] {
        &mut self.0
    }
}

/// Buffers of `len` lanes each, as [`take`] gives them.
pub(crate) fn fresh<T: Element>(count: usize, len: usize) -> Vec<Buffer<T>> {
    (0..count).map(|_| take(len)).collect()
}

/// What kernels write into.
pub(crate) fn slices_mut<T: Element>(buffers: &mut [Buffer<T>]) -> Vec<&mut [Lanes<T>]> {
    buffers.iter_mut().map(|buffer| &mut buffer[..]).collect()
}

/// Bytes that wait for their next use.
pub fn waiting_bytes() -> usize {
    SHELF.lock().map_or(0, |shelf| shelf.values().map(|size| size.bytes * size.waiting.len()).sum())
}

/// Returns all waiting buffers to the system: between networks of different sizes.
pub fn clear() {
    if let Ok(mut shelf) = SHELF.lock() {
        shelf.clear();
    }
}
