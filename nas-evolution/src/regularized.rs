//! Regularized evolution (ageing evolution), the search behind AmoebaNet.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use nas_search::{Proposal, SearchError, Strategy, Trial, check_order, check_state, proposal_seed, random_proposal};
use nas_space::{SearchSpace, Seed};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{EvolutionConfig, Individual, survive, tournament};

/// The newest form of the saved state.
const VERSION: u64 = 1;

/// Regularized evolution (Real et al. 2019, *Regularized Evolution for Image Classifier Architecture Search*,
/// algorithm 1).
///
/// The first P trials are random. After them, each trial is a child: S of the P youngest compete, and the winner is
/// copied with one random change, or with none in 5 % of cases; the oldest dies whatever its accuracy. The answer is the
/// best of the whole history.
///
/// What the paper leaves open is done so:
/// - A failed trial joins nobody: it neither becomes a parent nor lets a good one age. A trial pruned early joins with
///   what was measured.
/// - With a lag, a child is bred from the population of the trials told by then; where nobody lives yet, it is random.
/// - A child without a change is not measured again by the loop, which takes over its parent's measurement.
pub struct RegularizedEvolution {
    space: Arc<dyn SearchSpace>,
    config: EvolutionConfig,
    seed: Seed,
    population: VecDeque<Individual>,
    told: u64,
}

/// What [`Strategy::save`] writes.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: String,
    version: u64,
    told: u64,
    config: EvolutionConfig,
    population: VecDeque<Individual>,
}

impl RegularizedEvolution {
    /// An evolution in a space. A [`RandomSearch`](nas_search::RandomSearch) with the same seed proposes the same first
    /// P architectures.
    ///
    /// # Errors
    /// [`SearchError::Setting`] if the settings make no sense.
    pub fn new(space: Arc<dyn SearchSpace>, config: EvolutionConfig, seed: Seed) -> Result<Self, SearchError> {
        config.check()?;
        Ok(Self { space, config, seed, population: VecDeque::new(), told: 0 })
    }

    /// Who is alive, the oldest first.
    pub fn population(&self) -> &VecDeque<Individual> {
        &self.population
    }

    fn propose(&self, number: u64) -> Proposal {
        // A stream of its own: were it the one that draws random architectures, parents and first ancestors would share
        // numbers.
        let mut rng = proposal_seed(self.seed, number).child("breed").rng();
        let begins = number < self.config.population as u64;
        let parent = if begins { None } else { tournament(&self.population, self.config.sample, &mut rng) };
        let Some(parent) = parent else {
            let architecture = random_proposal(self.space.as_ref(), self.seed, number);
            return Proposal { note: json!({ "origin": "random" }), ..Proposal::new(architecture) };
        };
        let (architecture, origin) = if rng.random_bool(self.config.identity) {
            (parent.architecture.clone(), "identity")
        } else {
            (self.space.mutate(&parent.architecture, &mut rng), "mutation")
        };
        Proposal { parent: Some(parent.number), note: json!({ "origin": origin }), ..Proposal::new(architecture) }
    }
}

impl Strategy for RegularizedEvolution {
    fn name(&self) -> &str {
        "evolution"
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        Ok(numbers.map(|number| self.propose(number)).collect())
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        for trial in trials {
            check_order(self.name(), self.told, trial)?;
            self.told += 1;
            if let Some(measured) = trial.learned() {
                let (architecture, accuracy) = (trial.proposal.architecture.clone(), measured.accuracy);
                let newcomer = Individual { number: trial.number, architecture, accuracy };
                survive(&mut self.population, newcomer, self.config.population);
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        let state = State {
            strategy: self.name().to_owned(),
            version: VERSION,
            told: self.told,
            config: self.config,
            population: self.population.clone(),
        };
        serde_json::to_value(state).map_err(|source| SearchError::Json { what: "the state of an evolution", source })
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        check_state(self.name(), VERSION, state)?;
        let wrong = |reason: String| SearchError::StrategyState { strategy: "evolution".into(), reason };
        let state: State = serde_json::from_value(state.clone()).map_err(|e| wrong(e.to_string()))?;
        if state.config != self.config {
            let reason = format!("it was saved with {:?}, this search has {:?}", state.config, self.config);
            return Err(wrong(reason));
        }
        for individual in &state.population {
            self.space.check(&individual.architecture).map_err(|e| wrong(e.to_string()))?;
        }
        (self.population, self.told) = (state.population, state.told);
        Ok(())
    }
}
