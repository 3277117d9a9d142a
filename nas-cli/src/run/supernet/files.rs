//! What is kept of a search on a supernet, in the folder of results.

use nas_oneshot::{Candidate, DartsReport, EnasReport};
use nas_space::{Architecture, Blueprint};
use serde_json::{Value, json};

use super::Supernet;
use crate::folder::Folder;
use crate::oneshot::Report;

/// Writes the curve, and what the architecture was read off or chosen from.
pub fn write(folder: &Folder, report: &Report) -> anyhow::Result<()> {
    match report {
        Report::Darts(report) => {
            folder.write("supernet.csv", &curve(report))?;
            folder.write("alphas.json", &format!("{:#}\n", alphas(report)))
        }
        Report::Enas(report) => {
            folder.write("supernet.csv", &shared_curve(report))?;
            folder.write("candidates.csv", &candidates(report))
        }
    }
}

fn text_of(architecture: &Architecture) -> String {
    Blueprint::Point(architecture.clone()).text()
}

/// The curve, an epoch a line, as `supernet.csv`.
fn curve(report: &DartsReport) -> String {
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
            text_of(&e.architecture)
        );
    }
    text
}

/// The architecture parameters after every epoch, as `alphas.json`.
fn alphas(report: &DartsReport) -> serde_json::Value {
    report.history.iter().map(|e| serde_json::json!({ "epoch": e.epoch, "alphas": e.alphas })).collect()
}

/// The curve of a search by parameter sharing, an epoch a line.
fn shared_curve(report: &EnasReport) -> String {
    let mut text =
        String::from("epoch,train_loss,train_accuracy,learning_rate,reward,baseline,entropy,drawn,best,architecture\n");
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    for e in &report.history {
        text += &format!(
            "{},{},{},{},{},{},{},{},{},\"{}\"\n",
            e.epoch,
            e.train_loss,
            e.train_accuracy,
            e.learning_rate,
            number(e.reward),
            number(e.baseline),
            number(e.entropy),
            e.drawn,
            e.best,
            text_of(&e.architecture)
        );
    }
    text
}

/// The candidates, the best first, as `candidates.csv`.
fn candidates(report: &EnasReport) -> String {
    let line = |c: &Candidate| format!("{},{},{},\"{}\"\n", c.accuracy, c.loss, c.times, text_of(&c.architecture));
    std::iter::once("accuracy,loss,times,architecture\n".to_owned()).chain(report.candidates.iter().map(line)).collect()
}

/// The result for `metrics.json`; what it was read off or chosen from has a file of its own.
pub fn metrics(found: &Supernet) -> Value {
    let seconds = found.seconds;
    match &found.report {
        Report::Darts(report) => json!({
            "epochs": report.history.len(),
            "ended": report.ended,
            "read_off_at_epoch": report.epoch,
            "warnings": report.warnings,
            "skips": report.history.iter().map(|e| e.skips).collect::<Vec<_>>(),
            "entropy": report.history.iter().map(|e| e.entropy).collect::<Vec<_>>(),
            "eigenvalues": report.history.iter().map(|e| e.eigenvalue).collect::<Vec<_>>(),
            "seconds": seconds,
        }),
        Report::Enas(report) => json!({
            "epochs": report.history.len(),
            "ended": report.ended,
            "warnings": report.warnings,
            "rewards": report.history.iter().map(|e| e.reward).collect::<Vec<_>>(),
            "entropy": report.history.iter().map(|e| e.entropy).collect::<Vec<_>>(),
            "candidates": report.candidates.len(),
            "best_on_shared_weights": report.candidates.first().map(|best| best.accuracy),
            "seconds": seconds,
        }),
    }
}
