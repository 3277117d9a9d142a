//! Random search: every proposal is drawn afresh, whatever was learned. The baseline that every method must beat.

use std::ops::Range;
use std::sync::Arc;

use nas_space::{Architecture, SearchSpace, Seed};
use serde_json::{Value, json};

use crate::{Proposal, SearchError, Strategy, Trial};

/// The architecture that random search proposes for a trial: uniform over the space's decisions, from a stream of the
/// trial's own.
///
/// Every strategy that begins with random architectures draws them here. Two strategies made with the same seed then
/// begin with the same ones, and the trials of the first serve the second as well
/// ([`Study::import`](crate::Study::import)).
pub fn random_proposal(space: &dyn SearchSpace, seed: Seed, number: u64) -> Architecture {
    space.sample(&mut proposal_seed(seed, number).rng())
}

/// The seed of everything random in the proposal for a trial.
pub fn proposal_seed(seed: Seed, number: u64) -> Seed {
    seed.child("proposal").index(number)
}

/// Uniform random search.
///
/// It draws with replacement: an architecture may come twice, and the loop then reuses its first measurement instead
/// of training a twin.
pub struct RandomSearch {
    space: Arc<dyn SearchSpace>,
    seed: Seed,
}

impl RandomSearch {
    /// Random search of a space. Give it the seed of the strategy that it is compared with, to share the first trials.
    pub fn new(space: Arc<dyn SearchSpace>, seed: Seed) -> Self {
        Self { space, seed }
    }
}

impl Strategy for RandomSearch {
    fn name(&self) -> &str {
        "random"
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        let draw = |n| random_proposal(self.space.as_ref(), self.seed, n);
        Ok(numbers.map(|n| Proposal::new(draw(n))).collect())
    }

    fn tell(&mut self, _trials: &[Trial]) -> Result<(), SearchError> {
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        Ok(json!({ "strategy": self.name(), "version": 1 }))
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        check_state(self.name(), 1, state)
    }
}

/// Checks that a saved state belongs to a strategy and is not newer than it knows: a state is a JSON object with
/// `strategy` and `version`.
///
/// # Errors
/// [`SearchError::StrategyState`] says what was found instead.
pub fn check_state(strategy: &str, newest: u64, state: &Value) -> Result<(), SearchError> {
    let wrong = |reason: String| Err(SearchError::StrategyState { strategy: strategy.to_owned(), reason });
    match (state["strategy"].as_str(), state["version"].as_u64()) {
        (Some(name), _) if name != strategy => wrong(format!("it was saved by `{name}`")),
        (Some(_), Some(version)) if version > newest => {
            wrong(format!("it has version {version}, this program knows up to {newest}: update nas"))
        }
        (Some(_), Some(_)) => Ok(()),
        _ => wrong("it does not say which strategy and version saved it".into()),
    }
}
