//! Times one search step of DARTS in one process and prints what was measured as one JSON document; `cargo xtask bench`
//! drives it beside the bench of the same name in `nas-nn`, whose arguments, clock and document it shares.
#![allow(clippy::print_stdout, reason = "what was measured is printed")]

#[path = "../../../nas-nn/benches/steps/arguments.rs"]
mod arguments;
#[path = "../../../nas-nn/benches/steps/measure.rs"]
mod measure;
mod search;

use std::process::ExitCode;

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

fn main() -> ExitCode {
    arguments::answer(&CASES.map(String::from), search::measure)
}
