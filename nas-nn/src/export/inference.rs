//! A network as it runs at inference: the layers that its logits need, in order, each with its tensors.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use nas_space::{Layer, NetworkGraph};

use crate::checkpoint::tensors_of;
use crate::{Network, NnError};

/// A tensor of a layer.
#[derive(Clone, Debug)]
pub(super) struct Weight {
    /// Its name within the layer: `weight`, `bias`, `running_mean`, `running_var`.
    pub(super) name: &'static str,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// A layer that does something at inference.
#[derive(Clone, Debug)]
pub(super) struct Operation<'a> {
    /// Its node in the graph.
    pub(super) node: usize,
    /// The path of its tensors.
    pub(super) name: &'a str,
    pub(super) layer: &'a Layer,
    /// The nodes it reads, past layers that do nothing.
    pub(super) inputs: Vec<usize>,
    pub(super) weights: Vec<Weight>,
}

impl Operation<'_> {
    /// A tensor by its name within the layer.
    pub(super) fn weight(&self, name: &str) -> Option<&Weight> {
        self.weights.iter().find(|weight| weight.name == name)
    }

    /// The full path of a tensor.
    pub(super) fn path(&self, weight: &Weight) -> String {
        format!("{}.{}", self.name, weight.name)
    }
}

/// The layers in topological order; the image is not among them.
pub(super) struct Inference<'a> {
    pub(super) graph: &'a NetworkGraph,
    pub(super) operations: Vec<Operation<'a>>,
    /// The node that yields the logits.
    pub(super) output: usize,
}

impl<'a> Inference<'a> {
    /// Reads the layers and tensors of a network.
    pub(super) fn of(network: &'a Network) -> Result<Self, NnError> {
        let graph = network.graph();
        let tensors: BTreeMap<String, Tensor> = tensors_of(network).into_iter().collect();
        let used = graph.reachable(graph.output());
        // For each node, the one whose value it passes on.
        let mut source: Vec<usize> = (0..graph.len()).collect();
        let mut operations = Vec::new();
        for (index, node) in graph.nodes().filter(|(index, _)| used[*index]) {
            let inputs: Vec<usize> = graph.inputs(index).into_iter().map(|input| source[input]).collect();
            match (&node.layer, &inputs[..]) {
                (Layer::Input, _) => continue,
                (Layer::DropPath | Layer::TrainingRelu | Layer::Add | Layer::Concat, &[only]) => {
                    source[index] = only;
                    continue;
                }
                _ => {}
            }
            let weights = weights(&node.name, &node.layer, &tensors)?;
            operations.push(Operation { node: index, name: &node.name, layer: &node.layer, inputs, weights });
        }
        Ok(Self { graph, operations, output: source[graph.output()] })
    }

    /// How many layers read each node's value; whoever asks for the logits counts as one.
    pub(super) fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.graph.len()];
        readers[self.output] += 1;
        self.operations.iter().flat_map(|operation| &operation.inputs).for_each(|&input| readers[input] += 1);
        readers
    }
}

/// The tensors of a layer, in f32.
fn weights(name: &str, layer: &Layer, tensors: &BTreeMap<String, Tensor>) -> Result<Vec<Weight>, NnError> {
    let reason = match layer {
        Layer::Custom { name, .. } => format!("no other program knows the custom layer `{name}`"),
        Layer::WeightedSum { .. } => {
            "a supernet is no network to hand over; export the network that the search found".to_owned()
        }
        _ => {
            let names = ["weight", "bias", "running_mean", "running_var"].into_iter();
            let found = names.filter_map(|kind| Some((kind, tensors.get(&format!("{name}.{kind}"))?)));
            let read = |(name, tensor): (&'static str, &Tensor)| {
                let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
                Ok(Weight { name, shape: tensor.dims().to_vec(), values })
            };
            return found.map(read).collect();
        }
    };
    Err(NnError::Export { layer: name.to_owned(), reason })
}
