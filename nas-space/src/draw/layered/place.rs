//! The heights of items in a given order: each wants to stand at the mean of what it is joined to, rails most of all, and
//! neighbours keep their distance. Column by column that is a least-squares problem with an exact solution, isotonic
//! regression.

use super::{Columns, Item, distance};

/// Passes over all columns, after which nothing visible moves.
const PASSES: usize = 60;

/// How much a line wants to be straight: bends of rails are the ugliest.
fn pull(a: Item, b: Item) -> f64 {
    match (a.rail, b.rail) {
        (true, true) => 8.0,
        (true, false) | (false, true) => 2.0,
        (false, false) => 1.0,
    }
}

/// The y of every item's middle; the topmost box begins at 0.
pub(super) fn heights(columns: &Columns, order: &[Vec<usize>]) -> Vec<f64> {
    let items = &columns.items;
    let mut middle = vec![0.0; items.len()];
    for column in order {
        let mut y = 0.0;
        for pair in column.windows(2) {
            y += distance(items[pair[0]], items[pair[1]]);
            middle[pair[1]] = y;
        }
        column.iter().for_each(|&item| middle[item] -= y / 2.0);
    }
    let mut joined = vec![Vec::new(); items.len()];
    for &(a, b) in columns.segments.iter().flatten() {
        joined[a].push((b, pull(items[a], items[b])));
        joined[b].push((a, pull(items[a], items[b])));
    }
    for pass in 0..PASSES {
        for step in 0..order.len() {
            let column = if pass % 2 == 0 { step } else { order.len() - 1 - step };
            settle(items, &order[column], &joined, &mut middle);
        }
    }
    straighten(items, order, &joined, &mut middle);
    let top = items.iter().zip(&middle).map(|(item, y)| y - item.height / 2.0).fold(f64::INFINITY, f64::min);
    // Whole pixels, so that straight lines are sharp.
    middle.iter().map(|y| (y - top).round()).collect()
}

/// Makes rails straight from end to end, where there is room: what is left of their bends is too small to mean anything.
fn straighten(items: &[Item], order: &[Vec<usize>], joined: &[Vec<(usize, f64)>], middle: &mut [f64]) {
    let next = |item: usize| {
        let reader = joined[item].iter().map(|(other, _)| *other);
        reader.into_iter().find(|&other| items[other].rail && items[other].column == items[item].column + 1)
    };
    let mut rails: Vec<Vec<usize>> = Vec::new();
    for first in (0..items.len()).filter(|&item| items[item].rail) {
        let continues = |&(other, _): &(usize, f64)| items[other].rail && items[other].column < items[first].column;
        if !joined[first].iter().any(continues) {
            rails.push(std::iter::successors(Some(first), |&item| next(item)).collect());
        }
    }
    rails.sort_by_key(|rail| std::cmp::Reverse(rail.len()));
    for rail in rails.iter().chain(&rails) {
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for &item in rail {
            let column = &order[items[item].column];
            let place = column.iter().position(|&other| other == item).expect("every item stands in its column");
            if place > 0 {
                low = low.max(middle[column[place - 1]] + distance(items[column[place - 1]], items[item]));
            }
            if let Some(&below) = column.get(place + 1) {
                high = high.min(middle[below] - distance(items[item], items[below]));
            }
        }
        let mean = rail.iter().map(|&item| middle[item]).sum::<f64>() / rail.len() as f64;
        if low <= high {
            rail.iter().for_each(|&item| middle[item] = mean.clamp(low, high));
        }
    }
}

/// Puts the items of a column where they want to stand, as far as their distances allow.
fn settle(items: &[Item], column: &[usize], joined: &[Vec<(usize, f64)>], middle: &mut [f64]) {
    let mut offset = 0.0;
    let mut wanted = Vec::with_capacity(column.len());
    for (place, &item) in column.iter().enumerate() {
        if place > 0 {
            offset += distance(items[column[place - 1]], items[item]);
        }
        let weight: f64 = joined[item].iter().map(|(_, pull)| pull).sum();
        let sum: f64 = joined[item].iter().map(|&(other, pull)| pull * middle[other]).sum();
        // What is joined to nothing stays.
        let (target, weight) = if weight > 0.0 { (sum / weight, weight) } else { (middle[item], 0.01) };
        wanted.push((target - offset, weight, offset));
    }
    let level = isotonic(&wanted.iter().map(|&(target, weight, _)| (target, weight)).collect::<Vec<_>>());
    for ((&item, level), (_, _, offset)) in column.iter().zip(level).zip(wanted) {
        middle[item] = level + offset;
    }
}

/// The rising sequence closest to values with weights, in the sense of least squares: neighbours that fall are pooled.
fn isotonic(values: &[(f64, f64)]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for &(value, weight) in values {
        let mut pool = (value, weight, 1);
        while let Some(&(before, heavy, many)) = pools.last().filter(|last| last.0 > pool.0) {
            pool = ((before * heavy + pool.0 * pool.1) / (heavy + pool.1), heavy + pool.1, many + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, _, many)| std::iter::repeat_n(value, many)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falling_values_are_pooled_by_their_weights() {
        assert_eq!(isotonic(&[(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]), [1.0, 2.0, 3.0]);
        assert_eq!(isotonic(&[(3.0, 1.0), (0.0, 2.0), (5.0, 1.0)]), [1.0, 1.0, 5.0]);
        assert_eq!(isotonic(&[(4.0, 1.0), (3.0, 1.0), (2.0, 1.0)]), [3.0, 3.0, 3.0]);
    }
}
