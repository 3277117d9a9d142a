//! A block of random nodes as a picture: operations are its nodes.

use super::{Chosen, loose};
use crate::Drawing;
use crate::draw::{self, Kind, Layout, Paint, Panel};
use crate::spaces::state_name;

/// The block of these nodes.
pub(super) fn of(nodes: &[Chosen], text: String) -> Drawing {
    let mut blocks: Vec<_> = (0..2).map(|state| draw::block(state_name(state), Kind::Input)).collect();
    blocks.extend(nodes.iter().map(|node| draw::operation(node.operation.name(), Paint::of(node.operation))));
    blocks.push(draw::block("c_{k}", Kind::Output));
    let into = |(number, node): (usize, &Chosen)| -> Vec<_> {
        node.inputs.iter().map(|&state| draw::arrow(state, number + 2)).collect()
    };
    let mut edges: Vec<_> = nodes.iter().enumerate().flat_map(into).collect();
    edges.extend(loose(nodes).map(|state| draw::arrow(state, nodes.len() + 2)));
    let panel = Panel { title: "block".into(), blocks, edges, layout: Layout::Layered };
    Drawing {
        text,
        panels: vec![panel],
        note: "a node does its operation on the sum of what enters it, c_{k} concatenates".into(),
    }
}
