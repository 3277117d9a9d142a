//! Successive halving: many short trainings, longer ones for the best of them.

use std::ops::Range;
use std::sync::Arc;

use nas_space::{Architecture, SearchSpace, Seed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::strategy::check_order;
use crate::{Proposal, SearchError, Strategy, Trial, TrialState, check_state, random_proposal};

/// The newest form of the saved state.
const VERSION: u64 = 2;

/// The settings of [`SuccessiveHalving`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HalvingConfig {
    /// The lengths of training, in epochs, rising; at least two.
    pub rungs: Vec<u64>,
    /// One of so many goes on to the next rung (eta in the papers).
    pub reduction: u64,
    /// How many architectures begin together; only when all of them have ended does the best share go on. `None` to go on
    /// as soon as somebody is among the best of those that have ended so far.
    pub bracket: Option<u64>,
}

impl HalvingConfig {
    /// The rungs between `shortest` and `longest` epochs: `longest` divided by the reduction again and again.
    pub fn rungs_between(shortest: u64, longest: u64, reduction: u64) -> Vec<u64> {
        let (shortest, longest, reduction) = (shortest.max(1), longest.max(1), reduction.max(2));
        let mut rungs: Vec<u64> = std::iter::successors(Some(longest), |rung| Some(rung / reduction))
            .take_while(|r| *r >= shortest)
            .collect();
        rungs.reverse();
        rungs
    }

    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// [`SearchError::Setting`] names the one that does not.
    pub fn check(&self) -> Result<(), SearchError> {
        let bad = |setting, value: String, reason: &str| SearchError::Setting { setting, value, reason: reason.into() };
        if self.rungs.len() < 2 || self.rungs[0] == 0 || !self.rungs.is_sorted_by(|a, b| a < b) {
            let shown = format!("{:?}", self.rungs);
            return Err(bad(
                "rungs",
                shown,
                "successive halving needs two rising lengths of training at least, in epochs",
            ));
        }
        if self.reduction < 2 {
            let reason = "of less than two, none can be left behind; the papers take 3 or 4";
            return Err(bad("reduction", self.reduction.to_string(), reason));
        }
        if let Some(bracket) = self.bracket.filter(|bracket| *bracket < self.reduction) {
            let reason = format!("nobody of fewer than {}, the reduction, would go on", self.reduction);
            return Err(bad("bracket", bracket.to_string(), &reason));
        }
        Ok(())
    }
}

/// Successive halving (Jamieson & Talwalkar 2016), in brackets of a fixed size or asynchronous (ASHA: Li, Jamieson,
/// Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht & Talwalkar 2020, algorithm 2).
///
/// Random architectures are trained for the epochs of the first rung. The best of each rung, one of every
/// [`reduction`](HalvingConfig::reduction), are trained for the epochs of the next. The answer is the most accurate of
/// those trained longest.
///
/// What the papers leave open is done so:
/// - A longer training begins anew instead of going on with the weights: its learning rate falls along a schedule of its
///   own length, and a trial stays a function of its architecture and seed.
/// - A failed trial counts in its rung and is never among the best.
/// - What the next trial will be is decided when a trial is told, and is part of the state: so an architecture that goes
///   on while others are out does so once, whatever happens in between.
pub struct SuccessiveHalving {
    space: Arc<dyn SearchSpace>,
    config: HalvingConfig,
    seed: Seed,
    state: Inner,
}

/// All that is learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Inner {
    told: u64,
    rungs: Vec<Vec<Entry>>,
    /// Who goes on next, and to which rung; `None` for a new random architecture.
    next: Option<(Entry, usize)>,
}

/// A trial that ended on a rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    number: u64,
    architecture: Architecture,
    /// `None` if it failed.
    accuracy: Option<f64>,
    /// Whether it went on.
    promoted: bool,
    /// Those that began together have the same number, and are compared with each other only; 0 for all without brackets.
    group: u64,
}

/// What [`Strategy::save`] writes.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: String,
    version: u64,
    config: HalvingConfig,
    state: Inner,
}

impl SuccessiveHalving {
    /// Successive halving in a space.
    ///
    /// # Errors
    /// [`SearchError::Setting`] if the settings make no sense.
    pub fn new(space: Arc<dyn SearchSpace>, config: HalvingConfig, seed: Seed) -> Result<Self, SearchError> {
        config.check()?;
        let state = Inner { rungs: vec![Vec::new(); config.rungs.len()], ..Inner::default() };
        Ok(Self { space, config, seed, state })
    }

    /// The best of a rung that may go on and has not.
    fn promotable(&self, rung: usize) -> Option<usize> {
        let all = &self.state.rungs[rung];
        let below = rung.checked_sub(1).map(|below| self.groups(below));
        let best = self.promotions(rung);
        self.groups(rung).into_iter().enumerate().find_map(|(number, mut group)| {
            // With brackets, those that began together are waited for.
            let awaited = match (self.config.bracket, &below) {
                (None, _) => group.len(),
                (Some(bracket), None) => bracket as usize,
                // Failures leave places empty.
                (Some(_), Some(below)) => self.promotions(rung - 1).min(self.measured(rung - 1, &below[number])),
            };
            if group.len() < awaited {
                return None;
            }
            group.retain(|i| all[*i].accuracy.is_some());
            // Stable, so that of equals the earlier trial goes first.
            group.sort_by(|a, b| accuracy(&all[*b]).total_cmp(&accuracy(&all[*a])));
            group.into_iter().take(best).find(|i| !all[*i].promoted)
        })
    }

    /// How many of a group go on from a rung, if so many can.
    fn promotions(&self, rung: usize) -> usize {
        let reduction = self.config.reduction;
        let from = match self.config.bracket {
            Some(bracket) => bracket / reduction.pow(rung as u32),
            None => self.state.rungs[rung].len() as u64,
        };
        (from / reduction) as usize
    }

    /// The places of each group on a rung, in the order in which its trials ended.
    fn groups(&self, rung: usize) -> Vec<Vec<usize>> {
        let mut groups = Vec::new();
        for (place, entry) in self.state.rungs[rung].iter().enumerate() {
            let group = entry.group as usize;
            groups.resize(groups.len().max(group + 1), Vec::new());
            groups[group].push(place);
        }
        groups
    }

    /// How many of these places on a rung have an accuracy.
    fn measured(&self, rung: usize, places: &[usize]) -> usize {
        places.iter().filter(|place| self.state.rungs[rung][**place].accuracy.is_some()).count()
    }

    /// The group of a trial that ends on a rung.
    fn group_of(&self, rung: usize, proposal: &Proposal) -> u64 {
        match (self.config.bracket, rung.checked_sub(1)) {
            (None, _) => 0,
            (Some(bracket), None) => self.state.rungs[0].len() as u64 / bracket,
            (Some(_), Some(below)) => {
                let parent = self.state.rungs[below].iter().find(|entry| Some(entry.number) == proposal.parent);
                parent.map_or(0, |entry| entry.group)
            }
        }
    }

    /// Decides who goes on, if anybody does: the highest rung first.
    fn decide(&mut self) {
        let rungs = self.config.rungs.len();
        self.state.next = (0..rungs - 1).rev().find_map(|rung| {
            let at = self.promotable(rung)?;
            let entry = &mut self.state.rungs[rung][at];
            entry.promoted = true;
            Some((entry.clone(), rung + 1))
        });
    }

    fn propose(&self, number: u64, first: bool) -> Proposal {
        let (architecture, parent, rung) = match &self.state.next {
            // One decision, one trial.
            Some((entry, rung)) if first => (entry.architecture.clone(), Some(entry.number), *rung),
            _ => (random_proposal(self.space.as_ref(), self.seed, number), None, 0),
        };
        let (epochs, note) = (Some(self.config.rungs[rung]), json!({ "rung": rung }));
        Proposal { architecture, parent, note, epochs }
    }
}

fn accuracy(entry: &Entry) -> f64 {
    entry.accuracy.unwrap_or(f64::NEG_INFINITY)
}

impl Strategy for SuccessiveHalving {
    /// `asha`, or with brackets `halving`.
    fn name(&self) -> &str {
        if self.config.bracket.is_some() { "halving" } else { "asha" }
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        let start = numbers.start;
        Ok(numbers.map(|number| self.propose(number, number == start)).collect())
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        for trial in trials {
            check_order(self.name(), self.state.told, trial)?;
            let rung = self.config.rungs.iter().position(|epochs| Some(*epochs) == trial.proposal.epochs);
            let Some(rung) = rung else {
                let (strategy, number) = (self.name().to_owned(), trial.number);
                let reason = "it was not trained for the epochs of any rung".into();
                return Err(SearchError::WrongTrial { strategy, number, reason });
            };
            self.state.told += 1;
            let measured = trial.measurement.as_ref().filter(|_| trial.state == TrialState::Complete);
            let group = self.group_of(rung, &trial.proposal);
            self.state.rungs[rung].push(Entry {
                number: trial.number,
                architecture: trial.proposal.architecture.clone(),
                accuracy: measured.map(|m| m.accuracy),
                promoted: false,
                group,
            });
            self.decide();
        }
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        let (config, state) = (self.config.clone(), self.state.clone());
        let state = State { strategy: self.name().to_owned(), version: VERSION, config, state };
        serde_json::to_value(state)
            .map_err(|source| SearchError::Json { what: "the state of successive halving", source })
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        check_state(self.name(), VERSION, state)?;
        let name = self.name().to_owned();
        let wrong = |reason: String| SearchError::StrategyState { strategy: name.clone(), reason };
        let state: State = serde_json::from_value(state.clone()).map_err(|e| wrong(e.to_string()))?;
        if state.config != self.config || state.state.rungs.len() != self.config.rungs.len() {
            let reason = format!("it was saved with {:?}, this search has {:?}", state.config, self.config);
            return Err(wrong(reason));
        }
        for entry in state.state.rungs.iter().flatten().chain(state.state.next.iter().map(|(entry, _)| entry)) {
            self.space.check(&entry.architecture).map_err(|e| wrong(e.to_string()))?;
        }
        self.state = state.state;
        Ok(())
    }

    /// The most accurate of those trained longest, the earliest of equals.
    fn best<'a>(&self, trials: &'a [Trial]) -> Option<&'a Trial> {
        let rank = |trial: &Trial| {
            let measured = trial.measurement.as_ref().filter(|m| m.accuracy.is_finite())?;
            (trial.state == TrialState::Complete).then_some((trial.proposal.epochs, measured.accuracy))
        };
        let measured = trials.iter().filter(|trial| rank(trial).is_some());
        measured.reduce(|best, trial| if rank(trial) > rank(best) { trial } else { best })
    }
}
