//! Every run of a comparison, one after another.

use std::time::Instant;

use nas_search::Study;

use super::process::{self, Ended};
use super::{Comparison, Outcome, Row, State};
use crate::args::RunArgs;
use crate::folder::Folder;
use crate::output::Output;
use crate::signal::{self, Stop};
use crate::units::{plural, seconds};

/// Runs whatever is not complete: all methods with the first seed, then with the next, so that what is there early can be
/// compared. What failed before is tried again.
///
/// # Errors
/// If the comparison cannot be written or no process started; an interruption. A run that fails is none.
pub fn run_all(
    folder: &Folder,
    comparison: &mut Comparison,
    layout: &RunArgs,
    out: Output,
    stop: &Stop,
) -> anyhow::Result<()> {
    let order: Vec<(usize, usize)> = (0..comparison.seeds.len())
        .flat_map(|seed| (0..comparison.methods.len()).map(move |method| (method, seed)))
        .collect();
    let all = order.len();
    comparison.state = State::Running;
    for (number, (method, seed)) in order.into_iter().enumerate() {
        let run = &comparison.methods[method].runs[seed];
        if run.state == State::Complete {
            continue;
        }
        if signal::is_raised(stop) {
            return Err(folder.interrupted());
        }
        let (name, seed_number, part) = (comparison.methods[method].method.clone(), run.seed, run.folder.clone());
        out.note(&format!("\n[{}/{all}] {name}, seed {seed_number}", number + 1));
        let own = Folder::at(&folder.path.join(&part));
        clear(&own)?;
        let start = Instant::now();
        // A run that a kill kept from being written down may be complete already.
        let ended = if own.metrics().exists() {
            Ended::Well
        } else {
            comparison.methods[method].runs[seed].state = State::Running;
            comparison.write(folder)?;
            process::run(&folder.path, &part, layout, stop)?
        };
        let run = &mut comparison.methods[method].runs[seed];
        run.seconds += start.elapsed().as_secs_f64();
        (run.state, run.reason, run.outcome) = match ended {
            Ended::Well => (State::Complete, None, Some(Outcome::read(&own, run.seconds)?)),
            Ended::Failed(reason) => (State::Failed, Some(reason), None),
            Ended::Stopped => {
                comparison.write(folder)?;
                return Err(folder.interrupted());
            }
        };
        if let Some(reason) = &run.reason {
            out.warn(&format!("{name}, seed {seed_number}, failed: {reason}"));
        }
        if let Some(outcome) = &run.outcome {
            out.note(&format!(
                "{name}, seed {seed_number}: {:.2} % test error, {}",
                outcome.test_error,
                seconds(outcome.total_seconds)
            ));
        }
        comparison.write(folder)?;
    }
    comparison.finish();
    comparison.write(folder)
}

/// Removes what a run left that was killed before it had made its study: it begins anew.
fn clear(own: &Folder) -> anyhow::Result<()> {
    if own.path.exists() && (!own.study().exists() || Study::is_blank(own.study())) {
        std::fs::remove_dir_all(&own.path)?;
    }
    Ok(())
}

impl Comparison {
    /// Whatever there is to run is done: the best row comes first, those without a result last.
    pub(super) fn finish(&mut self) {
        self.summarise();
        self.state = State::Complete;
        self.methods.sort_by(Row::by_error);
    }

    /// How many runs failed, in words; nothing if none did.
    pub fn failures(&self) -> Option<String> {
        let failed = self.runs().filter(|run| run.state == State::Failed).count() as u64;
        let all = plural(self.runs().count() as u64, "run");
        (failed > 0).then(|| format!("{failed} of {all} failed"))
    }
}
