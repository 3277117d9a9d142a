//! Attention over earlier steps: the score of an anchor with state `h_j` at a step with state `h_i` is
//! `v . tanh(W_prev h_j + W_curr h_i)` (Zoph & Le 2017, section 3.3; Pham et al. 2018, section 2.4).
//!
//! `W_prev h_j` is worked out once for each anchor, when its step is done, and serves every step that looks at it.

use crate::kernel::{add_outer, add_product, add_transposed};
use crate::layout::Block;

/// The weights of an attention: two matrices `[H, H]` and a vector `[H]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Attention {
    pub(crate) anchor: Block,
    pub(crate) query: Block,
    pub(crate) vector: Block,
}

/// What an attention keeps of each step, `[steps, H]` each.
#[derive(Clone, Debug)]
pub(crate) struct Projections {
    /// `W_prev h` of the steps that are anchors.
    anchors: Vec<f64>,
    /// `W_curr h` of the steps that look at anchors.
    queries: Vec<f64>,
    hidden: usize,
}

impl Projections {
    /// Room for so many steps.
    pub(crate) fn new(steps: usize, hidden: usize) -> Self {
        Self { anchors: vec![0.0; steps * hidden], queries: vec![0.0; steps * hidden], hidden }
    }

    /// Makes a step with this state an anchor.
    pub(crate) fn add_anchor(&mut self, attention: &Attention, weights: &[f64], step: usize, state: &[f64]) {
        let place = &mut self.anchors[step * self.hidden..][..self.hidden];
        add_product(place, attention.anchor.of(weights), state);
    }

    /// Makes a step with this state one that looks at anchors.
    pub(crate) fn add_query(&mut self, attention: &Attention, weights: &[f64], step: usize, state: &[f64]) {
        let place = &mut self.queries[step * self.hidden..][..self.hidden];
        add_product(place, attention.query.of(weights), state);
    }

    /// The score of an anchor at a step.
    pub(crate) fn score(&self, attention: &Attention, weights: &[f64], step: usize, anchor: usize) -> f64 {
        let h = self.hidden;
        let (query, anchor) = (&self.queries[step * h..][..h], &self.anchors[anchor * h..][..h]);
        let vector = attention.vector.of(weights);
        (0..h).map(|i| vector[i] * libm::tanh(anchor[i] + query[i])).sum()
    }
}

/// What flows back through an attention.
pub(crate) struct Backward {
    /// `[steps, H]`: with regard to the projections of anchors.
    anchors: Vec<f64>,
    /// `[H]`: with regard to the projection of the step at hand.
    query: Vec<f64>,
}

impl Backward {
    /// Nothing flows yet.
    pub(crate) fn new(steps: usize, hidden: usize) -> Self {
        Self { anchors: vec![0.0; steps * hidden], query: vec![0.0; hidden] }
    }

    /// Takes the gradients of the scores that a step gave to anchors, and adds that of its state.
    pub(crate) fn scores(
        &mut self,
        projections: &Projections,
        attention: &Attention,
        weights: &[f64],
        step: usize,
        scores: impl Iterator<Item = (usize, f64)>,
        (state, flow): (&[f64], &mut [f64]),
        gradient: &mut [f64],
    ) {
        let h = projections.hidden;
        let query = &projections.queries[step * h..][..h];
        let vector = attention.vector.of(weights);
        self.query.fill(0.0);
        for (anchor, score) in scores {
            let (place, projected) = (&mut self.anchors[anchor * h..][..h], &projections.anchors[anchor * h..][..h]);
            let vector_gradient = attention.vector.of_mut(gradient);
            for i in 0..h {
                let t = libm::tanh(projected[i] + query[i]);
                vector_gradient[i] += score * t;
                let back = score * vector[i] * (1.0 - t * t);
                place[i] += back;
                self.query[i] += back;
            }
        }
        add_outer(attention.query.of_mut(gradient), state, &self.query, h);
        add_transposed(flow, attention.query.of(weights), &self.query);
    }

    /// Takes what came for an anchor, all later steps being done, and adds the gradient of its state.
    pub(crate) fn anchor(
        &self,
        attention: &Attention,
        weights: &[f64],
        step: usize,
        (state, flow): (&[f64], &mut [f64]),
        gradient: &mut [f64],
    ) {
        let h = self.query.len();
        let came = &self.anchors[step * h..][..h];
        add_outer(attention.anchor.of_mut(gradient), state, came, h);
        add_transposed(flow, attention.anchor.of(weights), came);
    }
}
