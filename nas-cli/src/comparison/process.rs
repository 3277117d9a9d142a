//! A run in a process of its own: whatever becomes of it, the comparison goes on.
//!
//! The parent holds the run's standard input. A line on it asks the run to stop in good order; when it closes, the parent is
//! gone, and the run ends at once, as after a kill. The run's standard output is the reason of a failure, nothing else; its
//! progress goes to the standard error that both share.

use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nas_search::executor::ORPHANED;

use crate::args::RunArgs;
use crate::exit::{Kind, failure};
use crate::signal::{self, Stop};

/// The line that asks a run to stop.
const STOP: &str = "stop";

/// How often to look whether the run has ended, or is to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// How a run ended.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// Its folder is complete.
    Well,
    /// Why it failed.
    Failed(String),
    /// It was stopped before its end.
    Stopped,
}

/// Runs one run of a comparison to its end, or until `stop` is raised.
///
/// # Errors
/// If no process can be started.
pub fn run(comparison: &Path, run: &str, layout: &RunArgs, stop: &Stop) -> anyhow::Result<Ended> {
    let program = std::env::current_exe().map_err(|e| failure(format!("cannot find the program of the runs: {e}")))?;
    let mut command = Command::new(program);
    command.arg("compare-run").arg(comparison).arg(run);
    let numbers = [("--jobs", layout.jobs), ("--threads", layout.threads)];
    for (flag, number) in numbers.into_iter().filter_map(|(flag, number)| Some((flag, number?))) {
        command.args([flag, &number.to_string()]);
    }
    command.args(layout.device.iter().flat_map(|device| ["--device", device]));
    command.args(layout.quiet.then_some("--quiet"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // Ctrl-C in a terminal reaches the comparison, which then asks its run.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|e| failure(format!("cannot start a process for a run: {e}")))?;
    let mut input = child.stdin.take();
    let mut output = child.stdout.take().expect("it was asked for");
    let words = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        text
    });
    let mut asked = false;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| failure(format!("cannot wait for a run: {e}")))? {
            break status;
        }
        if signal::is_raised(stop) && !asked {
            asked = true;
            // Where it cannot be told, it has ended.
            let _ = input.as_mut().map(|input| writeln!(input, "{STOP}"));
        }
        std::thread::sleep(GLANCE);
    };
    drop(input);
    let words = words.join().unwrap_or_default();
    Ok(ended(status, words.trim()))
}

/// What an exit status and the last words mean.
fn ended(status: ExitStatus, words: &str) -> Ended {
    match status.code() {
        Some(0) => Ended::Well,
        Some(code) if code == Kind::Interrupted as i32 => Ended::Stopped,
        _ if !words.is_empty() => Ended::Failed(words.to_owned()),
        Some(_) => Ended::Failed(format!("it crashed ({status})")),
        None => Ended::Failed(format!("it was killed ({status}); the machine may have run out of memory")),
    }
}

/// In the run's process: raises `stop` when the parent asks for it, and ends the process when the parent is gone.
pub fn obey_parent(stop: &Stop) {
    let stop = Stop::clone(stop);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line == STOP {
                stop.store(true, Ordering::Relaxed);
            }
        }
        // The study is safe: a change of it is whole or not there.
        std::process::exit(ORPHANED);
    });
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_status_is_put_into_words() {
        let exit = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(ended(exit(0), ""), Ended::Well);
        assert_eq!(ended(exit(130), ""), Ended::Stopped);
        assert_eq!(ended(exit(1), "no trial succeeded"), Ended::Failed("no trial succeeded".into()));
        let Ended::Failed(reason) = ended(ExitStatus::from_raw(9), "") else { panic!("it was killed") };
        assert!(reason.contains("signal: 9") && reason.contains("memory"), "{reason}");
    }
}
