//! Networks of layers: boxes one below another, and arcs beside them where an arrow leaves out boxes. Arcs are wider the
//! more they leave out, lie on the left and on the right in turn, and have the colour of the box that they leave.

use super::scene::{HEAD, Line, Placed, Scene, Step, Stroke, Way, size, small};
use super::{Kind, Panel};

/// Between two boxes, and more where a line lies across.
const GAP: f64 = 16.0;
const DIVIDER: f64 = 18.0;
/// How far an arc reaches: at least, and for each pixel that it spans.
const REACH: f64 = 14.0;
const REACH_PER_PIXEL: f64 = 0.2;
const WIDEST: f64 = 200.0;
/// Above and below the middle of a box, where arcs leave and enter.
const PORT: f64 = 5.0;
const COLOURS: usize = super::paint::ARCS.len();

/// Lays a panel out.
pub(super) fn scene(panel: &Panel, dividers: &[(usize, String)]) -> Scene {
    let sizes: Vec<[f64; 2]> = panel.blocks.iter().map(|block| size(&block.label, block.kind)).collect();
    let width = sizes.iter().map(|[width, _]| *width).fold(0.0, f64::max);
    let (mut tops, mut across) = (Vec::with_capacity(sizes.len()), Vec::new());
    let mut y = 0.0;
    for (index, [_, height]) in sizes.iter().enumerate() {
        if let Some((_, text)) = dividers.iter().find(|(before, _)| *before == index) {
            across.push((y + (DIVIDER - GAP) / 2.0, text.clone()));
            y += DIVIDER;
        }
        tops.push(y);
        y += height + GAP;
    }
    let middle = |index: usize| tops[index] + sizes[index][1] / 2.0;
    let side = |from: usize| if from.is_multiple_of(2) { Way::Left } else { Way::Right };
    let reach = |from: usize, to: usize| {
        (REACH + REACH_PER_PIXEL * (middle(to) - middle(from) - 2.0 * PORT)).clamp(REACH, WIDEST)
    };
    // A cubic curve reaches three quarters of the way to its control points.
    let room = |way: Way| {
        let arcs = panel.edges.iter().filter(|edge| edge.to > edge.from + 1 && side(edge.from) == way);
        arcs.map(|edge| 0.75 * reach(edge.from, edge.to) + 2.0).fold(0.0, f64::max)
    };
    // What dividers say stands outside the arcs.
    let said = across.iter().map(|(_, text)| small(text) + 8.0).fold(0.0, f64::max);
    let left = said + room(Way::Left);
    let right = left + width;
    let mut lines = Vec::with_capacity(panel.edges.len());
    for edge in &panel.edges {
        let (from, to) = (edge.from, edge.to);
        let x = left + width / 2.0;
        if to == from + 1 {
            let start = [x, tops[from] + sizes[from][1]];
            let steps = vec![Step::To([x, tops[to] - HEAD + 1.0])];
            lines.push(Line { from, to, start, steps, stroke: Stroke::Plain, head: Some(Way::Down) });
            continue;
        }
        let (way, sign, x) = match side(from) {
            Way::Right => (Way::Left, 1.0, right),
            _ => (Way::Right, -1.0, left),
        };
        let (start, end) = ([x, middle(from) + PORT], [x + sign * (HEAD - 1.0), middle(to) - PORT]);
        let out = x + sign * reach(from, to);
        let steps = vec![Step::Curve([[out, start[1]], [out, end[1]], end])];
        lines.push(Line { from, to, start, steps, stroke: Stroke::Arc(from % COLOURS), head: Some(way) });
    }
    let boxes = panel.blocks.iter().enumerate().map(|(index, block)| {
        // Operations are equally wide, so that all arcs leave one line.
        let own = sizes[index][0];
        let width_of = if block.kind == Kind::Node { own } else { width };
        let left = left + (width - width_of) / 2.0;
        Placed {
            label: block.label.clone(),
            kind: block.kind,
            left,
            top: tops[index],
            width: width_of,
            height: sizes[index][1],
        }
    });
    let boxes = boxes.collect();
    Scene { width: right + room(Way::Right), height: y - GAP, boxes, lines, dividers: across }
}
