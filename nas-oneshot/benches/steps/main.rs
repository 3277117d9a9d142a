//! Times one search step of DARTS in one process and prints what was measured as one JSON document; `cargo xtask bench`
//! drives it beside the bench of the same name in `nas-nn`, whose clock and document it shares.
#![allow(clippy::print_stdout, reason = "what was measured is printed")]

#[path = "../../../nas-nn/benches/steps/measure.rs"]
mod measure;
mod search;

use std::process::ExitCode;

use clap::Parser;

/// What `nas` runs with: training takes and returns large buffers all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The search steps that are compared with PyTorch: those of the DARTS paper, and those of a search on a laptop.
const CASES: [&str; 4] = [
    "supernet c16 l8 b64 32x32 first_order",
    "supernet c16 l8 b64 32x32 second_order",
    "supernet c8 l5 b64 28x28 first_order",
    "supernet c8 l5 b64 28x28 second_order",
];

/// Times one case and prints JSON.
#[derive(Parser)]
#[command(name = "steps")]
struct Arguments {
    /// Print the names of the cases that are compared with PyTorch, one a line.
    #[arg(long)]
    list: bool,
    /// The case, by a name of the list or one formed like it.
    #[arg(long)]
    case: Option<String>,
    /// After one repeat to warm up, go on until this many seconds are measured, but repeat thrice at least.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Keep activations in bf16.
    #[arg(long)]
    bf16: bool,
    /// What `cargo bench` passes; it changes nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        CASES.iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let Some(name) = arguments.case else {
        println!("`--list` prints the cases, `--case NAME` times one; `cargo xtask bench` compares them with PyTorch");
        return ExitCode::SUCCESS;
    };
    match search::measure(&name, arguments.bf16, arguments.seconds) {
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
