//! Times one case in one process and prints what was measured as one JSON document; `cargo xtask bench` drives it.
//!
//! One process a case: its peak memory is the case's own, and no case runs on buffers that another one has warmed up.
//! The number of threads is rayon's, `RAYON_NUM_THREADS`, which the matrix products of the ceiling follow too.
#![allow(clippy::print_stdout, reason = "what was measured is printed")]

mod arguments;
mod case;
mod ceiling;
mod graph;
mod measure;
mod pass;

use std::process::ExitCode;

use case::Case;

/// What `nas` runs with: training takes and returns large buffers all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    arguments::answer(&case::list(), |name, bf16, seconds| match name {
        "gemm" => ceiling::gemm(seconds),
        "copy" => Ok(ceiling::copy(seconds)),
        _ => Case::parse(name).and_then(|case| pass::measure(&case, bf16, seconds)),
    })
}
