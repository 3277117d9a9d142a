//! The search on a supernet: the phase before the arms of a gradient-based method, which then measure what it found.

use std::time::{Duration, Instant};

use nas_nn::trainer::Ended;
use nas_oneshot::{DartsReport, DartsSearch, SearchOptions};
use nas_search::{Event, Study, SupernetEpoch};

use super::summary::brief;
use super::{Run, TimePlan};
use crate::gradient::Gradient;
use crate::output::Output;
use crate::output::progress::Progress;
use crate::recipe;
use crate::units::{percent, plural, seconds};

/// The key under which a study keeps what a supernet search came to.
const REPORT: &str = "nas/supernet";

/// The key under which a study keeps the seconds that it used.
const SECONDS: &str = "nas/supernet_seconds";

/// How long a search may go unsaved.
const SAVE_EVERY: Duration = Duration::from_secs(20);

/// How often the seconds used are noted.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// What a search on a supernet came to.
pub struct Supernet {
    /// Its result.
    pub report: DartsReport,
    /// Seconds of all sessions.
    pub seconds: f64,
}

/// Seconds that the supernet has used so far.
pub fn seconds_used(study: &Study) -> anyhow::Result<f64> {
    Ok(study.get(SECONDS)?.and_then(|text| text.parse().ok()).unwrap_or(0.0))
}

/// Searches, or goes on from the checkpoint; a search that is done is read from the study.
///
/// # Errors
/// What the search cannot do, or an interruption.
pub fn search(run: &Run, study: &Study, gradient: &Gradient, time: Option<&TimePlan>) -> anyhow::Result<Supernet> {
    if let Some(text) = study.get(REPORT)? {
        return Ok(Supernet { report: serde_json::from_str(&text)?, seconds: seconds_used(study)? });
    }
    let (start, before) = (Instant::now(), seconds_used(study)?);
    let mut search = recipe::supernet(&run.config, &run.data, gradient, time.and_then(|t| t.supernet.as_ref()))?;
    let saved = run.folder.supernet();
    if saved.exists() {
        search.restore(&saved)?;
    }
    announce(run, &search);
    let mut note = Note { study, start, before, last: Instant::now(), failed: None };
    let mut shown = Shown::new(run.out, &search);
    let options = SearchOptions { checkpoint: Some(&saved), checkpoint_every: SAVE_EVERY, stop: &run.stop };
    let ended = search.run(&options, &mut |event: &Event| {
        shown.show(event);
        note.now_and_then(matches!(event, Event::SupernetEpoch { .. }));
    });
    shown.progress.finish();
    let ended = ended?;
    if let Some(error) = note.failed {
        return Err(error.into());
    }
    let seconds = before + start.elapsed().as_secs_f64();
    study.set(SECONDS, &seconds.to_string())?;
    if ended == Ended::Interrupted {
        return Err(run.interrupted());
    }
    let report = search.report()?.expect("a search that has ended has had an epoch");
    study.set(REPORT, &serde_json::to_string(&report)?)?;
    say(run, &report, seconds);
    // What it held is in the study now.
    let _ = std::fs::remove_file(&saved);
    Ok(Supernet { report, seconds })
}

fn announce(run: &Run, search: &DartsSearch) {
    let network = &search.supernet().network;
    let parameters = network.parameters().iter().map(|p| p.var.elem_count() as u64).sum();
    let done = search.epochs_finished() as u64;
    let going_on = if done > 0 { format!(", going on after {}", plural(done, "epoch")) } else { String::new() };
    run.out.note(&format!(
        "\n{}: a supernet of {} channels and {} cells, {} parameters, {} of {}{going_on}",
        run.config.search.strategy_name(),
        run.config.space.channels,
        run.config.space.layers,
        crate::units::count(parameters),
        plural(search.config().epochs as u64, "epoch"),
        plural(search.steps_per_epoch() as u64, "step"),
    ));
}

/// The result in words.
fn say(run: &Run, report: &DartsReport, took: f64) {
    let last = report.history.last().map_or(0, |e| e.epoch);
    let how = match report.ended {
        Ended::EarlyStop => format!(
            "stopped at epoch {last}, for the largest eigenvalue of the validation loss has risen; read off at epoch {}",
            report.epoch
        ),
        _ => format!("all {} done", plural(last, "epoch")),
    };
    run.out.note(&format!("{}: {how}, in {}", run.config.search.strategy_name(), seconds(took)));
    for warning in &report.warnings {
        run.out.warn(warning);
    }
}

/// The seconds used, stored as they pass.
struct Note<'a> {
    study: &'a Study,
    start: Instant,
    before: f64,
    last: Instant,
    failed: Option<nas_search::SearchError>,
}

impl Note<'_> {
    fn now_and_then(&mut self, now: bool) {
        if self.failed.is_none() && (now || self.last.elapsed() > NOTE_EVERY) {
            self.last = Instant::now();
            let used = self.before + self.start.elapsed().as_secs_f64();
            self.failed = self.study.set(SECONDS, &used.to_string()).err();
        }
    }
}

/// What a search shows on its way: a bar over its steps, a line an epoch.
struct Shown {
    progress: Progress,
}

impl Shown {
    fn new(out: Output, search: &DartsSearch) -> Self {
        let steps = (search.config().epochs * search.steps_per_epoch()) as u64;
        let mut progress = Progress::new(out, steps, "supernet, steps");
        progress.start_at((search.epochs_finished() * search.steps_per_epoch()) as u64);
        Self { progress }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::SupernetStep { epoch, epochs, step, steps, train_loss, loss } => {
                self.progress.set((epoch - 1) * steps + step);
                self.progress.status(&format!(
                    "epoch {epoch}/{epochs}, step {step}/{steps}, loss {train_loss:.3}, validation {loss:.3}"
                ));
            }
            Event::SupernetEpoch { report, seconds } => {
                for line in lines(report, *seconds) {
                    self.progress.line(&line);
                }
            }
            _ => {}
        }
    }
}

/// An epoch in two lines: numbers, and the architecture so far.
fn lines(report: &SupernetEpoch, took: f64) -> [String; 2] {
    let bends = report.eigenvalue.map_or(String::new(), |value| format!(", eigenvalue {value:.4}"));
    [
        format!(
            " supernet {:>4}/{}  loss {:.4} ({}), validation {:.4} ({}), entropy {:.4}, skips {}{bends}, {}",
            report.epoch,
            report.epochs,
            report.train_loss,
            percent(report.train_accuracy),
            report.loss,
            percent(report.accuracy),
            report.entropy,
            report.skips,
            seconds(took)
        ),
        format!("{:>9}  {}", "", brief(&report.architecture)),
    ]
}

/// The curve, an epoch a line, as `supernet.csv`.
pub fn curve(report: &DartsReport) -> String {
    let mut text = String::from(
        "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,entropy,skips,eigenvalue,\
         architecture\n",
    );
    for e in &report.history {
        let eigenvalue = e.eigenvalue.map_or(String::new(), |value| value.to_string());
        text += &format!(
            "{},{},{},{},{},{},{},{},{eigenvalue},\"{}\"\n",
            e.epoch,
            e.train_loss,
            e.train_accuracy,
            e.loss,
            e.accuracy,
            e.learning_rate,
            e.entropy,
            e.skips,
            nas_space::Blueprint::Point(e.architecture.clone()).text()
        );
    }
    text
}

/// The architecture parameters after every epoch, as `alphas.json`.
pub fn alphas(report: &DartsReport) -> serde_json::Value {
    report.history.iter().map(|e| serde_json::json!({ "epoch": e.epoch, "alphas": e.alphas })).collect()
}

/// The result for `metrics.json`; the parameters themselves are in `alphas.json`.
pub fn metrics(found: &Supernet) -> serde_json::Value {
    let report = &found.report;
    serde_json::json!({
        "epochs": report.history.len(),
        "ended": report.ended,
        "read_off_at_epoch": report.epoch,
        "warnings": report.warnings,
        "skips": report.history.iter().map(|e| e.skips).collect::<Vec<_>>(),
        "entropy": report.history.iter().map(|e| e.entropy).collect::<Vec<_>>(),
        "eigenvalues": report.history.iter().map(|e| e.eigenvalue).collect::<Vec<_>>(),
        "seconds": found.seconds,
    })
}
