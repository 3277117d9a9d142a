//! The first steps of a first-order search, ours and PyTorch's, from the same weights on the same batches.
//!
//! A rectifier whose input is next to zero goes by the sign of a rounding error, and so does Adam where a gradient is: two
//! right implementations part, and every step multiplies what lies between them. So PyTorch runs twice, with its two memory
//! layouts: ours may be as far from PyTorch as PyTorch is from itself, within a factor, on the mean of all steps and seeds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;
use serde_json::Value;

use crate::shell;

/// What is run, and how near it must be.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A Python that has PyTorch and numpy.
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// A data set's name, or a folder.
    #[arg(long, value_name = "NAME|DIR", default_value = "cifar10")]
    data: String,
    /// Steps of both.
    #[arg(long, default_value_t = 100)]
    steps: u32,
    /// Channels of the supernet.
    #[arg(long, default_value_t = 4)]
    channels: u32,
    /// Its cells.
    #[arg(long, default_value_t = 3)]
    layers: u32,
    /// Images per batch.
    #[arg(long, default_value_t = 16)]
    batch: u32,
    /// So many runs, whose weights and batches have the seeds 0, 1, 2 and so on.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Our mean distance from PyTorch may be this many times PyTorch's from itself.
    #[arg(long, value_name = "TIMES", default_value_t = 1.5)]
    tolerance: f64,
}

/// Runs both and compares.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = build()?;
    let folder = std::env::temp_dir().join(format!("nas-trajectory-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let parts: Result<Vec<Parts>> =
        (0..options.seeds).map(|seed| one(options, seed, &program, &folder.join("run.safetensors"))).collect();
    // Best effort: it lies among temporary files.
    let _ = std::fs::remove_dir_all(&folder);
    let parts = parts?;
    let mean = |of: fn(&Parts) -> f64| parts.iter().map(of).sum::<f64>() / parts.len() as f64;
    let (ours, twin) = (mean(|part| part.ours), mean(|part| part.twin));
    let verdict = format!(
        "on the mean of all steps the parameters are {:.3} % of their movement away from PyTorch's, and PyTorch's own {:.3} % \
         from those of its other memory layout: {:.2} times; {} are allowed",
        100.0 * ours,
        100.0 * twin,
        ours / twin,
        options.tolerance
    );
    // So that a distance that is no number fails too.
    if ours <= options.tolerance * twin {
        println!("{verdict}");
        return Ok(());
    }
    bail!("{verdict}")
}

/// Distances as parts of the movement, on the mean of all steps.
struct Parts {
    /// From ours to PyTorch.
    ours: f64,
    /// From PyTorch to PyTorch with the other memory layout.
    twin: f64,
}

/// The steps of one seed, shown as a table.
fn one(options: &Options, seed: u64, program: &Path, file: &Path) -> Result<Parts> {
    let rows = compare(options, seed, program, file)?;
    println!(
        "seed {seed}\nstep   mean movement   ours from PyTorch   PyTorch from itself   loss (PyTorch)   loss (ours)"
    );
    let (mut ours, mut twin) = (0.0, 0.0);
    for (number, row) in rows.iter().enumerate() {
        let value = |key: &str| row[key].as_f64().with_context(|| format!("step {} has no `{key}`", number + 1));
        let moved = value("moved")?;
        let part = |key| Ok::<f64, anyhow::Error>(value(key)? / moved.max(f64::MIN_POSITIVE));
        let (apart, itself) = (part("apart")?, part("twin")?);
        ours += apart;
        twin += itself;
        if shown(number + 1, rows.len()) {
            println!(
                "{:>4}   {moved:>13.3e}   {:>15.4} %   {:>17.4} %   {:>14.6}   {:>11.6}",
                number + 1,
                100.0 * apart,
                100.0 * itself,
                value("loss")?,
                value("loss_ours")?
            );
        }
    }
    let steps = rows.len() as f64;
    Ok(Parts { ours: ours / steps, twin: twin / steps })
}

/// Which steps are shown: 1, 2, 5, 10, 20, 50 and so on, and the last.
fn shown(step: usize, steps: usize) -> bool {
    let mut leading = step;
    while leading >= 10 && leading.is_multiple_of(10) {
        leading /= 10;
    }
    step == steps || matches!(leading, 1 | 2 | 5)
}

/// Builds our side. In the release profile and for the whole workspace, so that it shares every compiled dependency.
fn build() -> Result<PathBuf> {
    let arguments = "build --release --workspace --bench trajectory --message-format json-render-diagnostics";
    let output = shell::cargo(arguments).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the bench `trajectory` does not compile");
    }
    let built = Message::parse_stream(output.stdout.as_slice()).filter_map(Result::ok).find_map(|message| {
        let Message::CompilerArtifact(artifact) = message else { return None };
        artifact.executable.filter(|_| artifact.target.name == "trajectory")
    });
    built.map(PathBuf::from).context("cargo built the bench `trajectory`, but does not say where it is")
}

/// The steps of both sides, as PyTorch's reports them.
fn compare(options: &Options, seed: u64, program: &Path, file: &Path) -> Result<Vec<Value>> {
    let [steps, channels, layers, batch] =
        [options.steps, options.channels, options.layers, options.batch].map(|number| number.to_string());
    let mut ours = Command::new(program);
    ours.arg("--out").arg(file).args(["--data", &options.data, "--steps", &steps, "--batch", &batch]);
    ours.args(["--channels", &channels, "--layers", &layers, "--seed", &seed.to_string()]);
    answer(&mut ours)?;
    let mut theirs = Command::new(&options.python);
    theirs.arg(shell::root().join("nas-oneshot/benches/trajectory/pytorch_trajectory.py"));
    theirs.arg("--run").arg(file).args(["--channels", &channels, "--layers", &layers]);
    let document: Value = serde_json::from_str(&answer(&mut theirs)?).context("PyTorch's side printed no JSON")?;
    document["steps"].as_array().cloned().context("PyTorch's side says nothing of its steps")
}

/// Runs a command and returns what it printed; of a failure, all it said.
fn answer(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start `{program}`"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("`{program}` failed ({}): {}{}", output.status, said, String::from_utf8_lossy(&output.stderr));
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_shown_grow_further_apart() {
        let steps: Vec<usize> = (1..=130).filter(|step| shown(*step, 130)).collect();
        assert_eq!(steps, [1, 2, 5, 10, 20, 50, 100, 130]);
    }
}
