//! What runs came to, query by query: how good the choice was, and how much of the true front was found.

use nas_search::pareto::hypervolume;
use nas_search::{Strategy, Trial};

use crate::Table;
use crate::stats::{Interval, Summary, paired, summary};

/// One run, after each number of queries from 1.
pub(crate) struct Curve {
    /// What the choice so far is judged by, from 0 to 1; `NaN` before the first.
    test: Vec<f64>,
    /// The share of the true front's hypervolume that was found; empty without a second objective.
    hypervolume: Vec<f64>,
    /// Seconds that the trainings would have taken; empty where the table does not tell.
    seconds: Vec<f64>,
}

/// All runs of one strategy.
pub struct Curves {
    name: String,
    runs: Vec<Curve>,
}

impl Curves {
    pub(crate) fn new(name: String, runs: impl Iterator<Item = Curve>) -> Self {
        Self { name, runs: runs.collect() }
    }

    /// The strategy, as it was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many runs there are.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// How many queries each run made.
    pub fn queries(&self) -> usize {
        self.runs.first().map_or(0, |run| run.test.len())
    }

    /// What the choice after so many queries (from 1) is judged by, over the runs, from 0 to 1.
    pub fn test_at(&self, queries: usize) -> Summary {
        summary(&self.at(queries, |run| &run.test))
    }

    /// The difference to another strategy's choice after so many queries, run by run.
    pub fn against(&self, other: &Self, queries: usize) -> Interval {
        paired(&self.at(queries, |run| &run.test), &other.at(queries, |run| &run.test))
    }

    /// The share of the true front's hypervolume that was found after so many queries; `None` without a second objective.
    pub fn hypervolume_at(&self, queries: usize) -> Option<Summary> {
        self.has(|run| &run.hypervolume).then(|| summary(&self.at(queries, |run| &run.hypervolume)))
    }

    /// Seconds that the trainings of so many queries would have taken; `None` where the table does not tell.
    pub fn seconds_at(&self, queries: usize) -> Option<Summary> {
        self.has(|run| &run.seconds).then(|| summary(&self.at(queries, |run| &run.seconds)))
    }

    fn has(&self, of: impl Fn(&Curve) -> &Vec<f64>) -> bool {
        self.runs.first().is_some_and(|run| !of(run).is_empty())
    }

    fn at(&self, queries: usize, of: impl Fn(&Curve) -> &Vec<f64>) -> Vec<f64> {
        let value = |run| of(run).get(queries.wrapping_sub(1)).copied().unwrap_or(f64::NAN);
        self.runs.iter().map(value).collect()
    }
}

/// The true front of a table with a second objective, in what a search sees: error rate and cost.
pub(crate) struct Front {
    /// The worst of the table in both.
    reference: [f64; 2],
    hypervolume: f64,
}

impl Front {
    /// The front over all rows.
    pub(crate) fn of(table: &Table) -> Self {
        let points: Vec<[f64; 2]> = (0..table.len()).filter_map(|row| point(table, row)).collect();
        let worst = |at: usize| points.iter().map(|point| point[at]).fold(f64::NEG_INFINITY, f64::max);
        let reference = [worst(0), worst(1)];
        Self { reference, hypervolume: hypervolume(&points, reference) }
    }
}

/// Error rate after a query's epochs, and cost.
fn point(table: &Table, row: usize) -> Option<[f64; 2]> {
    let accuracy = table.validation(row, table.query_epochs())?;
    let cost = table.costs()?.of(table.architecture(row))?;
    Some([1.0 - accuracy, cost])
}

/// What a run came to, trial by trial.
pub(crate) fn curve(
    table: &Table,
    strategy: &dyn Strategy,
    trials: &[Trial],
    queries: u64,
    front: Option<&Front>,
) -> Curve {
    let unit = table.query_epochs();
    let mut curve = Curve { test: Vec::new(), hypervolume: Vec::new(), seconds: Vec::new() };
    let (mut used, mut spent, mut seconds) = (0, 0, 0.0);
    let (mut test, mut share) = (f64::NAN, 0.0);
    let mut found: Vec<[f64; 2]> = Vec::new();
    // What could not be measured cost nothing.
    let epochs = |trial: &Trial| trial.measurement.as_ref().map_or(0, |m| m.epochs);
    for query in 1..=queries {
        let before = used;
        while let Some(trial) = trials.get(used).filter(|trial| spent + epochs(trial) <= query * unit) {
            used += 1;
            spent += epochs(trial);
            let Some(row) = table.find(&trial.proposal.architecture) else { continue };
            seconds += table.seconds(row, epochs(trial)).unwrap_or(0.0);
            if let Some(new) = point(table, row).filter(|_| front.is_some())
                && !found.iter().any(|old| old[0] <= new[0] && old[1] <= new[1])
            {
                found.retain(|old| new[0] > old[0] || new[1] > old[1]);
                found.push(new);
            }
        }
        if used > before {
            let choice = strategy.best(&trials[..used]).and_then(|trial| table.find(&trial.proposal.architecture));
            test = choice.map_or(f64::NAN, |row| table.test(row));
            if let Some(front) = front {
                share = hypervolume(&found, front.reference) / front.hypervolume;
            }
        }
        curve.test.push(test);
        if front.is_some() {
            curve.hypervolume.push(share);
        }
        if table.has_seconds() {
            curve.seconds.push(seconds);
        }
    }
    curve
}
