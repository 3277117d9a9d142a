//! The search: a hypernetwork learns to generate weights, and then architectures are compared by what theirs are worth.
//!
//! The one idea: all chance hangs at the seed by epoch, step and number, so a search needs to remember only what the
//! hypernetwork has learned and where it stands; one that was killed goes on to the same bits.

mod config;
mod save;
mod scoring;
mod step;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nas_nn::checkpoint::SaveClock;
use nas_nn::optim::Adam;
use nas_nn::trainer::{Deadline, Ended, Plan, Timekeeper, TrainData, ran_short};
use nas_search::{Event, GhnEpoch, Listener};
use nas_space::{Architecture, NetworkConfig, NetworkGraph, SearchSpace, Seed};
use serde::{Deserialize, Serialize};

pub use config::{Fall, SearchConfig};

use crate::{Ghn, GhnError, ScoreData};
use save::Standing;
pub use scoring::{HeldBack, Scored};

/// What a search is about.
#[derive(Clone)]
pub struct Task {
    /// The space searched.
    pub space: Arc<dyn SearchSpace>,
    /// How large its networks are built.
    pub network: NetworkConfig,
    /// The space that is learned from: the same, or one of smaller graphs, which the paper finds to do as well.
    pub learn_from: Arc<dyn SearchSpace>,
    /// How large those networks are built.
    pub learn_network: NetworkConfig,
}

/// What a run does beside searching.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions<'a> {
    /// Where to save: after every epoch, every so often within one and between scores, and when the search is stopped.
    pub checkpoint: Option<&'a Path>,
    /// How long a search may go unsaved.
    pub checkpoint_every: Duration,
    /// Raised to stop after the step under way.
    pub stop: &'a AtomicBool,
    /// When the search should have ended; `None` to search as long as planned.
    pub deadline: Option<Deadline>,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GhnReport {
    /// Every finished epoch.
    pub history: Vec<GhnEpoch>,
    /// The architectures scored, in the order in which they were drawn.
    pub scored: Vec<Scored>,
    /// The best of them, the best first, no two equal.
    pub best: Vec<Architecture>,
    /// What the user should know, a sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A search under way.
pub struct GhnSearch {
    task: Task,
    data: TrainData,
    config: SearchConfig,
    seed: Seed,
    ghn: Ghn,
    adam: Adam,
    held_back: HeldBack,
    standing: Standing,
}

impl GhnSearch {
    /// A search before its first step. `data` must have validation images, on which architectures are scored.
    ///
    /// # Errors
    /// If a setting is impossible, a network cannot be built, or there are too few images.
    pub fn new(task: Task, data: TrainData, config: SearchConfig, seed: Seed) -> Result<Self, GhnError> {
        config.validate_for(data.images.shape)?;
        for (what, count) in
            [("train", data.train.len()), ("validate", data.validation.as_ref().map_or(0, |v| v.len()))]
        {
            if count < 2 {
                let reason = format!("{count} images to {what} a hypernetwork on; it needs at least 2");
                return Err(nas_nn::NnError::Unfit { reason }.into());
            }
        }
        let held_back = HeldBack::draw(task.space.as_ref(), config.held_back, seed.child("held back"));
        let ghn = Ghn::new(config.ghn.clone(), seed.child("init"))?;
        let adam = config.adam();
        let mut search = Self { task, data, config, seed, ghn, adam, held_back, standing: Standing::default() };
        // Shows now what could not be built later, and makes most of what is to be learned.
        for (space, network) in [
            (Arc::clone(&search.task.learn_from), search.task.learn_network.clone()),
            (Arc::clone(&search.task.space), search.task.network.clone()),
        ] {
            let architecture = space.sample(&mut seed.child("first").rng());
            search.ghn.plan(space.lower(&architecture, &network)?)?;
        }
        Ok(search)
    }

    /// Replaces the architectures held back, for example by some whose accuracy is known: the correlation with it is
    /// then measured after every epoch.
    #[must_use]
    pub fn holding_back(mut self, held_back: HeldBack) -> Self {
        self.held_back = held_back;
        self
    }

    /// Goes on from a checkpoint of the same search.
    ///
    /// # Errors
    /// If the file cannot be read, or is of a search with other settings, data, seed or space; the search must then be
    /// made anew.
    pub fn restore(&mut self, checkpoint: &Path) -> Result<(), GhnError> {
        save::restore(self, checkpoint)
    }

    /// Learns, then scores, or until it is stopped. A search that has ended returns at once.
    ///
    /// # Errors
    /// If a loss or a gradient stops being finite, the images cannot be read, or a checkpoint cannot be written.
    pub fn run(&mut self, options: &SearchOptions<'_>, listener: &mut dyn Listener) -> Result<Ended, GhnError> {
        let mut clock = SaveClock::new(options.checkpoint, options.checkpoint_every);
        let stopped = |search: &Self| options.stop.load(Ordering::Relaxed) && !search.is_over();
        let mut time = Timekeeper::new(options.deadline);
        while self.standing.epoch < self.plan().epochs() {
            time.begin_epoch(self.standing.step);
            if !step::epoch(self, options.stop, &time, &mut clock, listener)? {
                return Ok(Ended::Interrupted);
            }
            scoring::end_epoch(self, &mut time)?;
            save::save(&mut clock, self)?;
            let report = self.standing.history.last().expect("an epoch just ended");
            let seconds = time.seconds();
            listener.on_event(&Event::GhnEpoch { report: Box::new(report.clone()), seconds });
            if stopped(self) {
                return Ok(Ended::Interrupted);
            }
        }
        while !self.is_over() {
            scoring::next(self, listener)?;
            // Fewer than are handed on would be no choice at all.
            if time.ends_measuring() && self.standing.scored.len() >= self.config.best && !self.is_over() {
                self.standing.enough = Some(self.standing.scored.len());
            }
            if stopped(self) || clock.is_due() || self.is_over() {
                save::save(&mut clock, self)?;
            }
            if stopped(self) {
                return Ok(Ended::Interrupted);
            }
        }
        Ok(Ended::Finished)
    }

    /// What the search has come to.
    pub fn report(&self) -> GhnReport {
        let Standing { history, scored, .. } = &self.standing;
        let best = scoring::best(self.task.space.as_ref(), scored, self.config.best);
        GhnReport { history: history.clone(), scored: scored.clone(), best, warnings: self.ran_short() }
    }

    /// The epochs finished, those before a resume included.
    pub fn history(&self) -> &[GhnEpoch] {
        &self.standing.history
    }

    /// Draws an architecture by its number among those sampled, and scores it with the weights generated now.
    ///
    /// # Errors
    /// If its network cannot be built.
    pub fn score_sample(&mut self, number: u64) -> Result<Scored, GhnError> {
        scoring::sample(self, number)
    }

    /// The hypernetwork as it is now.
    pub fn ghn(&self) -> &Ghn {
        &self.ghn
    }

    /// The hypernetwork, when the search is over.
    pub fn into_ghn(self) -> Ghn {
        self.ghn
    }

    /// Its settings.
    pub fn config(&self) -> &SearchConfig {
        &self.config
    }

    /// What architectures are scored on.
    ///
    /// # Panics
    /// Never: a search has validation images.
    pub fn score_data(&self) -> ScoreData {
        ScoreData {
            images: Arc::clone(&self.data.images),
            indices: Arc::clone(self.data.validation.as_ref().expect("checked when the search was made")),
            normalization: self.data.normalization.clone(),
            batch_size: self.config.score_batch_size,
        }
    }

    /// Epochs finished.
    pub fn epochs_finished(&self) -> usize {
        self.standing.epoch
    }

    /// Steps of a whole epoch.
    pub fn steps_per_epoch(&self) -> usize {
        step::batches(self).batches_per_epoch()
    }

    /// About how many bytes a step needs: activations and weights of the largest of some random networks, and five
    /// times what the hypernetwork has learned (twice itself, its gradient, two moments).
    ///
    /// # Errors
    /// If a network cannot be built.
    pub fn step_bytes(&mut self) -> Result<usize, GhnError> {
        const SEEN: u64 = 16;
        let mut largest = 0;
        for index in 0..SEEN {
            let graph = self.learned_from(self.seed.child("memory").index(index))?;
            let weights = 3 * size_of::<f32>() * graph.parameters() + 3 * size_of::<f64>() * graph.parameters();
            largest = largest.max(graph.activation_bytes(self.config.batch_size) + weights);
            self.ghn.plan(graph)?;
        }
        Ok(largest + 5 * size_of::<f64>() * self.ghn.parameters())
    }

    fn is_over(&self) -> bool {
        let samples = self.standing.enough.unwrap_or(self.config.samples);
        self.standing.epoch >= self.plan().epochs() && self.standing.scored.len() >= samples
    }

    /// The epochs there are: those of the settings, or fewer.
    fn plan(&self) -> Plan {
        self.standing.plan.clone().unwrap_or_else(|| Plan::new(self.config.epochs))
    }

    /// The learning rate before a step of the epoch under way, which has `steps`.
    fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let epochs = self.standing.epoch as f64 + step as f64 / steps.max(1) as f64;
        self.config.learning_rate_after(self.plan().fraction(epochs))
    }

    /// What time was too short for, a sentence each.
    fn ran_short(&self) -> Vec<String> {
        let Standing { plan, epoch, enough, .. } = &self.standing;
        let SearchConfig { epochs, samples, .. } = self.config;
        let is_short = plan.as_ref().is_some_and(Plan::is_cut);
        let epochs = is_short.then(|| ran_short(*epoch, epochs, "epochs planned for the hypernetwork were done"));
        let scored = enough.map(|few| ran_short(few, samples, "architectures planned were scored"));
        epochs.into_iter().chain(scored).collect()
    }

    /// The graph of a random architecture that is learned from: none of those held back.
    fn learned_from(&self, seed: Seed) -> Result<NetworkGraph, GhnError> {
        let Task { learn_from, learn_network, .. } = &self.task;
        let architecture = self.held_back.draw_another(learn_from.as_ref(), seed);
        Ok(learn_from.lower(&architecture, learn_network)?)
    }
}
