//! The reverse pass: from what each decision pulls at to the gradient of every weight.

use crate::attention;
use crate::config::SkipTarget;
use crate::distribution::Term;
use crate::kernel::{add_outer, add_transposed};
use crate::lstm;
use crate::plan::{Input, POINTER, SKIP, Task};
use crate::policy::{Policy, Sample};
use crate::walk::Trace;

/// What is to grow for one architecture, as a weighted sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective<'a> {
    /// For each decision, the weight of the logarithm of its choice's probability.
    pub scores: &'a [f64],
    /// The weight of the sum of the decisions' entropies, each given the choices before it, in nats.
    pub entropy: f64,
    /// Divergences of skips from a target, to be taken away.
    pub skip: Option<SkipTarget>,
}

struct Flow {
    /// `[steps, H]`: with regard to the states of the top layer.
    states: Vec<f64>,
    layers: Vec<lstm::Backward>,
    attention: [attention::Backward; 2],
    /// Room for the logits of a decision.
    logits: Vec<f64>,
}

impl Policy {
    /// The gradient of an objective with regard to all weights. `scores` must have one entry for each decision, and the
    /// sample must be of the policy's space.
    pub fn gradient(&self, sample: &Sample, objective: &Objective<'_>) -> Vec<f64> {
        let mut gradient = vec![0.0; self.weights.len()];
        let trace = self.walk(|decision, _| sample.choices[decision]);
        self.add_gradient(&trace, objective, &mut gradient);
        gradient
    }

    /// Adds the gradient of an objective, with regard to all weights, to `gradient`.
    pub(crate) fn add_gradient(&self, trace: &Trace, objective: &Objective<'_>, gradient: &mut [f64]) {
        let (steps, h) = (self.plan.steps.len(), self.config.hidden);
        let mut flow = Flow {
            states: vec![0.0; steps * h],
            layers: trace.layers.iter().map(|_| lstm::Backward::new(steps, h)).collect(),
            attention: [(); 2].map(|()| attention::Backward::new(steps, h)),
            logits: Vec::new(),
        };
        for at in (0..steps).rev() {
            self.leave_task(trace, objective, &mut flow, at, gradient);
            for which in [POINTER, SKIP] {
                if self.plan.is_anchor[at][which] {
                    let state = (trace.state(at), &mut flow.states[at * h..][..h]);
                    let attention = &self.shape.attention[which];
                    flow.attention[which].anchor(attention, &self.weights, at, state, gradient);
                }
            }
            let mut below = flow.states[at * h..][..h].to_vec();
            for l in (0..flow.layers.len()).rev() {
                flow.layers[l].step(&trace.layers[l], self.shape.layers[l], &self.weights, at, &below);
                below.copy_from_slice(&flow.layers[l].inputs[..h]);
            }
            self.leave_input(trace, &mut flow, self.plan.steps[at].input, &below, gradient);
        }
        for (l, layer) in flow.layers.iter().enumerate() {
            layer.finish(&trace.layers[l], self.shape.layers[l], gradient);
        }
    }

    /// From the decisions of a step to its state.
    fn leave_task(&self, trace: &Trace, objective: &Objective<'_>, flow: &mut Flow, at: usize, gradient: &mut [f64]) {
        let h = self.config.hidden;
        match &self.plan.steps[at].task {
            Task::Anchor => {}
            Task::Softmax { decision, head } => {
                self.scores(trace, objective, *decision, &mut flow.logits);
                let (weights, biases) = self.shape.heads[*head];
                add_outer(weights.of_mut(gradient), trace.state(at), &flow.logits, flow.logits.len());
                for (bias, logit) in biases.of_mut(gradient).iter_mut().zip(&flow.logits) {
                    *bias += logit;
                }
                add_transposed(&mut flow.states[at * h..][..h], weights.of(&self.weights), &flow.logits);
            }
            Task::Pointer { decision, anchors } => {
                self.scores(trace, objective, *decision, &mut flow.logits);
                let scores = anchors.iter().copied().zip(flow.logits.iter().copied());
                let state = (trace.state(at), &mut flow.states[at * h..][..h]);
                let (attention, projections) = (&self.shape.attention[POINTER], &trace.projections[POINTER]);
                flow.attention[POINTER].scores(projections, attention, &self.weights, at, scores, state, gradient);
            }
            Task::Skips { first, anchors } => {
                let mut yes = Vec::with_capacity(anchors.len());
                for (i, &anchor) in anchors.iter().enumerate() {
                    self.scores(trace, objective, first + i, &mut flow.logits);
                    yes.push((anchor, flow.logits[1]));
                }
                let state = (trace.state(at), &mut flow.states[at * h..][..h]);
                let (attention, projections) = (&self.shape.attention[SKIP], &trace.projections[SKIP]);
                let scores = yes.into_iter();
                flow.attention[SKIP].scores(projections, attention, &self.weights, at, scores, state, gradient);
            }
        }
    }

    /// The gradient with regard to the raw scores of a decision.
    fn scores(&self, trace: &Trace, objective: &Objective<'_>, decision: usize, logits: &mut Vec<f64>) {
        let range = self.plan.options(decision);
        logits.clear();
        logits.resize(range.len(), 0.0);
        let skip = objective.skip.filter(|_| self.is_skip(decision) && range.len() == 2);
        let term = Term { score: objective.scores[decision], entropy: objective.entropy, skip };
        let (probabilities, logs) = (&trace.probabilities[range.clone()], &trace.logs[range.clone()]);
        term.gradient(trace.choices[decision], probabilities, logs, logits);
        for (logit, slope) in logits.iter_mut().zip(&trace.slopes[range]) {
            *logit *= slope;
        }
    }

    /// From what entered the lowest layer at a step to where it came from.
    fn leave_input(&self, trace: &Trace, flow: &mut Flow, input: Input, came: &[f64], gradient: &mut [f64]) {
        let h = self.config.hidden;
        let add = |place: &mut [f64], divisor: f64| {
            for i in 0..h {
                place[i] += came[i] / divisor;
            }
        };
        match input {
            Input::Start => add(self.shape.start.of_mut(gradient), 1.0),
            Input::Embedding { decision } => {
                add(self.embedding(decision).row_mut(gradient, trace.choices[decision]), 1.0);
            }
            Input::Pointed { step } => add(&mut flow.states[self.pointed(trace, step) * h..][..h], 1.0),
            Input::Skipped { step } => {
                let task = &self.plan.steps[step].task;
                let divisor = (trace.skipped(task).count() + 1) as f64;
                for anchor in trace.skipped(task) {
                    add(&mut flow.states[anchor * h..][..h], divisor);
                }
            }
        }
    }
}
