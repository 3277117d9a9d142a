//! Flags of `nas search`, and how they become a configuration that overrides the file's.

use std::path::PathBuf;

use clap::Args;
use nas_nn::Precision;
use nas_space::Stem;

use super::network::parse_stem;
use crate::config::{Amount, Batch, Colour, Falling, Moving, Partial};
use crate::tensorboard::FOLDER;
use crate::units::{parse_seconds, parse_size};

/// `nas search`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas search                                       the digits that come with nas, in about a minute
  nas search --data fashion-mnist --time 30m       sizes, trials and epochs chosen by a rule (--explain prints it)
  nas search --data photos/ --size 64 --colour rgb --flip true --time 4h
  nas search --data cifar10/ --method nasnet --time 2h   a method of a paper, scaled to the time (`nas methods`)
  nas search --data cifar10/ --trials 200 --jobs 8 --channels 16 --layers 8 --trial-epochs 10
  nas search --data cifar10/ --max-params 200k --max-flops 30M   no network larger than that is trained
  nas search --config nas.toml --seed 1            flags override the file; `nas init` writes one

The folder of results holds arch.json, model.safetensors, metrics.json and .csv, report.html, cells.svg and .dot,
study.db (SQLite), nas.toml (every setting) and command.txt (the command that makes it again).
Under a budget in trials or epochs the same seed gives the same bytes, whatever --jobs and --threads say.")]
pub struct SearchArgs {
    #[command(flatten)]
    pub data: DataArgs,

    /// The search space (see `nas spaces`) [default: darts]
    #[arg(long, value_name = "NAME", help_heading = "Search")]
    pub space: Option<String>,
    /// The method of a paper: its space, strategy and training, scaled to the budget (see `nas methods`)
    #[arg(long, value_name = "NAME", help_heading = "Search")]
    pub method: Option<String>,
    /// With --method: train by another recipe than the paper's, or plain, by that of every search
    #[arg(long, value_name = "NAME|plain", help_heading = "Search")]
    pub recipe: Option<String>,
    /// How to search, and what is to be set of it: NAME[:KEY=VALUE...] (see `nas strategies`) [default: evolution]
    #[arg(long, value_name = "NAME", help_heading = "Search")]
    pub strategy: Option<String>,
    /// How trials are measured: train, each from scratch; supernet[:KEY=VALUE...], on weights that all of them share; or
    /// proxy:NAME, untrained [default: train]
    #[arg(long, value_name = "NAME", help_heading = "Search")]
    pub evaluator: Option<String>,
    /// Score 100 random networks, or N, by a zero-cost proxy and begin with the best: proxy:synflow, naswot, jacob_cov, snip
    /// or grad_norm
    #[arg(long, value_name = "proxy:NAME[:N]", help_heading = "Search")]
    pub warm_start: Option<String>,
    /// Channels of the networks searched
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub channels: Option<usize>,
    /// Cells of the networks searched
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub layers: Option<usize>,
    /// How the image enters: cifar or imagenet
    #[arg(long, value_name = "STEM", value_parser = parse_stem, help_heading = "Search")]
    pub stem: Option<Stem>,
    /// Evolution: how many networks live at a time
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub population: Option<usize>,
    /// Evolution: how many are drawn to pick a parent
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub sample: Option<usize>,
    /// How many trials may be unfinished when the next is proposed [default: 2]
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub lag: Option<u64>,
    /// Leave out the random search at the same budget
    #[arg(long, help_heading = "Search")]
    pub no_baseline: bool,

    /// Budget: so many trials [default: 20]
    #[arg(long, value_name = "N", conflicts_with_all = ["epochs", "time"], help_heading = "Budget")]
    pub trials: Option<u64>,
    /// Budget: so many epochs of training over all trials
    #[arg(long, value_name = "N", conflicts_with = "time", help_heading = "Budget")]
    pub epochs: Option<u64>,
    /// Budget: so much time for search and final training together, such as 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = checked_time, help_heading = "Budget")]
    pub time: Option<String>,
    /// A trial that takes longer has failed, such as 10m
    #[arg(long, value_name = "TIME", value_parser = checked_time, help_heading = "Budget")]
    pub trial_timeout: Option<String>,

    /// Never train a network of more parameters, such as 200k or 1.5M
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub max_params: Option<Amount>,
    /// Never train a network of more multiply-adds for one image, such as 30M
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub max_flops: Option<Amount>,
    /// Never train a network that takes longer for one image, in milliseconds, measured here as the trial begins
    #[arg(long, value_name = "MS", help_heading = "Limits")]
    pub max_latency_ms: Option<f64>,
    /// Measure and record the latency of every network: not the same to the bit when it is measured again
    #[arg(long, help_heading = "Limits")]
    pub latency: bool,
    /// Search for a front by nsga2: two or more of accuracy,params,flops,latency
    #[arg(long, value_name = "LIST", help_heading = "Search")]
    pub objectives: Option<String>,

    /// Passes of a trial over its training images
    #[arg(long, value_name = "N", help_heading = "Trials")]
    pub trial_epochs: Option<usize>,
    /// Train each trial on so many of the training images
    #[arg(long, value_name = "N", help_heading = "Trials")]
    pub trial_images: Option<usize>,
    /// Score trials with weights that a hypernetwork generates, instead of training them: the folder of a search by ghn
    #[arg(long, value_name = "ghn:DIR", help_heading = "Trials")]
    pub trial_weights: Option<String>,
    /// Images per step, in trials and, unless --final-batch-size differs, in the final training; or auto: as many as are
    /// usual, or the largest of 128, 96, 64, 48, 32, 24, 16, 12, 8 and 4 below that for which the free memory does
    #[arg(long, visible_alias = "batch", value_name = "N|auto", help_heading = "Trials")]
    pub batch_size: Option<Batch>,

    /// Validate the last so many epochs of a trial, for a controller that takes the best of them [default: 1]
    #[arg(long, value_name = "N", help_heading = "Trials")]
    pub trial_validations: Option<usize>,

    /// Channels of the final network
    #[arg(long, value_name = "N", help_heading = "Final training")]
    pub final_channels: Option<usize>,
    /// Cells of the final network
    #[arg(long, value_name = "N", help_heading = "Final training")]
    pub final_layers: Option<usize>,
    /// Passes of the final training
    #[arg(long, value_name = "N", help_heading = "Final training")]
    pub final_epochs: Option<usize>,
    /// Train the winner on so many of the training images
    #[arg(long, value_name = "N", help_heading = "Final training")]
    pub final_images: Option<usize>,
    /// Images per step of the final training, or auto
    #[arg(long, value_name = "N|auto", help_heading = "Final training")]
    pub final_batch_size: Option<Batch>,
    /// The odds of dropping a path at the last epoch of the final training, rising from 0
    #[arg(long, value_name = "P", help_heading = "Final training")]
    pub drop_path: Option<f64>,
    /// Help the final training with an auxiliary classifier of weight 0.4, or not where a method's recipe would
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(help_heading = "Final training")]
    pub auxiliary: Option<bool>,
    /// Train the winner on the validation images too
    #[arg(long, help_heading = "Final training")]
    pub final_on_all: bool,
    /// Begin the final training with weights that a hypernetwork generates: the folder of a search by ghn
    #[arg(long, value_name = "ghn:DIR", help_heading = "Final training")]
    pub init: Option<String>,
    #[command(flatten)]
    pub training: TrainingArgs,

    /// The seed of everything random [default: 0]
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub seed: Option<u64>,
    /// Settings from a file; flags override it (`nas init` writes one)
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    pub config: Option<PathBuf>,
    /// Where the results go [default: runs/DATA-SPACE-STRATEGY-SEED-N, or runs/DATA-METHOD-SEED-N]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub board: BoardArgs,
    /// Run the trials inside this process, one after another
    #[arg(long, help_heading = "Run")]
    pub in_process: bool,
    /// Print the rule that chooses what is not given, and stop
    #[arg(long, help_heading = "Run")]
    pub explain: bool,
}

/// The images.
#[derive(Clone, Debug, Default, Args)]
pub struct DataArgs {
    /// A data set's name (see `nas data list`) or a folder [default: digits]
    #[arg(long, value_name = "NAME|DIR", help_heading = "Data")]
    pub data: Option<String>,
    #[command(flatten)]
    pub images: FolderArgs,
    /// Share of the training split held out for validation
    #[arg(long, value_name = "SHARE", help_heading = "Data")]
    pub validation: Option<f64>,
    /// Mirror images left to right while training; the end then tells a second accuracy, by each image and its mirror
    /// image together
    #[arg(long, value_name = "true|false", help_heading = "Data")]
    pub flip: Option<bool>,
    /// Shift images by up to so many pixels while training
    #[arg(long, value_name = "PIXELS", help_heading = "Data")]
    pub crop: Option<usize>,
    /// Blank out a square of this side in the final training
    #[arg(long, value_name = "PIXELS", help_heading = "Data")]
    pub cutout: Option<usize>,
    /// Train on random windows of at least this share of an image's area; 0 for none [default: 0.08 with --image-size]
    #[arg(long, value_name = "SHARE", help_heading = "Data")]
    pub resized_crop: Option<f64>,
    /// Change brightness, contrast and saturation by up to this share while training [default: 0.4 with --image-size]
    #[arg(long, value_name = "SHARE", help_heading = "Data")]
    pub jitter: Option<f64>,
}

/// How images of a folder are read.
#[derive(Clone, Debug, Default, Args)]
pub struct FolderArgs {
    /// Image folders: scale every image to this size, such as 32 or 24x32 (rows x columns)
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Data")]
    pub size: Option<[usize; 2]>,
    /// Folders of large pictures of any sizes: show networks squares of this side, such as 224, and read each picture when
    /// it is wanted
    #[arg(long, value_name = "PIXELS", help_heading = "Data")]
    pub image_size: Option<usize>,
    /// Image folders: convert every image
    #[arg(long, visible_alias = "color", value_enum, help_heading = "Data")]
    pub colour: Option<Colour>,
}

/// The training recipe.
#[derive(Clone, Debug, Default, Args)]
pub struct TrainingArgs {
    /// The highest learning rate
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub learning_rate: Option<f64>,
    /// How it falls: cosine, cosine:TO, constant, exponential:FACTOR an epoch, step:EPOCHS:FACTOR [default: cosine]
    #[arg(long, value_name = "CURVE", help_heading = "Training")]
    pub schedule: Option<Falling>,
    /// What takes the steps: muon[:SHARE:DECAY], sgd, or rmsprop:RHO:EPSILON, as TensorFlow has it [default:
    /// muon:0.2:0.05]
    #[arg(long, value_name = "NAME", help_heading = "Training")]
    pub optimizer: Option<Moving>,
    /// Its momentum
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    pub momentum: Option<f64>,
    /// Whether the momentum of muon and sgd is Nesterov's [default: true]
    #[arg(long, value_name = "true|false", help_heading = "Training")]
    pub nesterov: Option<bool>,
    /// Weight decay, on weights of convolutions and linear layers
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub weight_decay: Option<f64>,
    /// Label smoothing
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    pub label_smoothing: Option<f64>,
    /// Share of the steps over which the learning rate first rises
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    pub warmup: Option<f64>,
    /// Largest global norm of the gradient; 0 for no limit
    #[arg(long, value_name = "NORM", help_heading = "Training")]
    pub clip_norm: Option<f64>,
    /// What training keeps activations in: f32, or bf16 for half the memory at three digits [default: f32]
    #[arg(long, value_name = "TYPE", value_parser = parse_precision, help_heading = "Training")]
    pub precision: Option<Precision>,
}

/// How the work is laid out on this machine; nothing here changes a result.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Worker processes [default: one per core, at most one more than the lag; one where latency is measured]
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub jobs: Option<usize>,
    /// Threads of each worker [default: cores / jobs]
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub threads: Option<usize>,
    /// Where networks are trained: cpu, or cuda:N in a build with --features cuda [default: cpu]
    #[arg(long, value_name = "DEVICE", help_heading = "Run")]
    pub device: Option<String>,
    /// Print one JSON document on standard output; progress goes to standard error
    #[arg(long, help_heading = "Run")]
    pub json: bool,
    /// No progress
    #[arg(long, short, help_heading = "Run")]
    pub quiet: bool,
}

/// What is told on the way.
#[derive(Clone, Debug, Default, Args)]
pub struct BoardArgs {
    /// Write event files for TensorBoard, into DIR or the folder of results
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "", help_heading = "Run")]
    pub tensorboard: Option<String>,
}

impl BoardArgs {
    /// Writes what was given into a configuration.
    pub fn fill(&self, into: &mut Partial) {
        // A relative path would be one in the folder of results, which is not what is meant at a prompt.
        let whole = |folder: &String| match folder.as_str() {
            "" => FOLDER.to_owned(),
            folder => std::path::absolute(folder).map_or(folder.to_owned(), |path| path.display().to_string()),
        };
        into.run.tensorboard = self.tensorboard.as_ref().map(whole);
    }
}

fn parse_precision(text: &str) -> Result<Precision, String> {
    match text {
        "f32" => Ok(Precision::F32),
        "bf16" => Ok(Precision::Bf16),
        _ => Err("it is f32 or bf16".into()),
    }
}

/// Keeps the text of a time that can be read.
pub(super) fn checked_time(text: &str) -> Result<String, String> {
    parse_seconds(text).map(|_| text.to_owned())
}

impl DataArgs {
    /// Writes what was given into a configuration.
    pub fn fill(&self, into: &mut Partial) {
        into.data.name = self.data.clone();
        into.data.validation = self.validation;
        into.data.size = self.images.size;
        into.data.colour = self.images.colour;
        into.data.image_size = self.images.image_size;
        into.data.flip = self.flip;
        into.data.crop = self.crop;
        into.data.cutout = self.cutout;
        into.data.resized_crop = self.resized_crop;
        into.data.jitter = self.jitter;
    }
}

impl TrainingArgs {
    /// Writes what was given into a configuration.
    pub fn fill(&self, into: &mut Partial) {
        into.training.learning_rate = self.learning_rate;
        into.training.schedule = self.schedule;
        into.training.optimizer = self.optimizer;
        into.training.momentum = self.momentum;
        into.training.nesterov = self.nesterov;
        into.training.weight_decay = self.weight_decay;
        into.training.label_smoothing = self.label_smoothing;
        into.training.warmup = self.warmup;
        into.training.clip_norm = self.clip_norm;
        into.training.precision = self.precision;
    }
}

impl RunArgs {
    /// Writes what was given into a configuration.
    pub fn fill(&self, into: &mut Partial) {
        into.run.jobs = self.jobs;
        into.run.threads = self.threads;
        into.run.device = self.device.clone();
    }
}

impl SearchArgs {
    /// What the flags say.
    pub fn partial(&self) -> Partial {
        let mut said = Partial { seed: self.seed, ..Partial::default() };
        self.data.fill(&mut said);
        self.training.fill(&mut said);
        self.run.fill(&mut said);
        self.board.fill(&mut said);
        said.space.name = self.space.clone();
        said.space.channels = self.channels;
        said.space.layers = self.layers;
        said.space.stem = self.stem;
        said.search.method = self.method.clone();
        said.search.recipe = self.recipe.clone();
        said.search.strategy = self.strategy.clone();
        said.search.evaluator = self.evaluator.clone();
        said.search.trials = self.trials;
        said.search.epochs = self.epochs;
        said.search.time = self.time.clone();
        said.search.population = self.population;
        said.search.sample = self.sample;
        said.search.lag = self.lag;
        said.search.baseline = self.no_baseline.then_some(false);
        said.search.trial_timeout = self.trial_timeout.clone();
        said.search.max_params = self.max_params;
        said.search.max_flops = self.max_flops;
        said.search.max_latency_ms = self.max_latency_ms;
        said.search.latency = self.latency.then_some(true);
        said.search.objectives = self.objectives.clone();
        said.search.warm_start = self.warm_start.clone();
        said.trial.epochs = self.trial_epochs;
        said.trial.images = self.trial_images;
        said.trial.batch_size = self.batch_size;
        said.trial.validations = self.trial_validations;
        said.finish.channels = self.final_channels;
        said.finish.layers = self.final_layers;
        said.finish.epochs = self.final_epochs;
        said.finish.images = self.final_images;
        said.finish.batch_size = self.final_batch_size.or(self.batch_size);
        said.finish.drop_path = self.drop_path;
        said.finish.auxiliary = self.auxiliary;
        said.finish.on_all = self.final_on_all.then_some(true);
        said.finish.init = self.init.clone();
        said.trial.weights = self.trial_weights.clone();
        said.run.in_process = self.in_process.then_some(true);
        said
    }
}
