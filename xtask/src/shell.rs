//! Running cargo and others: in the repository's root, with the command shown, its failure an error that repeats it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The repository's root, the folder above this crate.
pub(crate) fn root() -> PathBuf {
    // Cargo names the crate's folder when it starts the program, which holds even where the program has been moved.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(folder).join("..").canonicalize().unwrap_or_else(|_| ".".into())
}

/// A cargo command in the root; `arguments` as one would type them, without quotes.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split_whitespace()).current_dir(root());
    command
}

/// Runs a command to its end, its output passed through.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let shown = show(&command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a command and returns its standard output.
pub(crate) fn read(mut command: Command) -> Result<String> {
    let shown = show(&command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed something that is not text"))
}

/// Where cargo has put a program that it built for release.
fn program(name: &str) -> Result<PathBuf> {
    let mut command = cargo_metadata::MetadataCommand::new();
    let target = command.current_dir(root()).no_deps().exec()?.target_directory;
    let path = target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        bail!("cargo built `{name}`, but it is not at {path}");
    }
    Ok(path.into())
}

/// Builds `nas` and says where it is. For the whole workspace, so that it shares every compiled dependency with the tests.
pub(crate) fn built_nas() -> Result<PathBuf> {
    run(cargo("build --release --workspace --bin nas"))?;
    program("nas")
}

/// A folder below `target`, empty.
pub(crate) fn emptied(name: &str) -> Result<PathBuf> {
    let folder = root().join("target").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The command as one would type it.
fn show(command: &Command) -> String {
    let environment = command.get_envs().filter_map(|(name, value)| {
        // The PATH is long and says nothing.
        let value = value.filter(|_| name != "PATH")?.to_string_lossy();
        let quote = if value.contains(' ') { "'" } else { "" };
        Some(format!("{}={quote}{value}{quote}", name.to_string_lossy()))
    });
    let arguments = command.get_args().map(|a| a.to_string_lossy().into_owned());
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    environment.chain([program.to_string_lossy().into_owned()]).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = cargo("doc --no-deps");
        command.env("RUSTDOCFLAGS", "-D warnings").env("PATH", "/bin");
        assert_eq!(show(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = read(cargo("no-such-command")).expect_err("cargo has no such command").to_string();
        assert!(error.starts_with("`cargo no-such-command` failed (exit status: 101)"), "{error}");
    }
}
