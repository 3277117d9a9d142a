//! What a pass over the graph needs to know beforehand: who reads what, which layers run as one, which values the reverse
//! pass needs again, where each node's tensors are and where its channels lie.
//!
//! Six patterns are looked for; a graph that has none of them runs all the same, layer by layer:
//! - batch norms and ReLUs are arithmetic on values that someone else reads ([`Value`](super::value::Value)); always;
//! - a depthwise convolution and the 1x1 convolution that alone reads it are one ([`Step::absorbs`]);
//! - a convolution takes the batch norm's moments as it writes ([`Step::tallies`]), and reads its gradient through the
//!   batch norm that alone reads it ([`Step::folds`]);
//! - a ReLU that only convolutions read leaves its gradient to them ([`Step::gated`]), and the batch norm before it its
//!   sums ([`Step::sums_for`]);
//! - convolutions and poolings that read one value run together ([`Step::siblings`]);
//! - a pooled value that only a mixed sum reads, through a batch norm, is never kept ([`Step::spared`]).

use nas_space::{Conv2d, Layer, NetworkGraph, Pool, PoolKind, Shape, Window};

use crate::kernels::conv::Stages;
use crate::kernels::lanes::LANES;

/// What a convolution does; a linear layer is one whose window is the whole map.
#[derive(Clone, Copy)]
pub(super) struct Convolution {
    pub(super) window: Window,
    pub(super) stages: Stages,
    /// Output channels.
    pub(super) out: usize,
}

impl Convolution {
    /// That of a layer which reads maps of some shape, if it is one.
    fn of(layer: &Layer, input: Shape) -> Option<Self> {
        match *layer {
            Layer::Conv2d(conv) => {
                let Conv2d { out, window, .. } = conv;
                Some(Self { window, stages: Stages::of(&conv, input.channels), out })
            }
            Layer::Linear { out } => {
                let window = Window { kernel: [input.height, input.width], ..Window::valid(1, 1) };
                Some(Self { window, stages: Stages::Dense { groups: 1 }, out })
            }
            _ => None,
        }
    }
}

/// One node, ready to run.
pub(super) struct Step {
    pub(super) layer: Layer,
    /// The nodes it reads; for a convolution that absorbs another, what that one reads.
    pub(super) inputs: Vec<usize>,
    /// Index of the node's first parameter; its second, if any, follows.
    pub(super) parameter: Option<usize>,
    /// Index of the node's running mean among the buffers; its running variance follows.
    pub(super) buffer: Option<usize>,
    /// What a convolution or linear layer does, the convolution it absorbs included.
    pub(super) convolution: Option<Convolution>,
    /// The depthwise convolution this 1x1 convolution runs as its own first stage.
    pub(super) absorbs: Option<usize>,
    /// Whether another convolution runs this one.
    pub(super) absorbed: bool,
    /// For a convolution: a batch norm reads its output and wants its moments.
    pub(super) tallies: bool,
    /// For a batch norm: the convolution in front of it works out its input gradient.
    pub(super) folds: bool,
    /// For a ReLU: convolutions alone read it, and each passes on the gradient before the ReLU. For a convolution: its
    /// input is such a ReLU.
    pub(super) gated: bool,
    /// For a convolution that alone reads such a ReLU, which alone reads a batch norm: that batch norm. The convolution
    /// takes its sums as it writes the gradient.
    pub(super) sums_for: Option<usize>,
    /// For a convolution or pooling: the node whose value it reads, past a ReLU that leaves its gradient to it.
    pub(super) target: usize,
    /// For a convolution or pooling: the first of those that read the same value. They run together.
    pub(super) lead: Option<usize>,
    /// For such a first one: all of them, in order.
    pub(super) siblings: Vec<usize>,
    /// For a pooling: its output is not kept. The batch norm that alone reads it takes no more than its moments, and the
    /// mixed sum behind that works it out again.
    pub(super) spared: bool,
    /// For such a mixed sum: the nodes that those poolings read.
    pub(super) reads_again: Vec<usize>,
    /// Whether the reverse pass reads the output of this node.
    pub(super) keep: bool,
    /// Whether anything learned lies at or before this node, so that a gradient has somewhere to go.
    pub(super) learns: bool,
    /// How many nodes read this output.
    pub(super) readers: usize,
    /// The node whose forward is the last to read this output.
    pub(super) last_reader: usize,
    /// The shape of its output for one sample.
    pub(super) shape: Shape,
    /// In which lane each channel of the output lies, over all its blocks (see [`crate::layout`]).
    pub(super) slots: Vec<usize>,
    /// Blocks of the output.
    pub(super) blocks: usize,
}

impl Step {
    pub(super) fn pixels(&self) -> usize {
        self.shape.height * self.shape.width
    }
}

pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) output: usize,
    pub(super) auxiliary: Option<usize>,
    /// Whether a node matters for the main output; the rest is the auxiliary head, which runs in training only.
    pub(super) main: Vec<bool>,
}

impl Plan {
    /// `parameters` and `buffers` give, for each node, the index of its first tensor.
    pub(super) fn new(graph: &NetworkGraph, parameters: &[Option<usize>], buffers: &[Option<usize>]) -> Self {
        let mut steps: Vec<Step> = Vec::with_capacity(graph.len());
        for (index, node) in graph.nodes() {
            let inputs = graph.inputs(index);
            let convolution = inputs.first().and_then(|&input| Convolution::of(&node.layer, steps[input].shape));
            let in_order = ((0..node.shape.channels).collect(), node.shape.channels.div_ceil(LANES));
            let (slots, blocks) = lanes(&node.layer, convolution, &inputs, &steps).unwrap_or(in_order);
            steps.push(Step {
                layer: node.layer.clone(),
                parameter: parameters[index],
                buffer: buffers[index],
                convolution,
                absorbs: None,
                absorbed: false,
                tallies: false,
                folds: false,
                gated: false,
                sums_for: None,
                target: inputs.first().copied().unwrap_or(index),
                lead: None,
                siblings: Vec::new(),
                spared: false,
                reads_again: Vec::new(),
                keep: false,
                learns: parameters[index].is_some() || inputs.iter().any(|&i| steps[i].learns),
                readers: 0,
                last_reader: index,
                shape: node.shape,
                slots,
                blocks,
                inputs,
            });
        }
        let mut plan =
            Self { steps, output: graph.output(), auxiliary: graph.auxiliary(), main: graph.reachable(graph.output()) };
        plan.join_convolutions();
        plan.join_norms();
        plan.gate();
        plan.join_siblings();
        plan.keep();
        plan
    }

    /// The nodes that read each node.
    fn readers(&self) -> Vec<Vec<usize>> {
        let mut readers = vec![Vec::new(); self.steps.len()];
        for (index, step) in self.steps.iter().enumerate().filter(|(_, step)| !step.absorbed) {
            step.inputs.iter().for_each(|&input| readers[input].push(index));
        }
        readers
    }

    /// Whether a pass runs this node itself: the auxiliary head is there for learning alone.
    pub(super) fn runs(&self, node: usize, learn: bool) -> bool {
        !self.steps[node].absorbed && (learn || self.main[node])
    }

    /// The siblings of a node that a pass runs, itself among them.
    pub(super) fn members(&self, node: usize, learn: bool) -> Vec<usize> {
        let lead = self.steps[node].lead.unwrap_or(node);
        self.steps[lead].siblings.iter().copied().filter(|&member| learn || self.main[member]).collect()
    }

    /// Whether two siblings are the same pooling: then it is done once.
    pub(super) fn is_twin(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.steps[one], &self.steps[other]);
        matches!(one.layer, Layer::Pool(_)) && one.layer == other.layer && one.spared == other.spared
    }

    /// The values that a node is the last to read.
    pub(super) fn released(&self, node: usize, learn: bool) -> impl Iterator<Item = usize> + '_ {
        let reader = &self.steps[node];
        // A convolution past a ReLU reads the value before it, too.
        let read = reader.inputs.iter().chain(&reader.reads_again).chain([&reader.target]).copied();
        read.filter(move |&input| {
            let step = &self.steps[input];
            // Without the auxiliary head the last reader may never come; what it would read is small enough to wait.
            step.last_reader == node && !(learn && step.keep) && !self.is_head(input)
        })
    }

    fn is_head(&self, node: usize) -> bool {
        node == self.output || Some(node) == self.auxiliary
    }

    fn join_convolutions(&mut self) {
        let readers = self.readers();
        for first in 0..self.steps.len() {
            let &[second] = &readers[first][..] else { continue };
            let (Some(depthwise), Some(dense)) = (self.steps[first].convolution, self.steps[second].convolution) else {
                continue;
            };
            let pointwise = dense.window == Window::same(1, 1, 1) && dense.stages == Stages::Dense { groups: 1 };
            // A linear layer has a bias besides, which the chain has no place for.
            let linear = matches!(self.steps[second].layer, Layer::Linear { .. });
            if depthwise.stages == Stages::Depthwise && pointwise && !linear && !self.is_head(first) {
                self.steps[first].absorbed = true;
                let inputs = self.steps[first].inputs.clone();
                let step = &mut self.steps[second];
                step.absorbs = Some(first);
                step.convolution = Some(Convolution { window: depthwise.window, stages: Stages::Separable, ..dense });
                step.inputs = inputs;
            }
        }
    }

    fn join_norms(&mut self) {
        let readers = self.readers();
        for norm in 0..self.steps.len() {
            if !matches!(self.steps[norm].layer, Layer::BatchNorm { .. }) {
                continue;
            }
            let source = self.steps[norm].inputs[0];
            let pool = matches!(self.steps[source].layer, Layer::Pool(_));
            if pool || matches!(self.steps[source].layer, Layer::Conv2d(_)) {
                self.steps[source].tallies = true;
                self.steps[norm].folds = readers[source].len() == 1 && !self.is_head(source);
            }
            if let (true, &[sum]) = (pool && self.steps[norm].folds, &readers[norm][..]) {
                let mixed = matches!(self.steps[sum].layer, Layer::WeightedSum { .. }) && !self.is_head(norm);
                self.steps[source].spared = mixed && self.steps[sum].slots == self.steps[source].slots;
            }
        }
    }

    /// Joins convolutions and poolings that read one value.
    fn join_siblings(&mut self) {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.steps.len()];
        for (index, step) in self.steps.iter().enumerate().filter(|(_, step)| !step.absorbed) {
            let input = step.inputs.first().copied();
            match (&step.layer, input) {
                (Layer::Conv2d(_), Some(relu)) if step.gated => readers[self.steps[relu].inputs[0]].push(index),
                (Layer::Conv2d(_) | Layer::Linear { .. } | Layer::Pool(_), Some(input)) => readers[input].push(index),
                _ => {}
            }
        }
        for (target, siblings) in readers.into_iter().enumerate() {
            for &sibling in &siblings {
                self.steps[sibling].target = target;
                self.steps[sibling].lead = siblings.first().copied();
            }
            if let Some(&lead) = siblings.first() {
                self.steps[lead].siblings = siblings;
            }
        }
    }

    /// The spared pooling behind whose batch norm a node is, if it is such a norm.
    pub(super) fn spared(&self, node: usize) -> Option<usize> {
        let norm = matches!(self.steps[node].layer, Layer::BatchNorm { .. });
        self.steps[node].inputs.first().copied().filter(|&pool| norm && self.steps[pool].spared)
    }

    fn gate(&mut self) {
        let readers = self.readers();
        for relu in 0..self.steps.len() {
            let gates = |&reader: &usize| matches!(self.steps[reader].layer, Layer::Conv2d(_));
            let gated = self.steps[relu].layer == Layer::Relu && readers[relu].iter().all(gates) && !self.is_head(relu);
            if gated {
                self.steps[relu].gated = true;
                readers[relu].iter().for_each(|&reader| self.steps[reader].gated = true);
                let norm = self.steps[relu].inputs[0];
                let alone = readers[relu].len() == 1 && readers[norm].len() == 1 && !self.is_head(norm);
                if alone && matches!(self.steps[norm].layer, Layer::BatchNorm { .. }) {
                    self.steps[readers[relu][0]].sums_for = Some(norm);
                }
            }
        }
    }

    fn keep(&mut self) {
        for index in 0..self.steps.len() {
            let step = &self.steps[index];
            if step.absorbed {
                continue;
            }
            // A batch norm holds on to its input itself.
            let reads_input = match step.layer {
                Layer::Conv2d(_) | Layer::Linear { .. } | Layer::WeightedSum { .. } => true,
                Layer::Pool(Pool { kind: PoolKind::Max, .. }) | Layer::TrainingRelu => true,
                Layer::Relu => !step.gated,
                _ => false,
            };
            let (inputs, target) = (step.inputs.clone(), step.target);
            if reads_input && step.lead.is_some() {
                self.steps[target].keep = true;
                self.steps[target].last_reader = index;
            }
            for &input in &inputs {
                self.steps[input].keep |= reads_input;
                self.steps[input].last_reader = index;
                self.steps[input].readers += 1;
            }
            let spared = inputs.iter().filter_map(|&input| self.spared(input)).map(|pool| self.steps[pool].inputs[0]);
            let again: Vec<usize> = if reads_input { spared.collect() } else { Vec::new() };
            for &node in &again {
                self.steps[node].keep = true;
                self.steps[node].last_reader = index;
            }
            self.steps[index].reads_again = again;
        }
    }
}

/// The slots and blocks of a node's output, where its channels do not simply fill them in order.
fn lanes(
    layer: &Layer,
    convolution: Option<Convolution>,
    inputs: &[usize],
    steps: &[Step],
) -> Option<(Vec<usize>, usize)> {
    let first = steps.get(*inputs.first()?)?;
    let like_first = Some((first.slots.clone(), first.blocks));
    if let Some(convolution) = convolution {
        return like_first.filter(|_| convolution.stages == Stages::Depthwise);
    }
    match layer {
        Layer::Concat => {
            let (mut slots, mut blocks) = (Vec::new(), 0);
            for &input in inputs {
                slots.extend(steps[input].slots.iter().map(|slot| blocks * LANES + slot));
                blocks += steps[input].blocks;
            }
            Some((slots, blocks))
        }
        Layer::Add | Layer::WeightedSum { .. } => {
            like_first.filter(|_| inputs.iter().all(|&input| steps[input].slots == first.slots))
        }
        Layer::Custom { .. } | Layer::Narrow { .. } | Layer::Select { .. } => None,
        _ => like_first,
    }
}
