//! Efficient neural architecture search by sharing parameters (Pham et al. 2018).
//!
//! The one idea: two things learn in turns. For an epoch the shared weights learn, each batch on a path that the strategy
//! proposes; then the strategy learns, each of its architectures being worth its accuracy on a validation batch. Any
//! [`Strategy`] will do; ENAS has a recurrent controller. In the end it proposes many, and those of the highest accuracy
//! on shared weights are found.
//!
//! A strategy proposes for a trial's number. What it is told of are the trials 0, 1, 2 and so on; paths to train on, and
//! architectures only looked at, are asked for under numbers far behind them, so that no trial is left untold.

mod batches;
mod config;
mod measure;
mod save;
mod step;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use candle_core::DType;
use nas_nn::checkpoint::SaveClock;
use nas_nn::optim::Sgd;
use nas_nn::trainer::{Ended, Plan, Timekeeper, ran_short};
use nas_search::{Event, Listener, SharedEpoch, Strategy};
use nas_space::{Architecture, NetworkConfig, PathSpace, Seed};
use serde::{Deserialize, Serialize};

pub use config::{EnasConfig, Idle};

use crate::guard;
use crate::{OneShotError, SearchData, SearchOptions, SharedWeights};
use save::Standing;

/// The numbers under which paths to train on, architectures to look at, and candidates are asked for.
const PATHS: u64 = 1 << 40;
const DRAWN: u64 = 1 << 41;
const CANDIDATES: u64 = 1 << 42;

/// An architecture proposed at the end, as shared weights judge it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The architecture.
    pub architecture: Architecture,
    /// Its accuracy on the validation images of the candidates, from 0 to 1.
    pub accuracy: f64,
    /// Its mean loss on them, in nats.
    pub loss: f64,
    /// How many times it was proposed.
    pub times: u64,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnasReport {
    /// Every finished epoch.
    pub history: Vec<SharedEpoch>,
    /// The different ones among the candidates, the most accurate first.
    pub candidates: Vec<Candidate>,
    /// Why the search ended.
    pub ended: Ended,
    /// What the user should know of the best candidate, a sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A search under way.
pub struct EnasSearch {
    space: Arc<dyn PathSpace>,
    network: NetworkConfig,
    weights: SharedWeights,
    strategy: Box<dyn Strategy>,
    data: SearchData,
    config: EnasConfig,
    seed: Seed,
    sgd: Sgd,
    standing: Standing,
}

impl EnasSearch {
    /// A search before its first step, on the CPU in f32.
    ///
    /// # Errors
    /// If a setting is impossible, the supernet cannot be built, or there are too few images.
    pub fn new(
        space: Arc<dyn PathSpace>,
        network: NetworkConfig,
        strategy: Box<dyn Strategy>,
        data: SearchData,
        config: EnasConfig,
        seed: Seed,
    ) -> Result<Self, OneShotError> {
        config.validate_for(data.images.shape)?;
        data.check()?;
        let weights = SharedWeights::init(space.as_ref(), &network, seed.child("init"), DType::F32)?;
        let (sgd, standing) = (config.sgd(), Standing::default());
        Ok(Self { space, network, weights, strategy, data, config, seed, sgd, standing })
    }

    /// Goes on from a checkpoint of the same search.
    ///
    /// # Errors
    /// If the file cannot be read, or is of a search with other settings, data, seed, network or strategy; the search must
    /// then be made anew.
    pub fn restore(&mut self, checkpoint: &Path) -> Result<(), OneShotError> {
        save::restore(self, checkpoint)
    }

    /// Searches to the end, or until it is stopped. A search that has ended returns at once.
    ///
    /// # Errors
    /// If a loss or a gradient stops being finite, the strategy refuses something, the images cannot be read, or a
    /// checkpoint cannot be written.
    pub fn run(&mut self, options: &SearchOptions<'_>, listener: &mut dyn Listener) -> Result<Ended, OneShotError> {
        let mut clock = SaveClock::new(options.checkpoint, options.checkpoint_every);
        let mut time = Timekeeper::new(options.deadline);
        while self.standing.epoch < self.plan().epochs() {
            time.begin_epoch(self.standing.step + self.standing.sample);
            let done = step::weights(self, options.stop, &time, &mut clock, listener)?
                && step::strategy(self, options.stop, &time, &mut clock, listener)?;
            if !done {
                return Ok(Ended::Interrupted);
            }
            let mut report = measure::epoch_report(self)?;
            let steps = self.steps_per_epoch();
            let Standing { plan, epoch, step, sample, .. } = &mut self.standing;
            time.end_epoch(plan, self.config.epochs, *epoch + 1, [*step + *sample, steps]);
            report.epochs = self.plan().epochs() as u64;
            self.standing.turn_page(report.clone());
            save::save(&mut clock, self)?;
            let seconds = time.seconds();
            listener.on_event(&Event::SharedEpoch { report: Box::new(report), seconds });
            if options.stop.load(Ordering::Relaxed) {
                return Ok(Ended::Interrupted);
            }
        }
        match measure::candidates(self, options.stop, &time, &mut clock)? {
            true => Ok(Ended::Finished),
            false => Ok(Ended::Interrupted),
        }
    }

    /// What the search has come to; `None` before its first epoch is over. Candidates are there once it has ended.
    pub fn report(&self) -> Option<EnasReport> {
        let Standing { history, candidates, .. } = &self.standing;
        if history.is_empty() {
            return None;
        }
        let ended = if self.is_over() { Ended::Finished } else { Ended::Interrupted };
        let (history, mut candidates) = (history.clone(), candidates.clone());
        // Stable, so that of equals the one proposed first stays in front.
        candidates.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));
        let best = candidates.first().map(|best| &best.architecture);
        let collapse = best.and_then(|best| guard::collapse_on_shared_weights(self.space.as_ref(), best));
        let warnings = self.ran_short().into_iter().chain(collapse).collect();
        Some(EnasReport { history, candidates, ended, warnings })
    }

    /// The shared weights as they are now.
    pub fn weights(&self) -> &SharedWeights {
        &self.weights
    }

    /// Gives the shared weights away.
    pub fn into_weights(self) -> SharedWeights {
        self.weights
    }

    /// Its settings.
    pub fn config(&self) -> &EnasConfig {
        &self.config
    }

    /// Epochs finished.
    pub fn epochs_finished(&self) -> usize {
        self.standing.epoch
    }

    /// Steps of a whole epoch: those of the weights, and one for each architecture the strategy learns from.
    pub fn steps_per_epoch(&self) -> usize {
        batches::training(self).batches_per_epoch() + self.config.samples
    }

    fn is_over(&self) -> bool {
        self.standing.epoch >= self.plan().epochs() && self.standing.proposed >= self.candidates()
    }

    /// The epochs there are: those of the settings, or fewer.
    fn plan(&self) -> Plan {
        self.standing.plan.clone().unwrap_or_else(|| Plan::new(self.config.epochs))
    }

    /// The candidates there are: those of the settings, or fewer.
    fn candidates(&self) -> u64 {
        self.standing.enough.unwrap_or(self.config.candidates as u64)
    }

    /// The learning rate of the weights in the epoch under way. The periods of fewer epochs are shorter.
    fn learning_rate(&self) -> f64 {
        let epoch = self.standing.epoch as f64;
        let all = self.config.epochs as f64;
        self.config.learning_rate_after(self.standing.plan.as_ref().map_or(epoch, |plan| all * plan.fraction(epoch)))
    }

    /// What time was too short for, a sentence each.
    fn ran_short(&self) -> Vec<String> {
        let Standing { plan, epoch, enough, .. } = &self.standing;
        let EnasConfig { epochs, candidates, .. } = self.config;
        let is_short = plan.as_ref().is_some_and(Plan::is_cut);
        let epochs = is_short.then(|| ran_short(*epoch, epochs, "epochs planned for the supernet were done"));
        let measured = enough.map(|few| ran_short(few as usize, candidates, "candidates planned were measured"));
        epochs.into_iter().chain(measured).collect()
    }

    /// The architecture that the strategy proposes under a number.
    fn propose(&mut self, number: u64) -> Result<nas_search::Proposal, OneShotError> {
        let proposed = self.strategy.ask(number..number + 1)?.pop();
        let exhausted = || nas_search::SearchError::Exhausted { strategy: self.strategy.name().to_owned() };
        Ok(proposed.ok_or_else(exhausted)?)
    }
}
