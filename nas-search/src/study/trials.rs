//! A trial's way through the study: proposed, running, over.

use rusqlite::{OptionalExtension, params};

use super::Study;
use super::rows::{self, COLUMNS, integer, json};
use crate::{Failure, Measurement, Proposal, SearchError, Trial, TrialState};

impl Study {
    /// All trials of an arm, by number.
    ///
    /// # Errors
    /// What SQLite refuses, or [`SearchError::Damaged`].
    pub fn trials(&self, arm: &str) -> Result<Vec<Trial>, SearchError> {
        self.read_trials(&format!("SELECT {COLUMNS} FROM trials WHERE arm = ?1 ORDER BY number"), &[&arm])
    }

    /// All trials of the study, by id.
    ///
    /// # Errors
    /// What SQLite refuses, or [`SearchError::Damaged`].
    pub fn all_trials(&self) -> Result<Vec<Trial>, SearchError> {
        self.read_trials(&format!("SELECT {COLUMNS} FROM trials ORDER BY id"), &[])
    }

    /// One trial.
    ///
    /// # Errors
    /// [`SearchError::UnknownTrial`], what SQLite refuses, or [`SearchError::Damaged`].
    pub fn trial(&self, id: u64) -> Result<Trial, SearchError> {
        let sql = format!("SELECT {COLUMNS} FROM trials WHERE id = ?1");
        let found = self.read_trials(&sql, &[&integer(id)])?.pop();
        found.ok_or_else(|| SearchError::UnknownTrial { path: self.path.clone(), id })
    }

    fn read_trials(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Trial>, SearchError> {
        let told = |e| self.error("read its trials", e);
        let mut statement = self.connection.prepare_cached(sql).map_err(told)?;
        let rows = statement.query_map(values, rows::read).map_err(told)?;
        rows.map(|row| row.map_err(told)?.map_err(|reason| self.damaged(reason))).collect()
    }

    /// Adds a proposal as the next trial of an arm, waiting, and returns it. `text` is the architecture in its field's
    /// text form, for whoever reads the file.
    ///
    /// # Errors
    /// What SQLite refuses; a `number` that the arm holds already is refused too.
    pub fn add_proposal(
        &self,
        arm: &str,
        number: u64,
        proposal: Proposal,
        text: &str,
        seed: u64,
    ) -> Result<Trial, SearchError> {
        let (architecture, note) = (json("an architecture", &proposal.architecture)?, json("a note", &proposal.note)?);
        let sql = "INSERT INTO trials (id, arm, number, state, architecture, text, parent, note, seed, asked_epochs)
            SELECT COALESCE(MAX(id) + 1, 0), ?1, ?2, 'waiting', ?3, ?4, ?5, ?6, ?7, ?8 FROM trials";
        let (count, parent, epochs) = (integer(number), proposal.parent.map(integer), proposal.epochs.map(integer));
        let values = params![arm, count, architecture, text, parent, note, seed.to_string(), epochs];
        // Not with RETURNING: a statement that is left after its first row drops the error of its commit.
        let added = self.connection.prepare_cached(sql).and_then(|mut s| s.execute(values));
        added.map_err(|e| self.error("add a trial", e))?;
        let id = self.connection.last_insert_rowid();
        Ok(Trial {
            id: u64::try_from(id).unwrap_or_default(),
            arm: arm.to_owned(),
            number,
            proposal,
            state: TrialState::Waiting,
            seed,
            measurement: None,
            failure: None,
            seconds: None,
        })
    }

    /// Marks a waiting trial as running and counts the attempt.
    ///
    /// # Errors
    /// [`SearchError::NotRunning`] if it is not waiting, or what SQLite refuses.
    pub fn mark_running(&self, id: u64) -> Result<(), SearchError> {
        let sql = "UPDATE trials SET state = 'running', attempts = attempts + 1,
            started = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1 AND state = 'waiting'";
        self.move_trial(id, sql, params![integer(id)])
    }

    /// Puts a running trial back in the queue, after its worker was stopped on purpose. A trial that is over stays so.
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn mark_waiting(&self, id: u64) -> Result<(), SearchError> {
        let sql = "UPDATE trials SET state = 'waiting' WHERE id = ?1 AND state = 'running'";
        let written = self.connection.execute(sql, [integer(id)]);
        written.map(drop).map_err(|e| self.error("write a trial", e))
    }

    /// Puts the running trials of an arm back in the queue: those of a search that was killed.
    pub(crate) fn requeue(&self, arm: &str) -> Result<(), SearchError> {
        let sql = "UPDATE trials SET state = 'waiting' WHERE arm = ?1 AND state = 'running'";
        let written = self.connection.execute(sql, [arm]);
        written.map(drop).map_err(|e| self.error("write a trial", e))
    }

    /// Records the measurement of a running trial. One that is not finite is recorded as a failure of the kind
    /// `not_finite`, whoever calls.
    ///
    /// # Errors
    /// [`SearchError::NotRunning`] if the trial is over or waiting, or what SQLite refuses.
    pub fn complete(&self, id: u64, measurement: &Measurement, seconds: f64) -> Result<(), SearchError> {
        if let Err(failure) = measurement.check() {
            return self.fail(id, &failure, seconds);
        }
        let sql = "UPDATE trials SET state = 'complete', accuracy = ?2, loss = ?3, parameters = ?4, flops = ?5,
            epochs = ?6, latency = ?7, extra = ?8, seconds = ?9, ended = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            WHERE id = ?1 AND state = 'running'";
        let m = measurement;
        let (parameters, flops, epochs) = (integer(m.parameters), integer(m.flops), integer(m.epochs));
        let extra = json("a measurement", &m.extra)?;
        let values = params![integer(id), m.accuracy, m.loss, parameters, flops, epochs, m.latency, extra, seconds];
        self.move_trial(id, sql, values)
    }

    /// Records why a running trial failed.
    ///
    /// # Errors
    /// [`SearchError::NotRunning`] if the trial is over or waiting, or what SQLite refuses.
    pub fn fail(&self, id: u64, failure: &Failure, seconds: f64) -> Result<(), SearchError> {
        let sql = "UPDATE trials SET state = 'failed', failure_kind = ?2, failure_reason = ?3, seconds = ?4,
            ended = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1 AND state = 'running'";
        self.move_trial(id, sql, params![integer(id), failure.kind, failure.reason, seconds])
    }

    /// Runs an update that must find its trial in the right state.
    fn move_trial(&self, id: u64, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), SearchError> {
        let changed = self.connection.prepare_cached(sql).and_then(|mut s| s.execute(values));
        if changed.map_err(|e| self.error("write a trial", e))? == 1 {
            return Ok(());
        }
        Err(SearchError::NotRunning { id, state: self.trial(id)?.state.as_str() })
    }

    /// Adds a proposal that nobody needs to run, over from the start: with the measurement of an equal one, or failed.
    pub(crate) fn add_over(
        &self,
        arm: &str,
        number: u64,
        proposal: Proposal,
        text: &str,
        seed: u64,
        end: Result<Measurement, Failure>,
    ) -> Result<Trial, SearchError> {
        self.as_one(|| {
            let mut trial = self.add_proposal(arm, number, proposal, text, seed)?;
            let sql = "UPDATE trials SET state = 'running' WHERE id = ?1";
            self.connection.execute(sql, [integer(trial.id)]).map_err(|e| self.error("write a trial", e))?;
            match end {
                Ok(measurement) => {
                    self.complete(trial.id, &measurement, 0.0)?;
                    (trial.state, trial.measurement) = (TrialState::Complete, Some(measurement));
                }
                Err(failure) => {
                    self.fail(trial.id, &failure, 0.0)?;
                    (trial.state, trial.failure) = (TrialState::Failed, Some(failure));
                }
            }
            trial.seconds = Some(0.0);
            Ok(trial)
        })
    }

    /// How many times a trial was started: more than once after a kill.
    ///
    /// # Errors
    /// [`SearchError::UnknownTrial`], or what SQLite refuses.
    pub fn attempts(&self, id: u64) -> Result<u64, SearchError> {
        let sql = "SELECT attempts FROM trials WHERE id = ?1";
        let found = self.connection.query_row(sql, [integer(id)], |row| row.get::<_, i64>(0)).optional();
        let found = found.map_err(|e| self.error("read a trial", e))?;
        let found = found.ok_or_else(|| SearchError::UnknownTrial { path: self.path.clone(), id })?;
        Ok(u64::try_from(found).unwrap_or_default())
    }
}
