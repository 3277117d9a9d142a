//! What the study keeps for an arm as a whole: the strategy's state, the seconds used, trials shared with another arm.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::Study;
use super::rows::{integer, json};
use crate::trial::with_extra;
use crate::{SearchError, Trial};

impl Study {
    /// Stores a strategy's state that has been told the trials `0..told` of its arm.
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn save_strategy(&self, arm: &str, told: u64, state: &Value) -> Result<(), SearchError> {
        let sql = "INSERT INTO strategy_state VALUES (?1, ?2, ?3)
            ON CONFLICT (arm) DO UPDATE SET told = excluded.told, state = excluded.state";
        let values = params![arm, integer(told), json("a strategy's state", state)?];
        let written = self.connection.prepare_cached(sql).and_then(|mut s| s.execute(values));
        written.map(drop).map_err(|e| self.error("write a strategy's state", e))
    }

    /// The stored state of an arm's strategy and how many trials it has been told.
    ///
    /// # Errors
    /// What SQLite refuses, or [`SearchError::Damaged`].
    pub fn load_strategy(&self, arm: &str) -> Result<Option<(u64, Value)>, SearchError> {
        let sql = "SELECT told, state FROM strategy_state WHERE arm = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
        let found = self.connection.query_row(sql, [arm], read).optional();
        let Some((told, state)) = found.map_err(|e| self.error("read a strategy's state", e))? else {
            return Ok(None);
        };
        let state =
            serde_json::from_str(&state).map_err(|e| self.damaged(format!("strategy state of `{arm}`: {e}")))?;
        Ok(Some((u64::try_from(told).unwrap_or_default(), state)))
    }

    /// The wall-clock seconds an arm has used in all sessions so far.
    ///
    /// # Errors
    /// What SQLite refuses, or that the study holds something else there.
    pub fn seconds_used(&self, arm: &str) -> Result<f64, SearchError> {
        self.seconds(&format!("seconds/{arm}"))
    }

    /// Those of them that another arm spent, on trials that were [taken over](Self::import).
    ///
    /// # Errors
    /// As [`seconds_used`](Self::seconds_used).
    pub fn seconds_shared(&self, arm: &str) -> Result<f64, SearchError> {
        self.seconds(&format!("shared_seconds/{arm}"))
    }

    fn seconds(&self, key: &str) -> Result<f64, SearchError> {
        let Some(text) = self.get(key)? else { return Ok(0.0) };
        text.parse().map_err(|_| self.damaged(format!("`{key}`: `{text}` is no number of seconds")))
    }

    pub(crate) fn set_seconds_used(&self, arm: &str, seconds: f64) -> Result<(), SearchError> {
        self.set(&format!("seconds/{arm}"), &seconds.to_string())
    }

    /// Takes the first `count` trials of one arm over into another, where they count as its own. Trials the other arm
    /// has already are left alone; the first trial that is not over ends it. Returns how many were taken over.
    ///
    /// This is how the random baseline shares the random beginning of an evolution at no cost: with the same seed both
    /// propose the same architectures there ([`random_proposal`](crate::random_proposal)). A trial taken over keeps its
    /// seed and gets `extra.shared_with`, the id of the original. The share of the first arm's seconds that these
    /// trials took is counted as used by the other arm too, and as [shared](Self::seconds_shared).
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn import(&self, from: &str, to: &str, count: u64) -> Result<u64, SearchError> {
        let source = self.trials(from)?;
        let present = self.trials(to)?.len() as u64;
        let shared: Vec<&Trial> = source.iter().take_while(|t| t.number < count && t.state.is_over()).collect();
        let fresh: Vec<&Trial> = shared.into_iter().filter(|t| t.number >= present).collect();
        let seconds = |trials: &mut dyn Iterator<Item = &Trial>| trials.filter_map(|t| t.seconds).sum::<f64>();
        let all = seconds(&mut source.iter());
        let part = if all > 0.0 { seconds(&mut fresh.iter().copied()) / all } else { 0.0 };
        self.as_one(|| {
            for trial in &fresh {
                self.copy_trial(trial, to)?;
            }
            let taken = part * self.seconds_used(from)?;
            let shared = self.seconds_shared(to)? + taken;
            self.set(&format!("shared_seconds/{to}"), &shared.to_string())?;
            self.set_seconds_used(to, self.seconds_used(to)? + taken)
        })?;
        Ok(fresh.len() as u64)
    }

    fn copy_trial(&self, trial: &Trial, to: &str) -> Result<(), SearchError> {
        let extra = trial.measurement.as_ref().map(|m| with_extra(&m.extra, "shared_with", trial.id));
        let extra = extra.map(|e| json("a measurement", &e)).transpose()?;
        let sql = "INSERT INTO trials (id, arm, number, state, architecture, text, parent, note, seed, accuracy, loss,
                parameters, flops, epochs, latency, extra, failure_kind, failure_reason, seconds, started, ended,
                asked_epochs)
            SELECT (SELECT MAX(id) + 1 FROM trials), ?2, number, state, architecture, text, parent, note, seed, accuracy,
                loss, parameters, flops, epochs, latency, ?3, failure_kind, failure_reason, seconds, started, ended,
                asked_epochs
            FROM trials WHERE id = ?1";
        let written = self.connection.execute(sql, params![integer(trial.id), to, extra]);
        written.map(drop).map_err(|e| self.error("share a trial", e))
    }
}
