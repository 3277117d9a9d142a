//! One LSTM layer at one step (Hochreiter & Schmidhuber 1997, with forget gates), forward and back.
//!
//! Per step, the layer reads `[x, h]`, its input and its state before, each of the hidden size H, and has four gates in
//! the order input, forget, candidate, output.

use crate::kernel::{add_outer, add_product, add_transposed};
use crate::layout::Block;

/// The weights of a layer: `[2 H, 4 H]`, and biases `[4 H]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) weights: Block,
    pub(crate) biases: Block,
}

/// What a layer did at each step, one step behind the other.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// `[steps, 2 H]`: input and state before.
    pub(crate) inputs: Vec<f64>,
    /// `[steps, 4 H]`: the gates.
    gates: Vec<f64>,
    /// `[steps, H]`: the cell.
    cells: Vec<f64>,
    /// `[steps, H]`: its hyperbolic tangent.
    squashed: Vec<f64>,
    hidden: usize,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

impl History {
    /// Room for so many steps.
    pub(crate) fn new(steps: usize, hidden: usize) -> Self {
        Self {
            inputs: vec![0.0; steps * 2 * hidden],
            gates: vec![0.0; steps * 4 * hidden],
            cells: vec![0.0; steps * hidden],
            squashed: vec![0.0; steps * hidden],
            hidden,
        }
    }

    /// The place of a step's input, `[H]`.
    pub(crate) fn input_mut(&mut self, step: usize) -> &mut [f64] {
        &mut self.inputs[step * 2 * self.hidden..][..self.hidden]
    }

    /// The place of the state before a step, `[H]`.
    pub(crate) fn state_mut(&mut self, step: usize) -> &mut [f64] {
        &mut self.inputs[step * 2 * self.hidden + self.hidden..][..self.hidden]
    }

    /// Runs a step whose input and state before are in their places; writes the state behind it.
    pub(crate) fn forward(&mut self, layer: Layer, weights: &[f64], step: usize, state: &mut [f64]) {
        let h = self.hidden;
        let gates = &mut self.gates[step * 4 * h..][..4 * h];
        gates.copy_from_slice(layer.biases.of(weights));
        add_product(gates, layer.weights.of(weights), &self.inputs[step * 2 * h..][..2 * h]);
        let (before, rest) = self.cells.split_at_mut(step * h);
        let squashed = &mut self.squashed[step * h..][..h];
        for i in 0..h {
            let (input, forget) = (sigmoid(gates[i]), sigmoid(gates[h + i]));
            let (candidate, output) = (libm::tanh(gates[2 * h + i]), sigmoid(gates[3 * h + i]));
            let kept = if step == 0 { 0.0 } else { before[(step - 1) * h + i] };
            rest[i] = forget * kept + input * candidate;
            squashed[i] = libm::tanh(rest[i]);
            state[i] = output * squashed[i];
            (gates[i], gates[h + i], gates[2 * h + i], gates[3 * h + i]) = (input, forget, candidate, output);
        }
    }
}

/// What flows back through a layer.
pub(crate) struct Backward {
    /// `[steps, 4 H]`: with regard to the gates before their squashing.
    gates: Vec<f64>,
    /// `[H]`: from the step behind, with regard to the cell.
    cell: Vec<f64>,
    /// `[2 H]`: with regard to the input and the state before, of the step last done.
    pub(crate) inputs: Vec<f64>,
}

impl Backward {
    /// Nothing flows yet.
    pub(crate) fn new(steps: usize, hidden: usize) -> Self {
        Self { gates: vec![0.0; steps * 4 * hidden], cell: vec![0.0; hidden], inputs: vec![0.0; 2 * hidden] }
    }

    /// Runs a step back, from the last to the first: `state` is the gradient with regard to the state behind it, to
    /// which that of the step behind it is added here.
    pub(crate) fn step(&mut self, history: &History, layer: Layer, weights: &[f64], step: usize, state: &[f64]) {
        let h = history.hidden;
        let (gates, squashed) = (&history.gates[step * 4 * h..][..4 * h], &history.squashed[step * h..][..h]);
        let flow = &mut self.gates[step * 4 * h..][..4 * h];
        for i in 0..h {
            let (input, forget, candidate, output) = (gates[i], gates[h + i], gates[2 * h + i], gates[3 * h + i]);
            let kept = if step == 0 { 0.0 } else { history.cells[(step - 1) * h + i] };
            let state = state[i] + self.inputs[h + i];
            let cell = self.cell[i] + state * output * (1.0 - squashed[i] * squashed[i]);
            flow[i] = cell * candidate * input * (1.0 - input);
            flow[h + i] = cell * kept * forget * (1.0 - forget);
            flow[2 * h + i] = cell * input * (1.0 - candidate * candidate);
            flow[3 * h + i] = state * squashed[i] * output * (1.0 - output);
            self.cell[i] = cell * forget;
        }
        self.inputs.fill(0.0);
        add_transposed(&mut self.inputs, layer.weights.of(weights), flow);
    }

    /// Adds the gradients of the layer's weights, once all steps are done.
    pub(crate) fn finish(&self, history: &History, layer: Layer, gradient: &mut [f64]) {
        let columns = 4 * history.hidden;
        add_outer(layer.weights.of_mut(gradient), &history.inputs, &self.gates, columns);
        let biases = layer.biases.of_mut(gradient);
        for flow in self.gates.chunks_exact(columns) {
            for i in 0..columns {
                biases[i] += flow[i];
            }
        }
    }
}
