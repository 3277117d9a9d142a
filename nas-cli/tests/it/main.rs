//! Drives the real binary as a user would: what it prints, what it leaves behind, how it fails.

mod bench;
mod compare;
mod data;
mod enas;
mod errors;
mod export;
mod full_disk;
mod hypernet;
mod kill;
mod latency;
mod limits;
mod methods;
mod proxies;
mod report;
mod resume;
mod search;
mod show;
mod supernet;
mod transfer;

use std::path::Path;
use std::process::{Command, Stdio};

/// What a command came to.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Standard output as the one JSON document it must be.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in {:?}; {}", self.stdout, self.stderr))
    }

    /// The run, if it succeeded.
    fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// The command in a folder, its environment free of what would change results.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nas"));
    command.args(args).current_dir(folder).env_remove("NAS_DATA").stdin(Stdio::null());
    command
}

/// Runs `nas` in a folder.
fn nas(folder: &Path, args: &[&str]) -> Ran {
    let output = command(folder, args).output().expect("the binary was built for this test");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("output is text"),
        stderr: String::from_utf8(output.stderr).expect("messages are text"),
    }
}

/// Runs a command that must be refused as a wrong command line, with a message that holds `part`.
fn refused(folder: &Path, args: &[&str], part: &str) {
    let ran = nas(folder, args);
    assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
    assert!(ran.stderr.contains(part), "{args:?} should say {part:?}: {}", ran.stderr);
}

/// A search as small as one can be: four trials of a second, a final training of two epochs.
const TINY: [&str; 20] = [
    "search",
    "--trials",
    "4",
    "--channels",
    "2",
    "--layers",
    "3",
    "--trial-epochs",
    "1",
    "--trial-images",
    "200",
    "--final-channels",
    "2",
    "--final-layers",
    "3",
    "--final-epochs",
    "2",
    "--seed",
    "7",
    "--json",
];

/// [`TINY`] with more flags.
fn tiny<'a>(more: &[&'a str]) -> Vec<&'a str> {
    TINY.iter().copied().chain(more.iter().copied()).collect()
}
