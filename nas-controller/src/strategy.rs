//! The controller as a search strategy: it is asked for architectures and told, sooner or later, what they were worth.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use nas_search::{Event, Proposal, SearchError, Strategy, Trial, check_state, proposal_seed};
use nas_space::{Architecture, SearchSpace, Seed};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{Algorithm, ControllerConfig};
use crate::controller::{Controller, Experience, Update};
use crate::state;
use crate::{Policy, Sample};

/// How often an architecture is drawn anew that the space refuses.
const DRAWS: usize = 100;

/// Architecture search by a recurrent controller: `reinforce` (Zoph & Le 2017) or `ppo` (Zoph et al. 2018).
///
/// Trials are learned from in batches of consecutive numbers, in the order of their numbers. So it does not matter in
/// which order they are told: a batch waits until all of it is known, and the controller stays the same until then. What
/// is asked for meanwhile comes from the policy as it is; each proposal's note keeps the log-probabilities with which it
/// was drawn, and PPO weighs it by them however late it is told.
///
/// A failed trial counts for its batch and teaches nothing, unless
/// [`failure_reward`](crate::LearningConfig::failure_reward) says what it is worth.
///
/// Where the space refuses what was drawn, as one with [limits](nas_space::Limited) does, it is drawn anew, up to 100
/// times; a policy that puts nearly everything beyond the limits gets a random architecture within them. The
/// log-probabilities are the policy's own either way, as if it had drawn the architecture at once.
///
/// The note also keeps the last [`Update`] of the policy that drew it, so that the study records how the policy learned.
pub struct PolicySearch {
    pub(crate) controller: Controller,
    seed: Seed,
    /// Trials told that wait for the rest of their batch.
    pub(crate) waiting: BTreeMap<u64, Told>,
    /// The first trial that was not learned from.
    pub(crate) next: u64,
    events: Vec<Event>,
}

/// A trial that waits for the rest of its batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    pub(crate) sample: Sample,
    /// `None` if there is nothing to be learned from it.
    pub(crate) reward: Option<f64>,
}

/// What a proposal carries until its trial is told.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The log-probability of each choice under the policy that drew it.
    log_probs: Vec<f64>,
    /// The sum of the decisions' entropies under that policy, in nats.
    entropy: f64,
    /// That policy's last update.
    update: Option<Update>,
}

impl PolicySearch {
    /// A search of a space by a controller that has learned nothing.
    ///
    /// # Errors
    /// [`SearchError::Setting`] if the settings make no sense.
    pub fn new(space: Arc<dyn SearchSpace>, config: ControllerConfig, seed: Seed) -> Result<Self, SearchError> {
        let controller = Controller::new(space, config, seed.child("controller"))?;
        Ok(Self { controller, seed, waiting: BTreeMap::new(), next: 0, events: Vec::new() })
    }

    /// The controller.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    fn policy(&self) -> &Policy {
        self.controller.policy()
    }

    fn propose(&self, number: u64) -> Result<Proposal, SearchError> {
        // A stream of its own, apart from the one that draws random architectures.
        let mut rng = proposal_seed(self.seed, number).child("policy").rng();
        let mut draws = (0..DRAWS).map(|_| {
            let sample = self.controller.sample_trial(number, &mut rng);
            (self.policy().architecture(&sample), sample)
        });
        let (architecture, sample) = match draws.find(|(drawn, _)| self.policy().space().check(drawn).is_ok()) {
            Some(drawn) => drawn,
            None => {
                let architecture = self.policy().space().sample(&mut rng);
                let sample = self.policy().score(&architecture.choices);
                (architecture, sample)
            }
        };
        let Sample { log_probs, entropy, .. } = sample;
        let note = Note { log_probs, entropy, update: self.controller.last_update().copied() };
        let note = serde_json::to_value(note).map_err(|source| SearchError::Json { what: "a sample", source })?;
        Ok(Proposal { note, ..Proposal::new(architecture) })
    }

    fn hear(&mut self, trial: &Trial) -> Result<(), SearchError> {
        let wrong = |reason: String| {
            let strategy = self.name().to_owned();
            Err(SearchError::WrongTrial { strategy, number: trial.number, reason })
        };
        if trial.number < self.next || self.waiting.contains_key(&trial.number) {
            return wrong("it was told before".into());
        }
        let sample = match self.sample_of(&trial.proposal) {
            Ok(sample) => sample,
            Err(reason) => return wrong(reason),
        };
        let learning = &self.controller.config().learning;
        let measured = trial.measurement.as_ref().map(|m| learning.reward.of(m)).filter(|r| r.is_finite());
        let reward = if trial.state.is_over() { measured.or(learning.failure_reward) } else { None };
        self.waiting.insert(trial.number, Told { sample, reward });
        Ok(())
    }

    /// What was drawn, from the proposal's note. A proposal without one, drawn by someone else, counts as if this policy
    /// had drawn it now.
    fn sample_of(&self, proposal: &Proposal) -> Result<Sample, String> {
        let now = self.controller.log_prob(&proposal.architecture).map_err(|e| e.to_string())?;
        let Ok(note) = Note::deserialize(&proposal.note) else { return Ok(now) };
        let finite = note.log_probs.iter().chain([&note.entropy]).all(|x| x.is_finite());
        if !finite || note.log_probs.len() != now.choices.len() {
            return Err(format!("its note must have {} log-probabilities", now.choices.len()));
        }
        Ok(Sample { log_probs: note.log_probs, entropy: note.entropy, ..now })
    }

    /// Learns from every batch that is known whole.
    fn learn(&mut self) {
        let size = self.controller.config().learning.batch as u64;
        while (self.next..self.next + size).all(|number| self.waiting.contains_key(&number)) {
            let mut batch = Vec::new();
            for number in self.next..self.next + size {
                if let Some(Told { sample, reward: Some(reward) }) = self.waiting.remove(&number) {
                    batch.push(Experience { sample, reward });
                }
            }
            self.next += size;
            if let Some(update) = self.controller.learn(&batch) {
                self.events.push(event(&update));
            }
        }
    }
}

fn event(update: &Update) -> Event {
    let &Update { number, trials, reward, baseline, entropy, advantage_spread, best } = update;
    Event::PolicyUpdated { update: number, trials, reward, baseline, entropy, advantage_spread, best }
}

impl Strategy for PolicySearch {
    fn name(&self) -> &str {
        match self.controller.config().learning.algorithm {
            Algorithm::Reinforce => "reinforce",
            Algorithm::Ppo { .. } => "ppo",
        }
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        numbers.map(|number| self.propose(number)).collect()
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        for trial in trials {
            self.hear(trial)?;
            self.learn();
        }
        Ok(())
    }

    /// Without a note: what was not drawn by this policy counts as if it had been when it is told.
    fn adopt(&mut self, _: u64, architecture: Architecture) -> Result<Proposal, SearchError> {
        Ok(Proposal::new(architecture))
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn save(&self) -> Result<Value, SearchError> {
        state::save(self)
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        check_state(self.name(), state::VERSION, state)?;
        let wrong = |reason| SearchError::StrategyState { strategy: self.name().to_owned(), reason };
        let loaded = state::load(self, state).map_err(wrong)?;
        (self.controller, self.waiting, self.next) = (loaded.controller, loaded.waiting, loaded.next);
        self.events.clear();
        Ok(())
    }
}
