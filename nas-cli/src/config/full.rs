//! The resolved configuration: every value a search depends on.

use nas_nn::Precision;
use nas_space::{Limits, Stem};
use serde::{Deserialize, Serialize};

use super::{Amount, Falling, Moving};

/// Everything. All but [`run`](Self::run) enters the results, and is stored in the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The seed of everything random.
    pub seed: u64,
    /// The images.
    pub data: DataConfig,
    /// The space and the size of the networks searched.
    pub space: SpaceConfig,
    /// The method and its budget.
    pub search: SearchConfig,
    /// How long each trial trains.
    pub trial: TrialConfig,
    /// The winner's network and training.
    #[serde(rename = "final")]
    pub finish: FinalConfig,
    /// How networks are trained, in trials and at the end.
    pub training: TrainingConfig,
    /// How the work is laid out on this machine: nothing here enters a result.
    #[serde(default)]
    pub run: RunConfig,
}

/// The images and what is done to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The name of a known data set, or a folder.
    pub name: String,
    /// The share of the training split held out for validation.
    pub validation: f64,
    /// Image folders: scale every image to this size (rows, columns).
    pub size: Option<[usize; 2]>,
    /// Image folders: convert every image to this colour mode.
    pub colour: Option<Colour>,
    /// Folders of large pictures: networks see squares of this side of them, each read when it is wanted.
    pub image_size: Option<usize>,
    /// Mirror images left to right while training, each with odds of one half.
    pub flip: bool,
    /// Shift images by up to so many pixels while training.
    pub crop: usize,
    /// Blank out a square of this side while training; 0 for none.
    pub cutout: usize,
    /// Train on random windows of at least this share of an image's area; 0 for none.
    #[serde(default)]
    pub resized_crop: f64,
    /// Change brightness, contrast and saturation by up to this share while training, the hue by half of it; 0 for none.
    #[serde(default)]
    pub jitter: f64,
}

/// Colour modes of image folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// One plane.
    #[value(alias = "gray")]
    Grey,
    /// Three planes.
    #[value(alias = "color")]
    Rgb,
}

/// The space and the size of the networks searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    /// The space's name.
    pub name: String,
    /// Channels of the first cells.
    pub channels: usize,
    /// Number of cells.
    pub layers: usize,
    /// How the image enters.
    pub stem: Stem,
}

/// The method and its budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// The method of a paper that the rest follows from, where one was asked for.
    #[serde(default)]
    pub method: Option<String>,
    /// The recipe of its trainings where it is not the paper's, or `plain`, that of every search.
    #[serde(default)]
    pub recipe: Option<String>,
    /// The strategy, by name, with its settings where there are any (`evolution:identity=0.1`).
    pub strategy: String,
    /// How trials are measured, by name, with its settings where there are any (`supernet:epochs=30`).
    #[serde(default = "train")]
    pub evaluator: String,
    /// Budget in trials.
    pub trials: Option<u64>,
    /// Budget in epochs of training, over all trials.
    pub epochs: Option<u64>,
    /// Budget in wall-clock time for search and final training together, such as `30m`.
    pub time: Option<String>,
    /// Evolution: size of the population.
    pub population: usize,
    /// Evolution: how many are drawn to pick a parent.
    pub sample: usize,
    /// How many trials may be under way when the next is proposed.
    pub lag: u64,
    /// Whether random search follows at the same budget.
    pub baseline: bool,
    /// Seconds after which a trial has failed.
    pub trial_timeout: Option<String>,
    /// The most parameters of a network searched.
    pub max_params: Option<Amount>,
    /// The most multiply-adds of a network searched, for one image.
    pub max_flops: Option<Amount>,
    /// The most milliseconds that a network searched may take for one image on this machine.
    pub max_latency_ms: Option<f64>,
    /// Whether the latency of every network searched is measured and recorded.
    #[serde(default)]
    pub latency: bool,
    /// What NSGA-II optimises, such as `accuracy,params,latency`.
    pub objectives: Option<String>,
    /// The proxy that chooses the strategy's first trials, such as `proxy:synflow:500`.
    pub warm_start: Option<String>,
}

/// Studies of before there was a choice train their trials.
fn train() -> String {
    crate::evaluators::TRAIN.into()
}

impl SearchConfig {
    /// The strategy's name without settings: what its arm is called.
    pub fn strategy_name(&self) -> &str {
        self.strategy.split(':').next().unwrap_or_default().trim()
    }

    /// What a network searched may cost.
    pub fn limits(&self) -> Limits {
        let of = |amount: Option<Amount>| amount.map(|Amount(most)| most);
        Limits { parameters: of(self.max_params), flops: of(self.max_flops) }
    }
}

/// How long each trial trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialConfig {
    /// Passes over its training images.
    pub epochs: usize,
    /// Train on so many of the training images only.
    pub images: Option<usize>,
    /// Images per step.
    pub batch_size: usize,
    /// So many of the last epochs are validated; a controller may take the best of them.
    #[serde(default = "one")]
    pub validations: usize,
    /// The generated weights by which trials are scored instead of being trained, `ghn:DIR`.
    pub weights: Option<String>,
}

fn one() -> usize {
    1
}

/// The winner's network and training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalConfig {
    /// Channels of the first cells.
    pub channels: usize,
    /// Number of cells.
    pub layers: usize,
    /// Passes over its training images.
    pub epochs: usize,
    /// Train on so many of the training images only.
    pub images: Option<usize>,
    /// Images per step.
    pub batch_size: usize,
    /// The probability at the last epoch with which a path is dropped, rising linearly from 0.
    pub drop_path: f64,
    /// Whether an auxiliary classifier with weight 0.4 helps training.
    pub auxiliary: bool,
    /// Whether the winner trains on the validation images too.
    pub on_all: bool,
    /// The weights that the training begins with, `ghn:DIR`; random ones if there is nothing here.
    pub init: Option<String>,
}

/// How networks are trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// The highest learning rate.
    pub learning_rate: f64,
    /// How it falls.
    #[serde(default)]
    pub schedule: Falling,
    /// What takes the steps: SGD in studies of before there was a choice.
    #[serde(default)]
    pub optimizer: Moving,
    /// Its momentum.
    pub momentum: f64,
    /// Whether the momentum of Muon and SGD is Nesterov's.
    #[serde(default = "yes")]
    pub nesterov: bool,
    /// Weight decay on weights of convolutions and linear layers.
    pub weight_decay: f64,
    /// Label smoothing.
    pub label_smoothing: f64,
    /// The share of the steps over which the learning rate rises from 0.
    pub warmup: f64,
    /// The largest global norm of the gradient.
    pub clip_norm: f64,
    /// What training steps keep their activations in.
    #[serde(default)]
    pub precision: Precision,
}

/// Studies of before there was a choice have Nesterov's.
fn yes() -> bool {
    true
}

/// How the work is laid out on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Worker processes, each running one trial at a time.
    pub jobs: usize,
    /// Threads of each worker.
    pub threads: usize,
    /// Whether trials run in this process, one after another.
    pub in_process: bool,
    /// Where networks are trained: `cpu` or `cuda:N`.
    pub device: String,
    /// Where event files for TensorBoard go, inside the folder of results unless the path is absolute.
    #[serde(default)]
    pub tensorboard: Option<String>,
}

impl Default for RunConfig {
    /// One worker with one thread: what a study, which keeps no such things, is read with.
    fn default() -> Self {
        Self { jobs: 1, threads: 1, in_process: false, device: "cpu".into(), tensorboard: None }
    }
}
