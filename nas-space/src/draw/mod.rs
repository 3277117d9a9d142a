//! Drawings of architectures: what is drawn ([`Drawing`], a few boxes and arrows that each space makes of its architectures),
//! where it stands (`layered` and `chain`), and how it is written (`svg` and `dot`), each without the others.

mod cells;
mod chain;
mod dot;
mod layered;
mod paint;
mod scene;
mod svg;

pub(crate) use cells::genotype;
pub(crate) use dot::{cluster, line, quote};
pub use paint::{Family, Paint};
pub use svg::escape;

use crate::{Blueprint, SpaceError};

/// An architecture as papers draw it: a panel for each kind of cell, or one for a network of layers.
///
/// ```
/// use nas_space::{Blueprint, Drawing};
/// let drawing = Drawing::of(&Blueprint::from_text("DARTS_V2")?)?;
/// assert_eq!(drawing.panels.len(), 2);
/// assert!(drawing.to_svg().starts_with("<svg "));
/// assert!(drawing.to_dot().starts_with("digraph "));
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The text form of the architecture, for whoever cannot see the drawing.
    pub text: String,
    /// What it shows.
    pub panels: Vec<Panel>,
    /// What the boxes do, in a few words below the panels; empty where there is nothing to say.
    pub note: String,
}

/// A graph without cycles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel {
    /// What it shows, such as `normal cell`.
    pub title: String,
    /// The boxes. In a chain they stand one below another in this order.
    pub blocks: Vec<Block>,
    /// The arrows between them.
    pub edges: Vec<Edge>,
    /// How it is laid out.
    pub layout: Layout,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What is written in it, on one or more lines; `c_{k-1}` is written with a subscript.
    pub label: String,
    /// What it stands for, and so how it looks.
    pub kind: Kind,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What enters: the image, or the outputs of earlier cells.
    Input,
    /// A node, in which the results of operations meet.
    Node,
    /// What leaves.
    Output,
    /// An operation.
    Operation(Paint),
    /// Text only.
    Note,
}

/// An arrow, and the operation on it where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The box it leaves.
    pub from: usize,
    /// The box it enters.
    pub to: usize,
    /// The operation's name and look.
    pub operation: Option<(String, Paint)>,
}

/// How a panel is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In columns from left to right, operations in columns of their own.
    Layered,
    /// One below another, with arcs where an arrow leaves out boxes.
    Chain {
        /// Lines across the chain: the box each stands before, and what it says.
        dividers: Vec<(usize, String)>,
    },
}

impl Drawing {
    /// The drawing of an architecture.
    ///
    /// # Errors
    /// If the architecture is not valid.
    pub fn of(blueprint: &Blueprint) -> Result<Self, SpaceError> {
        match blueprint {
            Blueprint::Genotype(genotype) => {
                genotype.check()?;
                Ok(cells::genotype(genotype, [&[], &[]], blueprint.text()))
            }
            Blueprint::Cells(cells) => {
                cells.check()?;
                Ok(cells::genotype(&cells.genotype, [&cells.normal_joined, &cells.reduce_joined], blueprint.text()))
            }
            Blueprint::Point(point) => crate::spaces::by_name(&point.space)?.drawing(point),
        }
    }

    /// Lines of text in one box: what there is to draw where nothing is known but the choices.
    pub(crate) fn of_lines(text: String, title: &str, lines: &[String]) -> Self {
        let blocks = vec![block(lines.join("\n"), Kind::Note)];
        let panel = Panel { title: title.to_owned(), blocks, edges: vec![], layout: Layout::Layered };
        Self { text, panels: vec![panel], note: String::new() }
    }

    /// A picture of its own, `<svg ...>...</svg>`, that also stands inside an HTML page. It follows the reader's choice of
    /// a light or a dark screen, and is the same on every machine.
    pub fn to_svg(&self) -> String {
        svg::write(self)
    }

    /// The same in the language of Graphviz: a cluster for each panel, operations as labels of edges.
    pub fn to_dot(&self) -> String {
        dot::write(self)
    }
}

/// A box that is no operation.
pub(crate) fn block(label: impl Into<String>, kind: Kind) -> Block {
    Block { label: label.into(), kind }
}

/// A box for an operation.
pub(crate) fn operation(label: impl Into<String>, paint: Paint) -> Block {
    block(label, Kind::Operation(paint))
}

/// An arrow without an operation.
pub(crate) fn arrow(from: usize, to: usize) -> Edge {
    Edge { from, to, operation: None }
}

/// A network of layers in one panel.
pub(crate) fn chain(
    text: String,
    title: &str,
    blocks: Vec<Block>,
    edges: Vec<Edge>,
    dividers: Vec<(usize, String)>,
) -> Drawing {
    let panel = Panel { title: title.into(), blocks, edges, layout: Layout::Chain { dividers } };
    Drawing { text, panels: vec![panel], note: String::new() }
}

/// The cells of an architecture in the language of Graphviz, or whatever its space draws.
///
/// # Errors
/// If the architecture is not valid.
pub fn cells_dot(blueprint: &Blueprint) -> Result<String, SpaceError> {
    Ok(Drawing::of(blueprint)?.to_dot())
}

/// The cells of an architecture as a picture, `<svg ...>...</svg>`, or whatever its space draws.
///
/// # Errors
/// If the architecture is not valid.
pub fn cells_svg(blueprint: &Blueprint) -> Result<String, SpaceError> {
    Ok(Drawing::of(blueprint)?.to_svg())
}

#[cfg(test)]
mod tests;
