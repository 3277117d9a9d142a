//! NSGA-II: evolution towards a whole front of trade-offs instead of one best network.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use nas_search::pareto::{self, Objective, ranks};
use nas_search::{Proposal, SearchError, Strategy, Trial, check_order, check_state, proposal_seed, random_proposal};
use nas_space::{Architecture, SearchSpace, Seed};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The newest form of the saved state.
const VERSION: u64 = 1;

/// How often a child is bred anew where it was tried before.
const TRIES: usize = 20;

/// The settings of [`Nsga2`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nsga2Config {
    /// How many live at a time, and how many children a generation has.
    pub population: usize,
    /// The probability that a child mixes two parents; else it descends from one.
    pub crossover: f64,
    /// The probability that a child is changed in one choice besides. A child of one parent always is.
    pub mutation: f64,
    /// What is optimised; two at least.
    pub objectives: Vec<Objective>,
}

impl Nsga2Config {
    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// [`SearchError::Setting`] names the one that does not.
    pub fn check(&self) -> Result<(), SearchError> {
        let bad = |setting, value: String, reason: &str| SearchError::Setting { setting, value, reason: reason.into() };
        if self.population < 2 {
            return Err(bad(
                "population",
                self.population.to_string(),
                "two parents need a population of two at least",
            ));
        }
        for (name, value) in [("crossover", self.crossover), ("mutation", self.mutation)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(bad(name, value.to_string(), "a probability lies between 0 and 1"));
            }
        }
        let names: BTreeSet<&str> = self.objectives.iter().map(|o| o.name()).collect();
        if names.len() < 2 || names.len() < self.objectives.len() {
            let shown: Vec<&str> = self.objectives.iter().map(|o| o.name()).collect();
            return Err(bad("objectives", shown.join("+"), "a front needs two different objectives at least"));
        }
        Ok(())
    }
}

/// NSGA-II (Deb, Pratap, Agarwal & Meyarivan 2002): of parents and children together survive those on the best fronts, and
/// of the last front that fits in part those in the emptiest places.
///
/// The first generation is random. Then each child has two parents, each the better of two drawn at random (by front, then
/// by the room around it); it takes each choice from either of them, and one choice may change besides.
///
/// What the paper leaves open is done so:
/// - A child that was tried before is bred anew, 20 times at most; so no budget goes into copies.
/// - A child of two parents that the space forbids becomes a changed copy of the first.
/// - A trial that failed or lacks one of the objectives counts in its generation and joins nobody.
/// - With a lag, children are bred from the last generation that was told whole.
pub struct Nsga2 {
    space: Arc<dyn SearchSpace>,
    config: Nsga2Config,
    seed: Seed,
    inner: Inner,
    /// Front and room of each parent, worked out when the generation began.
    fitness: Vec<(usize, f64)>,
}

/// All that is learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Inner {
    told: u64,
    parents: Vec<Member>,
    children: Vec<Member>,
    /// The networks told, by their keys.
    seen: BTreeSet<String>,
}

/// A measured architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    number: u64,
    architecture: Architecture,
    costs: Vec<f64>,
}

/// What [`Strategy::save`] writes.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: String,
    version: u64,
    config: Nsga2Config,
    state: Inner,
}

impl Nsga2 {
    /// An evolution in a space. A [`RandomSearch`](nas_search::RandomSearch) with the same seed proposes the same first
    /// generation.
    ///
    /// # Errors
    /// [`SearchError::Setting`] if the settings make no sense.
    pub fn new(space: Arc<dyn SearchSpace>, config: Nsga2Config, seed: Seed) -> Result<Self, SearchError> {
        config.check()?;
        Ok(Self { space, config, seed, inner: Inner::default(), fitness: Vec::new() })
    }

    fn propose(&self, number: u64) -> Proposal {
        let parents = &self.inner.parents;
        if number < self.config.population as u64 || parents.is_empty() {
            let architecture = random_proposal(self.space.as_ref(), self.seed, number);
            return Proposal { note: json!({ "origin": "random" }), ..Proposal::new(architecture) };
        }
        let mut rng = proposal_seed(self.seed, number).child("breed").rng();
        let mut child = self.child(&mut rng);
        for _ in 1..TRIES {
            if !self.inner.seen.contains(&self.space.canonical(&child.1)) {
                break;
            }
            child = self.child(&mut rng);
        }
        let (parent, architecture) = child;
        Proposal { parent: Some(parent), note: json!({ "origin": "child" }), ..Proposal::new(architecture) }
    }

    /// A child and the number of its first parent.
    fn child(&self, rng: &mut ChaCha8Rng) -> (u64, Architecture) {
        let first = self.parent(rng);
        let mut child = first.architecture.clone();
        let mixed = rng.random_bool(self.config.crossover) && {
            let second = self.parent(rng);
            for (own, other) in child.choices.iter_mut().zip(&second.architecture.choices) {
                if rng.random_bool(0.5) {
                    *own = *other;
                }
            }
            self.space.check(&child).is_ok()
        };
        if !mixed {
            child = self.space.mutate(&first.architecture, rng);
        } else if rng.random_bool(self.config.mutation) {
            child = self.space.mutate(&child, rng);
        }
        (first.number, child)
    }

    /// The better of two drawn at random, the first drawn of equals.
    fn parent(&self, rng: &mut impl Rng) -> &Member {
        let mut draw = || rng.random_range(0..self.inner.parents.len());
        let (a, b) = (draw(), draw());
        let ((front_a, room_a), (front_b, room_b)) = (self.fitness[a], self.fitness[b]);
        let second = front_b < front_a || front_b == front_a && room_b > room_a;
        &self.inner.parents[if second { b } else { a }]
    }

    /// Whoever survives of parents and children becomes the next generation's parents.
    fn next_generation(&mut self) {
        let mut all = std::mem::take(&mut self.inner.parents);
        all.append(&mut self.inner.children);
        let fitness = fitness(&all);
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by(|&a, &b| {
            let ((front_a, room_a), (front_b, room_b)) = (fitness[a], fitness[b]);
            front_a.cmp(&front_b).then(room_b.total_cmp(&room_a)).then(a.cmp(&b))
        });
        order.truncate(self.config.population);
        self.inner.parents = order.into_iter().map(|at| all[at].clone()).collect();
        self.fitness = self::fitness(&self.inner.parents);
    }
}

/// The front of each member, from 0, and the room around it on its front (its crowding distance: the sum over the
/// objectives of the distance between its neighbours, as a share of the front's width; infinite at the ends).
fn fitness(members: &[Member]) -> Vec<(usize, f64)> {
    let costs: Vec<Vec<f64>> = members.iter().map(|m| m.costs.clone()).collect();
    let fronts = ranks(&costs);
    let mut room = vec![0.0; members.len()];
    for front in 0..=fronts.iter().copied().max().unwrap_or(0) {
        for objective in 0..costs.first().map_or(0, Vec::len) {
            let mut on: Vec<usize> = (0..members.len()).filter(|&i| fronts[i] == front).collect();
            on.sort_by(|&a, &b| costs[a][objective].total_cmp(&costs[b][objective]));
            let (Some(&low), Some(&high)) = (on.first(), on.last()) else { continue };
            let width = costs[high][objective] - costs[low][objective];
            room[low] = f64::INFINITY;
            room[high] = f64::INFINITY;
            for three in on.windows(3).filter(|_| width > 0.0) {
                room[three[1]] += (costs[three[2]][objective] - costs[three[0]][objective]) / width;
            }
        }
    }
    fronts.into_iter().zip(room).collect()
}

impl Strategy for Nsga2 {
    fn name(&self) -> &str {
        "nsga2"
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        Ok(numbers.map(|number| self.propose(number)).collect())
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        for trial in trials {
            check_order(self.name(), self.inner.told, trial)?;
            self.inner.told += 1;
            let architecture = &trial.proposal.architecture;
            self.inner.seen.insert(self.space.canonical(architecture));
            if let Some(costs) = trial.learned().and_then(|m| pareto::costs(&self.config.objectives, m)) {
                let architecture = architecture.clone();
                self.inner.children.push(Member { number: trial.number, architecture, costs });
            }
            if self.inner.told.is_multiple_of(self.config.population as u64) {
                self.next_generation();
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        let (config, state) = (self.config.clone(), self.inner.clone());
        let state = State { strategy: self.name().to_owned(), version: VERSION, config, state };
        serde_json::to_value(state).map_err(|source| SearchError::Json { what: "the state of NSGA-II", source })
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        check_state(self.name(), VERSION, state)?;
        let wrong = |reason: String| SearchError::StrategyState { strategy: "nsga2".into(), reason };
        let state: State = serde_json::from_value(state.clone()).map_err(|e| wrong(e.to_string()))?;
        if state.config != self.config {
            let reason = format!("it was saved with {:?}, this search has {:?}", state.config, self.config);
            return Err(wrong(reason));
        }
        for member in state.state.parents.iter().chain(&state.state.children) {
            self.space.check(&member.architecture).map_err(|e| wrong(e.to_string()))?;
            if member.costs.len() != self.config.objectives.len() {
                return Err(wrong(format!("trial {} has {} costs", member.number, member.costs.len())));
            }
        }
        self.fitness = fitness(&state.state.parents);
        self.inner = state.state;
        Ok(())
    }
}
