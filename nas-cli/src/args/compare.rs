//! Flags of `nas compare`.

use std::path::PathBuf;

use clap::Args;

use super::search::{DataArgs, RunArgs, TrainingArgs, checked_time};
use crate::config::{Batch, Partial};
use crate::images::full_name;
use crate::presets::PLAIN;

/// `nas compare`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas compare                                          the six methods and random search on the digits, 2 minutes each
  nas compare --data photos/ --time 30m                on your images
  nas compare --data cifar10 --time 2h --seeds 3       three runs of each: mean and spread
  nas compare --methods darts,darts1,enas --time 5m    only these, and random search
  nas resume runs/digits-compare-0-1                   go on after Ctrl-C, a kill or a failure

Every run is a search like those of `nas search --method NAME --recipe plain`, with the same budget and the same last training,
in a folder of its own under the comparison's. What is measured, and the form of compare.json: docs/compare.md.")]
pub struct CompareArgs {
    #[command(flatten)]
    pub data: DataArgs,

    /// The methods: M[,M...], each with settings where wanted, as in darts:images=5000 (see `nas methods`)
    #[arg(
        long,
        value_name = "M",
        value_delimiter = ',',
        default_value = "zoph,nasnet,amoebanet,enas,ghn,darts",
        help_heading = "Comparison"
    )]
    pub methods: Vec<String>,
    /// Runs of each method, each with a seed of its own
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000), help_heading = "Comparison")]
    pub seeds: u64,
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Comparison")]
    pub seed: u64,
    /// Budget of each run: so much time for search and final training together, such as 30m [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = checked_time, help_heading = "Budget")]
    pub time: Option<String>,
    /// Budget of each run: so many epochs of training in its search; reproducible to the bit, but not equal in time
    #[arg(long, value_name = "N", conflicts_with = "time", help_heading = "Budget")]
    pub epochs: Option<u64>,

    /// Channels of the networks searched
    #[arg(long, value_name = "N", help_heading = "Trials")]
    pub channels: Option<usize>,
    /// Passes of a trial over its training images
    #[arg(long, value_name = "N", help_heading = "Trials")]
    pub trial_epochs: Option<usize>,
    /// Train each trial on so many of the training images
    #[arg(long, value_name = "N", help_heading = "Trials")]
    pub trial_images: Option<usize>,
    /// Images per step
    #[arg(long, value_name = "N", help_heading = "Trials")]
    pub batch_size: Option<usize>,
    /// Channels of the final networks
    #[arg(long, value_name = "N", help_heading = "Final training")]
    pub final_channels: Option<usize>,
    /// Passes of the final trainings
    #[arg(long, value_name = "N", help_heading = "Final training")]
    pub final_epochs: Option<usize>,
    /// Train the winners on the validation images too
    #[arg(long, help_heading = "Final training")]
    pub final_on_all: bool,
    #[command(flatten)]
    pub training: TrainingArgs,

    /// Where the results go [default: runs/DATA-compare-SEED-N]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
}

/// The budget of each run where none is given.
const USUAL: &str = "2m";

impl CompareArgs {
    /// What all runs share.
    pub fn partial(&self) -> Partial {
        let mut said = Partial::default();
        self.data.fill(&mut said);
        self.training.fill(&mut said);
        self.run.fill(&mut said);
        said.data.name = Some(full_name(self.data.data.as_deref().unwrap_or("digits")));
        said.space.channels = self.channels;
        said.search.epochs = self.epochs;
        said.search.time = self.time.clone().or_else(|| self.epochs.is_none().then(|| USUAL.to_owned()));
        // Random search is a row of its own, and every winner is trained alike.
        said.search.baseline = Some(false);
        said.search.recipe = Some(PLAIN.to_owned());
        said.trial.epochs = self.trial_epochs;
        said.trial.images = self.trial_images;
        said.trial.batch_size = self.batch_size.map(Batch::Images);
        said.finish.channels = self.final_channels;
        said.finish.epochs = self.final_epochs;
        said.finish.batch_size = self.batch_size.map(Batch::Images);
        said.finish.on_all = self.final_on_all.then_some(true);
        said
    }
}

/// `nas compare-run`.
#[derive(Debug, Args)]
pub struct CompareRunArgs {
    /// The folder of the comparison
    pub folder: PathBuf,
    /// The run's own folder, as compare.json names it
    pub run: String,
    #[command(flatten)]
    pub layout: RunArgs,
}
