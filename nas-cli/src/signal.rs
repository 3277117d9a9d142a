//! Ctrl-C: the first stops in good order, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::{Kind, failure};
use crate::output;

/// The flag that Ctrl-C (or a termination signal) raises.
pub type Stop = Arc<AtomicBool>;

/// Installs the handler.
pub fn install() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(Kind::Interrupted as i32);
        }
        output::remark("stopping after this step; press Ctrl-C again to leave at once");
    })
    .map_err(|e| failure(format!("cannot listen for Ctrl-C: {e}")))?;
    Ok(stop)
}

/// Whether the flag is up.
pub fn is_raised(stop: &Stop) -> bool {
    stop.load(Ordering::Relaxed)
}
