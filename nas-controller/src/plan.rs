//! What the LSTM does step by step in a space: worked out once from the decisions, the same for every architecture.
//!
//! A decision by softmax is a step. So is one by pointing; the nodes it can point at are *anchors*, earlier steps whose
//! state stands for a node. A run of skips is one step, at which every skip is drawn on its own, and which is the anchor
//! of its layer. Where a node has no step of its own yet, a step without a decision is put in as its anchor.

use nas_space::{Chooses, Decision};

use crate::config::{Heads, Wiring};

/// What enters the LSTM at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A learned vector: nothing comes before, or what does was taken in by an anchor.
    Start,
    /// The embedding of the option chosen in a decision.
    Embedding { decision: usize },
    /// The anchor chosen at a pointing step.
    Pointed { step: usize },
    /// The sum of the anchors chosen at a step of skips, divided by one more than their number.
    Skipped { step: usize },
}

/// What is done with the LSTM's state at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// It is kept as an anchor.
    Anchor,
    /// It decides by softmax.
    Softmax { decision: usize, head: usize },
    /// It decides by pointing at one of these steps.
    Pointer { decision: usize, anchors: Vec<usize> },
    /// It decides one skip to each of these steps, the decisions from `first` on; and it is kept as an anchor.
    Skips { first: usize, anchors: Vec<usize> },
}

/// A step of the LSTM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) input: Input,
    pub(crate) task: Task,
}

/// The two attentions: that over inputs, and that over skips.
pub(crate) const POINTER: usize = 0;
/// See [`POINTER`].
pub(crate) const SKIP: usize = 1;

/// All steps, and what they share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// For each softmax head, the first decision it makes: its kind and options are the head's.
    pub(crate) heads: Vec<usize>,
    /// For each decision, the head that makes it, where it is made by softmax.
    pub(crate) head_of: Vec<Option<usize>>,
    /// For each decision, where its options begin in a list of all options of all decisions; and their total.
    pub(crate) offsets: Vec<usize>,
    /// For each step, whether it is an anchor of each attention.
    pub(crate) is_anchor: Vec<[bool; 2]>,
}

impl Plan {
    /// The plan for the decisions of a space.
    pub(crate) fn new(decisions: &[Decision], heads: Heads, wiring: Wiring) -> Self {
        let mut builder = Builder { decisions, heads, plan: Self::empty(decisions), pending: Input::Start };
        // Anchors of inputs, by group: each cell has its own states.
        let mut states: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut layers: Vec<usize> = Vec::new();
        let early = if wiring == Wiring::Attention { early_anchors(decisions) } else { Vec::new() };
        let mut at = 0;
        while at < decisions.len() {
            let decision = &decisions[at];
            for _ in early.iter().filter(|&&before| before == at) {
                layers.push(builder.anchor());
            }
            match (wiring, decision.chooses) {
                (Wiring::Attention, Chooses::Input) => {
                    if !states.iter().any(|(group, _)| *group == decision.group) {
                        states.push((&decision.group, Vec::new()));
                    }
                    let known = states.iter_mut().find(|(group, _)| *group == decision.group);
                    let (_, anchors) = known.expect("it was added where it was missing");
                    while anchors.len() < decision.options.len() {
                        anchors.push(builder.anchor());
                    }
                    let anchors = anchors[..decision.options.len()].to_vec();
                    let step = builder.step(Task::Pointer { decision: at, anchors });
                    builder.pending = Input::Pointed { step };
                    at += 1;
                }
                (Wiring::Attention, Chooses::Skip) if is_skip(decision) => {
                    let length = run_of_skips(decisions, at);
                    let anchors = layers[layers.len() - length..].to_vec();
                    let step = builder.step(Task::Skips { first: at, anchors });
                    layers.push(step);
                    builder.pending = Input::Skipped { step };
                    at += length;
                }
                _ => {
                    let head = builder.head(at);
                    builder.step(Task::Softmax { decision: at, head });
                    builder.pending = Input::Embedding { decision: at };
                    at += 1;
                }
            }
        }
        builder.plan.mark_anchors();
        builder.plan
    }

    fn empty(decisions: &[Decision]) -> Self {
        let mut offsets = vec![0];
        for decision in decisions {
            offsets.push(offsets[offsets.len() - 1] + decision.options.len());
        }
        let head_of = vec![None; decisions.len()];
        Self { steps: Vec::new(), heads: Vec::new(), head_of, offsets, is_anchor: Vec::new() }
    }

    /// Where the options of a decision lie in a list of all options.
    pub(crate) fn options(&self, decision: usize) -> std::ops::Range<usize> {
        self.offsets[decision]..self.offsets[decision + 1]
    }

    fn mark_anchors(&mut self) {
        self.is_anchor = vec![[false; 2]; self.steps.len()];
        for step in &self.steps {
            let (attention, anchors) = match &step.task {
                Task::Pointer { anchors, .. } => (POINTER, anchors),
                Task::Skips { anchors, .. } => (SKIP, anchors),
                _ => continue,
            };
            for &anchor in anchors {
                self.is_anchor[anchor][attention] = true;
            }
        }
    }
}

struct Builder<'a> {
    decisions: &'a [Decision],
    heads: Heads,
    plan: Plan,
    /// What the next step takes in.
    pending: Input,
}

impl Builder<'_> {
    fn step(&mut self, task: Task) -> usize {
        self.plan.steps.push(Step { input: self.pending, task });
        self.pending = Input::Start;
        self.plan.steps.len() - 1
    }

    fn anchor(&mut self) -> usize {
        self.step(Task::Anchor)
    }

    /// The head of a decision: a new one, or that of an earlier decision that it may share.
    fn head(&mut self, at: usize) -> usize {
        let decision = &self.decisions[at];
        let same = |&first: &usize| {
            let other = &self.decisions[first];
            self.heads == Heads::Shared && other.chooses == decision.chooses && other.options == decision.options
        };
        let head = self.plan.heads.iter().position(same).unwrap_or_else(|| {
            self.plan.heads.push(at);
            self.plan.heads.len() - 1
        });
        self.plan.head_of[at] = Some(head);
        head
    }
}

/// Whether a decision is one that a sigmoid can make.
fn is_skip(decision: &Decision) -> bool {
    decision.chooses == Chooses::Skip && decision.options.len() == 2
}

/// How many decisions from `at` on are skips of one layer.
fn run_of_skips(decisions: &[Decision], at: usize) -> usize {
    let of_run = |d: &&Decision| is_skip(d) && d.group == decisions[at].group;
    decisions[at..].iter().take_while(of_run).count()
}

/// The decisions before which a layer without skips ends, which needs an anchor nevertheless: once for each such layer.
///
/// A run of n skips reaches the n layers before its own. The runs before it are anchors of their layers; what is missing
/// are layers without skips, such as the first. Where their decisions are of groups of their own, each ends with its
/// group, else their anchors come right before the run.
fn early_anchors(decisions: &[Decision]) -> Vec<usize> {
    let (mut early, mut known, mut behind_run, mut at) = (Vec::new(), 0, 0, 0);
    while at < decisions.len() {
        if !is_skip(&decisions[at]) {
            at += 1;
            continue;
        }
        let length = run_of_skips(decisions, at);
        let missing = length.saturating_sub(known);
        let mut ends: Vec<usize> =
            (behind_run + 1..=at).filter(|&i| decisions[i].group != decisions[i - 1].group).collect();
        // A group that begins with the run is the layer's own, whose other decisions came right before.
        if ends.last() == Some(&at) {
            ends.pop();
        }
        let kept = ends.len().saturating_sub(missing);
        let found = ends.split_off(kept);
        let rest = missing - found.len();
        early.extend(found);
        early.extend(std::iter::repeat_n(at, rest));
        known += missing + 1;
        at += length;
        behind_run = at;
    }
    early
}

#[cfg(test)]
mod tests;
