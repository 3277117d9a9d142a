//! Whole networks, layer by layer, in the DOT language of Graphviz.

use std::collections::BTreeMap;

use crate::draw::{cluster, line, quote};
use crate::{Layer, NetworkGraph};

/// The colours of the image, of convolutions and of classifiers.
const INPUT: &str = "#c8e6c9";
const CONVOLUTION: &str = "#bbdefb";
const CLASSIFIER: &str = "#ffe0b2";

impl NetworkGraph {
    /// The whole graph in the DOT language: a box for each layer with its kind, its window and the shape of its
    /// output (channels x rows x columns), a cluster for each cell.
    pub fn to_dot(&self) -> String {
        let mut dot = String::from(
            "digraph network {\n  fontname=\"Helvetica\";\n  node [shape=box, style=filled, fillcolor=white, \
             fontname=\"Helvetica\", fontsize=10];\n",
        );
        let mut cells: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (index, node) in self.nodes() {
            cells.entry(node.place.cell).or_default().push(index);
        }
        for (cell, members) in cells {
            let depth = if let Some(cell) = cell {
                cluster(&mut dot, &cell.to_string(), &format!("cell {cell}"));
                2
            } else {
                1
            };
            for index in members {
                let node = self.node(index);
                let kind = node.layer.describe();
                let label = quote(&format!("{}\n{kind}\n{}", node.name, node.shape));
                let colour = quote(colour(&node.layer));
                line(&mut dot, depth, &format!("n{index} [label={label}, fillcolor={colour}];"));
            }
            if cell.is_some() {
                line(&mut dot, 1, "}");
            }
        }
        for index in 0..self.len() {
            for input in self.inputs(index) {
                line(&mut dot, 1, &format!("n{input} -> n{index};"));
            }
        }
        dot.push_str("}\n");
        dot
    }
}

fn colour(layer: &Layer) -> &'static str {
    match layer {
        Layer::Input => INPUT,
        Layer::Conv2d(_) => CONVOLUTION,
        Layer::Linear { .. } => CLASSIFIER,
        Layer::Pool(_) | Layer::GlobalAveragePool => "#e1bee7",
        _ => "#f5f5f5",
    }
}
