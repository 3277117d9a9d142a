//! What a layout yields: boxes and lines with their places. Lengths are pixels, y grows downwards, and the origin is the
//! corner at the left above.

use super::{Family, Kind};

/// A panel laid out.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Placed>,
    pub(super) lines: Vec<Line>,
    /// Lines across, by their y, and what they say.
    pub(super) dividers: Vec<(f64, String)>,
}

/// A box with its place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) label: String,
    pub(super) kind: Kind,
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A line with its place. Its ends are boxes, by their numbers in the scene, or bends that other lines go on from, which
/// have the numbers after those.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "tests follow lines by their ends"))]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) start: [f64; 2],
    pub(super) steps: Vec<Step>,
    pub(super) stroke: Stroke,
    /// The way in which an arrow head at its end points.
    pub(super) head: Option<Way>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    To([f64; 2]),
    /// Two control points, and the end.
    Curve([[f64; 2]; 3]),
}

impl Step {
    pub(super) fn end(self) -> [f64; 2] {
        match self {
            Self::To(end) => end,
            Self::Curve([_, _, end]) => end,
        }
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Plain,
    /// As the outline of the family's boxes.
    Of(Family),
    /// One of the colours of arcs.
    Arc(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Left,
    Right,
    Down,
}

/// How far an arrow head reaches.
pub(super) const HEAD: f64 = 6.0;
/// The height of a line of text in a box.
const TEXT: f64 = 15.0;

/// The width and the height of a box for a label.
pub(super) fn size(label: &str, kind: Kind) -> [f64; 2] {
    let lines = label.lines().count().max(1) as f64;
    let longest = label.lines().map(|line| written(line).chars().count()).max().unwrap_or(0) as f64;
    match kind {
        // Letters of fixed width are at most 0.62 of their height wide.
        Kind::Operation(_) => [longest * 11.0 * 0.62 + 16.0, 7.0 + TEXT * lines],
        Kind::Note => [longest * 11.0 * 0.62 + 24.0, 14.0 + TEXT * lines],
        Kind::Node => [(longest * 7.0 + 14.0).max(26.0), 11.0 + TEXT * lines],
        Kind::Input | Kind::Output => [(longest * 7.0 + 16.0).max(42.0), 13.0 + TEXT * lines],
    }
}

/// The width of a small text, as in the legend.
pub(super) fn small(text: &str) -> f64 {
    6.6 * written(text).chars().count() as f64
}

/// A label without the marks of a subscript.
fn written(label: &str) -> String {
    label.replace("_{", "").replace('}', "")
}
