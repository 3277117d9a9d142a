//! The network graph: a DAG of primitive layers with tensor shapes, the one form that everything beyond a search
//! strategy works on.

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

use crate::Layer;

/// The shape of one sample: `[channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Number of elements of one sample.
    pub fn elements(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Where a layer stands in the network: for drawings, counts per cell and the hypernetwork.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Index of the cell, counted from the image; `None` in stem and head.
    pub cell: Option<usize>,
    /// The operation it is part of, such as `sep_conv_3x3`, `preprocess`, `stem`, `head`.
    pub operation: String,
}

/// One layer of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The path of its parameters, such as `cells.0._ops.1.op.2`; unique in the graph.
    pub name: String,
    /// What it computes.
    pub layer: Layer,
    /// The shape of its output for one sample.
    pub shape: Shape,
    /// Where it stands.
    pub place: Place,
}

/// A network: a DAG of [`Node`]s. Edge weights number the inputs of a node, from 0. Built by a
/// [`GraphBuilder`](crate::GraphBuilder), which infers and checks the shapes, so that node indices are already in
/// topological order.
#[derive(Clone, Debug)]
pub struct NetworkGraph {
    pub(crate) graph: DiGraph<Node, usize>,
    pub(crate) output: NodeIndex,
    pub(crate) auxiliary: Option<NodeIndex>,
    /// Where drop-path grows with depth: the number of cells.
    pub(crate) growing: Option<usize>,
}

impl NetworkGraph {
    /// The petgraph underneath, for algorithms of one's own.
    pub fn petgraph(&self) -> &DiGraph<Node, usize> {
        &self.graph
    }

    /// All nodes in topological order, with their indices.
    pub fn nodes(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.graph.node_indices().map(|i| (i.index(), &self.graph[i]))
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there are no nodes; a built graph has at least its input.
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    /// The node at an index.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn node(&self, index: usize) -> &Node {
        &self.graph[NodeIndex::new(index)]
    }

    /// The nodes whose outputs a node reads, in the order it reads them.
    pub fn inputs(&self, index: usize) -> Vec<usize> {
        let mut inputs: Vec<_> = self
            .graph
            .edges_directed(NodeIndex::new(index), Direction::Incoming)
            .map(|edge| (*edge.weight(), edge.source().index()))
            .collect();
        inputs.sort_unstable();
        inputs.into_iter().map(|(_, source)| source).collect()
    }

    /// The node that yields the logits, `[classes, 1, 1]`.
    pub fn output(&self) -> usize {
        self.output.index()
    }

    /// The node that yields the auxiliary logits, if there is an auxiliary head.
    pub fn auxiliary(&self) -> Option<usize> {
        self.auxiliary.map(NodeIndex::index)
    }

    /// The share of the trainer's drop-path probability that applies at a node: all of it, or, where it grows with depth,
    /// (k + 1) / n in cell k of n, as in the released code of NASNet and ENAS.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn drop_path_share(&self, index: usize) -> f64 {
        match (self.growing, self.node(index).place.cell) {
            (Some(cells), Some(cell)) => (cell + 1) as f64 / cells as f64,
            _ => 1.0,
        }
    }

    /// The shape of the image that enters.
    pub fn input_shape(&self) -> Shape {
        self.node(0).shape
    }
}
