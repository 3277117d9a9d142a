//! `nas show --per-layer`: every layer of a network in the order in which it runs.

use nas_space::NetworkGraph;
use serde_json::{Value, json};

use crate::output::table::{self, Align};
use crate::units::count;

/// Multiply-adds of each layer; those of the auxiliary head, which does not exist at inference, are none.
fn flops(graph: &NetworkGraph) -> Vec<u64> {
    let used = graph.reachable(graph.output());
    (0..graph.len()).map(|index| if used[index] { graph.flops_of(index) } else { 0 }).collect()
}

/// A row for each layer but the image.
pub fn table(graph: &NetworkGraph) -> String {
    let head = [
        ("layer", Align::Left),
        ("kind", Align::Left),
        ("output", Align::Left),
        ("parameters", Align::Right),
        ("multiply-adds", Align::Right),
    ];
    let none_is_blank = |number: u64| if number == 0 { String::new() } else { count(number) };
    let flops = flops(graph);
    let rows: Vec<Vec<String>> = graph
        .nodes()
        .skip(1)
        .map(|(index, node)| {
            let parameters = none_is_blank(graph.parameters_of(index) as u64);
            let flops = none_is_blank(flops[index]);
            vec![node.name.clone(), node.layer.describe(), node.shape.to_string(), parameters, flops]
        })
        .collect();
    table::table(&head, &rows)
}

/// The same for programs, with the numbers of the layers that each reads.
pub fn json(graph: &NetworkGraph) -> Vec<Value> {
    let flops = flops(graph);
    let row = |(index, node): (usize, &nas_space::Node)| {
        json!({
            "index": index,
            "name": node.name,
            "layer": node.layer.describe(),
            "cell": node.place.cell,
            "operation": node.place.operation,
            "inputs": graph.inputs(index),
            "output": [node.shape.channels, node.shape.height, node.shape.width],
            "parameters": graph.parameters_of(index),
            "flops": flops[index],
        })
    };
    graph.nodes().map(row).collect()
}
