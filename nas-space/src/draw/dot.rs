//! Writing a drawing in the DOT language of Graphviz, which lays it out by itself.

use std::fmt::Write;

use super::paint::{SHADE, hex};
use super::{Drawing, Edge, Kind, Layout, Panel};

/// The whole graph.
pub(super) fn write(drawing: &Drawing) -> String {
    let chain = drawing.panels.iter().any(|panel| matches!(panel.layout, Layout::Chain { .. }));
    let mut dot = format!(
        "digraph cells {{\n  rankdir={};\n  fontname=\"Helvetica\";\n  node [shape=box, style=\"rounded,filled\", \
         fillcolor=white, fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\", fontsize=11];\n",
        if chain { "TB" } else { "LR" }
    );
    for (number, panel) in drawing.panels.iter().enumerate() {
        cluster(&mut dot, &number.to_string(), &panel.title);
        write_panel(&mut dot, number, panel);
        line(&mut dot, 1, "}");
    }
    dot.push_str("}\n");
    dot
}

fn write_panel(dot: &mut String, number: usize, panel: &Panel) {
    let id = |index: usize| quote(&format!("{number}.{index}"));
    for (index, block) in panel.blocks.iter().enumerate() {
        let label = quote(&block.label);
        let colours = match block.kind {
            Kind::Input | Kind::Output => format!(", fillcolor=\"{}\"", hex(SHADE[0])),
            Kind::Operation(paint) => {
                format!(", fillcolor=\"{}\", color=\"{}\"", hex(paint.fill()[0]), hex(paint.stroke()[0]))
            }
            Kind::Node | Kind::Note => String::new(),
        };
        line(dot, 2, &format!("{} [label={label}{colours}];", id(index)));
    }
    for Edge { from, to, operation } in &panel.edges {
        let label = operation.as_ref().map_or_else(String::new, |(name, paint)| {
            format!(" [label={}, color=\"{}\"]", quote(name), hex(paint.stroke()[0]))
        });
        line(dot, 2, &format!("{} -> {}{label};", id(*from), id(*to)));
    }
}

/// A line of DOT.
pub(crate) fn line(dot: &mut String, depth: usize, text: &str) {
    writeln!(dot, "{:1$}{text}", "", 2 * depth).expect("a string takes all text");
}

/// Opens a frame around boxes.
pub(crate) fn cluster(dot: &mut String, name: &str, label: &str) {
    line(dot, 1, &format!("subgraph {} {{", quote(&format!("cluster_{name}"))));
    line(dot, 2, &format!("label={};", quote(label)));
    line(dot, 2, "color=\"#9e9e9e\";");
}

/// A quoted string of DOT.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
