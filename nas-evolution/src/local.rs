//! Local search: from a random architecture, always on to the first neighbour that is better, until there is none.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use nas_search::{Proposal, SearchError, Strategy, Trial, check_order, check_state, proposal_seed, random_proposal};
use nas_space::{Architecture, SearchSpace, Seed};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Individual;

/// The newest form of the saved state.
const VERSION: u64 = 1;

/// First-improvement local search with restarts (White, Nolen & Savani 2021, *Exploring the Loss Landscape in Neural
/// Architecture Search*, algorithm 1, in its first-improvement form).
///
/// A climb begins at a random architecture. Its neighbours, all valid architectures that differ in one choice, are tried
/// in random order, and the first that is better takes its place. Where none is better, the next climb begins. The answer
/// is the best of the whole history. All there is to set is how many random architectures are tried before the first climb,
/// which then begins at the best of them.
///
/// What the paper leaves open is done so:
/// - A network that was tried before, in whatever climb, is not tried again.
/// - A failed trial is a neighbour that is not better; a trial pruned early counts with what was measured.
/// - With a lag, trials still out when the climb moves on count as well: a better one of the same climb is moved to. When
///   all neighbours are tried or out, the next climb's random beginnings are proposed already.
pub struct LocalSearch {
    space: Arc<dyn SearchSpace>,
    seed: Seed,
    beginnings: u64,
    told: u64,
    seen: BTreeSet<String>,
    climb: Option<Climb>,
}

/// The climb that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Climb {
    /// Its number, from 0.
    number: u64,
    /// Where it stands.
    at: Individual,
    /// How many trials had been told when it came there.
    since: u64,
    /// The neighbours to try, in order: which decision takes which option.
    neighbours: Vec<(usize, usize)>,
}

/// What [`Strategy::save`] writes.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: String,
    version: u64,
    told: u64,
    seen: BTreeSet<String>,
    climb: Option<Climb>,
}

impl LocalSearch {
    /// A local search of a space. A [`RandomSearch`](nas_search::RandomSearch) with the same seed proposes the same first
    /// architecture.
    pub fn new(space: Arc<dyn SearchSpace>, seed: Seed) -> Self {
        Self { space, seed, beginnings: 1, told: 0, seen: BTreeSet::new(), climb: None }
    }

    /// The same with so many random architectures tried first; the first climb begins at the best of them.
    pub fn beginnings(self, beginnings: u64) -> Self {
        Self { beginnings, ..self }
    }

    /// The proposal for a trial: a function of what was told and of the number, so that nothing is lost in a crash.
    fn propose(&self, number: u64) -> Proposal {
        // With a lag, `since` lies that far behind the first proposal made from here; going round the list in a circle
        // tries every neighbour once all the same.
        let next = self.climb.as_ref().filter(|climb| self.told - climb.since < climb.neighbours.len() as u64);
        let next = next.filter(|_| number >= self.beginnings);
        let Some(Climb { number: climb, at, since, neighbours }) = next else {
            let architecture = random_proposal(self.space.as_ref(), self.seed, number);
            let climb = self.climb.as_ref().filter(|_| number >= self.beginnings).map_or(0, |climb| climb.number + 1);
            return Proposal { note: json!({ "climb": climb }), ..Proposal::new(architecture) };
        };
        let (decision, option) = neighbours[((number - since) % neighbours.len() as u64) as usize];
        let architecture = changed(&at.architecture, decision, option);
        Proposal { parent: Some(at.number), note: json!({ "climb": climb }), ..Proposal::new(architecture) }
    }

    /// Goes on from an architecture.
    fn move_to(&mut self, number: u64, at: Individual) {
        let mut neighbours: Vec<(usize, usize)> = Vec::new();
        for (decision, of) in self.space.decisions().iter().enumerate() {
            for option in (0..of.options.len()).filter(|option| *option != at.architecture.choices[decision]) {
                let neighbour = changed(&at.architecture, decision, option);
                if self.space.check(&neighbour).is_ok() && !self.seen.contains(&self.space.canonical(&neighbour)) {
                    neighbours.push((decision, option));
                }
            }
        }
        neighbours.shuffle(&mut proposal_seed(self.seed, at.number).child("neighbours").rng());
        self.climb = Some(Climb { number, at, since: self.told, neighbours });
    }
}

/// An architecture with one choice changed.
fn changed(architecture: &Architecture, decision: usize, option: usize) -> Architecture {
    let mut changed = architecture.clone();
    changed.choices[decision] = option;
    changed
}

impl Strategy for LocalSearch {
    fn name(&self) -> &str {
        "local"
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        Ok(numbers.map(|number| self.propose(number)).collect())
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        for trial in trials {
            check_order(self.name(), self.told, trial)?;
            let climb = trial.proposal.note["climb"].as_u64().ok_or_else(|| SearchError::WrongTrial {
                strategy: self.name().to_owned(),
                number: trial.number,
                reason: "its note does not say which climb it belongs to".into(),
            })?;
            self.told += 1;
            self.seen.insert(self.space.canonical(&trial.proposal.architecture));
            let accuracy = trial.learned().map(|measured| measured.accuracy);
            let further = |accuracy: &f64| match &self.climb {
                None => true,
                Some(now) => climb > now.number || climb == now.number && *accuracy > now.at.accuracy,
            };
            if let Some(accuracy) = accuracy.filter(further) {
                let architecture = trial.proposal.architecture.clone();
                self.move_to(climb, Individual { number: trial.number, architecture, accuracy });
            } else if self.told == self.beginnings
                && let Some(Climb { number, at, .. }) = self.climb.take()
            {
                // Now that all beginnings are known, the best of them begins to try its neighbours.
                self.move_to(number, at);
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        let state = State {
            strategy: self.name().to_owned(),
            version: VERSION,
            told: self.told,
            seen: self.seen.clone(),
            climb: self.climb.clone(),
        };
        serde_json::to_value(state).map_err(|source| SearchError::Json { what: "the state of a local search", source })
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        check_state(self.name(), VERSION, state)?;
        let wrong = |reason: String| SearchError::StrategyState { strategy: "local".into(), reason };
        let state: State = serde_json::from_value(state.clone()).map_err(|e| wrong(e.to_string()))?;
        if let Some(climb) = &state.climb {
            self.space.check(&climb.at.architecture).map_err(|e| wrong(e.to_string()))?;
            let decisions = self.space.decisions();
            let exists = |(decision, option): &(usize, usize)| {
                decisions.get(*decision).is_some_and(|of| *option < of.options.len())
            };
            if climb.since > state.told || !climb.neighbours.iter().all(exists) {
                return Err(wrong("its climb is not one of this space".into()));
            }
        }
        (self.told, self.seen, self.climb) = (state.told, state.seen, state.climb);
        Ok(())
    }
}
