//! How a search method looks from outside: ask and tell.

use std::ops::Range;

use nas_space::Architecture;

use crate::{Event, Proposal, SearchError, Trial};

/// Checks that a trial is the next one to be told, after `told` others.
///
/// # Errors
/// [`SearchError::WrongTrial`] says which one comes first.
pub fn check_order(strategy: &str, told: u64, trial: &Trial) -> Result<(), SearchError> {
    if trial.number == told {
        return Ok(());
    }
    let (strategy, reason) = (strategy.to_owned(), format!("trial {told} comes first"));
    Err(SearchError::WrongTrial { strategy, number: trial.number, reason })
}

/// A search method. It sees decisions and measurements only: it never evaluates, prints or reads a clock.
///
/// # Determinism
/// Trials are counted by their [`number`](Trial::number) in the strategy's arm. The loop promises that before the
/// proposal for trial `n` is asked for, exactly the trials `0..n - lag` have been told, one by one, in order, whatever
/// the workers did. A strategy must draw the randomness for proposal `n` from its own seed's
/// `child("proposal").index(n)`, never from a stream shared between proposals: then asking is a pure function of what
/// was told, asking again after a crash gives the same answer, and nothing needs to be repaired.
pub trait Strategy: Send {
    /// The method's name, such as `evolution`.
    fn name(&self) -> &str;

    /// Proposes an architecture for each of the trials `numbers`.
    ///
    /// # Errors
    /// [`SearchError::Exhausted`] if the strategy can propose nothing more: the arm then ends in good order.
    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError>;

    /// Learns from finished trials (complete, pruned or failed), in the order of their numbers.
    ///
    /// # Errors
    /// If a trial cannot be one of this strategy's.
    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError>;

    /// The whole state as JSON, to be stored with the study.
    ///
    /// # Errors
    /// If the state cannot be written as JSON.
    fn save(&self) -> Result<serde_json::Value, SearchError>;

    /// Takes over a state written by [`save`](Self::save).
    ///
    /// # Errors
    /// If it is of another strategy or a newer version.
    fn load(&mut self, state: &serde_json::Value) -> Result<(), SearchError>;

    /// The proposal for a trial when its architecture is given, one of the first trials of a
    /// [warm start](crate::WarmStart) for example. By default what the strategy would propose, with that architecture in
    /// it; a strategy whose notes tell of the architecture itself overrides it. A proposal that goes on with an earlier
    /// trial for longer ([`Proposal::epochs`]) stays as it is.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    fn adopt(&mut self, number: u64, architecture: Architecture) -> Result<Proposal, SearchError> {
        let own = self.ask(number..number + 1)?.into_iter().next();
        match own {
            Some(own) if own.epochs.is_some() && own.parent.is_some() => Ok(own),
            Some(own) => Ok(Proposal { architecture, parent: None, ..own }),
            None => Err(SearchError::Exhausted { strategy: self.name().to_owned() }),
        }
    }

    /// What happened in the strategy since the last call, for listeners; nothing unless overridden. The loop asks after
    /// every trial told.
    fn take_events(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// The strategy's choice among the complete trials told: the winner of the search. By default the highest accuracy
    /// of the whole history, the earliest trial where several are equal.
    fn best<'a>(&self, trials: &'a [Trial]) -> Option<&'a Trial> {
        crate::trial::best_by_accuracy(trials)
    }
}
