//! What a pass over the graph needs to know beforehand: who reads what, which layers run as one, which values the reverse
//! pass needs again, where each node's tensors are and where its channels lie.
//!
//! Four patterns are looked for; a graph that has none of them runs all the same, layer by layer:
//! - batch norms and ReLUs are arithmetic on values that someone else reads ([`Value`](super::value::Value)); always;
//! - a depthwise convolution and the 1x1 convolution that alone reads it are one ([`Step::absorbs`]);
//! - a convolution takes the batch norm's moments as it writes ([`Step::tallies`]), and reads its gradient through the
//!   batch norm that alone reads it ([`Step::folds`]);
//! - a ReLU that only convolutions read leaves its gradient to them ([`Step::gated`]), and the batch norm before it its
//!   sums ([`Step::sums_for`]).

use nas_space::{Conv2d, Layer, NetworkGraph, Pool, PoolKind, Shape};

use crate::kernels::lanes::LANES;

/// One node, ready to run.
pub(super) struct Step {
    pub(super) layer: Layer,
    /// The nodes it reads; for a convolution that absorbs another, what that one reads.
    pub(super) inputs: Vec<usize>,
    /// Index of the node's first parameter; its second, if any, follows.
    pub(super) parameter: Option<usize>,
    /// Index of the node's running mean among the buffers; its running variance follows.
    pub(super) buffer: Option<usize>,
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
            let (slots, blocks) = lanes(&node.layer, &inputs, &steps, node.shape.channels);
            steps.push(Step {
                layer: node.layer.clone(),
                parameter: parameters[index],
                buffer: buffers[index],
                absorbs: None,
                absorbed: false,
                tallies: false,
                folds: false,
                gated: false,
                sums_for: None,
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

    fn is_head(&self, node: usize) -> bool {
        node == self.output || Some(node) == self.auxiliary
    }

    fn join_convolutions(&mut self) {
        let readers = self.readers();
        for first in 0..self.steps.len() {
            let &[second] = &readers[first][..] else { continue };
            let channels = |steps: &[Step]| steps[first].shape.channels;
            let depthwise = matches!(&self.steps[first].layer, Layer::Conv2d(Conv2d { groups, out, .. })
                if *groups > 1 && *groups == *out && self.steps[self.steps[first].inputs[0]].shape.channels == *out);
            let pointwise = matches!(&self.steps[second].layer, Layer::Conv2d(Conv2d { groups: 1, window, .. })
                if *window == nas_space::Window::same(1, 1, 1));
            if depthwise && pointwise && channels(&self.steps) > 1 && !self.is_head(first) {
                self.steps[first].absorbed = true;
                self.steps[second].absorbs = Some(first);
                self.steps[second].inputs = self.steps[first].inputs.clone();
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
            if matches!(self.steps[source].layer, Layer::Conv2d(_)) {
                self.steps[source].tallies = true;
                self.steps[norm].folds = readers[source].len() == 1 && !self.is_head(source);
            }
        }
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
            for input in step.inputs.clone() {
                self.steps[input].keep |= reads_input;
                self.steps[input].last_reader = index;
                self.steps[input].readers += 1;
            }
        }
    }
}

/// The slots and blocks of a node's output.
fn lanes(layer: &Layer, inputs: &[usize], steps: &[Step], channels: usize) -> (Vec<usize>, usize) {
    let in_order = || ((0..channels).collect(), channels.div_ceil(LANES));
    let like = |input: usize| (steps[input].slots.clone(), steps[input].blocks);
    match layer {
        Layer::Concat => {
            let (mut slots, mut blocks) = (Vec::with_capacity(channels), 0);
            for &input in inputs {
                slots.extend(steps[input].slots.iter().map(|slot| blocks * LANES + slot));
                blocks += steps[input].blocks;
            }
            (slots, blocks)
        }
        Layer::Add | Layer::WeightedSum { .. } if inputs.iter().any(|&i| steps[i].slots != steps[inputs[0]].slots) => {
            in_order()
        }
        Layer::Conv2d(Conv2d { groups, out, .. })
            if *groups > 1 && groups == out && steps[inputs[0]].shape.channels == *out =>
        {
            like(inputs[0])
        }
        Layer::Input | Layer::Conv2d(_) | Layer::Linear { .. } | Layer::Custom { .. } => in_order(),
        _ => like(inputs[0]),
    }
}
