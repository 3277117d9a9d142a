//! Buffers that come back: a training step asks for the same few sizes again and again, and fresh pages from the system
//! cost more than the arithmetic done in them. Freed activations wait here, by size, for the next layer that asks.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::element::Stored;
use crate::kernels::lanes::Lanes;

/// A cache line: registers that are loaded from a buffer never straddle two of them.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// The buffers that wait, by their number of lines.
static SHELF: Mutex<BTreeMap<usize, Vec<Vec<Line>>>> = Mutex::new(BTreeMap::new());

/// A buffer of lanes that goes back to the pool when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer<S: Stored> {
    lines: Vec<Line>,
    len: usize,
    kind: PhantomData<Lanes<S>>,
}

/// A buffer of `len` lanes with arbitrary old contents: every kernel writes all of its output.
pub(crate) fn take<S: Stored>(len: usize) -> Buffer<S> {
    let count = (len * size_of::<Lanes<S>>()).div_ceil(size_of::<Line>());
    let waiting = SHELF.lock().ok().and_then(|mut shelf| shelf.get_mut(&count).and_then(Vec::pop));
    let lines = waiting.unwrap_or_else(|| vec![Line([0; 64]); count]);
    Buffer { lines, len, kind: PhantomData }
}

/// A buffer of `len` lanes of zeros.
pub(crate) fn zeros<S: Stored>(len: usize) -> Buffer<S> {
    let mut buffer = take(len);
    buffer.fill(Lanes::ZERO);
    buffer
}

impl<S: Stored> Drop for Buffer<S> {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return;
        }
        if let Ok(mut shelf) = SHELF.lock() {
            shelf.entry(lines.len()).or_default().push(lines);
        }
    }
}

impl<S: Stored> Deref for Buffer<S> {
    type Target = [Lanes<S>];

    fn deref(&self) -> &[Lanes<S>] {
        // SAFETY: `take` has made as many lines as `len` lanes fill. Lanes are numbers, for which any bytes are a value,
        // and need no larger alignment than lines have.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<S: Stored> DerefMut for Buffer<S> {
    fn deref_mut(&mut self) -> &mut [Lanes<S>] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// Buffers of `len` lanes each, as [`take`] gives them.
pub(crate) fn fresh<S: Stored>(count: usize, len: usize) -> Vec<Buffer<S>> {
    (0..count).map(|_| take(len)).collect()
}

/// What kernels write into.
pub(crate) fn slices_mut<S: Stored>(buffers: &mut [Buffer<S>]) -> Vec<&mut [Lanes<S>]> {
    buffers.iter_mut().map(|buffer| &mut buffer[..]).collect()
}

/// Bytes that wait for their next use.
pub fn waiting_bytes() -> usize {
    let bytes = |(lines, waiting): (&usize, &Vec<Vec<Line>>)| lines * size_of::<Line>() * waiting.len();
    SHELF.lock().map_or(0, |shelf| shelf.iter().map(bytes).sum())
}

/// Returns all waiting buffers to the system: between networks of different sizes.
pub fn clear() {
    if let Ok(mut shelf) = SHELF.lock() {
        shelf.clear();
    }
}

/// How many ask that buffers be kept.
static KEEPING: AtomicUsize = AtomicUsize::new(0);

/// While one of these exists, buffers stay when a network goes: for those who run one network after another that are paths
/// through the same supernet, and need buffers of the same sizes. The last one to go returns them to the system.
#[derive(Debug)]
pub struct Keep(());

impl Keep {
    /// Keeps buffers from now on.
    pub fn new() -> Self {
        KEEPING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        if KEEPING.fetch_sub(1, Ordering::Relaxed) == 1 {
            clear();
        }
    }
}

/// As [`clear`], unless somebody [keeps](Keep) them.
pub(crate) fn clear_unless_kept() {
    if KEEPING.load(Ordering::Relaxed) == 0 {
        clear();
    }
}
