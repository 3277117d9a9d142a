//! The Python that runs the exported files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cases::{Case, VARIANTS};
use super::table::Outcome;
use crate::shell;

/// What both runtimes need, and what PyTorch needs besides. The `onnx` package checks files against the standard.
const ONNX: [&str; 4] = ["numpy", "safetensors", "onnx", "onnxruntime"];
const TORCH: [&str; 1] = ["torch"];

/// A Python with the packages.
pub(crate) struct Python {
    program: PathBuf,
    torch: bool,
}

impl Python {
    /// The one given, which must have the packages; otherwise one below `target`, where they are installed.
    pub(crate) fn find(given: Option<&Path>, torch: bool) -> Result<Self> {
        let packages: Vec<&str> = ONNX.into_iter().chain(TORCH.into_iter().filter(|_| torch)).collect();
        if let Some(program) = given {
            let program = program.to_owned();
            let found = Self { program, torch };
            let missing: Vec<&str> = packages.into_iter().filter(|package| !found.has(package)).collect();
            if !missing.is_empty() {
                bail!(
                    "{} cannot import {}; install them, or leave --python out",
                    found.program.display(),
                    missing.join(", ")
                );
            }
            return Ok(found);
        }
        let folder = shell::root().join("target/export-python");
        let bin = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        let found = Self { program: folder.join(bin), torch };
        if !found.program.exists() {
            let mut command = Command::new(if cfg!(windows) { "python" } else { "python3" });
            command.args(["-m", "venv"]).arg(&folder);
            shell::run(command).context("a Python 3 with its module venv is needed (on Debian, python3-venv)")?;
        }
        let missing: Vec<&str> = packages.into_iter().filter(|package| !found.has(package)).collect();
        if !missing.is_empty() {
            let mut command = found.command();
            command.args(["-m", "pip", "install", "--quiet"]).args(&missing);
            shell::run(command).context("PyPI must be reachable, or give --python a Python that has the packages")?;
        }
        Ok(found)
    }

    fn command(&self) -> Command {
        Command::new(&self.program)
    }

    fn has(&self, package: &str) -> bool {
        let mut command = self.command();
        command.args(["-c", &format!("import {package}")]);
        shell::read(command).is_ok()
    }

    /// Runs every exported file of every case, in one process.
    pub(crate) fn compare(&self, folder: &Path, cases: &[Case]) -> Result<Vec<Outcome>> {
        let mut command = self.command();
        command.arg(shell::root().join("xtask/src/export_check/compare.py")).arg(folder);
        if !self.torch {
            command.arg("--onnx-only");
        }
        command.arg("--variants").args(VARIANTS.iter().map(|variant| variant.name));
        command.arg("--cases").args(cases.iter().map(|case| &case.name));
        shell::read(command)?.lines().map(Outcome::read).collect()
    }
}
