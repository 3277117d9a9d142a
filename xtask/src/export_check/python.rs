//! The Python that runs the exported files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::cases::{Case, VARIANTS};
use super::table::Outcome;
use crate::{python, shell};

/// What both runtimes need, and what PyTorch needs besides. The `onnx` package checks files against the standard.
const ONNX: [&str; 4] = ["numpy", "safetensors", "onnx", "onnxruntime"];
const TORCH: [&str; 1] = ["torch"];

/// A Python with the packages.
pub(crate) struct Python {
    program: PathBuf,
    torch: bool,
}

impl Python {
    /// The one given, or one of its own; see [`python::find`].
    pub(crate) fn find(given: Option<&Path>, torch: bool) -> Result<Self> {
        let packages: Vec<&str> = ONNX.into_iter().chain(TORCH.into_iter().filter(|_| torch)).collect();
        Ok(Self { program: python::find(given, "export-python", &packages)?, torch })
    }

    /// Runs every exported file of every case, in one process.
    pub(crate) fn compare(&self, folder: &Path, cases: &[Case]) -> Result<Vec<Outcome>> {
        let mut command = Command::new(&self.program);
        command.arg(shell::root().join("xtask/src/export_check/compare.py")).arg(folder);
        if !self.torch {
            command.arg("--onnx-only");
        }
        command.arg("--variants").args(VARIANTS.iter().map(|variant| variant.name));
        command.arg("--cases").args(cases.iter().map(|case| &case.name));
        shell::read(command)?.lines().map(Outcome::read).collect()
    }
}
