//! Flags of `nas bench`.

use std::path::PathBuf;

use clap::Args;

/// `nas bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas bench synthetic --strategy evolution,local        no file needed: a made-up table
  nas bench nasbench201 --strategy evolution:population=20:sample=5,local --queries 300 --runs 500 --svg curves.svg
  nas bench nasbench201 --data cifar100 --strategy asha,halving --table nasbench201.csv --json
  nas bench nasbench201 --proxy synflow,naswot --images cifar10/ --cells 1000   zero-cost proxies: docs/proxies.md
  nas bench nasbench201 --strategy nsga2 --cost raspi4_latency --queries 500 --runs 50

Every strategy of `nas strategies` can be named, with its settings; random search always runs along. A query asks the
table for the validation accuracy after a short training. The choice that a search would make after each query is judged
by what it never sees, the test accuracy after the full training. The same seed gives the same bytes at any --threads.
The tables are files of others: docs/bench.md says where to get them; NAS_TABLES names the folder they lie in.")]
pub struct BenchArgs {
    /// The table: nasbench201, nasbench101, nasbench-macro, or synthetic, which needs no file
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// The strategies, with settings where wanted: S[,S...] (see `nas strategies`)
    #[arg(long, alias = "strategies", value_name = "S", value_delimiter = ',', default_value = "evolution")]
    pub strategy: Vec<String>,
    /// Instead of strategies: how well zero-cost proxies rank the table's architectures, P[,P...], or all
    #[arg(long, value_name = "P", value_delimiter = ',', conflicts_with_all = ["strategy", "cost", "svg"])]
    pub proxy: Vec<String>,
    /// Proxies: so many random architectures of the table
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "proxy", value_parser = clap::value_parser!(u64).range(3..=1_000_000))]
    pub cells: u64,
    /// Proxies: the images of the minibatch, a data set's name or a folder [default: the data set of the table]
    #[arg(long, value_name = "NAME|DIR", requires = "proxy")]
    pub images: Option<String>,
    /// Proxies: images in the minibatch
    #[arg(long, value_name = "N", default_value_t = 64, requires = "proxy", value_parser = clap::value_parser!(u64).range(2..=4096))]
    pub batch_size: u64,
    /// Proxies: channels of the networks [default: those of the table's paper]
    #[arg(long, value_name = "N", requires = "proxy")]
    pub channels: Option<usize>,
    /// Proxies: cells of the networks [default: those of the table's paper]
    #[arg(long, value_name = "N", requires = "proxy")]
    pub layers: Option<usize>,
    /// Queries of the table in each run
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub queries: u64,
    /// Runs of each strategy, each with a seed of its own
    #[arg(long, value_name = "R", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub runs: u64,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The data set the architectures were trained on [default: the table's first]
    #[arg(long, value_name = "NAME")]
    pub data: Option<String>,
    /// A second objective: latency or energy measured on a device, such as raspi4_latency or edgegpu_energy
    #[arg(long, value_name = "NAME")]
    pub cost: Option<String>,
    /// The table's file [default: the file of its usual name in the folder NAS_TABLES]
    #[arg(long = "table", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The file of the costs [default: the file of its usual name in the folder NAS_TABLES]
    #[arg(long, value_name = "FILE")]
    pub cost_table: Option<PathBuf>,
    /// Queries that may be unanswered when the next is made, as with workers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub lag: u64,
    /// Threads; the result is the same at any number [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Draw the curves into an SVG file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
