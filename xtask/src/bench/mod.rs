//! Times every case of the benches named `steps` beside PyTorch, in rounds: in each round every contestant runs once, in a process
//! of its own, so that a slow phase of the machine meets all of them alike. Medians over the rounds count.

mod contestant;
mod outcome;
mod sample;
pub(crate) mod table;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use contestant::{Contestant, Programs};
use outcome::Outcome;
use sample::Sample;

/// What is measured, and how.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write what was measured to this file as JSON; it is replaced whole after every case.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only the cases whose name holds this text, such as `c8` or `evaluate`.
    #[arg(long, value_name = "SUBSTRING", default_value = "")]
    only: String,
    /// How often each contestant runs.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Threads of each contestant.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// In one round a contestant repeats a case once to warm up, then until this many seconds are measured, thrice at
    /// least.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Measure training steps in bfloat16 too. PyTorch imitates it on processors that cannot multiply such numbers, and takes
    /// minutes a step there.
    #[arg(long)]
    bf16: bool,
    /// A Python that has PyTorch.
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
}

/// Builds the bench, measures the cases one after the other, and prints the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut programs = Programs::build(options.threads, options.seconds)?;
    let names: Vec<String> = programs.list().into_iter().filter(|name| name.contains(&options.only)).collect();
    if names.is_empty() {
        bail!("no case has `{}` in its name; the cases are\n  {}", options.only, programs.list().join("\n  "));
    }
    if let Err(reason) = programs.find_torch(&options.python) {
        println!("PyTorch cannot be used, so ours is measured alone: {reason:#}");
    }
    let mut outcomes = Vec::new();
    for (number, name) in (1..).zip(&names) {
        let outcome = measure(&programs, name, options)?;
        println!("{number} of {}: {}", names.len(), table::line(&outcome));
        outcomes.push(outcome);
        if let Some(path) = &options.json {
            outcome::write(path, &outcomes)?;
        }
    }
    println!("\n{}", table::tables(&outcomes));
    Ok(())
}

/// All rounds of one case.
fn measure(programs: &Programs, name: &str, options: &Options) -> Result<Outcome> {
    let mut samples: Vec<(Contestant, Sample)> = Vec::new();
    let mut out: Vec<Contestant> = Vec::new();
    for _ in 0..options.rounds {
        for contestant in Contestant::ALL {
            let kind = samples.first().map_or("", |(_, ours)| ours.kind());
            if out.contains(&contestant) || !contestant.takes_part(kind, programs.has_torch(), options.bf16) {
                continue;
            }
            match programs.measure(contestant, name) {
                Ok(sample) => samples.push((contestant, sample)),
                // What PyTorch cannot do here, for want of memory perhaps, must not end the measuring of the rest.
                Err(error) if contestant.is_pytorch() => {
                    println!("{name}: {error:#}");
                    out.push(contestant);
                }
                Err(error) => return Err(error),
            }
        }
    }
    Outcome::new(name, &samples).with_context(|| format!("case `{name}`"))
}
