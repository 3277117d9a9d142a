//! The trainer: a network, images and settings become a trained network.
//!
//! The one idea: a training is a pure function of network, data, settings and seed. Order, augmentation and dropped
//! paths hang at the seed by epoch, image and step, so a training needs to remember only its tensors and where it
//! stands, and one that was killed goes on to the same bits. A clock decides when to save, and, where a deadline is
//! set, how many epochs are left; both are recorded, and neither touches a step.

mod config;
mod deadline;
mod epoch;
mod evaluate;
mod plan;
mod report;
mod save;
mod tally;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nas_data::{Images, Normalization};
use nas_space::Seed;

pub use config::{BatchNormMode, OptimizerKind, TrainConfig};
pub use deadline::{Deadline, Timekeeper, ran_short};
pub use evaluate::{Evaluation, evaluate, evaluate_mirrored, judge};
pub use plan::{Pace, Plan, Segment, epochs_that_fit};
pub use report::{Ended, EpochReport, StepReport, TrainEvent, TrainReport};
pub use tally::Tally;

use crate::checkpoint::SaveClock;
use crate::optim::Optimizer;
use crate::{Network, NnError};
use save::Standing;

/// The images of a training.
#[derive(Clone, Debug)]
pub struct TrainData {
    /// The split that both lists of indices point into.
    pub images: Arc<Images>,
    /// The images to train on.
    pub train: Arc<Vec<u32>>,
    /// The images to validate on; `None` for no validation.
    pub validation: Option<Arc<Vec<u32>>>,
    /// The normalisation, measured on the training images.
    pub normalization: Normalization,
}

/// What a run does beside training.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// Where to save: after every epoch, every so often within one, and when the listener stops the training.
    pub checkpoint: Option<&'a Path>,
    /// How long a training may go unsaved within an epoch.
    pub checkpoint_every: Duration,
    /// When the training should have ended. After each epoch the number of epochs is fitted to the time left, judged by that
    /// of the epochs so far; it is never raised above that of the settings. With a deadline the result depends on the
    /// machine's speed, but what was decided is saved, and a resumed training follows it.
    pub deadline: Option<Instant>,
}

impl Default for RunOptions<'_> {
    /// Nothing saved, no deadline.
    fn default() -> Self {
        Self { checkpoint: None, checkpoint_every: Duration::from_secs(60), deadline: None }
    }
}

/// How a training reports; returning `false` asks it to stop after this step or epoch, saved.
pub type TrainListener<'a> = dyn FnMut(&TrainEvent<'_>) -> bool + 'a;

/// A training under way.
pub struct Trainer {
    network: Network,
    data: TrainData,
    config: TrainConfig,
    seed: Seed,
    optimizer: Box<dyn Optimizer>,
    standing: Standing,
}

impl Trainer {
    /// A training before its first step.
    ///
    /// # Errors
    /// If a setting is impossible, or the images do not fit the settings or the network.
    pub fn new(mut network: Network, data: TrainData, config: TrainConfig, seed: Seed) -> Result<Self, NnError> {
        config.validate_for(data.images.shape)?;
        fit(&network, &data)?;
        network.set_precision(config.precision);
        let optimizer = config.optimizer();
        let standing = Standing::new(config.epochs);
        Ok(Self { network, data, config, seed, optimizer, standing })
    }

    /// Goes back to (or on from) a checkpoint of the same training.
    ///
    /// # Errors
    /// If the file cannot be read, or is of a training with other settings, data, seed or network; the trainer must
    /// then be made anew.
    pub fn restore(&mut self, checkpoint: &Path) -> Result<(), NnError> {
        save::restore(self, checkpoint)
    }

    /// Trains to the end of the plan, or until the listener stops it. A training that has ended returns at once.
    ///
    /// # Errors
    /// If the loss or the gradient stops being finite, the images cannot be read, or a checkpoint cannot be written.
    pub fn run(&mut self, options: &RunOptions<'_>, listener: &mut TrainListener<'_>) -> Result<TrainReport, NnError> {
        let mut clock = SaveClock::new(options.checkpoint, options.checkpoint_every);
        let mut pace = Pace::default();
        while !self.is_over() {
            let start = Instant::now();
            let skipped = self.standing.step;
            if !epoch::steps(self, &mut clock, listener)? {
                return Ok(self.report(Ended::Interrupted));
            }
            self.end_epoch(options.deadline, &mut pace, start, skipped)?;
            save::save(&mut clock, self)?;
            let report = self.standing.history.last().expect("an epoch just ended");
            let go_on = listener(&TrainEvent::Epoch { report, seconds: start.elapsed().as_secs_f64() });
            if !go_on && !self.is_over() {
                return Ok(self.report(Ended::Interrupted));
            }
        }
        Ok(self.report(if self.standing.stopped_early { Ended::EarlyStop } else { Ended::Finished }))
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, when the training is over.
    pub fn into_network(self) -> Network {
        self.network
    }

    /// The number of epochs planned now, and what was planned before.
    pub fn plan(&self) -> &Plan {
        &self.standing.plan
    }

    /// The epochs finished, those before a resume included.
    pub fn history(&self) -> &[EpochReport] {
        &self.standing.history
    }

    /// Epochs finished.
    pub fn epochs_finished(&self) -> usize {
        self.standing.epoch
    }

    /// Validates, looks at the clock if there is a deadline, and turns the page.
    fn end_epoch(
        &mut self,
        deadline: Option<Instant>,
        pace: &mut Pace,
        start: Instant,
        skipped: usize,
    ) -> Result<(), NnError> {
        let finished = self.standing.epoch + 1;
        let mut validation = None;
        if self.is_validated(finished) {
            validation = self.validate(finished)?;
        }
        if let Some(deadline) = deadline {
            let steps = epoch::steps_per_epoch(self);
            // After a resume the epoch was only partly run here.
            pace.add(start.elapsed().as_secs_f64(), steps.saturating_sub(skipped), steps);
            self.standing.plan.keep_to(deadline, finished, pace);
            if validation.is_none() && finished >= self.standing.plan.epochs() {
                validation = self.validate(finished)?;
            }
        }
        let report = self.standing.turn_page(validation);
        self.standing.history.push(report);
        self.standing.stopped_early = report::out_of_patience(&self.standing.history, self.config.patience);
        Ok(())
    }

    /// Whether the epoch that comes to so many is validated.
    fn is_validated(&self, finished: usize) -> bool {
        let TrainConfig { evaluate_every, evaluate_last, .. } = self.config;
        finished.is_multiple_of(evaluate_every) || finished + evaluate_last > self.standing.plan.epochs()
    }

    fn validate(&mut self, epoch: usize) -> Result<Option<Evaluation>, NnError> {
        let TrainData { images, validation: Some(indices), normalization, .. } = &self.data else { return Ok(None) };
        let mode = self.config.batch_norm.mode();
        let found = evaluate(&mut self.network, images, indices, normalization, self.config.batch_size, mode)?;
        if found.loss.is_finite() {
            return Ok(Some(found));
        }
        Err(NnError::NotFinite { what: "validation loss", value: found.loss, epoch, step: self.standing.step })
    }

    fn is_over(&self) -> bool {
        self.standing.stopped_early || self.standing.epoch >= self.standing.plan.epochs()
    }

    fn report(&self, ended: Ended) -> TrainReport {
        let Standing { history, plan, .. } = &self.standing;
        TrainReport { history: history.clone(), plan: plan.segments().to_vec(), ended }
    }
}

/// Checks that images and network are made for one another.
fn fit(network: &Network, data: &TrainData) -> Result<(), NnError> {
    let unfit = |reason: String| Err(NnError::Unfit { reason });
    let (shape, input) = (data.images.shape, network.graph().input_shape());
    if (shape.channels, shape.height, shape.width) != (input.channels, input.height, input.width) {
        let images = format!("{}x{}x{}", shape.channels, shape.height, shape.width);
        return unfit(format!("the images are {images} (channels x height x width), the network is made for {input}"));
    }
    let classes = network.graph().node(network.graph().output()).shape.elements();
    if let Some(label) = data.images.labels.iter().find(|&&label| label as usize >= classes) {
        return unfit(format!("an image is of class {label}, counted from 0; the network has {classes} classes"));
    }
    if data.train.len() < 2 {
        return unfit(format!("{} images to train on; batch norm needs at least 2", data.train.len()));
    }
    if data.validation.as_ref().is_some_and(|indices| indices.is_empty()) {
        return unfit("there are no images to validate on; leave the validation out, or split off some".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
