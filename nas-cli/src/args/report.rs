//! Flags of `nas report`.

use std::path::PathBuf;

use clap::Args;

/// `nas report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas report runs/digits-darts-evolution-0-1           writes report.html into the folder
  nas report runs/digits-darts-evolution-0-1 --serve   the same as a live page, while the search goes on
  nas report runs/digits-compare-0-1                   a comparison
  nas bench synthetic --strategy local,evolution --json > bench.json && nas report bench.json

The page is one file that needs nothing else: no network, no other files. A run that is not finished gets a report of what
there is so far. The same study gives the same bytes.")]
pub struct ReportArgs {
    /// The folder of a search, a training or a comparison, or a file that `nas bench --json` printed
    #[arg(value_name = "DIR|FILE")]
    pub path: PathBuf,
    /// The file to write [default: DIR/report.html, or FILE with the extension html]
    #[arg(short, long, value_name = "FILE", conflicts_with = "serve")]
    pub out: Option<PathBuf>,
    /// Show it in a browser instead, and follow the run; ADDR is an address or a port [default: 127.0.0.1:8017]
    #[arg(long, value_name = "ADDR", num_args = 0..=1)]
    pub serve: Option<Option<String>>,
    /// Print one JSON document that says where the report is
    #[arg(long)]
    pub json: bool,
}
