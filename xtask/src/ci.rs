//! The steps of CI in order, cheapest first. All of them build in one profile, so each dependency is compiled once.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{cuda_check, export_check, shell, tidy};

/// One step.
struct Step {
    name: &'static str,
    /// Whether `--fast` leaves it out.
    slow: bool,
    run: fn() -> Result<()>,
}

/// Clippy, the docs and the tests share the release profile: build scripts (SQLite in C among them) run once, and
/// clippy's metadata of the dependencies serves the docs too.
const STEPS: [Step; 7] = [
    Step { name: "format", slow: false, run: || shell::run(shell::cargo("fmt --all --check")) },
    Step { name: "tidy", slow: false, run: tidy::run },
    Step { name: "clippy", slow: false, run: clippy },
    Step { name: "docs", slow: true, run: docs },
    Step { name: "test", slow: false, run: || shell::run(shell::cargo("test --release --workspace")) },
    Step { name: "export-check", slow: true, run: export_check::run_in_ci },
    Step { name: "cuda-check", slow: true, run: cuda_check::run },
];

/// Runs every step, or with `fast` the quick ones, and ends with the time of each.
pub(crate) fn run(fast: bool) -> Result<()> {
    let mut times = Vec::new();
    for step in STEPS.iter().filter(|step| !(fast && step.slow)) {
        println!("\n== {} ==", step.name);
        let start = Instant::now();
        (step.run)().with_context(|| format!("step `{}`", step.name))?;
        times.push((step.name, start.elapsed().as_secs_f64()));
    }
    println!("\n== all passed ==");
    for (name, seconds) in &times {
        println!("{name:<12}{seconds:>7.1} s");
    }
    println!("{:<12}{:>7.1} s", "total", times.iter().map(|(_, seconds)| seconds).sum::<f64>());
    Ok(())
}

fn clippy() -> Result<()> {
    shell::run(shell::cargo("clippy --release --workspace --all-targets -- -D warnings"))
}

/// The docs of the libraries. Those of the binaries are the help texts of their command lines, written for a terminal.
fn docs() -> Result<()> {
    let mut command = shell::cargo("doc --release --workspace --no-deps --lib");
    command.env("RUSTDOCFLAGS", "-D warnings");
    shell::run(command)
}
