//! What a pass over the graph needs to know beforehand: who reads what, which values the reverse pass needs again, and
//! where each node's tensors are.

use nas_space::{Layer, NetworkGraph, Pool, PoolKind};

/// One node, ready to run.
pub(super) struct Step {
    pub(super) layer: Layer,
    pub(super) inputs: Vec<usize>,
    /// Index of the node's first parameter; its second, if any, follows.
    pub(super) parameter: Option<usize>,
    /// Index of the node's running mean among the buffers; its running variance follows.
    pub(super) buffer: Option<usize>,
    /// For a ReLU that only convolutions read: it does nothing itself, they read their input through it. For a
    /// convolution: its input is such a ReLU.
    pub(super) folded: bool,
    /// Whether the reverse pass reads the output of this node.
    pub(super) keep: bool,
    /// Whether anything learned lies at or before this node, so that a gradient has somewhere to go.
    pub(super) learns: bool,
    /// The node whose forward is the last to read this output.
    pub(super) last_reader: usize,
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
        let foldable = foldable(graph);
        let mut steps: Vec<Step> = Vec::with_capacity(graph.len());
        for (index, node) in graph.nodes() {
            let inputs = graph.inputs(index);
            let learns = parameters[index].is_some() || inputs.iter().any(|&i| steps[i].learns);
            // Convolutions, linear layers, batch norms and maxima read their input again; a ReLU reads its output.
            let reads_input = matches!(
                node.layer,
                Layer::Conv2d(_)
                    | Layer::Linear { .. }
                    | Layer::BatchNorm { .. }
                    | Layer::Pool(Pool { kind: PoolKind::Max, .. })
            );
            for &input in &inputs {
                steps[input].keep |= reads_input;
                steps[input].last_reader = index;
            }
            steps.push(Step {
                folded: foldable[index] || (matches!(node.layer, Layer::Conv2d(_)) && foldable[inputs[0]]),
                keep: matches!(node.layer, Layer::Relu | Layer::TrainingRelu | Layer::Input),
                layer: node.layer.clone(),
                inputs,
                parameter: parameters[index],
                buffer: buffers[index],
                learns,
                last_reader: index,
            });
        }
        let (output, auxiliary) = (graph.output(), graph.auxiliary());
        Self { steps, output, auxiliary, main: graph.reachable(output) }
    }
}

/// The ReLUs whose every reader is a convolution.
fn foldable(graph: &NetworkGraph) -> Vec<bool> {
    let heads = [Some(graph.output()), graph.auxiliary()];
    let mut foldable: Vec<bool> = graph.nodes().map(|(_, node)| node.layer == Layer::Relu).collect();
    for (index, node) in graph.nodes() {
        for input in graph.inputs(index) {
            foldable[input] &= matches!(node.layer, Layer::Conv2d(_));
        }
        foldable[index] &= !heads.contains(&Some(index));
    }
    foldable
}
