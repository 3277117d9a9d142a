//! What the end of a worker process says about its trial.

use std::process::ExitStatus;

use super::Ending;
use crate::Failure;

/// How a worker ended that was not stopped by us: `tail` is the end of what it wrote to standard error.
pub(super) fn of_worker(status: ExitStatus, tail: &str) -> Ending {
    if status.success() {
        return Ending::Recorded;
    }
    let with_tail = |sentence: String| if tail.is_empty() { sentence } else { format!("{sentence}: {tail}") };
    // Rust's allocator says this before it aborts; the kernel's killer says nothing and sends signal 9.
    let no_memory = tail.contains("memory allocation of") || tail.contains("CUDA_ERROR_OUT_OF_MEMORY");
    let (kind, sentence) = match (signal_of(status), status.code()) {
        (Some(9), _) => ("out_of_memory", "killed by signal 9, most often because memory ran out".to_owned()),
        (Some(signal), _) if no_memory => ("out_of_memory", format!("memory ran out (signal {signal})")),
        (Some(signal), _) => ("crash", format!("killed by signal {signal}{}", name_of(signal))),
        // 101 is the exit code of a Rust program that panicked.
        (None, Some(101)) => ("panic", "the worker panicked".to_owned()),
        (None, Some(code)) if no_memory => ("out_of_memory", format!("memory ran out (exit code {code})")),
        (None, Some(code)) => ("crash", format!("the worker ended with exit code {code}")),
        (None, None) => ("crash", "the worker ended for an unknown reason".to_owned()),
    };
    Ending::Failed(Failure::new(kind, with_tail(sentence)))
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// The signals a crashing program gets, in words. Their numbers are the same on all Unix systems, SIGBUS aside.
fn name_of(signal: i32) -> &'static str {
    match signal {
        2 => " (interrupted)",
        4 => " (illegal instruction)",
        6 => " (aborted)",
        8 => " (arithmetic fault)",
        11 => " (segmentation fault)",
        15 => " (asked to end)",
        _ => "",
    }
}
