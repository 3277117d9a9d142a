//! One trial as a row of the table, and back.

use rusqlite::Row;
use serde::Serialize;

use crate::{Failure, Measurement, Proposal, SearchError, Trial, TrialState};

/// The columns that [`read`] takes, in its order.
pub(super) const COLUMNS: &str = "id, arm, number, state, architecture, parent, note, seed, accuracy, loss, parameters, \
     flops, epochs, latency, extra, failure_kind, failure_reason, seconds, asked_epochs";

/// A row as it lies in the file. Reading it back can find nonsense, which is the caller's to report with the path.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Result<Trial, String>> {
    let count = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.and_then(|v| u64::try_from(v).ok()));
    let text = |at| row.get::<_, Option<String>>(at);
    let real = |at| row.get::<_, Option<f64>>(at);
    let id = count(0)?.unwrap_or_default();
    let (accuracy, loss) = (real(8)?, real(9)?);
    let measured = match (accuracy, loss, count(10)?, count(11)?, count(12)?) {
        (Some(accuracy), Some(loss), Some(parameters), Some(flops), Some(epochs)) => {
            Some((accuracy, loss, parameters, flops, epochs))
        }
        _ => None,
    };
    let latency = real(13)?;
    let (extra, architecture, note) = (text(14)?, text(4)?, text(6)?);
    let failure = match (text(15)?, text(16)?) {
        (Some(kind), Some(reason)) => Some(Failure { kind, reason }),
        _ => None,
    };
    let (arm, state, seed) = (text(1)?.unwrap_or_default(), text(3)?.unwrap_or_default(), text(7)?.unwrap_or_default());
    let (number, parent, seconds) = (count(2)?.unwrap_or_default(), count(5)?, real(17)?);
    let asked = count(18)?;
    let build = || -> Result<Trial, String> {
        let json = |what: &str, text: &Option<String>| {
            let text = text.as_deref().unwrap_or("null");
            serde_json::from_str(text).map_err(|e| format!("the {what} of trial {id}: {e}"))
        };
        let proposal = Proposal {
            architecture: serde_json::from_str(architecture.as_deref().unwrap_or(""))
                .map_err(|e| format!("the architecture of trial {id}: {e}"))?,
            parent,
            note: json("note", &note)?,
            epochs: asked,
        };
        let state = state_named(&state).ok_or_else(|| format!("the state of trial {id} is `{state}`"))?;
        let measurement = match measured {
            Some((accuracy, loss, parameters, flops, epochs)) => {
                let extra = json("extra", &extra)?;
                Some(Measurement { accuracy, loss, parameters, flops, epochs, latency, extra })
            }
            None => None,
        };
        let seed = seed.parse().map_err(|_| format!("the seed of trial {id} is `{seed}`"))?;
        if state == TrialState::Complete && measurement.is_none() {
            return Err(format!("trial {id} is complete without a measurement"));
        }
        Ok(Trial {
            id,
            arm: arm.clone(),
            number,
            proposal,
            state,
            seed,
            measurement,
            failure: failure.clone(),
            seconds,
        })
    };
    Ok(build())
}

fn state_named(name: &str) -> Option<TrialState> {
    use TrialState::{Complete, Failed, Pruned, Running, Waiting};
    [Waiting, Running, Complete, Pruned, Failed].into_iter().find(|s| s.as_str() == name)
}

/// A count as SQLite stores it. Nothing counted here comes near 2^63.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A value as JSON text.
pub(super) fn json(what: &'static str, value: &impl Serialize) -> Result<String, SearchError> {
    serde_json::to_string(value).map_err(|source| SearchError::Json { what, source })
}
