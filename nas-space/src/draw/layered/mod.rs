//! Columns from left to right (Sugiyama, Tagawa & Toda 1981): boxes get columns, then an order in each column with few
//! crossings, then heights at which lines are as straight as they can be.
//!
//! Two things make it cells as papers draw them. An operation on an arrow is a box of its own, in the column before the node
//! that it enters. And all that reads one box far away shares a line, its rail, which passes through every column
//! between, so that lines bend between columns only and never pass below a box.

mod order;
mod place;

use super::scene::{HEAD, Line, Placed, Scene, Step, Stroke, Way, size};
use super::{Block, Kind, Panel};

/// The least distance of boxes and rails in a column.
const GAP: f64 = 9.0;
/// The least distance of columns, and how much of it each pixel that a line climbs adds, up to twice that distance.
const COLUMN_GAP: f64 = 28.0;
const CLIMB: f64 = 0.12;
/// The distance of lines that enter one box.
const PORT: f64 = 9.0;

/// What stands in a column: a box, or where a rail passes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Item {
    column: usize,
    width: f64,
    height: f64,
    rail: bool,
}

/// A graph in columns. Segments join items of neighbouring columns; those of column c and c + 1 are `segments[c]`.
#[derive(Clone, Debug)]
struct Columns {
    items: Vec<Item>,
    segments: Vec<Vec<(usize, usize)>>,
}

/// Lays a panel out.
pub(super) fn scene(panel: &Panel) -> Scene {
    let (blocks, edges) = expanded(panel);
    let columns = columns(&blocks, &edges);
    let (order, mut heights) = order::best(&columns);
    // Two inputs stand in their own order.
    if let [first, second, ..] = &blocks[..]
        && first.kind == Kind::Input
        && second.kind == Kind::Input
        && heights[0] > heights[1]
    {
        let bottom = columns.items.iter().zip(&heights).map(|(item, y)| y + item.height / 2.0).fold(0.0, f64::max);
        heights.iter_mut().for_each(|y| *y = bottom - *y);
    }
    draw(&blocks, &columns, &order, &heights)
}

/// Boxes and arrows, with a box for each operation on an arrow.
fn expanded(panel: &Panel) -> (Vec<Block>, Vec<(usize, usize)>) {
    let mut blocks = panel.blocks.clone();
    let mut edges = Vec::with_capacity(2 * panel.edges.len());
    for edge in &panel.edges {
        match &edge.operation {
            None => edges.push((edge.from, edge.to)),
            Some((label, paint)) => {
                edges.extend([(edge.from, blocks.len()), (blocks.len(), edge.to)]);
                blocks.push(super::operation(label, *paint));
            }
        }
    }
    (blocks, edges)
}

/// The column of each box: one behind the last that it reads; an operation on an arrow just before what it enters; the
/// output behind everything.
fn columns_of(blocks: &[Block], edges: &[(usize, usize)]) -> Vec<usize> {
    let mut column = vec![0; blocks.len()];
    // Paths visit each box once, so as many rounds settle every column.
    for _ in 0..blocks.len() {
        for &(from, to) in edges {
            column[to] = column[to].max(column[from] + 1);
        }
    }
    for (index, block) in blocks.iter().enumerate() {
        let mut readers = edges.iter().filter(|(from, _)| *from == index).map(|(_, to)| *to);
        if let (Kind::Operation(_), Some(only), None) = (block.kind, readers.next(), readers.next()) {
            column[index] = column[only] - 1;
        }
    }
    let last = column.iter().copied().max().unwrap_or(0);
    for (index, block) in blocks.iter().enumerate() {
        let behind = (0..blocks.len()).any(|other| other != index && column[other] == last);
        if block.kind == Kind::Output {
            column[index] = if behind { last + 1 } else { last };
        }
    }
    column
}

fn columns(blocks: &[Block], edges: &[(usize, usize)]) -> Columns {
    let column = columns_of(blocks, edges);
    let into = |index: usize| edges.iter().filter(|(_, to)| *to == index).count();
    let item = |(index, block): (usize, &Block)| {
        let [width, height] = size(&block.label, block.kind);
        let ports = if matches!(block.kind, Kind::Operation(_)) { 0.0 } else { PORT * into(index) as f64 };
        // Even heights, so that edges and middles lie on whole pixels.
        let height = 2.0 * (height.max(ports + 6.0) / 2.0).ceil();
        Item { column: column[index], width, height, rail: false }
    };
    let mut items: Vec<Item> = blocks.iter().enumerate().map(item).collect();
    let number = column.iter().max().map_or(1, |last| last + 1);
    widen(&mut items, blocks, number);
    let mut segments = vec![Vec::new(); number.saturating_sub(1)];
    for from in 0..blocks.len() {
        let mut readers: Vec<usize> = edges.iter().filter(|(source, _)| *source == from).map(|(_, to)| *to).collect();
        readers.sort_unstable();
        readers.dedup();
        let last = readers.iter().map(|&to| column[to]).max().unwrap_or(0);
        let mut end = from;
        for here in column[from]..last {
            let next = here + 1;
            segments[here].extend(readers.iter().filter(|&&to| column[to] == next).map(|&to| (end, to)));
            if next < last {
                items.push(Item { column: next, width: 0.0, height: 0.0, rail: true });
                segments[here].push((end, items.len() - 1));
                end = items.len() - 1;
            }
        }
    }
    Columns { items, segments }
}

/// Makes the operations of a column equally wide.
fn widen(items: &mut [Item], blocks: &[Block], columns: usize) {
    let is_operation = |index: usize| matches!(blocks[index].kind, Kind::Operation(_));
    for column in 0..columns {
        let members: Vec<usize> = (0..items.len()).filter(|&i| items[i].column == column && is_operation(i)).collect();
        let widest = members.iter().map(|&i| items[i].width).fold(0.0, f64::max);
        for index in members {
            items[index].width = widest;
        }
    }
}

/// The distance of the middles of two neighbours in a column.
fn distance(above: Item, below: Item) -> f64 {
    (above.height + below.height) / 2.0 + GAP
}

fn draw(blocks: &[Block], columns: &Columns, order: &[Vec<usize>], middle: &[f64]) -> Scene {
    let items = &columns.items;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut x = 0.0;
    for (column, members) in order.iter().enumerate() {
        let width = members.iter().map(|&i| items[i].width).fold(0.0, f64::max);
        left.push(x);
        right.push(x + width);
        let climbs = columns.segments.get(column).into_iter().flatten().map(|&(a, b)| (middle[a] - middle[b]).abs());
        x += width + COLUMN_GAP + (CLIMB * climbs.fold(0.0, f64::max)).min(2.0 * COLUMN_GAP);
    }
    let edge = |index: usize, half: f64| {
        let Item { column, width, .. } = items[index];
        (left[column] + right[column]) / 2.0 + half * width / 2.0
    };
    let mut lines = Vec::new();
    for (column, segments) in columns.segments.iter().enumerate() {
        for &(from, to) in segments {
            let enters = match items[to].rail {
                true => left[column + 1],
                false => edge(to, -1.0),
            };
            let head = blocks.get(to).filter(|block| !matches!(block.kind, Kind::Operation(_))).map(|_| Way::Right);
            let reach = if head.is_some() { HEAD - 1.0 } else { 0.0 };
            let y = middle[to] + port(segments, middle, (from, to), items[to]);
            let start = [if items[from].rail { right[column] } else { edge(from, 1.0) }, middle[from]];
            let mut steps = vec![Step::To([right[column], middle[from]])];
            let (a, b) = (right[column], left[column + 1] - reach);
            let bend = (b - a) / 2.0;
            steps.push(Step::Curve([[a + bend, middle[from]], [b - bend, y], [b, y]]));
            steps.push(Step::To([if items[to].rail { right[column + 1] } else { enters - reach }, y]));
            let stroke = match blocks.get(from).map(|block| block.kind) {
                Some(Kind::Operation(paint)) => Stroke::Of(paint.family),
                _ => Stroke::Plain,
            };
            lines.push(Line { from, to, start, steps, stroke, head });
        }
    }
    let place = |(index, block): (usize, &Block)| {
        let Item { width, height, .. } = items[index];
        let (left, top) = (edge(index, -1.0), middle[index] - height / 2.0);
        Placed { label: block.label.clone(), kind: block.kind, left, top, width, height }
    };
    let boxes: Vec<Placed> = blocks.iter().enumerate().map(place).collect();
    let bottom = items.iter().zip(middle).map(|(item, y)| y + item.height / 2.0).fold(0.0, f64::max);
    Scene { width: right.last().copied().unwrap_or(0.0), height: bottom, boxes, lines, dividers: vec![] }
}

/// How far from the middle of a box a line enters it: lines enter in the order in which they come.
fn port(segments: &[(usize, usize)], middle: &[f64], own: (usize, usize), item: Item) -> f64 {
    if item.rail {
        return 0.0;
    }
    let mut sources: Vec<usize> = segments.iter().filter(|(_, to)| *to == own.1).map(|(from, _)| *from).collect();
    sources.sort_by(|&a, &b| middle[a].total_cmp(&middle[b]));
    let place = sources.iter().position(|&from| from == own.0).unwrap_or(0) as f64;
    PORT * (place - (sources.len() as f64 - 1.0) / 2.0)
}

#[cfg(test)]
mod tests;
