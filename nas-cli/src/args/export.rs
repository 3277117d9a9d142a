//! The flags of `nas export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `nas export`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nas export runs/digits-darts-evolution-0-1 --onnx model.onnx
  nas export runs/digits-darts-evolution-0-1 --onnx model.onnx --normalize bytes --fold-batch-norm
  nas export runs/digits-darts-evolution-0-1 --pytorch model.py    and its weights, model.safetensors
  nas export runs/digits-darts-evolution-0-1 --genotype
  nas export DARTS_V2 --genotype

MODEL is the folder of a finished run, or the model.safetensors in one; for --genotype alone, any ARCH that `nas show` takes.")]
pub struct ExportArgs {
    /// The folder of a finished run, or its model file
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Write an ONNX model, weights inside
    #[arg(long, value_name = "FILE")]
    pub onnx: Option<PathBuf>,
    /// Write a PyTorch module, and its weights beside it as a safetensors file of the same name
    #[arg(long, value_name = "FILE.py")]
    pub pytorch: Option<PathBuf>,
    /// Print the architecture in the text forms of DARTS or NAS-Bench
    #[arg(long)]
    pub genotype: bool,
    /// Fold batch norms into the convolutions before them
    #[arg(long)]
    pub fold_batch_norm: bool,
    /// Let the exported network normalise its images, and read pixels from 0 to 1 or bytes [default: it reads normalised
    /// images]
    #[arg(long, value_name = "PIXELS")]
    pub normalize: Option<Normalize>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What an exported network that normalises reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Normalize {
    /// Pixels from 0 to 1.
    Unit,
    /// Bytes from 0 to 255.
    Bytes,
}
