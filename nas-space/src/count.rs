//! Counting: parameters, multiply-adds and the memory of a training step, read off the shapes of a graph.

use crate::{Layer, NetworkGraph, Node};

/// The shapes of a layer's parameters, in the order in which they are created.
///
/// Names are `weight` and `bias`; `inputs` are the shapes of the layer's inputs for one sample.
pub(crate) fn parameter_shapes(node: &Node, inputs: &[crate::Shape]) -> Vec<(&'static str, Vec<usize>)> {
    match &node.layer {
        Layer::Conv2d(conv) => {
            let [rows, columns] = conv.window.kernel;
            vec![("weight", vec![conv.out, inputs[0].channels / conv.groups, rows, columns])]
        }
        Layer::BatchNorm { affine: true } => {
            vec![("weight", vec![node.shape.channels]), ("bias", vec![node.shape.channels])]
        }
        Layer::Linear { out } => vec![("weight", vec![*out, inputs[0].elements()]), ("bias", vec![*out])],
        _ => vec![],
    }
}

impl NetworkGraph {
    /// The learned tensors of a node: name within the layer and shape.
    pub fn parameter_shapes(&self, index: usize) -> Vec<(&'static str, Vec<usize>)> {
        let inputs: Vec<_> = self.inputs(index).into_iter().map(|i| self.node(i).shape).collect();
        parameter_shapes(self.node(index), &inputs)
    }

    /// Learned parameters of one node.
    pub fn parameters_of(&self, index: usize) -> usize {
        self.parameter_shapes(index).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Learned parameters of the whole network, the auxiliary head included if there is one.
    pub fn parameters(&self) -> usize {
        (0..self.len()).map(|i| self.parameters_of(i)).sum()
    }

    /// Multiply-adds of one node for one image: convolutions and linear layers count (with the addition of their
    /// bias), nothing else does. It is the convention of the DARTS papers and of the tables of NAS-Bench-201.
    pub fn flops_of(&self, index: usize) -> u64 {
        let node = self.node(index);
        let input = |i: usize| self.node(self.inputs(index)[i]).shape;
        let count = match &node.layer {
            Layer::Conv2d(conv) => {
                let [rows, columns] = conv.window.kernel;
                node.shape.elements() * (input(0).channels / conv.groups) * rows * columns
            }
            // The bias is one addition for each output; the tables of NAS-Bench-201 count it, so that figures compare.
            Layer::Linear { out } => out * (input(0).elements() + 1),
            _ => 0,
        };
        count as u64
    }

    /// Multiply-adds of one forward pass of one image, the auxiliary head left out: it does not exist at inference.
    pub fn flops(&self) -> u64 {
        let used = self.reachable(self.output());
        (0..self.len()).filter(|&i| used[i]).map(|i| self.flops_of(i)).sum()
    }

    /// Which nodes the node `from` depends on, itself included.
    pub fn reachable(&self, from: usize) -> Vec<bool> {
        let mut used = vec![false; self.len()];
        used[from] = true;
        for index in (0..self.len()).rev() {
            if used[index] {
                for input in self.inputs(index) {
                    used[input] = true;
                }
            }
        }
        used
    }

    /// Bytes of all activations that a training step on `batch` images keeps, in f32: every layer's output once, the
    /// image and the auxiliary head included. An upper estimate, for a trainer may fuse layers or compute outputs
    /// anew; parameters, gradients and optimizer state come on top.
    pub fn activation_bytes(&self, batch: usize) -> usize {
        let elements: usize = self.nodes().map(|(_, node)| node.shape.elements()).sum();
        elements * batch * std::mem::size_of::<f32>()
    }
}
