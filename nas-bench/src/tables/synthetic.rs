//! A table without a file: the cells of NAS-Bench-201 with accuracies and latencies made up by a formula.
//!
//! It behaves as the measured one does in what matters to a search: most cells are good, few are best, a cell whose
//! output sees no image guesses, what is seen after a short training ranks much as the full training does but not quite,
//! and the accurate cells are the slow ones. No number in it was measured.

use std::sync::Arc;

use nas_space::spaces::NasBench201;
use nas_space::{Architecture, Operation, Seed};
use rand::RngExt;

use super::hardware::Costs;
use crate::Table;
use crate::table::{Index, Level};

/// Whatever cell it is, a classifier of ten classes is right that often by chance.
const CHANCE: f64 = 0.1;

/// The edges in the order of the choices: from a node, to a node.
const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];

/// Makes the table. It is the same every time, and takes some milliseconds.
pub fn synthetic() -> Table {
    let space = Arc::new(NasBench201);
    let rows = cells();
    let merits: Vec<f64> = rows.iter().map(merit).collect();
    // The noise of a row hangs on its place in the official order, as the noise of a training hangs on its seed.
    let noise = |of: &str, row: usize| -> f64 {
        let mut rng = Seed::new(201).child(of).index(row as u64).rng();
        // The mean of four is near enough to a bell.
        (0..4).map(|_| rng.random::<f64>()).sum::<f64>() / 2.0 - 1.0
    };
    let accuracy = |of: &str, best: f64, halfway: f64, luck: f64| -> Vec<f64> {
        let one = |(row, merit): (usize, &f64)| match *merit {
            0.0 => CHANCE,
            merit => {
                // Luck counts as a share of the merit, so that it can turn the order of the best.
                let merit = (merit * (1.0 + luck * noise(of, row))).max(0.005);
                CHANCE + (best - CHANCE) * merit / (merit + halfway)
            }
        };
        merits.iter().enumerate().map(one).collect()
    };
    let levels = vec![
        Level { epochs: 12, validation: accuracy("12", 0.95, 1.0, 1.0) },
        Level { epochs: 200, validation: accuracy("200", 0.96, 0.2, 0.2) },
    ];
    let test = accuracy("test", 0.97, 0.2, 0.1);
    let index = Index::build(space.as_ref(), &rows).expect("every cell is listed once");
    let (parameters, flops) = rows.iter().map(|a| (73_306 + 100 * weights(a), 7_783_050 + 14_000 * weights(a))).unzip();
    Table {
        name: "synthetic".into(),
        data: "made-up".into(),
        space,
        rows,
        index,
        levels,
        seen: 0,
        test,
        judge: "made-up test accuracy".into(),
        parameters,
        flops,
        seconds: None,
        costs: None,
    }
}

/// Made-up costs of the same cells on a device.
pub(super) fn costs(device: &str) -> Costs {
    let rows = cells();
    let cost = |architecture: &Architecture| {
        let each = architecture.choices.iter().map(|choice| match Operation::NASBENCH201[*choice] {
            Operation::None => 0.0,
            Operation::SkipConnect => 0.2,
            Operation::AvgPool3x3 => 1.5,
            Operation::NorConv1x1 => 2.0,
            _ => 7.0,
        });
        (3.0 + each.sum::<f64>()) / 1000.0
    };
    let values = rows.iter().map(cost).collect();
    Costs::new(device, &NasBench201, rows, values).expect("every cell is listed once")
}

/// Every cell, in the official order.
fn cells() -> Vec<Architecture> {
    (0..).map_while(|index| NasBench201.architecture(index)).collect()
}

/// How good a cell is made out to be: how much work lies on its ways from the image, with something for a shortcut beside
/// it; 0 where no way leads from input to output.
fn merit(cell: &Architecture) -> f64 {
    // What reaches each node, the input being there whole.
    let mut reach = [0.0_f64; 4];
    let mut arrives = [true, false, false, false];
    for ((from, to), choice) in EDGES.into_iter().zip(&cell.choices) {
        let work = match Operation::NASBENCH201[*choice] {
            Operation::None => continue,
            Operation::SkipConnect => 0.05,
            Operation::AvgPool3x3 => 0.02,
            Operation::NorConv1x1 => 0.45,
            _ => 1.0,
        };
        if arrives[from] {
            arrives[to] = true;
            // Each further way into a node adds less.
            reach[to] = reach[to].max(reach[from] + work) + 0.15 * reach[to].min(reach[from] + work);
        }
    }
    if !arrives[3] {
        return 0.0;
    }
    let shortcut = Operation::NASBENCH201[cell.choices[3]] == Operation::SkipConnect;
    (reach[3] + if shortcut { 0.6 } else { 0.0 }).max(0.01)
}

/// Weights of a cell's convolutions, in hundreds: made up, but in the right order.
fn weights(cell: &Architecture) -> u64 {
    let of = |choice: &usize| match Operation::NASBENCH201[*choice] {
        Operation::NorConv1x1 => 280,
        Operation::NorConv3x3 => 2_430,
        _ => 0,
    };
    cell.choices.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_search::pareto::{front, hypervolume};

    #[test]
    fn it_is_whole_and_the_same_every_time() {
        let (a, b) = (synthetic(), synthetic());
        assert_eq!((a.len(), a.epochs()), (15_625, vec![12, 200]));
        assert_eq!(a.test, b.test);
        for row in [0, 77, 15_624] {
            assert_eq!(a.row(a.architecture(row)).unwrap(), row);
        }
    }

    #[test]
    fn it_is_hard_where_a_search_should_find_it_hard() {
        let table = synthetic();
        let best = table.optimum().test;
        let near = table.test.iter().filter(|test| **test > best - 0.002).count();
        assert!((1..100).contains(&near), "{near} cells are as good as the best");
        let order = |values: &[f64]| {
            let mut order: Vec<usize> = (0..values.len()).collect();
            order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
            let mut ranks = vec![0.0; values.len()];
            order.into_iter().enumerate().for_each(|(rank, row)| ranks[row] = rank as f64);
            ranks
        };
        let (seen, judged) = (order(&table.levels[0].validation), order(&table.test));
        let n = seen.len() as f64;
        let spearman =
            1.0 - 6.0 * seen.iter().zip(&judged).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / (n * (n * n - 1.0));
        // The measured table has 0.87 here.
        assert!((0.8..0.97).contains(&spearman), "{spearman}");
    }

    #[test]
    fn accuracy_costs_time() {
        let table = synthetic().with_costs(costs("raspi4_latency")).unwrap();
        let point =
            |row: usize| vec![1.0 - table.test(row), table.costs().unwrap().of(table.architecture(row)).unwrap()];
        let points: Vec<Vec<f64>> = (0..table.len()).map(point).collect();
        let front: Vec<[f64; 2]> = front(&points).into_iter().map(|at| [points[at][0], points[at][1]]).collect();
        assert!(front.len() > 10, "only {} trade-offs", front.len());
        assert!(hypervolume(&front, [0.9, 0.05]) > 0.0);
    }
}
