//! Automation of this repository in Rust: `cargo xtask ci` is the whole of CI, `tidy` and `cuda-check` are parts of
//! it, `export-check` runs exported networks where they are to run, `tensorboard-check` reads event files with
//! TensorBoard, `report-check` looks at reports in a browser, `bench` measures, `trajectory` compares a search's
//! first steps with PyTorch's, `docs` writes what of the docs is made by the code.
#![allow(clippy::print_stdout, reason = "the steps report on the terminal")]

mod bench;
mod ci;
mod cuda_check;
mod export_check;
mod nvcc;
mod python;
mod report_check;
mod scan;
mod shell;
mod tensorboard_check;
mod tidy;
mod trajectory;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Automation of the nas repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check, as CI does, and stop at the first that fails.
    Ci {
        /// Leave out the slow checks that rarely fail: the API docs, exported networks in ONNX Runtime, the CUDA type check.
        #[arg(long)]
        fast: bool,
    },
    /// Check the rules no compiler checks: crate edges, module docs, file sizes, reasons.
    Tidy,
    /// Type-check the `cuda` feature; needs no CUDA toolkit.
    CudaCheck,
    /// Export networks of every space and run them in ONNX Runtime and PyTorch.
    ExportCheck(export_check::Options),
    /// Make reports and look at them in Chromium: three widths, light, dark and printed.
    ReportCheck(report_check::Options),
    /// Search with event files, killed and not, and read them back with TensorBoard.
    TensorboardCheck(tensorboard_check::Options),
    /// Write the pictures and figures in docs/spaces, and the cells in the README, anew.
    Docs,
    /// Time training steps, evaluation and operations beside PyTorch on this machine.
    Bench(bench::Options),
    /// Repeat the first steps of a search in PyTorch, and compare where the architecture parameters go.
    Trajectory(trajectory::Options),
}

fn main() -> ExitCode {
    // `cuda-check` puts a copy of this program on the PATH under the compiler's name.
    if nvcc::was_called() {
        return report(nvcc::answer(std::env::args().skip(1)));
    }
    report(match Arguments::parse().task {
        Task::Ci { fast } => ci::run(fast),
        Task::Tidy => tidy::run(),
        Task::CudaCheck => cuda_check::run(),
        Task::ExportCheck(options) => export_check::run(&options),
        Task::ReportCheck(options) => report_check::run(&options),
        Task::TensorboardCheck(options) => tensorboard_check::run(&options),
        Task::Docs => docs(),
        Task::Bench(options) => bench::run(&options),
        Task::Trajectory(options) => trajectory::run(&options),
    })
}

/// The test that holds the docs against the code writes them where it is told so.
fn docs() -> anyhow::Result<()> {
    let mut command = shell::cargo("test --release --package nas-space --test it pages");
    command.env("NAS_WRITE_DOCS", "1");
    shell::run(command)
}

fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
