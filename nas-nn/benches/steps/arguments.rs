//! What the benches named `steps` are asked by `cargo xtask bench`, and how they answer: names, or one JSON document.

use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;

/// Times one case and prints JSON.
#[derive(Parser)]
#[command(name = "steps")]
struct Arguments {
    /// Print the names of the cases that are compared with PyTorch, one a line.
    #[arg(long)]
    list: bool,
    /// The case, by a name of the list or one formed like it. In the bench of nas-nn: `darts_v2 c8 l5 b64 28x28`, with
    /// ` evaluate` behind it for a forward pass; `gemm` and `copy` are the machine's ceilings.
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

/// Lists the cases, or has one measured: by its name, whether in bf16, and for so many seconds.
pub(crate) fn answer(cases: &[String], measure: impl FnOnce(&str, bool, f64) -> Result<Value, String>) -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        cases.iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let Some(name) = arguments.case else {
        println!("`--list` prints the cases, `--case NAME` times one; `cargo xtask bench` compares them with PyTorch");
        return ExitCode::SUCCESS;
    };
    match measure(&name, arguments.bf16, arguments.seconds) {
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
