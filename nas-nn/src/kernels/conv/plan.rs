//! What the gradients of a convolution need beside the data: weights turned around, and where everything lies.

use super::super::plane::Geometry;
use super::{LANES, Lanes, Problem, Reading, Weights, weights};
use crate::element::Element;
use crate::pool::Buffer;

/// What is worked out once for all samples.
pub(super) struct Plan<T: Element> {
    pub(super) together: usize,
    pub(super) reading: Reading,
    pub(super) taps: Buffer<T>,
    pub(super) turned: Buffer<T>,
    pub(super) output_terms: Vec<usize>,
    /// Where the pixels of the incoming gradient lie, one after another.
    pub(super) identity: Vec<usize>,
    /// The geometry of the depthwise stage's input gradient, with its taps' weights.
    pub(super) transposed: Option<(Geometry, Vec<Lanes<T>>)>,
    /// Where each pixel of the gradient of the first stage's output is put, over all samples together: of a depthwise
    /// stage in planes of `plane` pixels, of a dense one at the start of its window.
    pub(super) places: Vec<usize>,
    pub(super) plane: usize,
}

impl<T: Element> Plan<T> {
    pub(super) fn new(p: &Problem<'_>, w: Weights<'_, T>) -> Self {
        let g = &p.geometry;
        let together = p.together();
        let taps = weights::depthwise(p, w.depthwise);
        let reversed = || taps.chunks(g.taps.len()).flat_map(|taps| taps.iter().rev().copied()).collect();
        // Without stride the gradient lies padded, ready to be convolved; with stride it is handed out tap by tap.
        let transposed = g.transposed().filter(|_| p.has_depthwise());
        let (places, transposed): (Vec<usize>, _) = match transposed.and_then(|t| Some((t.places()?, t))) {
            Some((places, transposed)) => (places, Some(transposed)),
            None if p.has_depthwise() => ((0..g.output_len()).collect(), None),
            None => (g.starts().collect(), None),
        };
        let plane = match &transposed {
            Some(transposed) => transposed.packed_len(),
            None if p.has_depthwise() => g.output_len(),
            None => g.packed_len(),
        };
        let sample = |sample: usize| places.iter().map(move |place| sample * plane + place);
        Self {
            together,
            reading: p.reading(together),
            turned: weights::dense_turned(p, w.dense),
            output_terms: weights::output_terms(p, together * g.output_len()),
            identity: (0..together * g.output_len()).map(|pixel| pixel * LANES).collect(),
            places: (0..together).flat_map(sample).collect(),
            plane,
            transposed: transposed.map(|g| (g, reversed())),
            taps,
        }
    }
}
