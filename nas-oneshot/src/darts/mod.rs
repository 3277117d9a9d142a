//! Differentiable architecture search: DARTS (Liu et al. 2019), first and second order, and its relatives: GDAS
//! (Dong & Yang 2019), PC-DARTS (Xu et al. 2020) and DrNAS (Chen et al. 2021).
//!
//! The one idea: weights and architecture learn in turns, a step each, from two halves of the training images, and the
//! architecture is read off at the end. As in a training, all chance hangs at the seed by epoch and step, so a search
//! needs to remember only its tensors and where it stands, and one that was killed goes on to the same bits.

mod batches;
mod config;
mod sampled;
mod save;
mod step;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use candle_core::{DType, Device};
use nas_data::Batch;
use nas_nn::Network;
use nas_nn::checkpoint::SaveClock;
use nas_nn::optim::{Adam, Sgd};
use nas_nn::trainer::{Ended, Plan, Timekeeper};
use nas_search::{Event, Listener, SupernetEpoch};
use nas_space::{Architecture, MixedSpace, NetworkConfig, Seed};
use serde::{Deserialize, Serialize};

pub use config::{DartsConfig, Order};

use crate::{Alphas, OneShotError, SearchData, SearchOptions, SharedWeights, Supernet};
use save::Standing;

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DartsReport {
    /// Every finished epoch.
    pub history: Vec<SupernetEpoch>,
    /// The architecture read off.
    pub architecture: Architecture,
    /// The epoch whose parameters it was read off, from 1: the last, or that before the rise which stopped the search.
    pub epoch: u64,
    /// Why the search ended.
    pub ended: Ended,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}

/// A search under way.
pub struct DartsSearch {
    space: Arc<dyn MixedSpace>,
    network: NetworkConfig,
    supernet: Supernet,
    /// The supernet's weights, for networks of one operation an edge.
    lent: Option<SharedWeights>,
    data: SearchData,
    config: DartsConfig,
    seed: Seed,
    sgd: Sgd,
    adam: Adam,
    standing: Standing,
    /// The direction in which the validation loss bends most, as last found.
    eigenvector: Option<Vec<f64>>,
    /// The batch that it is measured on, made when it is first needed.
    watched: Option<Batch>,
}

impl DartsSearch {
    /// A search before its first step, on the CPU in f32.
    ///
    /// # Errors
    /// If a setting is impossible, the supernet cannot be built, or there are too few images.
    pub fn new(
        space: Arc<dyn MixedSpace>,
        network: NetworkConfig,
        data: SearchData,
        config: DartsConfig,
        seed: Seed,
    ) -> Result<Self, OneShotError> {
        config.validate_for(data.images.shape)?;
        data.check()?;
        let graph = space.partial_supernet(&network, config.partial)?;
        let weights = Network::init(graph, seed.child("init"), DType::F32, &Device::Cpu)?;
        let (tables, chance) = (space.tables(), seed.child("alphas"));
        let alphas = match config.partial {
            1 => Alphas::fresh(&tables, chance)?,
            _ => Alphas::with_edges(&tables, chance)?,
        };
        Ok(Self {
            lent: (config.order == Order::Sampled).then(|| SharedWeights::of(&weights)),
            supernet: Supernet { network: weights, alphas },
            sgd: config.sgd(),
            adam: config.adam(),
            standing: Standing::default(),
            eigenvector: None,
            watched: None,
            space,
            network,
            data,
            config,
            seed,
        })
    }

    /// Goes on from a checkpoint of the same search.
    ///
    /// # Errors
    /// If the file cannot be read, or is of a search with other settings, data, seed or network; the search must then be
    /// made anew.
    pub fn restore(&mut self, checkpoint: &Path) -> Result<(), OneShotError> {
        save::restore(self, checkpoint)
    }

    /// Searches to the end, or until it is stopped. A search that has ended returns at once.
    ///
    /// # Errors
    /// If a loss or a gradient stops being finite, the images cannot be read, or a checkpoint cannot be written.
    pub fn run(&mut self, options: &SearchOptions<'_>, listener: &mut dyn Listener) -> Result<Ended, OneShotError> {
        let mut clock = SaveClock::new(options.checkpoint, options.checkpoint_every);
        let mut time = Timekeeper::new(options.deadline);
        while !self.is_over() {
            time.begin_epoch(self.standing.step);
            if !step::epoch(self, options.stop, &time, &mut clock, listener)? {
                return Ok(Ended::Interrupted);
            }
            self.end_epoch(&mut time)?;
            save::save(&mut clock, self)?;
            let report = self.standing.history.last().expect("an epoch just ended");
            let seconds = time.seconds();
            listener.on_event(&Event::SupernetEpoch { report: Box::new(report.clone()), seconds });
            if options.stop.load(Ordering::Relaxed) && !self.is_over() {
                return Ok(Ended::Interrupted);
            }
        }
        Ok(if self.standing.back_to.is_some() { Ended::EarlyStop } else { Ended::Finished })
    }

    /// What the search has come to; `None` before its first epoch is over.
    ///
    /// # Errors
    /// If an architecture cannot be read off.
    pub fn report(&self) -> Result<Option<DartsReport>, OneShotError> {
        watch::report(self)
    }

    /// The supernet as it is now.
    pub fn supernet(&self) -> &Supernet {
        &self.supernet
    }

    /// Its settings.
    pub fn config(&self) -> &DartsConfig {
        &self.config
    }

    /// Epochs finished.
    pub fn epochs_finished(&self) -> usize {
        self.standing.epoch
    }

    /// Steps of a whole epoch.
    pub fn steps_per_epoch(&self) -> usize {
        batches::training(self).batches_per_epoch()
    }

    fn is_over(&self) -> bool {
        self.standing.back_to.is_some() || self.standing.epoch >= self.plan().epochs()
    }

    /// The epochs there are: those of the settings, or fewer.
    fn plan(&self) -> Plan {
        self.standing.plan.clone().unwrap_or_else(|| Plan::new(self.config.epochs))
    }

    /// The learning rate of the weights in the epoch under way.
    fn learning_rate(&self) -> f64 {
        self.config.learning_rate_after(self.plan().fraction(self.standing.epoch as f64))
    }

    /// Measures, judges and turns the page.
    fn end_epoch(&mut self, time: &mut Timekeeper) -> Result<(), OneShotError> {
        let (finished, steps) = (self.standing.epoch + 1, self.steps_per_epoch());
        let every = self.config.guard.eigenvalue_every;
        let eigenvalue = match every > 0 && finished.is_multiple_of(every) && !time.ends_learning() {
            true => Some(watch::eigenvalue(self)?),
            false => None,
        };
        let mut report = watch::epoch_report(self, eigenvalue)?;
        let Standing { plan, step, .. } = &mut self.standing;
        time.end_epoch(plan, self.config.epochs, finished, [*step, steps]);
        report.epochs = self.plan().epochs() as u64;
        self.standing.turn_page(report);
        if self.config.guard.early_stop {
            self.standing.back_to = watch::rise(&self.standing.history, steps);
        }
        Ok(())
    }
}
