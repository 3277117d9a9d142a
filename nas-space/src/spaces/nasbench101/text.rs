//! The form in which the benchmark's code takes a cell, `ModelSpec(matrix=..., ops=...)`, and one for people.

use super::cell::{Cell, VertexOperation, edge};
use super::{MAX_VERTICES, OUTPUT, read};
use crate::SpaceError;
use crate::reader::Reader;

const WHAT: &str = "a NAS-Bench-101 cell";

/// Reads the matrix and the operations between input and output.
pub(super) fn parse(text: &str) -> Result<(Vec<Vec<bool>>, Vec<VertexOperation>), SpaceError> {
    let mut reader = Reader::new(text, WHAT);
    let start = reader;
    if reader.word() != "ModelSpec" {
        return Err(start.fault("it must begin with `ModelSpec(`"));
    }
    reader.expect('(')?;
    field(&mut reader, "matrix")?;
    let matrix = reader.list(|reader| reader.list(entry))?;
    reader.expect(',')?;
    field(&mut reader, "ops")?;
    let here = reader;
    let names = reader.list(Reader::quoted)?;
    reader.accept(',');
    reader.expect(')')?;
    if !reader.is_at_end() {
        return Err(reader.fault("there is more text after the closing `)`"));
    }
    let ["input", between @ .., "output"] = &names[..] else {
        return Err(here.fault("the first operation must be `input`, the last `output`"));
    };
    let operations = between.iter().map(|name| VertexOperation::parse(name)).collect::<Result<_, _>>()?;
    if matrix.len() != names.len() {
        return Err(here.fault(&format!(
            "there are {} operations for {} rows of the matrix",
            names.len(),
            matrix.len()
        )));
    }
    Ok((matrix, operations))
}

fn field(reader: &mut Reader<'_>, name: &str) -> Result<(), SpaceError> {
    let here = *reader;
    if reader.word() != name {
        return Err(here.fault(&format!("expected `{name}=`")));
    }
    reader.expect('=')
}

fn entry(reader: &mut Reader<'_>) -> Result<bool, SpaceError> {
    let here = *reader;
    match reader.number("0 or 1")? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(here.fault("expected 0 or 1")),
    }
}

/// Writes a valid architecture. The last vertices before the output are left out as long as they have neither an edge
/// nor an operation other than the first, which is what reading a smaller matrix makes of them.
pub(super) fn print(choices: &[usize]) -> String {
    let (edges, operations) = read(choices);
    let place = |vertex: usize, vertices: usize| if vertex + 1 == vertices { OUTPUT } else { vertex };
    let has = |from: usize, to: usize| from < to && edges & edge(from, to) != 0;
    let idle = |v: usize| {
        operations[v - 1] == VertexOperation::Conv3x3 && (0..MAX_VERTICES).all(|other| !has(v, other) && !has(other, v))
    };
    let left_out = (1..OUTPUT).rev().take_while(|&v| idle(v)).count();
    let vertices = MAX_VERTICES - left_out;
    let row = |from: usize| {
        let entry = |to: usize| usize::from(has(place(from, vertices), place(to, vertices))).to_string();
        format!("[{}]", (0..vertices).map(entry).collect::<Vec<_>>().join(", "))
    };
    let matrix = (0..vertices).map(row).collect::<Vec<_>>().join(", ");
    let between = operations[..vertices - 2].iter().map(|op| op.name());
    let names: Vec<String> = ["input"].into_iter().chain(between).chain(["output"]).map(|n| format!("'{n}'")).collect();
    format!("ModelSpec(matrix=[{matrix}], ops=[{}])", names.join(", "))
}

/// The pruned cell, a line a vertex.
pub(super) fn describe(cell: &Cell) -> Vec<String> {
    let last = cell.vertices() - 1;
    let name = |v: usize| if v == 0 { "projected input".to_owned() } else { format!("vertex {v}") };
    let mut lines = vec![format!("hash {}", cell.hash())];
    for to in 1..last {
        let inputs: Vec<String> = cell.inputs(to).into_iter().map(name).collect();
        lines.push(format!("vertex {to} = {}({})", cell.operations()[to - 1].name(), inputs.join(" + ")));
    }
    let inputs = cell.inputs(last);
    let parts: Vec<String> = inputs.iter().filter(|&&v| v > 0).map(|&v| name(v)).collect();
    let joined = if parts.len() == 1 { parts[0].clone() } else { format!("concat({})", parts.join(", ")) };
    lines.push(match (inputs.contains(&0), parts.is_empty()) {
        (true, true) => format!("output   = {}", name(0)),
        (true, false) => format!("output   = {joined} + {}", name(0)),
        (false, _) => format!("output   = {joined}"),
    });
    lines
}
