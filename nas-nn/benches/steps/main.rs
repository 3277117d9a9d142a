//! Times one case in one process and prints what was measured as one JSON document; `cargo xtask bench` drives it.
//!
//! One process a case: its peak memory is the case's own, and no case runs on buffers that another one has warmed up.
//! The number of threads is rayon's, `RAYON_NUM_THREADS`, which the matrix products of the ceiling follow too.
#![allow(clippy::print_stdout, reason = "what was measured is printed")]

mod case;
mod ceiling;
mod graph;
mod measure;
mod pass;

use std::process::ExitCode;

use clap::Parser;

use case::Case;

/// What `nas` runs with: training takes and returns large buffers all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times one case and prints JSON.
#[derive(Parser)]
#[command(name = "steps")]
struct Arguments {
    /// Print the names of the cases that are compared with PyTorch, one a line.
    #[arg(long)]
    list: bool,
    /// The case, by a name of the list or one formed like it: `darts_v2 c8 l5 b64 28x28`, with ` evaluate` behind it for
    /// a forward pass; `gemm` and `copy` are the machine's ceilings.
    #[arg(long)]
    case: Option<String>,
    /// After one repeat to warm up, go on until this many seconds are measured, but repeat thrice at least.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Keep activations in bf16 in training steps.
    #[arg(long)]
    bf16: bool,
    /// What `cargo bench` passes; it changes nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for name in case::list() {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let Some(name) = arguments.case else {
        println!("`--list` prints the cases, `--case NAME` times one; `cargo xtask bench` compares them with PyTorch");
        return ExitCode::SUCCESS;
    };
    let measured = match name.as_str() {
        "gemm" => ceiling::gemm(arguments.seconds),
        "copy" => Ok(ceiling::copy(arguments.seconds)),
        _ => Case::parse(&name).and_then(|case| pass::measure(&case, arguments.bf16, arguments.seconds)),
    };
    match measured {
        Ok(document) => {
            println!("{document}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("error: case `{name}`: {reason}");
            ExitCode::FAILURE
        }
    }
}
