//! The folder at the end: every result as a file, `metrics.json` last.

use std::collections::BTreeMap;

use nas_nn::trainer::{BatchNormMode, Evaluation};
use nas_search::{Measurement, Outcome, Trial, TrialState};
use nas_space::{ArchitectureFile, Blueprint, Drawing, NetworkConfig};
use serde_json::{Value, json};

use super::hypernet::{self, Generated};
use super::supernet::{self, Supernet};
use super::warm_start::Warm;
use super::{Finish, Run};
use super::{front, tabulated};
use crate::command_line::{self, Open};
use crate::config::{Config, render};
use crate::folder::Folder;
use crate::oneshot::OneShot;
use crate::report::FLOP_CONVENTION;
use crate::units::percent;

/// The trained weights, in the folder of a run.
pub const MODEL: &str = "model.safetensors";

/// What a search came to.
pub struct Searched {
    /// The arm under test.
    pub first: Outcome,
    /// Random search at the same budget.
    pub random: Option<Outcome>,
    /// The strategy's best.
    pub winner: Trial,
    /// The search on a supernet that the arm's one architecture came from, in methods that train one.
    pub supernet: Option<Supernet>,
    /// The search by a hypernetwork that the arm's architectures came from.
    pub hypernet: Option<Generated>,
    /// The proxy's choice that the arm began with.
    pub warm_start: Option<Warm>,
    /// Seconds of it in all sessions.
    pub seconds: f64,
}

impl Searched {
    /// The baseline's best, where it beats the winner.
    pub fn better_random(&self) -> Option<&Trial> {
        let best = self.random.as_ref()?.best.as_ref()?;
        (accuracy(best) > accuracy(&self.winner)).then_some(best)
    }
}

/// The validation accuracy of a complete trial.
pub fn accuracy(trial: &Trial) -> f64 {
    trial.measurement.as_ref().map_or(f64::NEG_INFINITY, |m| m.accuracy)
}

/// The score of a proxy, where it stands for an accuracy.
pub fn score(measurement: &Measurement) -> Option<f64> {
    measurement.extra.get("score")?.as_f64()
}

/// What a measurement is worth, for a person: an accuracy, or the score of a proxy.
pub fn worth(measurement: &Measurement) -> String {
    match (measurement.extra["proxy"].as_str(), score(measurement)) {
        (Some(proxy), Some(score)) => format!("{proxy} {}", significant(score)),
        _ => percent(measurement.accuracy),
    }
}

/// A score to five digits: `1534.2`, `3.1416e21`.
pub fn significant(score: f64) -> String {
    let whole = score.abs().log10().floor();
    if (-3.0..6.0).contains(&whole) {
        format!("{score:.*}", (4.0 - whole).max(0.0) as usize)
    } else {
        format!("{score:.4e}")
    }
}

/// How many trials failed, by kind.
pub fn failures(trials: &[Trial]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for failure in trials.iter().filter(|t| t.state == TrialState::Failed).filter_map(|t| t.failure.as_ref()) {
        *counts.entry(failure.kind.clone()).or_insert(0) += 1;
    }
    counts
}

/// Writes an architecture file with the size of its network.
pub fn write_architecture(
    folder: &Folder,
    name: &str,
    blueprint: &Blueprint,
    network: &NetworkConfig,
) -> anyhow::Result<()> {
    let file = ArchitectureFile { blueprint: blueprint.clone(), network: Some(network.clone()) };
    folder.write(name, &file.to_json()?)
}

/// Writes everything but the model and the architecture, which are there; then the checkpoint goes.
pub fn write(
    run: &Run,
    blueprint: &Blueprint,
    trained: &Finish,
    searched: Option<&Searched>,
    open: Open,
) -> anyhow::Result<()> {
    let folder = &run.folder;
    let drawing = Drawing::of(blueprint)?;
    folder.write("cells.svg", &drawing.to_svg())?;
    folder.write("cells.dot", &drawing.to_dot())?;
    folder.write("nas.toml", &render(&run.config, "The settings of this run, every one of them."))?;
    if searched.is_some() {
        let words = command_line::search(&run.config, open);
        folder.write("command.txt", &format!("{}\n", command_line::wrap(&words)))?;
    }
    folder.write("metrics.csv", &curve(trained))?;
    if let Some(found) = searched.and_then(|s| s.supernet.as_ref()) {
        supernet::write(folder, &found.report)?;
    }
    if let Some(found) = searched.and_then(|s| s.hypernet.as_ref()) {
        folder.write("ghn.csv", &hypernet::curve(&found.report))?;
        folder.write("scores.csv", &hypernet::scores(&found.report))?;
    }
    let metrics = metrics(run, blueprint, trained, searched);
    folder.write("metrics.json", &format!("{metrics:#}\n"))?;
    let checkpoint = folder.checkpoint();
    if checkpoint.exists() {
        std::fs::remove_file(&checkpoint)?;
    }
    Ok(())
}

/// The training curve, an epoch a line.
fn curve(trained: &Finish) -> String {
    let mut text = String::from("epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate\n");
    for e in &trained.report.history {
        let of = |get: fn(&Evaluation) -> f64| e.validation.as_ref().map_or(String::new(), |v| get(v).to_string());
        let (loss, right) = (of(|v| v.loss), of(|v| v.accuracy));
        text += &format!("{},{},{},{loss},{right},{}\n", e.epoch, e.train_loss, e.train_accuracy, e.learning_rate);
    }
    text
}

/// The results as one document; `nas search --json` prints the same.
pub fn metrics(run: &Run, blueprint: &Blueprint, trained: &Finish, searched: Option<&Searched>) -> Value {
    let config = &run.config;
    let data = &run.data;
    let on_all = config.finish.on_all;
    json!({
        "format": "nas-metrics",
        "version": 1,
        "program": crate::PROGRAM,
        "folder": run.folder.path,
        "architecture": blueprint.text(),
        "network": trained.network,
        "parameters": trained.parameters,
        "flops": trained.flops,
        "flop_convention": FLOP_CONVENTION,
        "test": trained.test.plain,
        "test_mirrored": trained.test.mirrored,
        "validation": trained.report.last_validation(),
        "data": {
            "name": config.data.name,
            "classes": data.classes.len(),
            "train_images": data.train.len(),
            "validation_images": data.validation.len(),
            "test_images": data.test.len(),
            "final_training_on": if on_all { "train and validation" } else { "train" },
            "final_training_images": run.data.final_images(config).map_or(0, |(images, _)| images.len()),
            "test_used": "once, after the last epoch",
        },
        "tabulated": tabulated::look_up(blueprint, &config.data.name),
        "seed": config.seed,
        "seeds": 1,
        "batch_norm": { "final": "running statistics", "trials": statistics(config) },
        "training": {
            "epochs": trained.report.history.len(),
            "ended": trained.report.ended,
            "plan": trained.report.plan,
            "history": trained.report.history,
        },
        "search": searched.map(|s| json!({
            "strategy": config.search.strategy,
            "space": config.space.name,
            "winner": trial(s.winner.clone()),
            "arms": arms(s).into_iter().map(|(name, outcome)| arm(name, outcome)).collect::<Vec<_>>(),
            "random_found_better": s.better_random().map(|t| t.id),
            "front": front::metrics(run, s),
            "warm_start": s.warm_start,
            "supernet": s.supernet.as_ref().map(supernet::metrics),
            "hypernetwork": s.hypernet.as_ref().map(hypernet::metrics),
        })),
        "seconds": {
            "search": searched.map(|s| s.seconds),
            "final": trained.seconds,
        },
    })
}

/// Those that batch norm uses where trials are measured, in words.
fn statistics(config: &Config) -> &'static str {
    match OneShot::of(&config.search) {
        Ok(Some(OneShot::Shared(shared))) if shared.batch_norm == BatchNormMode::Running => "running statistics",
        _ => "statistics of the batch",
    }
}

/// The arms with their names.
pub fn arms(searched: &Searched) -> Vec<(&str, &Outcome)> {
    let name = searched.winner.arm.as_str();
    let random = searched.random.as_ref().map(|outcome| (crate::strategies::RANDOM, outcome));
    std::iter::once((name, &searched.first)).chain(random).collect()
}

fn arm(name: &str, outcome: &Outcome) -> Value {
    let complete: Vec<&Trial> = outcome.trials.iter().filter(|t| t.state == TrialState::Complete).collect();
    let is_twin = |trial: &&&Trial| trial.measurement.as_ref().is_some_and(|m| m.twin_of().is_some());
    json!({
        "arm": name,
        "ended": outcome.reason.to_string(),
        "trials": outcome.trials.len(),
        "complete": complete.len(),
        "twins": complete.iter().filter(is_twin).count(),
        "failed": failures(&outcome.trials),
        "best": outcome.best.clone().map(trial),
        "policy_updates": policy_updates(&outcome.trials),
        "seconds": outcome.seconds,
    })
}

/// How the arm's policy learned, update by update, from the notes of the trials it drew; `None` for strategies without one.
pub fn policy_updates(trials: &[Trial]) -> Option<Vec<Value>> {
    let mut updates: Vec<Value> = Vec::new();
    for update in trials.iter().filter_map(|t| t.proposal.note.get("update")).filter(|u| u.is_object()) {
        if updates.last() != Some(update) {
            updates.push(update.clone());
        }
    }
    (!updates.is_empty()).then_some(updates)
}

/// A trial as it is told.
pub fn trial(trial: Trial) -> Value {
    json!({
        "id": trial.id,
        "number": trial.number,
        "validation": trial.measurement.as_ref().filter(|m| score(m).is_none()).map(|m| m.accuracy),
        "parameters": trial.measurement.as_ref().map(|m| m.parameters),
        "flops": trial.measurement.as_ref().map(|m| m.flops),
        "latency": trial.measurement.as_ref().and_then(|m| m.latency),
        "score": trial.measurement.as_ref().and_then(score),
        "seconds": trial.seconds,
        "architecture": Blueprint::Point(trial.proposal.architecture).text(),
    })
}
