//! The architecture parameters of a gradient-based search: for every edge and operation its weight over the epochs, and
//! where edges have a weight of their own, that too.

use std::fmt::Write;

use nas_search::SupernetEpoch;
use nas_space::{Architecture, Chosen, MixedSpace, MixedTable};

use super::page::{Edge, Weight, Weights};
use crate::run::abbreviate;
use crate::units::percent;

/// The box of a curve, as the template draws it.
const BOX: [f64; 2] = [40.0, 20.0];
/// More epochs than this cannot be told apart in it.
const POINTS: usize = 40;

/// A table of weights for each kind of cell; nothing where no epoch has ended.
pub fn weights(space: &dyn MixedSpace, history: &[SupernetEpoch], found: Option<&Architecture>) -> Vec<Weights> {
    let Some(last) = history.last() else { return Vec::new() };
    // While the search goes on, what would be read off now.
    let kept = space.chosen(found.unwrap_or(&last.architecture)).unwrap_or_default();
    let tables = space.tables();
    let one = |(number, table)| one(table, [number, tables.len() + number], history, &kept);
    tables.iter().enumerate().map(one).collect()
}

/// What the tables show, in words.
pub fn legend(space: &dyn MixedSpace, history: &[SupernetEpoch]) -> String {
    let tables = space.tables();
    let has_edges = history.last().is_some_and(|epoch| epoch.alphas.len() > tables.len());
    let edges = if has_edges { " What is kept has the largest products of its weight with its edge's." } else { "" };
    let states = match tables.first().map(inputs) {
        Some(1) => "The input is that of the cell, numbers are its nodes.",
        _ => "k−1 and k−2 are the outputs of the two cells before, other numbers the nodes of the cell.",
    };
    format!(
        "The weight of every operation on every edge, over the epochs: the deeper the colour, the further it rose above equal \
         weights. What is framed is what the architecture keeps.{edges} {states}"
    )
}

/// One kind of cell, of which the parameters of operations are table `number`, and those of edges, if any, table `behind`.
fn one(table: &MixedTable, [number, behind]: [usize; 2], history: &[SupernetEpoch], kept: &[Chosen]) -> Weights {
    let step = history.len().div_ceil(POINTS).max(1);
    let last = history.len() - 1;
    let shown: Vec<&SupernetEpoch> =
        history.iter().enumerate().filter(|(at, _)| at % step == 0 || *at == last).map(|(_, epoch)| epoch).collect();
    // Row by row, epoch by epoch.
    let rows: Vec<Vec<Vec<f64>>> = (0..table.edges.len())
        .map(|row| shown.iter().filter_map(|epoch| Some(softmax(epoch.alphas.get(number)?.get(row)?))).collect())
        .collect();
    let equal = 1.0 / table.operations.len().max(1) as f64;
    // Noise around equal weights is not to look like a choice.
    let highest = rows.iter().flatten().flatten().copied().fold(2.0 * equal, f64::max);
    let own: Vec<Vec<f64>> =
        shown.iter().filter_map(|epoch| Some(of_edges(table, epoch.alphas.get(behind)?))).collect();
    let chosen = |row: usize| kept.iter().filter(move |c| (c.table, c.row) == (number, row));
    let edge = |row: usize| {
        let name = edge_name(table, row);
        let operation = |operation: usize| {
            let course: Vec<f64> = rows[row].iter().filter_map(|weights| weights.get(operation).copied()).collect();
            let is_chosen = chosen(row).any(|c| c.operation == operation);
            let what = format!("{} on {name}", table.operations[operation].name());
            cell(&course, [equal, highest], &what, is_chosen)
        };
        let mut cells: Vec<Weight> = (0..table.operations.len()).map(operation).collect();
        if !own.is_empty() {
            let rivals = rivals(table, row).count();
            let course: Vec<f64> = own.iter().map(|edges| edges[row]).collect();
            let equal = 1.0 / rivals as f64;
            let highest = course.iter().copied().fold(2.0 * equal, f64::max);
            let among = if rivals == 1 { "alone".into() } else { format!("among {rivals}") };
            let what = format!("the edge {name}, {among} into its node");
            cells.push(cell(&course, [equal, highest], &what, chosen(row).next().is_some()));
        }
        Edge { name, cells }
    };
    let mut columns: Vec<(String, String)> =
        table.operations.iter().map(|o| (abbreviate(o.name()).to_owned(), o.name().to_owned())).collect();
    if !own.is_empty() {
        columns.push(("edge".into(), "the weight of the edge itself".into()));
    }
    Weights {
        title: match table.name {
            "cell" => "cell".into(),
            "reduce" => "reduction cell".into(),
            other => format!("{other} cell"),
        },
        columns,
        edges: (0..table.edges.len()).map(edge).collect(),
    }
}

fn cell(course: &[f64], [equal, highest]: [f64; 2], what: &str, is_chosen: bool) -> Weight {
    let (first, last) = (course.first().copied().unwrap_or(0.0), course.last().copied().unwrap_or(0.0));
    let kept = if is_chosen { ", kept" } else { "" };
    Weight {
        note: format!("{what}: {} after the first epoch, {} now{kept}", percent(first), percent(last)),
        is_chosen,
        shade: format!("{:.2}", 0.85 * ((last - equal) / (highest - equal)).max(0.0)),
        path: curve(course, highest),
    }
}

/// What the edges of a table weigh: those that end in one node share a softmax (PC-DARTS). The parameters are `[edges, 1]`.
fn of_edges(table: &MixedTable, parameters: &[Vec<f64>]) -> Vec<f64> {
    let value = |row: usize| parameters.get(row).and_then(|row| row.first()).copied().unwrap_or(0.0);
    let weight = |row| 1.0 / rivals(table, row).map(|rival| (value(rival) - value(row)).exp()).sum::<f64>();
    (0..table.edges.len()).map(weight).collect()
}

/// The edges into the node in which an edge ends, itself among them.
fn rivals(table: &MixedTable, row: usize) -> impl Iterator<Item = usize> {
    (0..table.edges.len()).filter(move |&rival| table.edges[rival].1 == table.edges[row].1)
}

/// A curve through a box, from its lower edge at 0 to its upper one at the highest.
fn curve(course: &[f64], highest: f64) -> String {
    let y = |value: f64| BOX[1] - 1.0 - (BOX[1] - 2.0) * value / highest;
    let mut path = String::new();
    for (at, value) in course.iter().enumerate() {
        let x = BOX[0] * at as f64 / (course.len() - 1).max(1) as f64;
        let _ = write!(path, "{}{x:.1} {:.1}", if at == 0 { 'M' } else { 'L' }, y(*value));
    }
    if course.len() == 1 {
        let _ = write!(path, "H{:.1}", BOX[0]);
    }
    path
}

/// The inputs of a cell: as many states as enter its first node.
fn inputs(table: &MixedTable) -> usize {
    table.edges.iter().filter(|(_, node)| *node == 0).count()
}

/// Where an edge comes from and goes to.
fn edge_name(table: &MixedTable, row: usize) -> String {
    let inputs = inputs(table);
    let (state, node) = table.edges[row];
    let from = match (state < inputs, inputs) {
        (true, 1) => "input".to_owned(),
        (true, _) => format!("k−{}", inputs - state),
        (false, _) => (state - inputs).to_string(),
    };
    format!("{from} → {node}")
}

/// The weights that parameters stand for.
fn softmax(parameters: &[f64]) -> Vec<f64> {
    let largest = parameters.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = parameters.iter().map(|value| (value - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_space::spaces::{Darts, NasBench201};

    #[test]
    fn edges_are_named_by_the_states_they_join() {
        let names = |space: &dyn MixedSpace| -> Vec<String> {
            let table = space.tables().remove(0);
            (0..table.edges.len()).map(|row| edge_name(&table, row)).collect()
        };
        assert_eq!(names(&Darts)[..5], ["k−2 → 0", "k−1 → 0", "k−2 → 1", "k−1 → 1", "0 → 1"]);
        assert_eq!(names(&NasBench201), ["input → 0", "input → 1", "0 → 1", "input → 2", "0 → 2", "1 → 2"]);
    }

    /// An epoch of a search on NAS-Bench-201 in which the last edge's 3x3 convolution has this parameter, the others 0.
    fn epoch(number: u64, alpha: f64) -> SupernetEpoch {
        let mut alphas = vec![vec![vec![0.0; 5]; 6]];
        alphas[0][5][3] = alpha;
        SupernetEpoch {
            epoch: number,
            epochs: 2,
            train_loss: 1.0,
            train_accuracy: 0.5,
            loss: 1.0,
            accuracy: 0.5,
            learning_rate: 0.1,
            alphas,
            entropy: 1.0,
            skips: 0,
            eigenvalue: None,
            architecture: NasBench201.parse("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|").unwrap(),
        }
    }

    #[test]
    fn a_weight_that_grew_is_shaded_and_kept() {
        // Of five equal weights each is a fifth; e^ln(4) / (4 + e^ln(4)) is a half.
        let found = weights(&NasBench201, &[epoch(1, 0.0), epoch(2, 4.0_f64.ln())], None);
        let cell = &found[0].edges[5].cells[3];
        assert_eq!(cell.note, "nor_conv_3x3 on 1 → 2: 20.00 % after the first epoch, 50.00 % now, kept");
        assert_eq!((cell.shade.as_str(), cell.is_chosen), ("0.85", true));
        assert_eq!(cell.path, "M0.0 11.8L40.0 1.0");
        let other = &found[0].edges[5].cells[4];
        assert_eq!((other.shade.as_str(), other.is_chosen), ("0.00", false), "it has less than its share");
        assert_eq!((found[0].columns.len(), found[0].edges[5].cells.len()), (5, 5), "edges have no weights");
        assert!(weights(&NasBench201, &[], None).is_empty());
    }

    #[test]
    fn the_words_name_the_inputs_that_the_cells_have() {
        let has = |space: &dyn MixedSpace, part: &str| legend(space, &[]).contains(part);
        assert!(has(&Darts, "k−1 and k−2") && !has(&Darts, "The input is"));
        assert!(has(&NasBench201, "The input is that of the cell") && !has(&NasBench201, "k−1"));
    }

    #[test]
    fn an_edge_with_a_weight_of_its_own_has_a_column() {
        let with_edges = |number: u64, beta: f64| {
            let mut epoch = epoch(number, 0.0);
            epoch.alphas.push((0..6).map(|edge| vec![if edge == 2 { beta } else { 0.0 }]).collect());
            epoch
        };
        // Edges 1 and 2 are those into node 1: of two equal weights each is a half, and 3 / (1 + 3) is three quarters.
        let found = weights(&NasBench201, &[with_edges(1, 0.0), with_edges(2, 3.0_f64.ln())], None);
        assert_eq!(found[0].columns[5].0, "edge");
        let notes: Vec<&str> = found[0].edges.iter().map(|edge| edge.cells[5].note.as_str()).collect();
        assert_eq!(
            notes[0],
            "the edge input → 0, alone into its node: 100.00 % after the first epoch, 100.00 % now, kept"
        );
        assert!(
            notes[1].ends_with("among 2 into its node: 50.00 % after the first epoch, 25.00 % now, kept"),
            "{}",
            notes[1]
        );
        assert!(notes[2].ends_with("50.00 % after the first epoch, 75.00 % now, kept"), "{}", notes[2]);
        assert!(notes[5].ends_with("among 3 into its node: 33.33 % after the first epoch, 33.33 % now, kept"));
        assert_eq!(found[0].edges[2].cells[5].shade, "0.42", "half of the way from an equal share to twice that");
    }
}
