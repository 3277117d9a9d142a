//! Cells of two operations a node, as the papers of DARTS and NASNet draw them.

use super::{Block, Drawing, Edge, Kind, Layout, Paint, Panel, arrow, block};
use crate::{Genotype, Operation};

/// A normal and a reduction cell; `joined` has for each the nodes that concatenate their sides.
pub(crate) fn genotype(genotype: &Genotype, joined: [&[usize]; 2], text: String) -> Drawing {
    let [normal, reduce] = joined;
    let panels = vec![
        panel("normal cell", &genotype.normal, &genotype.normal_concat, normal),
        panel("reduction cell", &genotype.reduce, &genotype.reduce_concat, reduce),
    ];
    Drawing { text, panels, note: "a node adds what enters it, c_{k} concatenates".into() }
}

fn panel(title: &str, edges: &[(Operation, usize)], concat: &[usize], joined: &[usize]) -> Panel {
    let nodes = edges.len() / 2;
    let mut blocks: Vec<Block> = (0..2).map(|state| block(label_of_state(state), Kind::Input)).collect();
    blocks.extend((0..nodes).map(|node| {
        let name = label_of_state(node + 2);
        block(if joined.contains(&node) { format!("{name}: concat") } else { name }, Kind::Node)
    }));
    blocks.push(block("c_{k}", Kind::Output));
    let side = |(number, &(operation, from)): (usize, &(Operation, usize))| Edge {
        from,
        to: number / 2 + 2,
        operation: Some((operation.name().to_owned(), Paint::of(operation))),
    };
    let mut listed: Vec<usize> = concat.to_vec();
    // A genotype may list a state twice; one arrow says so.
    listed.sort_unstable();
    listed.dedup();
    let edges = edges.iter().enumerate().map(side).chain(listed.into_iter().map(|state| arrow(state, nodes + 2)));
    Panel { title: title.into(), blocks, edges: edges.collect(), layout: Layout::Layered }
}

/// A state in a drawing: the two inputs, then the nodes by their numbers.
fn label_of_state(state: usize) -> String {
    match state {
        0 => "c_{k-2}".into(),
        1 => "c_{k-1}".into(),
        _ => (state - 2).to_string(),
    }
}
