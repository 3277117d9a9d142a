//! Exports networks and runs them where they are to run: the logits of ONNX Runtime and PyTorch must be ours.
//!
//! Everything goes through the program `nas`, as a user would do it: a network is trained for a moment, exported in several
//! ways, and evaluated with its logits written down; then one Python process runs every file on the same images.

mod bitmaps;
mod cases;
mod python;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;
use cases::Case;
use python::Python;
use table::Outcome;

/// How far a logit may be from ours: this much, or this share of the network's largest logit where that is above 1.
const TOLERANCE: f64 = 1e-4;

/// What is checked, and with what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A Python that has onnxruntime, safetensors and numpy, and torch; without it, one is made below `target` and what it
    /// needs is installed from PyPI.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Leave PyTorch out.
    #[arg(long)]
    onnx_only: bool,
    /// Check only the cases whose name holds this text.
    #[arg(long, value_name = "SUBSTRING", default_value = "")]
    only: String,
}

/// Checks every case, prints a table, and fails where a runtime answers something else.
pub(crate) fn run(options: &Options) -> Result<()> {
    check(options, &Python::find(options.python.as_deref(), !options.onnx_only)?)
}

/// What CI checks: ONNX alone, for PyTorch is two gigabytes. Where no Python can be had it says so, and checks nothing.
pub(crate) fn run_in_ci() -> Result<()> {
    let options = Options { python: None, onnx_only: true, only: String::new() };
    match Python::find(None, false) {
        Ok(python) => check(&options, &python),
        Err(reason) => {
            println!("left out, for there is no ONNX Runtime here: {reason:#}");
            Ok(())
        }
    }
}

fn check(options: &Options, python: &Python) -> Result<()> {
    let nas = shell::built_nas()?;
    let folder = shell::emptied("export-check")?;
    bitmaps::write(&folder.join(cases::BITMAPS)).context("cannot write the made-up photographs")?;
    let cases: Vec<Case> = cases::all().into_iter().filter(|case| case.name.contains(&options.only)).collect();
    if cases.is_empty() {
        bail!("no case has `{}` in its name", options.only);
    }
    for (number, case) in (1..).zip(&cases) {
        println!("{number} of {}: {}", cases.len(), case.name);
        prepare(&nas, &folder, case).with_context(|| format!("case `{}`", case.name))?;
    }
    let outcomes = python.compare(&folder, &cases)?;
    println!("\n{}", table::table(&outcomes));
    let wrong: Vec<String> = outcomes.iter().filter_map(Outcome::fault).collect();
    if !wrong.is_empty() {
        bail!("{} of {} networks answer something else:\n  {}", wrong.len(), outcomes.len(), wrong.join("\n  "));
    }
    println!("{} networks, {} files: all logits are ours", cases.len(), outcomes.len());
    Ok(())
}

/// Trains, evaluates and exports a network.
fn prepare(nas: &Path, folder: &Path, case: &Case) -> Result<()> {
    let nas = |arguments: &[&str]| {
        let mut command = Command::new(nas);
        command.args(arguments).current_dir(folder);
        shell::read(command)
    };
    let out = case.name.as_str();
    let made: Vec<&str> = case.make.iter().map(String::as_str).chain(["--out", out, "--quiet"]).collect();
    nas(&made)?;
    nas(&["evaluate", out, "--quiet", "--logits", &format!("{out}/logits.safetensors")])?;
    for variant in cases::VARIANTS {
        let file = |extension: &str| format!("{out}/{}.{extension}", variant.name);
        let (onnx, pytorch) = (file("onnx"), file("py"));
        let files = ["export", out, "--onnx", &onnx, "--pytorch", &pytorch];
        nas(&[&files[..], variant.flags].concat())?;
    }
    Ok(())
}
