//! Drawings in the DOT language of Graphviz: cells as papers draw them, and whole networks layer by layer.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::spaces::{Darts, NasBench201};
use crate::{Blueprint, Genotype, Layer, NetworkGraph, Operation, SearchSpace, SpaceError, spaces};

/// The colours of inputs, nodes and outputs.
const INPUT: &str = "#c8e6c9";
const NODE: &str = "#bbdefb";
const OUTPUT: &str = "#ffe0b2";

/// The cells of an architecture as papers draw them: one cluster per kind of cell, states as boxes, operations on the
/// edges. An architecture of a space without cells becomes one box that lists its choices.
///
/// # Errors
/// If the architecture is not valid.
pub fn cells_dot(blueprint: &Blueprint) -> Result<String, SpaceError> {
    let mut dot = String::from(
        "digraph cells {\n  rankdir=LR;\n  fontname=\"Helvetica\";\n  node [shape=box, style=\"rounded,filled\", \
         fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\", fontsize=11];\n",
    );
    match blueprint {
        Blueprint::Genotype(genotype) => {
            genotype.check()?;
            genotype_cells(&mut dot, genotype);
        }
        Blueprint::Cells(cells) => {
            cells.check()?;
            genotype_cells(&mut dot, &cells.genotype);
        }
        Blueprint::Point(architecture) if architecture.space == Darts.name() => {
            genotype_cells(&mut dot, &Darts.to_genotype(architecture)?);
        }
        Blueprint::Point(architecture) if architecture.space == NasBench201.name() => {
            nasbench201_cell(&mut dot, NasBench201.operations(architecture)?);
        }
        Blueprint::Point(architecture) => {
            let space = spaces::by_name(&architecture.space)?;
            space.check(architecture)?;
            if let Some(cells) = blueprint.cells() {
                genotype_cells(&mut dot, &cells.genotype);
                dot.push_str("}\n");
                return Ok(dot);
            }
            line(&mut dot, 1, &format!("choices [label={}];", quote(&space.text(architecture))));
        }
    }
    dot.push_str("}\n");
    Ok(dot)
}

fn genotype_cells(dot: &mut String, genotype: &Genotype) {
    let cells =
        [("normal", &genotype.normal, &genotype.normal_concat), ("reduce", &genotype.reduce, &genotype.reduce_concat)];
    for (cell, edges, concat) in cells {
        let state = |index: usize| match index {
            0 => format!("{cell}_before"),
            1 => format!("{cell}_previous"),
            _ => format!("{cell}_{}", index - 2),
        };
        open_cluster(dot, cell, if cell == "normal" { "normal cell" } else { "reduction cell" });
        box_of(dot, &state(0), "c_{k-2}", INPUT);
        box_of(dot, &state(1), "c_{k-1}", INPUT);
        for node in 0..edges.len() / 2 {
            box_of(dot, &state(node + 2), &node.to_string(), NODE);
        }
        let output = format!("{cell}_output");
        box_of(dot, &output, "c_{k}", OUTPUT);
        for (k, (operation, from)) in edges.iter().enumerate() {
            arrow(dot, &state(*from), &state(k / 2 + 2), operation.name());
        }
        for &from in concat {
            line(dot, 2, &format!("{} -> {};", quote(&state(from)), quote(&output)));
        }
        line(dot, 1, "}");
    }
}

fn nasbench201_cell(dot: &mut String, operations: [Operation; 6]) {
    open_cluster(dot, "cell", "cell");
    for (node, colour) in [INPUT, NODE, NODE, OUTPUT].into_iter().enumerate() {
        box_of(dot, &node.to_string(), &node.to_string(), colour);
    }
    for (operation, (from, to)) in operations.into_iter().zip(spaces::NASBENCH201_EDGES) {
        if operation != Operation::None {
            arrow(dot, &from.to_string(), &to.to_string(), operation.name());
        }
    }
    line(dot, 1, "}");
}

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
                open_cluster(&mut dot, &cell.to_string(), &format!("cell {cell}"));
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
        Layer::Conv2d(_) => NODE,
        Layer::Linear { .. } => OUTPUT,
        Layer::Pool(_) | Layer::GlobalAveragePool => "#e1bee7",
        _ => "#f5f5f5",
    }
}

fn line(dot: &mut String, depth: usize, text: &str) {
    writeln!(dot, "{:1$}{text}", "", 2 * depth).expect("a string takes all text");
}

fn open_cluster(dot: &mut String, name: &str, label: &str) {
    line(dot, 1, &format!("subgraph {} {{", quote(&format!("cluster_{name}"))));
    line(dot, 2, &format!("label={};", quote(label)));
    line(dot, 2, "color=\"#9e9e9e\";");
}

fn box_of(dot: &mut String, id: &str, label: &str, colour: &str) {
    line(dot, 2, &format!("{} [label={}, fillcolor={}];", quote(id), quote(label), quote(colour)));
}

fn arrow(dot: &mut String, from: &str, to: &str, label: &str) {
    line(dot, 2, &format!("{} -> {} [label={}];", quote(from), quote(to), quote(label)));
}

/// A quoted string of DOT.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
