//! The first steps of a first-order search, ours and PyTorch's, from the same weights on the same batches.
//!
//! Adam divides each gradient by its own size, so a parameter whose gradient is next to nothing goes by the sign of a rounding
//! error, and two right implementations part there. So what must agree is the whole: the mean difference of all parameters,
//! beside the mean of how far they have moved.

use std::path::PathBuf;
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
    #[arg(long, default_value_t = 8)]
    channels: u32,
    /// Its cells.
    #[arg(long, default_value_t = 5)]
    layers: u32,
    /// Images per batch.
    #[arg(long, default_value_t = 16)]
    batch: u32,
    /// The seed of weights and batches.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The largest mean difference, as a part of the mean movement, after any step.
    #[arg(long, value_name = "PART", default_value_t = 0.01)]
    tolerance: f64,
    /// PyTorch computes in f64 while ours stays in f32.
    #[arg(long)]
    double: bool,
}

/// Runs both and compares.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = build()?;
    let folder = std::env::temp_dir().join(format!("nas-trajectory-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let compared = compare(options, &program, &folder.join("run.safetensors"));
    // Best effort: it lies among temporary files.
    let _ = std::fs::remove_dir_all(&folder);
    let rows = compared?;
    println!("step   mean difference   mean movement   part     largest difference   loss (PyTorch)   loss (ours)");
    let mut worst: f64 = 0.0;
    for (number, row) in rows.iter().enumerate() {
        let value = |key: &str| row[key].as_f64().with_context(|| format!("step {} has no `{key}`", number + 1));
        let (apart, moved) = (value("apart_mean")?, value("moved_mean")?);
        let part = apart / moved.max(f64::MIN_POSITIVE);
        worst = worst.max(part);
        if shown(number + 1, rows.len()) {
            println!(
                "{:>4}   {apart:>15.3e}   {moved:>13.3e}   {:>5.2} %   {:>18.3e}   {:>14.6}   {:>11.6}",
                number + 1,
                100.0 * part,
                value("apart")?,
                value("loss")?,
                value("loss_ours")?
            );
        }
    }
    let (worst, allowed) = (100.0 * worst, 100.0 * options.tolerance);
    if worst > allowed {
        bail!("the parameters are up to {worst:.3} % of their movement apart; {allowed} % are allowed");
    }
    println!("the parameters are never more than {worst:.3} % of their movement apart; {allowed} % are allowed");
    Ok(())
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
fn compare(options: &Options, program: &std::path::Path, file: &std::path::Path) -> Result<Vec<Value>> {
    let [steps, channels, layers, batch] =
        [options.steps, options.channels, options.layers, options.batch].map(|number| number.to_string());
    let mut ours = Command::new(program);
    ours.arg("--out").arg(file).args(["--data", &options.data, "--steps", &steps, "--batch", &batch]);
    ours.args(["--channels", &channels, "--layers", &layers, "--seed", &options.seed.to_string()]);
    answer(&mut ours)?;
    let mut theirs = Command::new(&options.python);
    theirs.arg(shell::root().join("nas-oneshot/benches/trajectory/pytorch_trajectory.py"));
    theirs.arg("--run").arg(file).args(["--channels", &channels, "--layers", &layers]);
    theirs.args(options.double.then_some("--double"));
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
