//! Keeps the `cuda` feature from rotting where there is no CUDA: a type check with a stand-in for its compiler.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;

/// Type-checks the binary and all crates below it with `--features cuda`.
pub(crate) fn run() -> Result<()> {
    let target = target_folder();
    let compiler = install_stand_in(&target)?;
    let tools = compiler.parent().map(PathBuf::from).into_iter();
    let path = env::join_paths(tools.chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())))
        .context("a folder on the PATH has a name that a PATH cannot hold")?;
    let mut command = shell::cargo("check --package nas-cli --features cuda");
    // Some build scripts look for the compiler on the PATH, others prefer this variable. The compute capability is
    // asked of the graphics card unless it is named.
    command.env("PATH", path).env("NVCC", &compiler).env("CUDA_COMPUTE_CAP", "90").arg("--target-dir").arg(target);
    shell::run(command)
}

/// A target folder of its own: the build scripts' empty outputs must not be found by a real build with CUDA.
fn target_folder() -> PathBuf {
    let shared = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    shell::root().join(shared).join("cuda-check")
}

/// Puts a copy of this program where the build scripts find it under the compiler's name.
fn install_stand_in(target: &std::path::Path) -> Result<PathBuf> {
    let tools = target.join("tools");
    fs::create_dir_all(&tools).with_context(|| format!("cannot make the folder {}", tools.display()))?;
    let compiler = tools.join(format!("nvcc{}", env::consts::EXE_SUFFIX));
    let this = env::current_exe().context("cannot find this program's own file")?;
    fs::copy(&this, &compiler).with_context(|| format!("cannot write {}", compiler.display()))?;
    Ok(compiler)
}
