//! The memory of a pass, worked out without running it: the forward and the reverse pass once more, over buffers that have
//! a size and no content.
//!
//! The one idea: the [pool](crate::pool) keeps a buffer for the next layer that wants one of its size, so what a pass needs
//! is, for every size, the most buffers that are in use at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use nas_space::{Layer, NetworkGraph};

use super::plan::{Plan, Step};
use super::{ALONG, Precision};
use crate::kernels::conv::Stages;
use crate::kernels::lanes::LANES;
use crate::kernels::pieces::samples_per_piece;

/// A training step, as far as its memory depends on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingStep {
    /// Images of a batch.
    pub batch: usize,
    /// What activations and their gradients are kept in.
    pub precision: Precision,
    /// Whether paths are dropped.
    pub drop_path: bool,
}

/// Bytes that training a network holds at once: its activations and their gradients, its parameters, their gradients and
/// two numbers of an optimiser for each (Adam's; SGD keeps one), and the batches on their way.
///
/// An estimate: scratch of the threads and the program itself come on top. The peak of a process that trains is within 20 %
/// of it wherever activations outweigh the program; a test holds that.
pub fn training_step(graph: &NetworkGraph, step: &TrainingStep) -> u64 {
    let mut pass = Pass::of(graph, step);
    pass.forward(true);
    pass.backward();
    let parameters = 4 * graph.parameters() as u64;
    pass.peak() + 4 * parameters + batches(graph, step.batch)
}

/// Bytes that a training step's forward pass leaves for the reverse pass, for each node of the graph. What several nodes hold
/// counts at the first of them. Gradients, parameters and batches, which [`training_step`] has besides, belong to no node.
pub fn kept(graph: &NetworkGraph, step: &TrainingStep) -> Vec<u64> {
    let mut pass = Pass::of(graph, step);
    pass.forward(true);
    pass.held()
}

/// Bytes that evaluating a network on `batch` images at a time holds at once, with so many threads: each has some of the
/// images.
pub fn evaluation(graph: &NetworkGraph, batch: usize, threads: usize) -> u64 {
    let along = batch.clamp(1, ALONG);
    let mut pass = Pass::new(graph, along, 4, false);
    pass.forward(false);
    threads.clamp(1, batch.div_ceil(along).max(1)) as u64 * pass.peak()
        + 4 * graph.parameters() as u64
        + batches(graph, batch)
}

/// Batches that are prepared ahead, and the one that is worked on.
const BATCHES: u64 = 3;

fn batches(graph: &NetworkGraph, batch: usize) -> u64 {
    BATCHES * 4 * (batch * graph.input_shape().elements()) as u64
}

/// For each size of buffers in bytes, how many are in use, and how many were at most.
type Counts = Rc<RefCell<BTreeMap<usize, (usize, usize)>>>;

/// A buffer in use.
struct Buffer {
    bytes: usize,
    counts: Counts,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some((used, _)) = self.counts.borrow_mut().get_mut(&self.bytes) {
            *used -= 1;
        }
    }
}

type Blocks = Vec<Rc<Buffer>>;

/// An activation: its blocks, and what its readers have to do to them.
#[derive(Clone, Default)]
struct Value {
    blocks: Blocks,
    affine: bool,
    relu: bool,
}

/// A gradient.
#[derive(Clone, Default)]
struct Gradient {
    blocks: Blocks,
    /// The input of the batch norm that it is read through: in use for as long as it is.
    _through: Blocks,
}

/// What the passes leave at each node.
struct Pass {
    plan: Plan,
    batch: usize,
    /// Bytes of a number that is kept.
    bytes: usize,
    drop_path: bool,
    counts: Counts,
    values: Vec<Option<Value>>,
    norms: Vec<Option<Blocks>>,
    /// Inputs and outputs of custom layers.
    passed: Vec<Blocks>,
    pending: Vec<Option<Gradient>>,
}

impl Pass {
    fn of(graph: &NetworkGraph, step: &TrainingStep) -> Self {
        let bytes = match step.precision {
            Precision::F32 => 4,
            Precision::Bf16 => 2,
        };
        Self::new(graph, step.batch, bytes, step.drop_path)
    }

    fn new(graph: &NetworkGraph, batch: usize, bytes: usize, drop_path: bool) -> Self {
        let learned = |node: usize| (!graph.parameter_shapes(node).is_empty()).then_some(node);
        let is_custom = |node: usize| matches!(graph.node(node).layer, Layer::Custom { .. }).then_some(node);
        let parameters: Vec<_> = (0..graph.len()).map(|node| learned(node).or_else(|| is_custom(node))).collect();
        let plan = Plan::new(graph, &parameters, &vec![None; graph.len()]);
        let count = graph.len();
        Self {
            plan,
            batch,
            bytes,
            drop_path,
            counts: Counts::default(),
            values: vec![None; count],
            norms: vec![None; count],
            passed: vec![Vec::new(); count],
            pending: vec![None; count],
        }
    }

    /// The most bytes at once, as the pool keeps them.
    fn peak(&self) -> u64 {
        self.counts.borrow().iter().map(|(bytes, (_, most))| (bytes * most) as u64).sum()
    }

    /// Bytes of the buffers in use, each at the first node that holds it.
    fn held(&self) -> Vec<u64> {
        let mut seen = BTreeSet::new();
        let mut at = |node: usize| -> u64 {
            let value = self.values[node].iter().flat_map(|value| &value.blocks);
            let blocks = value.chain(self.norms[node].iter().flatten()).chain(&self.passed[node]);
            blocks.filter(|block| seen.insert(Rc::as_ptr(block))).map(|block| block.bytes as u64).sum()
        };
        (0..self.values.len()).map(&mut at).collect()
    }

    fn take(&self, lanes: usize, bytes: usize) -> Rc<Buffer> {
        let bytes = (lanes * LANES * bytes).next_multiple_of(64);
        let mut counts = self.counts.borrow_mut();
        let (used, most) = counts.entry(bytes).or_default();
        *used += 1;
        *most = (*most).max(*used);
        Rc::new(Buffer { bytes, counts: Rc::clone(&self.counts) })
    }

    fn fresh(&self, blocks: usize, pixels: usize) -> Blocks {
        (0..blocks).map(|_| self.take(self.batch * pixels, self.bytes)).collect()
    }

    /// Blocks for a node's output.
    fn fresh_for(&self, node: usize) -> Blocks {
        let step = &self.plan.steps[node];
        self.fresh(step.blocks, step.pixels())
    }

    fn value(&self, node: usize) -> Value {
        self.values[node].clone().unwrap_or_default()
    }

    /// The blocks of a value with nothing left to do.
    fn computed(&self, value: &Value, pixels: usize) -> Blocks {
        if value.affine || value.relu { self.fresh(value.blocks.len(), pixels) } else { value.blocks.clone() }
    }

    fn forward(&mut self, learn: bool) {
        for index in 0..self.plan.steps.len() {
            if !self.plan.runs(index, learn) {
                continue;
            }
            if self.plan.steps[index].lead.is_none() {
                let value = self.node(index, learn);
                self.values[index] = Some(value);
            } else if self.values[index].is_none() {
                self.siblings(index, learn);
            }
            self.plan.released(index, learn).for_each(|input| self.values[input] = None);
            if !learn {
                self.norms[index] = None;
                self.passed[index].clear();
            }
        }
    }

    fn node(&mut self, index: usize, learn: bool) -> Value {
        let step = &self.plan.steps[index];
        let first = || step.inputs.first().map(|&input| self.value(input)).unwrap_or_default();
        let blocks = match &step.layer {
            Layer::Relu => return Value { relu: true, ..first() },
            Layer::TrainingRelu => return Value { relu: learn, ..first() },
            Layer::Add | Layer::Concat if step.inputs.len() == 1 => return first(),
            Layer::Concat => return self.concat(step),
            Layer::DropPath if !(learn && self.drop_path) => return first(),
            Layer::Zero { .. } => vec![self.take(self.batch * step.pixels(), self.bytes); step.blocks],
            Layer::BatchNorm { .. } => {
                let input = self.computed(&first(), step.pixels());
                self.norms[index] = Some(input.clone());
                return Value { blocks: input, affine: true, relu: false };
            }
            Layer::Add | Layer::WeightedSum { .. } => {
                let moved = step.inputs.iter().filter(|&&input| self.plan.steps[input].slots != step.slots);
                let _moved: Vec<Blocks> = moved.map(|_| self.fresh_for(index)).collect();
                self.fresh_for(index)
            }
            Layer::Custom { .. } => {
                // Candle's own tensors of input and output, and no more is known of it.
                let from = &self.plan.steps[step.inputs[0]];
                self.passed[index] = [self.fresh(from.blocks, from.pixels()), self.fresh_for(index)].concat();
                self.fresh_for(index)
            }
            _ => self.fresh_for(index),
        };
        Value { blocks, ..Value::default() }
    }

    fn concat(&self, step: &Step) -> Value {
        let parts: Vec<Value> = step.inputs.iter().map(|&input| self.value(input)).collect();
        let same = parts.iter().all(|part| part.relu == parts[0].relu);
        let blocks = parts.iter().flat_map(|part| match same {
            true => part.blocks.clone(),
            false => self.computed(part, step.pixels()),
        });
        let blocks = blocks.collect();
        Value { blocks, affine: same && parts.iter().any(|part| part.affine), relu: same && parts[0].relu }
    }

    /// Convolutions and poolings that read one value.
    fn siblings(&mut self, index: usize, learn: bool) {
        let members = self.plan.members(index, learn);
        for (number, &member) in members.iter().enumerate() {
            let step = &self.plan.steps[member];
            let blocks = match members[..number].iter().find(|&&twin| self.plan.is_twin(twin, member)) {
                Some(&twin) => self.value(twin).blocks,
                None if step.spared => Vec::new(),
                None => self.fresh_for(member),
            };
            let affine = matches!(step.layer, Layer::Linear { .. });
            self.values[member] = Some(Value { blocks, affine, relu: false });
        }
    }

    fn backward(&mut self) {
        let heads = [Some(self.plan.output), self.plan.auxiliary];
        for node in heads.into_iter().flatten() {
            self.pending[node] = Some(Gradient { blocks: self.fresh_for(node), _through: Vec::new() });
        }
        let mut waiting: Vec<Vec<(usize, Gradient)>> = vec![Vec::new(); self.plan.steps.len()];
        for index in (0..self.plan.steps.len()).rev() {
            let gradient = self.pending[index].take();
            match (self.plan.steps[index].lead, gradient) {
                (Some(lead), Some(gradient)) => waiting[lead].push((index, gradient)),
                (None, Some(gradient)) => self.back(index, gradient),
                _ => {}
            }
            let siblings = std::mem::take(&mut waiting[index]);
            self.back_siblings(&siblings);
            self.values[index] = None;
            self.norms[index] = None;
            self.passed[index].clear();
        }
    }

    /// Adds a gradient to a node's, into blocks of the node's own.
    fn add(&mut self, node: usize) {
        let blocks = match self.pending[node].take() {
            None => self.fresh_for(node),
            // What someone else holds, too, is copied before it is added to.
            Some(earlier) => earlier
                .blocks
                .iter()
                .map(|block| match Rc::strong_count(block) {
                    1 => Rc::clone(block),
                    _ => self.take(block.bytes / LANES / self.bytes, self.bytes),
                })
                .collect(),
        };
        self.pending[node] = Some(Gradient { blocks, _through: Vec::new() });
    }

    /// Hands a gradient on; the first one is shared.
    fn send(&mut self, node: usize, gradient: Gradient) {
        match self.pending[node] {
            None => self.pending[node] = Some(gradient),
            Some(_) => self.add(node),
        }
    }

    fn back(&mut self, index: usize, gradient: Gradient) {
        let (inputs, learns) = (self.plan.steps[index].inputs.clone(), self.plan.steps[index].learns);
        let learning: Vec<usize> = inputs.iter().copied().filter(|&input| self.plan.steps[input].learns).collect();
        let Some(&source) = inputs.first() else { return };
        let own = |pass: &Self, node: usize| Gradient { blocks: pass.fresh_for(node), _through: Vec::new() };
        match self.plan.steps[index].layer.clone() {
            Layer::BatchNorm { .. } if self.plan.steps[source].learns => {
                let norm = self.norms[index].clone().unwrap_or_default();
                let gradient = match self.plan.steps[index].folds {
                    true => Gradient { blocks: gradient.blocks, _through: norm },
                    false => own(self, source),
                };
                self.send(source, gradient);
            }
            _ if !learns => {}
            Layer::Relu if self.plan.steps[index].gated => self.send(source, gradient),
            Layer::Relu | Layer::TrainingRelu | Layer::GlobalAveragePool => self.add(source),
            Layer::DropPath if self.drop_path => self.add(source),
            Layer::DropPath => self.send(source, gradient),
            Layer::Narrow { .. } | Layer::Select { .. } | Layer::Pad { .. } | Layer::Custom { .. } => {
                let dx = own(self, source);
                self.send(source, dx);
            }
            Layer::Add => {
                for input in learning {
                    let same = self.plan.steps[input].slots == self.plan.steps[index].slots;
                    let moved = if same { gradient.clone() } else { own(self, input) };
                    self.send(input, moved);
                }
            }
            Layer::WeightedSum { .. } => {
                for input in learning {
                    let (from, step) = (&self.plan.steps[input], &self.plan.steps[index]);
                    if self.norms[input].is_some() && from.readers == 1 && from.slots == step.slots {
                        self.send(input, Gradient { blocks: gradient.blocks.clone(), _through: Vec::new() });
                    } else {
                        self.add(input);
                    }
                }
            }
            Layer::Concat => {
                let mut blocks = gradient.blocks.into_iter();
                for input in inputs {
                    let part: Blocks = blocks.by_ref().take(self.plan.steps[input].blocks).collect();
                    if self.plan.steps[input].learns {
                        self.send(input, Gradient { blocks: part, _through: Vec::new() });
                    }
                }
            }
            _ => {}
        }
    }

    fn back_siblings(&mut self, gradients: &[(usize, Gradient)]) {
        let Some(&(first, _)) = gradients.first() else { return };
        let target = self.plan.steps[first].target;
        if self.plan.steps[target].learns {
            self.add(target);
        }
        // Every piece of the batch adds its own part of the weights' gradients up.
        let pieces = self.batch.div_ceil(samples_per_piece(self.batch));
        let lanes = |&(member, _): &(usize, Gradient)| -> usize {
            let step = &self.plan.steps[member];
            let Some(convolution) = step.convolution else { return 0 };
            let taps = convolution.window.kernel[0] * convolution.window.kernel[1];
            let inputs = self.plan.steps[step.target].blocks * LANES;
            match convolution.stages {
                Stages::Depthwise => step.blocks * taps,
                Stages::Separable => step.blocks * inputs,
                Stages::Dense { .. } => step.blocks * inputs * taps,
            }
        };
        let _sums: Vec<Rc<Buffer>> =
            gradients.iter().flat_map(|gradient| vec![lanes(gradient); pieces]).map(|l| self.take(l, 4)).collect();
    }
}
