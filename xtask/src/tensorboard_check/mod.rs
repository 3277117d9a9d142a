//! Searches with event files, read back by TensorBoard's own library.
//!
//! Each search runs twice from one seed: once in peace, once killed again and again and resumed. TensorBoard must show the
//! same of both, every step once; and of the training what `metrics.csv` has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{python, shell};

/// What is checked, and with what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A Python that has tensorboard; without it, one is made below `target` and it is installed from PyPI.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

/// Searches of every kind that has scalars of its own, and the series that each has.
const SEARCHES: [(&str, &str, &[&str]); 4] = [
    (
        "reinforce",
        "--strategy reinforce --trials 12 --trial-epochs 1 --trial-images 300",
        &["random", "reinforce", "reinforce/policy", "training"],
    ),
    ("darts", "--strategy darts1:random=1 --epochs 4", &["darts1", "random", "supernet", "training"]),
    (
        "enas",
        "--strategy enas:random=1:images=400 --epochs 3 --space enas-micro",
        &["enas", "random", "supernet", "training"],
    ),
    (
        "ghn",
        "--strategy ghn:samples=20:best=2:random=1:images=300 --epochs 3",
        &["ghn", "hypernetwork", "random", "training"],
    ),
];

/// What makes all of them small.
const SMALL: &str =
    "--channels 4 --layers 3 --final-channels 4 --final-layers 3 --final-epochs 6 --batch-size 32 --seed 7 --quiet";

/// Steps and values, for each series and tag.
type Scalars = BTreeMap<String, BTreeMap<String, Vec<(u64, f64)>>>;

/// Checks every search.
pub(crate) fn run(options: &Options) -> Result<()> {
    let python = python::find(options.python.as_deref(), "tensorboard-python", &["tensorboard"])?;
    let nas = shell::built_nas()?;
    let folder = shell::emptied("tensorboard-check")?;
    for (name, flags, series) in SEARCHES {
        check(&python, &nas, &folder, name, flags, series).with_context(|| format!("the search `{name}`"))?;
    }
    println!("{} searches: TensorBoard shows every step once, killed or not", SEARCHES.len());
    Ok(())
}

fn check(python: &Path, nas: &Path, folder: &Path, name: &str, flags: &str, series: &[&str]) -> Result<()> {
    let search = |out: &str| {
        let mut command = Command::new(nas);
        command.arg("search").args(flags.split(' ')).args(SMALL.split(' ')).args(["--out", out, "--tensorboard"]);
        command.current_dir(folder);
        command
    };
    let (peace, killed) = (name.to_owned(), format!("{name}-killed"));
    shell::read(search(&peace))?;
    let kills = kill_and_resume(search(&killed), || {
        let mut command = Command::new(nas);
        command.args(["resume", &killed, "--quiet"]).current_dir(folder);
        command
    })?;
    let read = |out: &str| read(python, &folder.join(out).join("tensorboard"));
    let (whole, resumed) = (read(&peace)?, read(&killed)?);
    let found: Vec<&str> = whole.keys().map(String::as_str).collect();
    ensure!(found == series, "there are the series {found:?} instead of {series:?}");
    for (series, tags) in &whole {
        for (tag, values) in tags {
            let again = resumed.get(series).and_then(|tags| tags.get(tag));
            ensure!(again == Some(values), "{series}, {tag}: {values:?}, and after {kills} kills {again:?}");
            ensure!(values.is_sorted_by(|(a, _), (b, _)| a < b), "{series}, {tag}: a step comes twice: {values:?}");
        }
    }
    ensure!(resumed.len() == whole.len(), "after {kills} kills there are more series: {:?}", resumed.keys());
    let losses = losses(&folder.join(&peace).join("metrics.csv"))?;
    let told = &whole["training"]["loss/training"];
    let same = |(a, b): (&(u64, f64), &(u64, f64))| a.0 == b.0 && (a.1 - b.1).abs() <= 1e-6 * b.1.abs();
    ensure!(told.len() == losses.len() && told.iter().zip(&losses).all(same), "training: {told:?}, not {losses:?}");
    let scalars: usize = whole.values().flat_map(BTreeMap::values).map(Vec::len).sum();
    println!("{name}: {} series, {scalars} scalars, the same after {kills} kills", whole.len());
    Ok(())
}

/// Kills a run and resumes it, after ever longer times, until it ends by itself. Returns how often it was killed.
fn kill_and_resume(first: Command, resume: impl Fn() -> Command) -> Result<u32> {
    let mut command = first;
    for kills in 0..40 {
        let mut child = command.stdout(Stdio::null()).spawn().context("cannot start `nas`")?;
        let patience = Duration::from_millis(700 + 150 * u64::from(kills));
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "`nas` ended with {status} after {kills} kills");
                return Ok(kills);
            }
            if start.elapsed() > patience {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill()?;
        child.wait()?;
        command = resume();
    }
    bail!("it has not ended after 40 sessions")
}

fn read(python: &Path, folder: &Path) -> Result<Scalars> {
    let mut command = Command::new(python);
    command.arg(shell::root().join("xtask/src/tensorboard_check/read.py")).arg(folder);
    Ok(serde_json::from_str(&shell::read(command)?)?)
}

/// Epochs and training losses of a `metrics.csv`.
fn losses(path: &Path) -> Result<Vec<(u64, f64)>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let row = |line: &str| -> Option<(u64, f64)> {
        let mut fields = line.split(',');
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    text.lines().skip(1).map(|line| row(line).with_context(|| format!("{}: `{line}`", path.display()))).collect()
}
