//! The order of the items in each column: sweeps that sort a column by the places of its neighbours, then swaps of
//! neighbours while they help, from several beginnings. Of the orders with the fewest crossings, that with the shortest
//! lines wins.

use rand::seq::SliceRandom;

use super::{Columns, place};
use crate::Seed;

/// Beginnings, and sweeps from each.
const BEGINNINGS: u64 = 24;
const SWEEPS: usize = 12;

/// The order of each column from above, and the y of every item's middle.
pub(super) fn best(columns: &Columns) -> (Vec<Vec<usize>>, Vec<f64>) {
    let number = columns.segments.len() + 1;
    let member = |column: usize| (0..columns.items.len()).filter(move |&i| columns.items[i].column == column);
    let given: Vec<Vec<usize>> = (0..number).map(|column| member(column).collect()).collect();
    let (mut least, mut found) = ((usize::MAX, f64::INFINITY), None);
    for beginning in 0..BEGINNINGS {
        let mut order = given.clone();
        if beginning > 0 {
            // One seed for every drawing: the same architecture always looks the same.
            let mut rng = Seed::new(0).child("drawing").index(beginning).rng();
            order.iter_mut().for_each(|column| column.shuffle(&mut rng));
        }
        let crossings = improve(columns, &mut order);
        if crossings > least.0 {
            continue;
        }
        let heights = place::heights(columns, &order);
        let length = columns.segments.iter().flatten().map(|&(a, b)| (heights[a] - heights[b]).abs()).sum();
        if (crossings, length) < least {
            (least, found) = ((crossings, length), Some((order, heights)));
        }
    }
    found.unwrap_or_else(|| (given.clone(), place::heights(columns, &given)))
}

/// Lowers the crossings of an order, and returns how many are left.
fn improve(columns: &Columns, order: &mut Vec<Vec<usize>>) -> usize {
    let mut best = (total(columns, order), order.clone());
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        for step in 1..order.len() {
            let column = if forward { step } else { order.len() - 1 - step };
            sort_by_neighbours(columns, order, column, forward);
        }
        while swap_neighbours(columns, order) {}
        let crossings = total(columns, order);
        if crossings < best.0 {
            best = (crossings, order.clone());
        }
    }
    *order = best.1;
    best.0
}

/// Sorts a column by the mean place of what its items are joined to, in the column before it or behind it. Items that are
/// joined to nothing there keep their places among the others as well as they can.
fn sort_by_neighbours(columns: &Columns, order: &mut [Vec<usize>], column: usize, forward: bool) {
    let (segments, other) =
        if forward { (&columns.segments[column - 1], column - 1) } else { (&columns.segments[column], column + 1) };
    let places = places(&order[other], columns.items.len());
    let mean = |(place, &item): (usize, &usize)| {
        let ends = segments.iter().filter_map(|&(a, b)| match forward {
            true => (b == item).then_some(places[a]),
            false => (a == item).then_some(places[b]),
        });
        let (sum, count) = ends.fold((0, 0), |(sum, count), end| (sum + end, count + 1));
        let mean = if count == 0 { place as f64 } else { sum as f64 / f64::from(count) };
        (mean, item)
    };
    let mut sorted: Vec<(f64, usize)> = order[column].iter().enumerate().map(mean).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    order[column] = sorted.into_iter().map(|(_, item)| item).collect();
}

/// Swaps neighbours where that lowers the crossings of their own lines; whether any were swapped.
fn swap_neighbours(columns: &Columns, order: &mut [Vec<usize>]) -> bool {
    let mut any = false;
    for column in 0..order.len() {
        for upper in 1..order[column].len() {
            let before = around(columns, order, column);
            order[column].swap(upper - 1, upper);
            if around(columns, order, column) < before {
                any = true;
            } else {
                order[column].swap(upper - 1, upper);
            }
        }
    }
    any
}

/// The crossings on both sides of a column.
fn around(columns: &Columns, order: &[Vec<usize>], column: usize) -> usize {
    let before = if column == 0 { 0 } else { between(columns, order, column - 1) };
    let behind = if column == columns.segments.len() { 0 } else { between(columns, order, column) };
    before + behind
}

fn total(columns: &Columns, order: &[Vec<usize>]) -> usize {
    (0..columns.segments.len()).map(|column| between(columns, order, column)).sum()
}

/// The crossings between a column and the next.
fn between(columns: &Columns, order: &[Vec<usize>], column: usize) -> usize {
    let count = columns.items.len();
    let (left, right) = (places(&order[column], count), places(&order[column + 1], count));
    let lines: Vec<(usize, usize)> = columns.segments[column].iter().map(|&(a, b)| (left[a], right[b])).collect();
    let crosses = |(at, a): (usize, &(usize, usize))| {
        lines[at + 1..].iter().filter(|b| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)).count()
    };
    lines.iter().enumerate().map(crosses).sum()
}

/// The place of each item of a column in it.
fn places(column: &[usize], items: usize) -> Vec<usize> {
    let mut places = vec![0; items];
    for (place, &item) in column.iter().enumerate() {
        places[item] = place;
    }
    places
}
