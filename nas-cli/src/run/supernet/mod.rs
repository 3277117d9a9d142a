//! The search on a supernet: the phase before the arms, which then measure what it found.

mod files;
mod show;

use std::time::Duration;

use nas_nn::trainer::Ended;
use nas_oneshot::SearchOptions;
use nas_search::{Event, Study};

pub use files::{metrics, write};

use super::clock::{self, Clock};
use super::{Run, TimePlan};
use crate::oneshot::{self, OneShot, Report, Search};
use crate::units::{percent, plural, seconds};
use show::Shown;

/// The key under which a study keeps what a supernet search came to.
pub const REPORT: &str = "nas/supernet";

/// The key under which a study keeps the seconds that it used.
const SECONDS: &str = "nas/supernet_seconds";

/// How long a search may go unsaved.
const SAVE_EVERY: Duration = Duration::from_secs(20);

/// What a search on a supernet came to.
pub struct Supernet {
    /// Its result.
    pub report: Report,
    /// Seconds of all sessions.
    pub seconds: f64,
    /// Whether it found nothing itself, and trials are measured on its weights.
    pub is_shared: bool,
}

/// Seconds that the supernet has used so far.
pub fn seconds_used(study: &Study) -> anyhow::Result<f64> {
    clock::seconds_used(study, SECONDS)
}

/// Searches, or goes on from the checkpoint; a search that is done is read from the study.
///
/// # Errors
/// What the search cannot do, or an interruption.
pub fn search(run: &Run, study: &Study, asked: &OneShot, time: Option<&TimePlan>) -> anyhow::Result<Supernet> {
    let is_shared = matches!(asked, OneShot::Shared(_));
    if let Some(text) = study.get(REPORT)? {
        return Ok(Supernet { report: serde_json::from_str(&text)?, seconds: seconds_used(study)?, is_shared });
    }
    let mut clock = Clock::of_study(study, SECONDS)?;
    let mut search = oneshot::build(&run.config, &run.data, asked, time.and_then(|t| t.supernet.as_ref()))?;
    let saved = run.folder.supernet();
    if saved.exists() {
        search.restore(&saved)?;
    }
    announce(run, &search);
    let mut shown = Shown::new(run.out, &search);
    let mut series = run.board().series("supernet", search.epochs().0 as u64);
    match search.report()? {
        Some(Report::Darts(report)) => report.history.iter().for_each(|epoch| series.epoch(epoch)),
        Some(Report::Enas(report)) => report.history.iter().for_each(|epoch| series.epoch(epoch)),
        None => {}
    }
    let deadline = time.and_then(|time| time.phase).map(|phase| phase.deadline(clock.before()));
    let options = SearchOptions { checkpoint: Some(&saved), checkpoint_every: SAVE_EVERY, stop: &run.stop, deadline };
    let ended = search.run(&options, &mut |event: &Event| {
        shown.show(event);
        match event {
            Event::SupernetEpoch { report, .. } => series.epoch(report.as_ref()),
            Event::SharedEpoch { report, .. } => series.epoch(report.as_ref()),
            _ => return clock.note_now_and_then(),
        }
        clock.note();
    });
    shown.progress.finish();
    let ended = ended?;
    clock.keep()?;
    if ended == Ended::Interrupted {
        return Err(run.interrupted());
    }
    let report = search.report()?.expect("a search that has ended has had an epoch");
    if is_shared {
        search.save_weights(&run.folder.shared_weights())?;
    }
    study.set(REPORT, &serde_json::to_string(&report)?)?;
    let seconds = clock.used();
    say(run, &report, seconds);
    // What it held is in the study now.
    let _ = std::fs::remove_file(&saved);
    Ok(Supernet { report, seconds, is_shared })
}

fn announce(run: &Run, search: &Search) {
    let (done, epochs) = search.epochs();
    let going_on = if done > 0 { format!(", going on after {}", plural(done as u64, "epoch")) } else { String::new() };
    run.out.note(&format!(
        "\n{}: a supernet of {} channels and {} cells, {} parameters, {} of {}{going_on}",
        run.config.search.strategy_name(),
        run.config.space.channels,
        run.config.space.layers,
        crate::units::count(search.parameters()),
        plural(epochs as u64, "epoch"),
        plural(search.steps_per_epoch() as u64, "step"),
    ));
}

/// The result in words.
fn say(run: &Run, report: &Report, took: f64) {
    let how = match report {
        Report::Darts(report) if report.ended == Ended::EarlyStop => format!(
            "stopped at epoch {}, for the largest eigenvalue of the validation loss has risen; read off at epoch {}",
            report.history.last().map_or(0, |e| e.epoch),
            report.epoch
        ),
        Report::Darts(report) => format!("{} done", plural(report.history.len() as u64, "epoch")),
        Report::Enas(report) => format!(
            "{} done; of {} the best comes to {} on shared weights",
            plural(report.history.len() as u64, "epoch"),
            plural(report.candidates.len() as u64, "different candidate"),
            report.candidates.first().map_or_else(|| "nothing".into(), |best| percent(best.accuracy)),
        ),
    };
    run.out.note(&format!("{}: {how}, in {}", run.config.search.strategy_name(), seconds(took)));
    for warning in report.warnings() {
        run.out.warn(warning);
    }
}
