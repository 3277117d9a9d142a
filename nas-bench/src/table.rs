//! A table: for each architecture of a space, what it measured.

use std::collections::BTreeMap;
use std::sync::Arc;

use nas_space::{Architecture, SearchSpace};

use crate::{BenchError, Costs};

/// A space whose architectures were measured, all of them or a part.
///
/// Accuracies are shares from 0 to 1, whatever the file had; an accuracy that is not known is `NaN`.
pub struct Table {
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) space: Arc<dyn SearchSpace>,
    /// The architecture of each row.
    pub(crate) rows: Vec<Architecture>,
    pub(crate) index: Index,
    /// By rising number of epochs.
    pub(crate) levels: Vec<Level>,
    /// Which level a search sees that asks for none.
    pub(crate) seen: usize,
    /// What a choice is judged by, of each row.
    pub(crate) test: Vec<f64>,
    /// What that is, in words.
    pub(crate) judge: String,
    pub(crate) parameters: Vec<u64>,
    pub(crate) flops: Vec<u64>,
    /// Seconds one epoch of training took, of each row.
    pub(crate) seconds: Option<Vec<f64>>,
    pub(crate) costs: Option<Costs>,
}

/// What was measured after so many epochs.
pub(crate) struct Level {
    pub(crate) epochs: u64,
    /// Validation accuracy of each row.
    pub(crate) validation: Vec<f64>,
}

/// How an architecture finds its row.
pub(crate) enum Index {
    /// By its choices, read as digits of a number: for spaces that were measured whole.
    Choices(Vec<u32>),
    /// By its canonical key: for spaces with twins, or measured in part.
    Canonical(BTreeMap<String, u32>),
}

/// The best of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// The architecture.
    pub architecture: Architecture,
    /// What it is judged by, from 0 to 1.
    pub test: f64,
}

impl Table {
    /// The table's name, such as `nasbench201`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data set that was trained on, such as `cifar10`.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The space.
    pub fn space(&self) -> Arc<dyn SearchSpace> {
        Arc::clone(&self.space)
    }

    /// How many architectures have a row.
    pub fn len(&self) -> usize {
        self.test.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.test.is_empty()
    }

    /// The numbers of epochs after which a validation accuracy is known, rising.
    pub fn epochs(&self) -> Vec<u64> {
        self.levels.iter().map(|level| level.epochs).collect()
    }

    /// The epochs of a query: after them a search sees the validation accuracy, unless it asks for another number.
    pub fn query_epochs(&self) -> u64 {
        self.levels[self.seen].epochs
    }

    /// What choices are judged by, in words.
    pub fn judge(&self) -> &str {
        &self.judge
    }

    /// The row of an architecture.
    ///
    /// # Errors
    /// [`BenchError::Lacks`] if it has none.
    pub fn row(&self, architecture: &Architecture) -> Result<usize, BenchError> {
        self.find(architecture).ok_or_else(|| BenchError::Lacks {
            table: self.name.clone(),
            what: format!("row for {}", self.space.text(architecture)),
            known: format!("it has {} rows", self.len()),
        })
    }

    pub(crate) fn find(&self, architecture: &Architecture) -> Option<usize> {
        self.space.check(architecture).ok()?;
        self.index.find(self.space.as_ref(), architecture)
    }

    /// The validation accuracy of a row after so many epochs, from 0 to 1; `None` where it is not known.
    pub fn validation(&self, row: usize, epochs: u64) -> Option<f64> {
        let level = self.levels.iter().find(|level| level.epochs == epochs)?;
        level.validation.get(row).copied().filter(|accuracy| accuracy.is_finite())
    }

    /// What a row is judged by, from 0 to 1: the test accuracy after the full training ([`judge`](Self::judge)).
    pub fn test(&self, row: usize) -> f64 {
        self.test[row]
    }

    /// Parameters of a row's network.
    pub fn parameters(&self, row: usize) -> u64 {
        self.parameters[row]
    }

    /// Multiply-adds of a row's network; 0 where the table does not tell.
    pub fn flops(&self, row: usize) -> u64 {
        self.flops[row]
    }

    /// Seconds that a row's training takes for so many epochs, where the table tells.
    pub fn seconds(&self, row: usize, epochs: u64) -> Option<f64> {
        self.seconds.as_ref().map(|seconds| seconds[row] * epochs as f64)
    }

    /// Whether the table tells how long trainings took.
    pub(crate) fn has_seconds(&self) -> bool {
        self.seconds.is_some()
    }

    /// The measured latencies or energies, where some were taken along ([`with_costs`](Self::with_costs)).
    pub fn costs(&self) -> Option<&Costs> {
        self.costs.as_ref()
    }

    /// Takes along a second objective, which every measurement then has as its latency.
    ///
    /// # Errors
    /// [`BenchError::Lacks`] if the costs are of another space.
    pub fn with_costs(self, costs: Costs) -> Result<Self, BenchError> {
        if costs.space().name() != self.space.name() {
            let (device, space) = (costs.device(), costs.space().name());
            let what = format!("place for `{device}`, which was measured in the space `{space}`");
            let known = format!("its space is `{}`", self.space.name());
            return Err(BenchError::Lacks { table: self.name, what, known });
        }
        Ok(Self { costs: Some(costs), ..self })
    }

    /// The best architecture of the table, the first of equals.
    pub fn optimum(&self) -> Optimum {
        let best = (0..self.len()).reduce(|best, row| if self.test[row] > self.test[best] { row } else { best });
        let row = best.expect("a table with no row is refused when it is read");
        Optimum { architecture: self.rows[row].clone(), test: self.test[row] }
    }

    /// The mean of what all rows are judged by.
    pub fn mean_test(&self) -> f64 {
        self.test.iter().sum::<f64>() / self.len().max(1) as f64
    }

    /// The architecture of a row.
    pub fn architecture(&self, row: usize) -> &Architecture {
        &self.rows[row]
    }
}

impl Index {
    /// The index of rows. Where two rows are of one architecture, the error holds both.
    pub(crate) fn build(space: &dyn SearchSpace, rows: &[Architecture]) -> Result<Self, (usize, usize)> {
        let size = space.decisions().iter().try_fold(1_usize, |size, d| size.checked_mul(d.options.len()));
        if let Some(size) = size.filter(|size| space.size() == Some(*size as u128)) {
            let mut numbers = vec![u32::MAX; size];
            for (row, architecture) in rows.iter().enumerate() {
                let place = &mut numbers[number(space, architecture)];
                if *place != u32::MAX {
                    return Err((*place as usize, row));
                }
                *place = row as u32;
            }
            return Ok(Self::Choices(numbers));
        }
        Self::of_keys(rows.iter().map(|architecture| space.canonical(architecture)).collect())
    }

    /// The index of rows of these canonical keys.
    pub(crate) fn of_keys(keys: Vec<String>) -> Result<Self, (usize, usize)> {
        let mut rows = BTreeMap::new();
        for (row, key) in keys.into_iter().enumerate() {
            if let Some(first) = rows.insert(key, row as u32) {
                return Err((first as usize, row));
            }
        }
        Ok(Self::Canonical(rows))
    }

    /// The row of an architecture that is of the space.
    pub(crate) fn find(&self, space: &dyn SearchSpace, architecture: &Architecture) -> Option<usize> {
        let row = match self {
            Self::Choices(rows) => rows.get(number(space, architecture)).filter(|row| **row != u32::MAX),
            Self::Canonical(rows) => rows.get(&space.canonical(architecture)),
        };
        row.map(|row| *row as usize)
    }
}

/// An architecture's choices as one number, the first decision counting most.
fn number(space: &dyn SearchSpace, architecture: &Architecture) -> usize {
    let digits = space.decisions().iter().zip(&architecture.choices);
    digits.fold(0, |number, (decision, choice)| number * decision.options.len() + choice)
}
