//! The forward pass: one walk through the plan, which draws or follows an architecture and keeps what the way back needs.

use crate::attention::Projections;
use crate::distribution::softmax;
use crate::lstm::History;
use crate::plan::{Input, POINTER, SKIP, Task};
use crate::policy::{Policy, Sample};

/// What a walk leaves behind.
pub(crate) struct Trace {
    pub(crate) choices: Vec<usize>,
    log_probs: Vec<f64>,
    entropy: f64,
    /// For all options of all decisions: probabilities, their logarithms, and how logits follow raw scores.
    pub(crate) probabilities: Vec<f64>,
    pub(crate) logs: Vec<f64>,
    pub(crate) slopes: Vec<f64>,
    /// `[steps, H]`: the state of the top layer.
    states: Vec<f64>,
    pub(crate) layers: Vec<History>,
    pub(crate) projections: [Projections; 2],
    hidden: usize,
}

impl Trace {
    fn new(policy: &Policy) -> Self {
        let (steps, h) = (policy.plan.steps.len(), policy.config.hidden);
        let decisions = policy.plan.head_of.len();
        let options = policy.plan.offsets[decisions];
        Self {
            choices: Vec::with_capacity(decisions),
            log_probs: Vec::with_capacity(decisions),
            entropy: 0.0,
            probabilities: vec![0.0; options],
            logs: vec![0.0; options],
            slopes: vec![0.0; options],
            states: vec![0.0; steps * h],
            layers: vec![History::new(steps, h); policy.config.layers],
            projections: [(); 2].map(|()| Projections::new(steps, h)),
            hidden: h,
        }
    }

    /// The state of the top layer behind a step, `[H]`.
    pub(crate) fn state(&self, step: usize) -> &[f64] {
        &self.states[step * self.hidden..][..self.hidden]
    }

    /// The anchors chosen at a step of skips.
    pub(crate) fn skipped<'a>(&'a self, task: &'a Task) -> impl Iterator<Item = usize> + 'a {
        let (first, anchors) = match task {
            Task::Skips { first, anchors } => (*first, anchors.as_slice()),
            _ => (0, [].as_slice()),
        };
        anchors.iter().enumerate().filter(move |(i, _)| self.choices[first + i] == 1).map(|(_, &anchor)| anchor)
    }

    /// What of it outlives the gradient.
    pub(crate) fn sample(self) -> Sample {
        Sample { choices: self.choices, log_probs: self.log_probs, entropy: self.entropy }
    }

    /// The same, before the trace is used up.
    pub(crate) fn log_probs(&self) -> (&[f64], f64) {
        (&self.log_probs, self.entropy)
    }
}

impl Policy {
    /// Walks through all steps. `choose` is given a decision and the probabilities of its options, and returns the
    /// option taken; of a decision that is made from outside, there are no probabilities before.
    pub(crate) fn walk(&self, mut choose: impl FnMut(usize, &[f64]) -> usize) -> Trace {
        let mut trace = Trace::new(self);
        for (at, step) in self.plan.steps.iter().enumerate() {
            self.enter(&mut trace, at, step.input);
            self.run_layers(&mut trace, at);
            let h = self.config.hidden;
            let state = &trace.states[at * h..][..h];
            for (which, &is_anchor) in self.plan.is_anchor[at].iter().enumerate() {
                if is_anchor {
                    trace.projections[which].add_anchor(&self.shape.attention[which], &self.weights, at, state);
                }
            }
            match &step.task {
                Task::Anchor => {}
                Task::Softmax { decision, head } => {
                    let (weights, biases) = self.shape.heads[*head];
                    let raw = &mut trace.probabilities[self.plan.options(*decision)];
                    raw.copy_from_slice(biases.of(&self.weights));
                    crate::kernel::add_product(raw, weights.of(&self.weights), state);
                    self.decide(&mut trace, *decision, &mut choose);
                }
                Task::Pointer { decision, anchors } => {
                    let attention = &self.shape.attention[POINTER];
                    let projections = &mut trace.projections[POINTER];
                    projections.add_query(attention, &self.weights, at, state);
                    let raw = &mut trace.probabilities[self.plan.options(*decision)];
                    for (raw, &anchor) in raw.iter_mut().zip(anchors) {
                        *raw = projections.score(attention, &self.weights, at, anchor);
                    }
                    self.decide(&mut trace, *decision, &mut choose);
                }
                Task::Skips { first, anchors } => {
                    let attention = &self.shape.attention[SKIP];
                    trace.projections[SKIP].add_query(attention, &self.weights, at, state);
                    for (i, &anchor) in anchors.iter().enumerate() {
                        let score = trace.projections[SKIP].score(attention, &self.weights, at, anchor);
                        trace.probabilities[self.plan.options(first + i)].copy_from_slice(&[0.0, score]);
                        self.decide(&mut trace, first + i, &mut choose);
                    }
                }
            }
        }
        trace
    }

    /// Writes what enters the lowest layer at a step.
    fn enter(&self, trace: &mut Trace, at: usize, input: Input) {
        let h = self.config.hidden;
        match input {
            Input::Start => trace.layers[0].input_mut(at).copy_from_slice(self.shape.start.of(&self.weights)),
            Input::Embedding { decision } => {
                let row = self.embedding(decision).row(&self.weights, trace.choices[decision]);
                trace.layers[0].input_mut(at).copy_from_slice(row);
            }
            Input::Pointed { step } => {
                let anchor = self.pointed(trace, step);
                trace.layers[0].input_mut(at).copy_from_slice(&trace.states[anchor * h..][..h]);
            }
            Input::Skipped { step } => {
                let chosen: Vec<usize> = trace.skipped(&self.plan.steps[step].task).collect();
                let place = trace.layers[0].input_mut(at);
                for &anchor in &chosen {
                    for i in 0..h {
                        place[i] += trace.states[anchor * h + i];
                    }
                }
                let divisor = (chosen.len() + 1) as f64;
                place.iter_mut().for_each(|x| *x /= divisor);
            }
        }
    }

    /// The embeddings of a decision's options.
    pub(crate) fn embedding(&self, decision: usize) -> crate::layout::Block {
        let head = self.plan.head_of[decision].expect("only decisions by softmax are embedded");
        self.shape.embeddings[head]
    }

    /// The anchor that was chosen at a pointing step.
    pub(crate) fn pointed(&self, trace: &Trace, step: usize) -> usize {
        match &self.plan.steps[step].task {
            Task::Pointer { decision, anchors } => anchors[trace.choices[*decision]],
            other => unreachable!("the plan points back at {other:?}"),
        }
    }

    /// Runs all layers at a step.
    fn run_layers(&self, trace: &mut Trace, at: usize) {
        let h = self.config.hidden;
        let last = trace.layers.len() - 1;
        let mut state = vec![0.0; h];
        for (l, &layer) in self.shape.layers.iter().enumerate() {
            trace.layers[l].forward(layer, &self.weights, at, &mut state);
            if at + 1 < self.plan.steps.len() {
                trace.layers[l].state_mut(at + 1).copy_from_slice(&state);
            }
            if l < last {
                trace.layers[l + 1].input_mut(at).copy_from_slice(&state);
            }
        }
        trace.states[at * h..][..h].copy_from_slice(&state);
    }

    /// Turns the raw scores of a decision into probabilities, and takes an option.
    fn decide(&self, trace: &mut Trace, decision: usize, choose: &mut impl FnMut(usize, &[f64]) -> usize) {
        let range = self.plan.options(decision);
        let by_sigmoid = self.plan.head_of[decision].is_none() && range.len() == 2 && self.is_skip(decision);
        let shaping = self.shaping(decision, by_sigmoid);
        let settled = (self.settled == Some(decision)).then(|| choose(decision, &[]));
        let allowed = match settled {
            Some(choice) => (0..range.len()).map(|option| option == choice).collect(),
            None => self.space.allowed(&trace.choices),
        };
        let (values, slopes) = (&mut trace.probabilities[range.clone()], &mut trace.slopes[range.clone()]);
        for (option, (value, slope)) in values.iter_mut().zip(slopes).enumerate() {
            // A sigmoid has one score: that of its first option is 0 whatever the shaping.
            let (logit, by) = shaping.apply(*value);
            (*value, *slope) = (logit + self.favour(decision, option), by);
        }
        trace.entropy += softmax(values, &mut trace.logs[range.clone()], &allowed);
        let choice = settled.unwrap_or_else(|| choose(decision, &trace.probabilities[range.clone()]));
        trace.log_probs.push(trace.logs[range.start + choice]);
        trace.choices.push(choice);
    }

    pub(crate) fn is_skip(&self, decision: usize) -> bool {
        self.space.decisions()[decision].chooses == nas_space::Chooses::Skip
    }
}
