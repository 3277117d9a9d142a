//! Tables and repeated runs, from outside.

mod faults;
mod halving;
mod measured;
mod runs;

use std::path::PathBuf;

/// The folder of the measured tables, where there is one.
fn tables() -> Option<PathBuf> {
    let folder = std::env::var_os("NAS_TABLES").map(PathBuf::from);
    if folder.is_none() {
        skipped("NAS_TABLES names no folder");
    }
    folder
}

#[allow(clippy::print_stdout, reason = "whoever reads the test's output should see that it was skipped")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}
