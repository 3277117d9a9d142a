//! Orders and columns on graphs whose answer is known.

use super::*;
use crate::draw::{Layout, arrow, block};

fn panel(blocks: usize, edges: &[(usize, usize)]) -> Panel {
    let blocks = (0..blocks).map(|number| block(number.to_string(), Kind::Node)).collect();
    let edges = edges.iter().map(|&(from, to)| arrow(from, to)).collect();
    Panel { title: String::new(), blocks, edges, layout: Layout::Layered }
}

/// The crossings of the lines of a scene, by the heights of their ends.
fn crossings(panel: &Panel) -> usize {
    let scene = scene(panel);
    let ends = |line: &Line| {
        let Some(Step::To([x, y])) = line.steps.last().copied() else { unreachable!("lines end straight") };
        (line.start, [x, y])
    };
    let lines: Vec<_> = scene.lines.iter().map(ends).collect();
    let cross = |(at, (a, b)): (usize, &([f64; 2], [f64; 2]))| {
        let same_gap = |c: &[f64; 2], d: &[f64; 2]| c[0] < b[0] && a[0] < d[0];
        lines[at + 1..].iter().filter(|(c, d)| same_gap(c, d) && (a[1] - c[1]) * (b[1] - d[1]) < 0.0).count()
    };
    lines.iter().enumerate().map(cross).sum()
}

#[test]
fn a_graph_that_needs_no_crossings_has_none() {
    // Two trees whose leaves are given in turn.
    assert_eq!(crossings(&panel(8, &[(0, 2), (1, 3), (0, 4), (1, 5), (0, 6), (1, 7)])), 0);
    // Three paths that begin in the opposite order.
    assert_eq!(crossings(&panel(9, &[(0, 5), (1, 4), (2, 3), (5, 6), (4, 7), (3, 8)])), 0);
}

#[test]
fn a_graph_that_needs_a_crossing_has_one() {
    assert_eq!(crossings(&panel(4, &[(0, 2), (0, 3), (1, 2), (1, 3)])), 1);
}

#[test]
fn operations_stand_before_what_they_enter_and_the_output_behind_everything() {
    let mut cell = panel(5, &[(0, 2), (2, 3), (0, 3), (2, 4)]);
    cell.blocks[4].kind = Kind::Output;
    cell.edges[2].operation = Some(("skip_connect".into(), super::super::Paint::of(crate::Operation::SkipConnect)));
    let (blocks, edges) = expanded(&cell);
    assert_eq!(columns_of(&blocks, &edges), [0, 0, 1, 2, 3, 1]);
}
