//! From the states of nodes to the tensors of a network, and back with their gradients.

use rayon::prelude::*;

use crate::GhnError;
use crate::dense::{Linear, relu, relu_back, sigmoid};
use crate::parameters::{Gradients, Parameters};
use crate::products::{multiply, multiply_back, multiply_outer};
use crate::propagation::States;
use crate::slots::{Shaping, Slot};

/// The hidden layer that all heads share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoder {
    layer: Linear,
}

/// What a tensor was made from.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    /// The units of the hidden layer.
    units: Vec<f64>,
    /// What the head said, before it was shaped and copied.
    base: Vec<f64>,
}

impl Decoder {
    pub(crate) fn ensure(p: &mut Parameters, hidden: usize, units: usize) -> Result<Self, GhnError> {
        Ok(Self { layer: Linear::ensure(p, "decoder", hidden, units)? })
    }

    /// The values of each tensor, and what the reverse pass needs. Tensors do not depend on one another, so any number
    /// of threads makes the same.
    pub(crate) fn forward(self, p: &Parameters, states: &States, slots: &[Slot]) -> Vec<(Vec<f64>, Decoded)> {
        slots.par_iter().map(|slot| self.one(p, states.node(slot.vertex), slot)).collect()
    }

    fn one(self, p: &Parameters, state: &[f64], slot: &Slot) -> (Vec<f64>, Decoded) {
        let mut units = vec![0.0; self.layer.outputs];
        self.layer.forward(p, state, &mut units);
        relu(&mut units);
        let mut base = vec![0.0; slot.base_len()];
        let (weight, bias) = (p.of(slot.weight), p.of(slot.bias));
        for (at, row, count) in stretches(slot) {
            let part = &mut base[at..at + count];
            part.copy_from_slice(&bias[row..row + count]);
            multiply(part, &weight[row * units.len()..][..count * units.len()], &units);
        }
        let shaped: Vec<f64> = base.iter().map(|&x| shape(slot.shaping, x)).collect();
        let tensor = slot.copies().map(|index| shaped[index]).collect();
        (tensor, Decoded { units, base })
    }

    /// From the gradient of each tensor to those of the arrays, which are added to, and of the nodes' states, `[nodes,
    /// hidden]`.
    pub(crate) fn backward(
        self,
        p: &Parameters,
        g: &mut Gradients,
        states: &States,
        slots: &[Slot],
        decoded: &[Decoded],
        tensors: &[Vec<f64>],
        nodes: &mut [f64],
    ) {
        for ((slot, Decoded { units, base }), gradient) in slots.iter().zip(decoded).zip(tensors) {
            let mut into = vec![0.0; base.len()];
            slot.copies().zip(gradient).for_each(|(index, gradient)| into[index] += gradient);
            into.iter_mut().zip(base).for_each(|(into, &x)| *into *= slope(slot.shaping, x));
            let mut hidden = vec![0.0; units.len()];
            let [weight, bias] = g.pair([slot.weight, slot.bias], p);
            for (at, row, count) in stretches(slot) {
                let part = &into[at..at + count];
                let rows = row * units.len()..(row + count) * units.len();
                multiply_back(&mut hidden, &p.of(slot.weight)[rows.clone()], part);
                multiply_outer(&mut weight[rows], part, units);
                bias[row..row + count].iter_mut().zip(part).for_each(|(bias, part)| *bias += part);
            }
            relu_back(units, &mut hidden);
            let state = states.node(slot.vertex);
            let node = &mut nodes[slot.vertex * state.len()..][..state.len()];
            self.layer.backward(p, g, state, &hidden, node);
        }
    }
}

/// Runs of numbers whose rows follow one another: where they begin, their first row, how many.
fn stretches(slot: &Slot) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
    let [outputs, inputs] = slot.made();
    let width = inputs * slot.size[2];
    (0..outputs).map(move |output| (output * width, slot.row(output * width), width))
}

fn shape(shaping: Shaping, x: f64) -> f64 {
    match shaping {
        Shaping::Times(factor) => factor * x,
        Shaping::Scale => 2.0 * sigmoid(0.5 * x),
        Shaping::Shift => libm::tanh(0.2 * x),
    }
}

/// The derivative of [`shape`].
fn slope(shaping: Shaping, x: f64) -> f64 {
    match shaping {
        Shaping::Times(factor) => factor,
        Shaping::Scale => {
            let s = sigmoid(0.5 * x);
            s * (1.0 - s)
        }
        Shaping::Shift => {
            let t = libm::tanh(0.2 * x);
            0.2 * (1.0 - t * t)
        }
    }
}
