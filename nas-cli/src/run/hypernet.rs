//! The search by a hypernetwork: the phase before the arms, which then train the best that it found.

use std::collections::BTreeMap;
use std::time::Duration;

use nas_ghn::{GhnReport, GhnSearch, SearchOptions};
use nas_nn::trainer::Ended;
use nas_search::{Event, GhnEpoch, Study};
use serde_json::{Value, json};

use super::clock::{self, Clock};
use super::{Run, TimePlan};
use crate::hypernet::{self, Hypernet};
use crate::output::progress::Progress;
use crate::units::{percent, plural, seconds};

/// The key under which a study keeps what a hypernetwork's search came to.
pub const REPORT: &str = "nas/hypernetwork";

/// The key under which a study keeps the seconds that it used.
const SECONDS: &str = "nas/hypernetwork_seconds";

/// How long a search may go unsaved.
const SAVE_EVERY: Duration = Duration::from_secs(20);

/// What a search by a hypernetwork came to.
pub struct Generated {
    /// Its result.
    pub report: GhnReport,
    /// Seconds of all sessions.
    pub seconds: f64,
}

/// Seconds that the hypernetwork has used so far.
pub fn seconds_used(study: &Study) -> anyhow::Result<f64> {
    clock::seconds_used(study, SECONDS)
}

/// Learns and scores, or goes on from the checkpoint; a search that is done is read from the study. The hypernetwork
/// stays in the folder.
///
/// # Errors
/// What the search cannot do, or an interruption.
pub fn search(run: &Run, study: &Study, asked: &Hypernet, time: Option<&TimePlan>) -> anyhow::Result<Generated> {
    if let Some(text) = study.get(REPORT)? {
        return Ok(Generated { report: serde_json::from_str(&text)?, seconds: seconds_used(study)? });
    }
    let mut clock = Clock::of_study(study, SECONDS)?;
    let mut search = hypernet::build(&run.config, &run.data, asked, time.and_then(|t| t.hypernet.as_ref()))?;
    let saved = run.folder.hypernet_search();
    if saved.exists() {
        search.restore(&saved)?;
    }
    announce(run, &mut search)?;
    let mut progress = Progress::new(run.out, 1000, "hypernetwork, ‰");
    let mut series = run.board().series("hypernetwork", search.epochs_finished() as u64);
    search.history().iter().for_each(|epoch| series.epoch(epoch));
    let deadline = time.and_then(|time| time.phase).map(|phase| phase.deadline(clock.before()));
    let options = SearchOptions { checkpoint: Some(&saved), checkpoint_every: SAVE_EVERY, stop: &run.stop, deadline };
    let ended = search.run(&options, &mut |event: &Event| {
        show(&mut progress, event);
        if let Event::GhnEpoch { report, .. } = event {
            series.epoch(report.as_ref());
        }
        clock.note_now_and_then();
    });
    progress.finish();
    let ended = ended?;
    clock.keep()?;
    if ended == Ended::Interrupted {
        return Err(run.interrupted());
    }
    let report = search.report();
    let extra = BTreeMap::from([
        ("space".to_owned(), run.config.space.name.clone()),
        ("data".to_owned(), run.config.data.name.clone()),
    ]);
    nas_ghn::save(&run.folder.hypernet(), search.ghn(), &extra)?;
    study.set(REPORT, &serde_json::to_string(&report)?)?;
    let seconds = clock.used();
    say(run, &report, seconds);
    // What it held is in the study and the folder now.
    let _ = std::fs::remove_file(&saved);
    Ok(Generated { report, seconds })
}

fn announce(run: &Run, search: &mut GhnSearch) -> anyhow::Result<()> {
    let done = search.epochs_finished() as u64;
    let going_on = if done > 0 { format!(", going on after {}", plural(done, "epoch")) } else { String::new() };
    let mebibytes = search.step_bytes()?.div_ceil(1 << 20);
    run.out.note(&format!(
        "\n{}: a hypernetwork of {} numbers, {} of {}, about {mebibytes} MiB a step{going_on}",
        run.config.search.strategy_name(),
        crate::units::count(search.ghn().parameters() as u64),
        plural(search.config().epochs as u64, "epoch"),
        plural(search.steps_per_epoch() as u64, "step"),
    ));
    Ok(())
}

fn show(progress: &mut Progress, event: &Event) {
    let permille = |done: u64, all: u64| 1000 * done / all.max(1);
    match event {
        Event::GhnStep { epoch, epochs, step, steps, train_loss } => {
            progress.set(permille((epoch - 1) * steps + step, epochs * steps));
            progress.status(&format!("epoch {epoch}/{epochs}, step {step}/{steps}, loss {train_loss:.3}"));
        }
        Event::GhnEpoch { report, seconds } => progress.line(&line(report, *seconds)),
        Event::GhnScored { scored, samples, best } => {
            progress.set(permille(*scored, *samples));
            progress.status(&format!("{scored}/{samples} scored, best {}", percent(*best)));
        }
        _ => {}
    }
}

/// An epoch in a line.
fn line(report: &GhnEpoch, took: f64) -> String {
    let held_back = match (report.accuracy, report.spread) {
        (Some(accuracy), Some(spread)) => format!(", held back {} ± {}", percent(accuracy), percent(spread)),
        (Some(accuracy), None) => format!(", held back {}", percent(accuracy)),
        _ => String::new(),
    };
    let steady = report.steadiness.map_or(String::new(), |tau| format!(", steadiness {tau:.2}"));
    format!(
        " ghn {:>4}/{}  loss {:.4} ({}){held_back}{steady}, {}",
        report.epoch,
        report.epochs,
        report.train_loss,
        percent(report.train_accuracy),
        seconds(took)
    )
}

/// The result in words.
fn say(run: &Run, report: &GhnReport, took: f64) {
    let best = report.scored.iter().map(|scored| scored.accuracy).fold(0.0, f64::max);
    let mean = report.scored.iter().map(|scored| scored.accuracy).sum::<f64>() / report.scored.len().max(1) as f64;
    run.out.note(&format!(
        "{}: {} scored with generated weights, {} on average, {} at best, in {}; the best {} are trained now",
        run.config.search.strategy_name(),
        plural(report.scored.len() as u64, "architecture"),
        percent(mean),
        percent(best),
        seconds(took),
        report.best.len(),
    ));
    for warning in &report.warnings {
        run.out.warn(warning);
    }
}

/// The training, an epoch a line, as `ghn.csv`.
pub fn curve(report: &GhnReport) -> String {
    let mut text = String::from("epoch,train_loss,train_accuracy,held_back_accuracy,spread,steadiness,learning_rate\n");
    let or_empty = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    for e in &report.history {
        let (held_back, spread, steady) = (or_empty(e.accuracy), or_empty(e.spread), or_empty(e.steadiness));
        text += &format!(
            "{},{},{},{held_back},{spread},{steady},{}\n",
            e.epoch, e.train_loss, e.train_accuracy, e.learning_rate
        );
    }
    text
}

/// Every architecture scored, a line each, as `scores.csv`.
pub fn scores(report: &GhnReport) -> String {
    let mut text = String::from("accuracy,loss,parameters,architecture\n");
    for scored in &report.scored {
        let architecture = nas_space::Blueprint::Point(scored.architecture.clone()).text();
        text += &format!("{},{},{},\"{architecture}\"\n", scored.accuracy, scored.loss, scored.parameters);
    }
    text
}

/// The result for `metrics.json`; the scores themselves are in `scores.csv`.
pub fn metrics(found: &Generated) -> Value {
    let report = &found.report;
    let last = report.history.last();
    json!({
        "epochs": report.history.len(),
        "scored": report.scored.len(),
        "handed_on": report.best.len(),
        "train_loss": report.history.iter().map(|e| e.train_loss).collect::<Vec<_>>(),
        "held_back_accuracy": last.and_then(|e| e.accuracy),
        "held_back_spread": last.and_then(|e| e.spread),
        "steadiness": report.history.iter().map(|e| e.steadiness).collect::<Vec<_>>(),
        "warnings": report.warnings,
        "seconds": found.seconds,
    })
}
