//! The guard against collapse: what it watches, when it stops a search, and what it says.
//!
//! Gradient-based searches drift towards operations without weights, skip connections above all, and then find cells that
//! are worse than random ones. Three numbers show it as it comes: the skips that the rule would keep, the entropy of the
//! weights, and the largest eigenvalue of the validation loss's Hessian. Two rules act on them, each an option.

use nas_space::{Architecture, Chooses, Chosen, Decision, MixedSpace, Operation, SearchSpace};
use serde::{Deserialize, Serialize};

/// What the guard measures and does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Epochs from one measurement of the eigenvalue to the next; 0 for none.
    pub eigenvalue_every: usize,
    /// Whether the search ends when the eigenvalue rises, as [`stop_at`] says.
    pub early_stop: bool,
    /// The most skip connections in the first kind of cell, as [`read_off`] says; `None` for no limit.
    pub max_skips: Option<usize>,
}

impl Guard {
    /// Watches and acts: an eigenvalue every second epoch, early stop, and at most two skips, as many as P-DARTS keeps.
    pub const ACTING: Self = Self { eigenvalue_every: 2, early_stop: true, max_skips: Some(2) };
    /// Watches and warns only, so that the search is the published one.
    pub const FAITHFUL: Self = Self { early_stop: false, max_skips: None, ..Self::ACTING };
}

/// Measurements in a mean, and between the two means that are compared (Zela et al. 2020, section 4.3).
const WINDOW: usize = 5;

/// A search stops where the earlier mean is less than this part of the later one (section 4.3).
const RATIO: f64 = 0.75;

/// The rule of early stopping (Zela et al. 2020, section 4.3): with the mean of the last five eigenvalues and the mean of
/// the five before them, stop when the earlier is less than 0.75 times the later. Returns which measurement to go back to:
/// the middle one of the earlier five.
pub fn stop_at(eigenvalues: &[f64]) -> Option<usize> {
    let begin = eigenvalues.len().checked_sub(2 * WINDOW)?;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (before, now) = eigenvalues[begin..].split_at(WINDOW);
    let (before, now) = (mean(before), mean(now));
    (now > 0.0 && before < RATIO * now).then_some(begin + WINDOW / 2)
}

/// What an architecture keeps: the space's published rule, applied again while the first kind of cell has more than
/// `max_skips` skip connections, each time without the lightest of them (Chen et al. 2019, P-DARTS, section 3.3.2).
pub fn read_off(space: &dyn MixedSpace, weights: &[Vec<Vec<f64>>], max_skips: Option<usize>) -> Vec<Chosen> {
    let mut weights = weights.to_vec();
    loop {
        let chosen = space.choose(&weights);
        let skips: Vec<&Chosen> = chosen.iter().filter(|edge| is_skip(space, edge)).collect();
        let weight = |edge: &Chosen| weights[edge.table][edge.row][edge.operation];
        let lightest = skips.iter().copied().reduce(|a, b| if weight(b) < weight(a) { b } else { a }).copied();
        match lightest.filter(|_| max_skips.is_some_and(|most| skips.len() > most)) {
            Some(edge) => weights[edge.table][edge.row][edge.operation] = f64::NEG_INFINITY,
            None => return chosen,
        }
    }
}

/// How many of the operations chosen for the first kind of cell are skip connections.
pub fn skips(space: &dyn MixedSpace, chosen: &[Chosen]) -> usize {
    chosen.iter().filter(|edge| is_skip(space, edge)).count()
}

/// A sentence, if what was chosen is a collapse: of the first kind of cell more than half are skip connections, or none has
/// weights.
pub fn collapse(space: &dyn MixedSpace, chosen: &[Chosen]) -> Option<String> {
    let table = &space.tables()[0];
    let first = chosen.iter().filter(|edge| edge.table == 0);
    let operations: Vec<Option<Operation>> = first.map(|edge| Some(table.operations[edge.operation])).collect();
    let what = without_weights(&operations, &cell(table.name))?;
    Some(format!(
        "the search has collapsed: {what}. DARTS is known to drift there when it runs long, and such a cell is often \
         worse than a random one. Let the guard stop the search and limit the skips, or search for fewer epochs"
    ))
}

/// The same of an architecture found on shared weights: of its normal cell, or of all its operations where its space has no
/// such cell.
pub(crate) fn collapse_on_shared_weights(space: &dyn SearchSpace, architecture: &Architecture) -> Option<String> {
    let normal = |decision: &Decision| decision.group == "normal";
    let has_cells = space.decisions().iter().any(normal);
    let chosen = space.decisions().iter().zip(&architecture.choices);
    let chosen = chosen.filter(|(d, _)| d.chooses == Chooses::Operation && (!has_cells || normal(d)));
    let operations: Vec<Option<Operation>> = chosen.map(|(d, &choice)| d.options.get(choice)?.parse().ok()).collect();
    let what = without_weights(&operations, if has_cells { "normal cell" } else { "architecture" })?;
    Some(format!(
        "the search has collapsed: {what}. Shared weights flatter operations that need none, and such an architecture is \
         often worse than a random one. Search with another seed or for more epochs, or measure trials by training them"
    ))
}

/// What is wrong with operations of which more than half are skip connections, or none has weights. An operation of no
/// known name has weights.
fn without_weights(operations: &[Option<Operation>], of: &str) -> Option<String> {
    use Operation::{AvgPool3x3, MaxPool3x3, None as Zero, SkipConnect};
    let (all, skips) = (operations.len(), operations.iter().filter(|op| **op == Some(SkipConnect)).count());
    if 2 * skips > all {
        return Some(format!("{skips} of the {all} operations of the {of} are skip connections"));
    }
    let idle = |op: &Option<Operation>| matches!(op, Some(Zero | SkipConnect | MaxPool3x3 | AvgPool3x3));
    operations.iter().all(idle).then(|| format!("no operation of the {of} has weights to learn"))
}

/// `cell`, or `normal cell`.
fn cell(name: &str) -> String {
    if name == "cell" { name.to_owned() } else { format!("{name} cell") }
}

fn is_skip(space: &dyn MixedSpace, edge: &Chosen) -> bool {
    edge.table == 0 && space.tables()[0].operations[edge.operation] == Operation::SkipConnect
}

#[cfg(test)]
mod tests {
    use nas_space::spaces::{self, Darts, NasBench201};

    use super::*;

    #[test]
    fn a_rise_stops_the_search_before_it() {
        let flat = vec![0.2; 12];
        assert_eq!(stop_at(&flat), None);
        let rising: Vec<f64> = [0.2; 5].into_iter().chain([0.3; 5]).collect();
        assert_eq!(stop_at(&rising), Some(2));
        assert_eq!(stop_at(&rising[1..]), None, "nine measurements are too few");
        // Three quarters exactly are not less than three quarters.
        let edge: Vec<f64> = [0.375; 5].into_iter().chain([0.5; 5]).collect();
        assert_eq!(stop_at(&edge), None);
        assert_eq!(stop_at(&[-0.2; 12]), None);
    }

    /// Weights whose heaviest operations, edge by edge, are these.
    fn cell201(heaviest: [(usize, f64); 6]) -> Vec<Vec<Vec<f64>>> {
        let row = |(operation, weight): (usize, f64)| {
            let mut row = vec![0.1, 0.1, 0.15, 0.12, 0.1];
            row[operation] = weight;
            row
        };
        vec![heaviest.map(row).to_vec()]
    }

    #[test]
    fn the_lightest_skips_give_way() {
        let weights = cell201([(1, 0.9), (1, 0.5), (1, 0.8), (3, 0.6), (1, 0.4), (1, 0.7)]);
        let text = |most| NasBench201.text(&NasBench201.assemble(&read_off(&NasBench201, &weights, most)).unwrap());
        assert_eq!(text(None).matches("skip_connect").count(), 5);
        let capped = "|skip_connect~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|nor_conv_1x1~1|nor_conv_1x1~2|";
        assert_eq!(text(Some(2)), capped);
        assert!(!text(Some(0)).contains("skip_connect"));
    }

    #[test]
    fn reduction_cells_keep_their_skips() {
        let mut weights = vec![vec![vec![0.1; 8]; 14]; 2];
        weights[1].iter_mut().for_each(|row| row[3] = 0.5);
        let chosen = read_off(&Darts, &weights, Some(0));
        assert_eq!(skips(&Darts, &chosen), 0);
        let text = Darts.text(&Darts.assemble(&chosen).unwrap());
        assert_eq!(text.matches("skip_connect").count(), 8, "{text}");
    }

    #[test]
    fn a_collapse_on_shared_weights_is_said_in_words() {
        let of = |space: &str, option: &dyn Fn(&Decision) -> usize| {
            let space = spaces::by_name(space).unwrap();
            let choices = space.decisions().iter().map(option).collect();
            collapse_on_shared_weights(space, &Architecture { space: space.name().to_owned(), choices })
        };
        let named = |decision: &Decision, name: &str| decision.options.iter().position(|o| o == name).unwrap_or(0);
        let skipping = of("enas-micro", &|d| named(d, "skip_connect")).unwrap();
        assert!(skipping.contains("10 of the 10 operations of the normal cell are skip connections"), "{skipping}");
        let pooling = of("enas-macro", &|d| named(d, "max_pool_3x3")).unwrap();
        assert!(pooling.contains("no operation of the architecture has weights"), "{pooling}");
        assert_eq!(of("enas-micro", &|d| named(d, "sep_conv_3x3")), None);
        assert_eq!(of("enas-macro", &|_| 0), None);
        // Pools in the reduction cell alone are as they should be.
        let reducing = |d: &Decision| if d.group == "normal" { 0 } else { d.options.len() - 1 };
        assert_eq!(of("enas-micro", &reducing), None);
    }

    #[test]
    fn a_collapse_is_said_in_words() {
        let said = |weights: &[Vec<Vec<f64>>], space: &dyn MixedSpace| collapse(space, &read_off(space, weights, None));
        let skipping = said(&cell201([(1, 0.9); 6]), &NasBench201).unwrap();
        assert!(skipping.contains("6 of the 6 operations of the cell are skip connections"), "{skipping}");
        let pooling = said(&cell201([(4, 0.9); 6]), &NasBench201).unwrap();
        assert!(pooling.contains("no operation of the cell has weights"), "{pooling}");
        assert_eq!(said(&cell201([(1, 0.9), (1, 0.9), (1, 0.9), (2, 0.9), (2, 0.9), (2, 0.9)]), &NasBench201), None);
    }
}
