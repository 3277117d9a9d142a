//! The forward pass as methods, one for each part of the network: stem, cells, head.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::layers;
use crate::NnError;
use crate::export::inference::Inference;

/// Layers that follow one another and stand in one place of the network.
pub(super) struct Part {
    /// What it is: `stem`, `cell 3`.
    pub(super) title: String,
    /// The name of its method.
    method: String,
    /// Its layers, by their places among the operations.
    pub(super) operations: Range<usize>,
    /// The names of the values that it takes from others and that others take from it.
    takes: Vec<String>,
    gives: Vec<String>,
    /// The name of each value, by node.
    names: BTreeMap<usize, String>,
}

/// What a value is called that only the next line reads.
const PASSING: &str = "x";

/// Names that mean something already.
const TAKEN: [&str; 9] = [PASSING, "F", "images", "layer", "load", "mean_inside", "nn", "self", "torch"];

/// Cuts a network into its parts.
pub(super) fn parts(inference: &Inference<'_>) -> Vec<Part> {
    let place = |at: usize| {
        let place = &inference.graph.node(inference.operations[at].node).place;
        match place.cell {
            Some(cell) => format!("cell {cell}"),
            None if place.operation.is_empty() => "layers".to_owned(),
            None => place.operation.clone(),
        }
    };
    let names = names(inference);
    let mut methods = BTreeSet::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut start = 0;
    for end in 1..=inference.operations.len() {
        if end < inference.operations.len() && place(end) == place(start) {
            continue;
        }
        let title = place(start);
        let method = unique(&mut methods, format!("run_{}", word(&title)));
        let (takes, gives) = borders(inference, start..end);
        let named = |nodes: Vec<usize>| nodes.into_iter().map(|node| names[&node].clone()).collect();
        let names = names_within(inference, start..end, &names);
        parts.push(Part { title, method, operations: start..end, takes: named(takes), gives: named(gives), names });
        start = end;
    }
    parts
}

/// A name for each value that is unique in the network.
fn names(inference: &Inference<'_>) -> BTreeMap<usize, String> {
    let mut taken: BTreeSet<String> = TAKEN.iter().chain(&KEYWORDS).map(|name| (*name).to_owned()).collect();
    let mut names = BTreeMap::from([(0, "images".to_owned())]);
    for operation in &inference.operations {
        names.insert(operation.node, unique(&mut taken, word(operation.name)));
    }
    names
}

/// The names within a part: a value that only the next layer reads is `x`.
fn names_within(
    inference: &Inference<'_>,
    part: Range<usize>,
    names: &BTreeMap<usize, String>,
) -> BTreeMap<usize, String> {
    let readers = inference.readers();
    let mut names = names.clone();
    for at in part.start..part.end.saturating_sub(1) {
        let node = inference.operations[at].node;
        if readers[node] == 1 && inference.operations[at + 1].inputs.contains(&node) {
            names.insert(node, PASSING.to_owned());
        }
    }
    names
}

/// The nodes whose values a part takes from before it, and of its own those that others read.
fn borders(inference: &Inference<'_>, part: Range<usize>) -> (Vec<usize>, Vec<usize>) {
    let operations = &inference.operations;
    let own: Vec<usize> = operations[part.clone()].iter().map(|operation| operation.node).collect();
    let mut takes = Vec::new();
    for &input in operations[part.clone()].iter().flat_map(|operation| &operation.inputs) {
        if !own.contains(&input) && !takes.contains(&input) {
            takes.push(input);
        }
    }
    let read_later = |node: &usize| {
        operations[part.end..].iter().any(|later| later.inputs.contains(node)) || *node == inference.output
    };
    (takes, own.into_iter().filter(read_later).collect())
}

/// The body of `forward`: every part's method in turn.
pub(super) fn calls(parts: &[Part]) -> String {
    let mut python = String::new();
    for (at, part) in parts.iter().enumerate() {
        let call = format!("self.{}({})", part.method, part.takes.join(", "));
        python += &match at + 1 == parts.len() {
            true => format!("        return {call}\n"),
            false => format!("        {} = {call}\n", part.gives.join(", ")),
        };
    }
    python
}

/// The method of a part.
pub(super) fn method(inference: &Inference<'_>, part: &Part) -> Result<String, NnError> {
    let arguments: String = part.takes.iter().map(|name| format!(", {name}")).collect();
    let mut lines = Vec::new();
    let mut told = "";
    for operation in &inference.operations[part.operations.clone()] {
        let place = &inference.graph.node(operation.node).place;
        if told != place.operation && place.cell.is_some() {
            lines.push(format!("# {}", place.operation));
        }
        told = &place.operation;
        let inputs: Vec<&str> = operation.inputs.iter().map(|input| part.names[input].as_str()).collect();
        let value = layers::output(inference, operation, &inputs)?;
        lines.push(format!("{} = {value}", part.names[&operation.node]));
    }
    let mut python = format!("\n    def {}(self{arguments}):\n        # {}\n", part.method, part.title);
    if lines.iter().any(|line| line.contains("= layer(")) {
        python += "        layer = self.get_submodule\n";
    }
    lines.iter().for_each(|line| python += &format!("        {line}\n"));
    Ok(python + &format!("        return {}\n", part.gives.join(", ")))
}

/// A path as a Python name.
fn word(path: &str) -> String {
    let name: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("n{name}") }
}

/// A name that is not taken: this one, or with the first number that makes it so.
fn unique(taken: &mut BTreeSet<String>, name: String) -> String {
    let mut candidate = name.clone();
    for number in 2.. {
        if taken.insert(candidate.clone()) {
            break;
        }
        candidate = format!("{name}_{number}");
    }
    candidate
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];
