//! A cell of NAS-Bench-101 as a picture: operations are its vertices.

use super::cell::{Cell, VertexOperation};
use crate::Drawing;
use crate::draw::{self, Family, Kind, Layout, Paint, Panel};

/// The graph of a pruned cell.
pub(super) fn of(cell: &Cell, text: String) -> Drawing {
    let vertex = |operation: &VertexOperation| {
        let (family, window) = match operation {
            VertexOperation::Conv3x3 => (Family::Convolution, 3),
            VertexOperation::Conv1x1 => (Family::Convolution, 1),
            VertexOperation::MaxPool3x3 => (Family::MaxPool, 3),
        };
        draw::operation(operation.name(), Paint { family, window })
    };
    let mut blocks = vec![draw::block("input", Kind::Input)];
    blocks.extend(cell.operations().iter().map(vertex));
    blocks.push(draw::block("output", Kind::Output));
    let into = |to: usize| cell.inputs(to).into_iter().map(move |from| draw::arrow(from, to));
    let edges = (1..cell.vertices()).flat_map(into).collect();
    let panel = Panel { title: "cell".into(), blocks, edges, layout: Layout::Layered };
    let note = "operations add what enters them, the output concatenates, and adds the input".into();
    Drawing { text, panels: vec![panel], note }
}
