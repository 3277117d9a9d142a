//! The clock and the document: repeats after one to warm up, and the process's peak memory.

use std::time::Instant;

use serde_json::{Value, json};

/// What a case is and does, beside its times.
#[derive(Default)]
pub(crate) struct Counts {
    /// `step`, `evaluate`, `operation` or `ceiling`.
    pub(crate) kind: &'static str,
    /// Learned parameters.
    pub(crate) parameters: usize,
    /// Multiply-adds of one forward pass of the batch.
    pub(crate) multiply_adds: u64,
    /// Floating-point operations of one repeat, two a multiply-add.
    pub(crate) operations: u64,
    /// The least number of bytes that one repeat reads and writes, where that is counted.
    pub(crate) bytes_moved: Option<u64>,
    /// Copies of what is timed that one repeat goes through.
    pub(crate) copies: usize,
}

/// The least number of repeats that are measured, however long one takes.
const REPEATS: usize = 3;

/// The seconds of each repeat after one to warm up, until there are enough and their sum is reached.
pub(crate) fn repeat<E>(seconds: f64, mut once: impl FnMut() -> Result<(), E>) -> Result<Vec<f64>, E> {
    once()?;
    let mut times = Vec::new();
    while times.len() < REPEATS || times.iter().sum::<f64>() < seconds {
        let start = Instant::now();
        once()?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// All that was measured. `peak_bytes` is null where the system is not Linux: elsewhere nothing is asked.
pub(crate) fn document(seconds: &[f64], counts: &Counts) -> Value {
    json!({
        "kind": counts.kind,
        "seconds": seconds,
        "peak_bytes": peak_bytes(),
        "parameters": counts.parameters,
        "multiply_adds": counts.multiply_adds,
        "operations": counts.operations,
        "bytes_moved": counts.bytes_moved,
        "copies": counts.copies,
        "threads": rayon::current_num_threads(),
    })
}

/// The most memory this process has held at once, as Linux counts it: `VmHWM`, the peak of its resident set.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
