//! The command line as plain data: what can be asked for, and help that teaches by example. Nothing here acts.

mod bench;
mod compare;
mod export;
mod network;
mod report;
mod search;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use bench::BenchArgs;
pub use compare::{CompareArgs, CompareRunArgs};
pub use export::{ExportArgs, Normalize};
pub use network::NetworkArgs;
pub use report::ReportArgs;
pub use search::{RunArgs, SearchArgs};

use crate::exit;

/// Finds a neural network for your images, trains it, and hands it over.
#[derive(Debug, Parser)]
#[command(name = "nas", version, max_term_width = 110, args_override_self = true, after_help = EXAMPLES, after_long_help = long_help())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What this process was asked for; where that makes no sense, it says so and ends.
pub fn of_this_process() -> Cli {
    // `--batch-size -3` is a wrong number, not a flag that nobody knows.
    let command = Cli::command().mut_subcommands(|command| command.allow_negative_numbers(true));
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

const EXAMPLES: &str = "\
Examples:
  nas search                                  search and train on the digits that come with nas
  nas search --data photos/ --time 30m        your own images, one sub-folder a class, in half an hour
  nas compare --data photos/ --time 30m       which method is best on them: all side by side
  nas resume runs/digits-darts-evolution-0-1  go on with a search that was stopped
  nas evaluate runs/digits-darts-evolution-0-1
  nas report runs/digits-darts-evolution-0-1  one page with everything that was found
  nas export runs/digits-darts-evolution-0-1 --onnx model.onnx
  nas show DARTS_V2 --channels 36 --layers 20 look at a network before training it
  nas train DARTS_V2 --data cifar10/ --epochs 50";

fn long_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::HELP)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Search for an architecture, then train the best one found
    Search(Box<SearchArgs>),
    /// Go on with a search, a training or a comparison that was stopped
    Resume(ResumeArgs),
    /// Train one architecture
    Train(Box<TrainArgs>),
    /// Measure a trained network
    Evaluate(EvaluateArgs),
    /// Hand a trained network over to ONNX or PyTorch, or print its genotype
    Export(ExportArgs),
    /// Show an architecture: cells, parameters, multiply-adds, memory
    Show(ShowArgs),
    /// Run search strategies many times on a table of measured architectures, and compare them
    Bench(BenchArgs),
    /// Run the methods side by side on your data, each at the same budget, and tell which is best there
    Compare(Box<CompareArgs>),
    /// Make a page of what a run or a benchmark came to, or show a running search live
    Report(ReportArgs),
    /// List the search spaces and the published cells
    Spaces(ListArgs),
    /// List the methods of the papers: what they are made of, what they cost, what they reached
    Methods(MethodsArgs),
    /// List the search strategies
    Strategies(ListArgs),
    /// List data sets, or look into one
    #[command(subcommand)]
    Data(DataCommand),
    /// Write a commented nas.toml with every setting
    Init(InitArgs),
    /// Run one trial of a study (what `nas search` starts as its workers)
    #[command(hide = true)]
    Trial(TrialArgs),
    /// Run one run of a comparison (what `nas compare` starts)
    #[command(hide = true)]
    CompareRun(CompareRunArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// `nas resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas resume runs/digits-darts-evolution-0-1
  nas resume runs/digits-darts-evolution-0-1 --jobs 8    on a larger machine; the result is the same
  nas resume runs/digits-compare-0-1                     the runs that are done stay; what failed is tried again")]
pub struct ResumeArgs {
    /// The folder of the run, or of the comparison
    pub folder: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
}

/// `nas train`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas train DARTS_V2 --data fashion-mnist --epochs 20 --channels 16 --layers 8
  nas train runs/digits-darts-evolution-0-1/arch.json --epochs 100 --final-on-all
  nas train '|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|none~0|skip_connect~1|nor_conv_3x3~2|'

ARCH is a file, a folder of results, a published name (see `nas spaces`), or a text form: a DARTS Genotype(...) or a
NAS-Bench-201 string.")]
pub struct TrainArgs {
    /// The architecture: a file, a folder of results, a published name, or a text form
    #[arg(value_name = "ARCH")]
    pub architecture: String,
    #[command(flatten)]
    pub data: search::DataArgs,
    /// Channels of the first cells
    #[arg(long, value_name = "N")]
    pub channels: Option<usize>,
    /// Number of cells
    #[arg(long, value_name = "N")]
    pub layers: Option<usize>,
    /// How the image enters: cifar, or imagenet, down to an eighth [default: by the size of the images]
    #[arg(long, value_name = "STEM", value_parser = network::parse_stem)]
    pub stem: Option<nas_space::Stem>,
    /// A paper's recipe: size, length, schedule and regularization, all of it as published (see `nas methods`)
    #[arg(long, value_name = "NAME")]
    pub recipe: Option<String>,
    #[command(flatten)]
    pub training: search::TrainingArgs,
    /// Passes over the training images
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Images per step, or auto: as many as are usual (the recipe's), or the largest of 128, 96, 64, 48, 32, 24, 16, 12, 8
    /// and 4 below that for which the free memory does
    #[arg(long, visible_alias = "batch", value_name = "N|auto")]
    pub batch_size: Option<crate::config::Batch>,
    /// The odds of dropping a path at the last epoch
    #[arg(long, value_name = "P")]
    pub drop_path: Option<f64>,
    /// Help training with an auxiliary classifier of weight 0.4, or not where a recipe would
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub auxiliary: Option<bool>,
    /// Train on the validation images too
    #[arg(long)]
    pub final_on_all: bool,
    /// Begin with weights that a hypernetwork generates: the folder of a search by ghn
    #[arg(long, value_name = "ghn:DIR")]
    pub init: Option<String>,
    /// The seed of everything random [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the results go [default: runs/DATA-ARCHITECTURE-SEED-N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub board: search::BoardArgs,
}

/// `nas evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Where training mirrored its images, a second accuracy is measured: by each image and its mirror image together.

Examples:
  nas evaluate runs/digits-darts-evolution-0-1               the test accuracy of the run's own data, again
  nas evaluate runs/digits-darts-evolution-0-1 --split validation
  nas evaluate runs/photos-darts-evolution-0-1 --data newer-photos/ --json")]
pub struct EvaluateArgs {
    /// The folder of a finished run
    #[arg(value_name = "MODEL")]
    pub folder: PathBuf,
    /// Other data than the run's own: a name or a folder
    #[arg(long, value_name = "NAME|DIR")]
    pub data: Option<String>,
    /// Which images to measure on
    #[arg(long, value_enum, default_value = "test")]
    pub split: Split,
    /// Write the images (pixels from 0 to 1), their labels and the network's logits as a safetensors file
    #[arg(long, value_name = "FILE")]
    pub logits: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
}

/// The parts of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Split {
    /// The test images.
    Test,
    /// The images held out of the training split.
    Validation,
    /// The images trained on.
    Train,
}

/// `nas show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas show DARTS_V2
  nas show DARTS_V2 --stem imagenet --channels 48 --layers 14 --auxiliary
  nas show NASNet-A-mobile --per-layer
  nas show NASNet-A --svg cells.svg
  nas show runs/digits-darts-evolution-0-1 --dot cells.dot && dot -Tpng cells.dot -o cells.png
  nas show '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|' --json

ARCH is a file, a folder of results, a published name (see `nas spaces`), or a text form: a DARTS Genotype(...), cells such
as NASNet(...), a NAS-Bench-201 string, or the 40 numbers of ENAS micro cells.")]
pub struct ShowArgs {
    /// The architecture: a file, a folder of results, a published name, or a text form
    #[arg(value_name = "ARCH")]
    pub architecture: String,
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Images per step, for the memory of a training step
    #[arg(long, value_name = "N", default_value_t = 96)]
    pub batch_size: usize,
    /// List every layer, with its parameters and multiply-adds
    #[arg(long)]
    pub per_layer: bool,
    /// Measure how long one image takes through it on this machine
    #[arg(long)]
    pub latency: bool,
    /// Threads of that measurement [default: all cores]
    #[arg(long, value_name = "N", requires = "latency")]
    pub threads: Option<usize>,
    /// Draw the cells, or the layers, as papers do: a picture for browsers and documents
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write the same as a Graphviz file
    #[arg(long, value_name = "FILE")]
    pub dot: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Commands that list something.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `nas methods`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas methods
  nas methods --explain                                    how they are scaled to a budget
  nas search --data fashion-mnist --method zoph --time 30m
  nas train DARTS_V2 --data cifar10 --recipe darts-cifar   the recipe alone, as published")]
pub struct MethodsArgs {
    /// Print the rule by which a method is scaled to a budget, and stop
    #[arg(long)]
    pub explain: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `nas data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// List the data sets known by name, and where they are looked for
    List(ListArgs),
    /// Read a data set and say what is in it
    #[command(after_help = "\
Examples:
  nas data info digits
  nas data info photos/ --size 32 --colour rgb --json")]
    Info(DataInfoArgs),
}

/// `nas data info`.
#[derive(Debug, Args)]
pub struct DataInfoArgs {
    /// A name or a folder
    #[arg(value_name = "NAME|DIR")]
    pub data: String,
    #[command(flatten)]
    pub images: search::FolderArgs,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `nas init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas init && nas search --config nas.toml
  nas init --data fashion-mnist -o fashion.toml")]
pub struct InitArgs {
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "nas.toml")]
    pub output: PathBuf,
    /// Show the defaults for this data set [default: digits]
    #[arg(long, value_name = "NAME|DIR")]
    pub data: Option<String>,
    /// Overwrite a file that exists
    #[arg(long)]
    pub force: bool,
}

/// `nas trial`.
#[derive(Debug, Args)]
pub struct TrialArgs {
    /// The study's file
    pub study: PathBuf,
    /// The trial's number
    pub id: u64,
    /// Threads
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Where the network is trained: cpu or cuda:N
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
}

/// `nas completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas completions bash > ~/.local/share/bash-completion/completions/nas
  nas completions zsh > ~/.zfunc/_nas
  nas completions fish > ~/.config/fish/completions/nas.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
