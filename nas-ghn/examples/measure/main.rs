//! Measures what a graph hypernetwork is worth: whether its scores rank architectures as real training does, whether
//! its weights are a good beginning, and how long it takes. What comes out is one JSON document.
//!
//! ```sh
//! cargo run --release -p nas-ghn --example measure -- --data digits --epochs 20 --json ghn.json
//! ```
//!
//! The hypernetwork learns on blocks of `--learn-nodes` nodes; what is measured are blocks of `--nodes` that it never
//! saw, drawn at random. Their truth is a training from scratch of `--trial-epochs`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what was measured is printed, and how far it is")]

mod beginning;
mod ranking;
mod setup;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use nas_ghn::Fall;
use serde_json::{Value, json};

/// What `nas` runs with: training takes and returns large buffers all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures a graph hypernetwork.
#[derive(Debug, Parser)]
struct Arguments {
    /// The images: a name, such as digits or fashion-mnist, or a folder
    #[arg(long, default_value = "digits")]
    data: String,
    /// Nodes of the blocks that are measured
    #[arg(long, default_value_t = 17)]
    nodes: usize,
    /// Nodes of the blocks that are learned on
    #[arg(long, default_value_t = 12)]
    learn_nodes: usize,
    /// Channels of the first blocks
    #[arg(long, default_value_t = 8)]
    channels: usize,
    /// Blocks
    #[arg(long, default_value_t = 3)]
    layers: usize,
    /// The hypernetwork's passes over the training images
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    /// The learning rate at first [default: 0.005, with --ghn2 0.001]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// How the learning rate falls: cosine, steps or constant [default: cosine, with --ghn2 steps]
    #[arg(long)]
    fall: Option<Fall>,
    /// Architectures a step learns from
    #[arg(long, default_value_t = 1)]
    meta_batch: usize,
    /// The hypernetwork of GHN-2 instead of the paper's
    #[arg(long)]
    ghn2: bool,
    /// Architectures that are ranked and really trained
    #[arg(long, default_value_t = 40)]
    ranked: usize,
    /// Architectures whose accuracy with generated weights is measured
    #[arg(long, default_value_t = 100)]
    unseen: usize,
    /// Epochs of a real training
    #[arg(long, default_value_t = 4)]
    trial_epochs: usize,
    /// Real trainings of each, from other weights; their mean is the truth
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    trainings: u64,
    /// Take the real trainings from a document that was written with the same data, nodes, seed and settings of a training
    #[arg(long)]
    trained: Option<PathBuf>,
    /// Architectures trained from generated and from random weights
    #[arg(long, default_value_t = 5)]
    beginnings: usize,
    /// So many of the training images, if not all
    #[arg(long)]
    images: Option<usize>,
    /// So many of them for a real training, if not all those
    #[arg(long)]
    trial_images: Option<usize>,
    /// So many of the validation images to score on, at most half of them; trainings are judged by others
    #[arg(long, default_value_t = 1000)]
    score_images: usize,
    /// The seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Go on from this file, and save there
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Write the document there as well
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let setup = setup::Setup::new(&arguments)?;
    let before = match &arguments.trained {
        Some(path) => ranking::trained_before(path, &setup)?,
        None => Vec::new(),
    };
    let begin = Instant::now();
    let mut learned = setup.learn(&arguments)?;
    let seconds = begin.elapsed().as_secs_f64();
    let untrained = nas_ghn::Ghn::new(learned.ghn().config().clone(), learned.ghn().seed())?;
    let history: Vec<Value> = learned.report().history.iter().map(|e| json!(e)).collect();
    let step_bytes = learned.step_bytes()?;
    let mut ghn = learned.into_ghn();
    let document = json!({
        "command": std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        "threads": std::thread::available_parallelism().map_or(0, usize::from),
        "hypernetwork": {
            "parameters": ghn.parameters(),
            "seconds": seconds,
            "step_bytes": step_bytes,
            "history": history,
        },
        "unseen": ranking::unseen(&setup, &mut ghn, arguments.unseen)?,
        "ranking": ranking::ranking(&setup, &mut ghn, untrained, &before, &arguments)?,
        "beginning": beginning::compare(&setup, &mut ghn, &arguments)?,
        "speed": ranking::speed(&setup, &mut ghn)?,
    });
    let text = format!("{document:#}\n");
    print!("{text}");
    if let Some(path) = &arguments.json {
        std::fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
