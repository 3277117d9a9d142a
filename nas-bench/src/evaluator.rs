//! A table as an evaluator: it measures by looking up.

use std::sync::Arc;

use nas_search::{Evaluator, Failure, Job, Measurement, Progress};
use serde_json::Value;

use crate::Table;

/// Measures architectures by their rows of a table.
///
/// The accuracy is the validation accuracy after the epochs the job asks for, else after the table's
/// [`query_epochs`](Table::query_epochs); the test accuracy stays hidden. The loss is the error rate, because tables hold
/// no cross-entropy. The latency is in the seconds (or joules) of the costs that the table took along.
pub struct TableEvaluator {
    table: Arc<Table>,
}

impl TableEvaluator {
    /// An evaluator on a table.
    pub fn new(table: Arc<Table>) -> Self {
        Self { table }
    }
}

impl Evaluator for TableEvaluator {
    fn evaluate(&mut self, job: &Job, _progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let table = &self.table;
        let row = table.row(&job.architecture).map_err(|e| Failure::new("error", e.to_string()))?;
        let epochs = job.epochs.unwrap_or(table.query_epochs());
        let accuracy = table.validation(row, epochs).ok_or_else(|| {
            let known: Vec<String> = table.epochs().iter().map(u64::to_string).collect();
            let (name, known) = (table.name(), known.join(", "));
            let reason = format!(
                "the table `{name}` has no validation accuracy of this architecture after {epochs} epochs; it may have \
                 some after {known}"
            );
            Failure::new("error", reason)
        })?;
        Ok(Measurement {
            accuracy,
            loss: 1.0 - accuracy,
            parameters: table.parameters(row),
            flops: table.flops(row),
            epochs,
            latency: table.costs().and_then(|costs| costs.of(&job.architecture)),
            extra: Value::Null,
        })
    }
}
