//! What lies in the folder of a run: the study, what is left of a phase under way, the results. A run may be at any point of
//! its way; what is not there yet is `None` or empty.

use std::path::{Path, PathBuf};

use anyhow::Context;
use nas_ghn::{GhnReport, Scored};
use nas_nn::checkpoint;
use nas_nn::trainer::EpochReport;
use nas_oneshot::Candidate;
use nas_search::{GhnEpoch, SharedEpoch, Study, SupernetEpoch, Trial};
use nas_space::{Architecture, Blueprint};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::architecture;
use crate::config::{Config, read_full};
use crate::exit::file;
use crate::folder::Folder;
use crate::oneshot;
use crate::presets::Scaled;
use crate::run::{HYPERNET_KEY, SUPERNET_KEY};
use crate::strategies::RANDOM;

/// Everything that a report of a run is made of.
pub struct Facts {
    pub folder: Folder,
    pub config: Config,
    /// The program that began it, with its version.
    pub program: Option<String>,
    /// The arms of a search, the strategy's first; empty for a training alone.
    pub arms: Vec<Arm>,
    pub is_search: bool,
    pub supernet: Option<Supernet>,
    pub hypernet: Option<Hypernet>,
    /// The epochs of the final training so far.
    pub training: Vec<EpochReport>,
    /// `metrics.json`, which is there once everything is done.
    pub metrics: Option<Value>,
    /// What was trained in the end.
    pub blueprint: Option<Blueprint>,
    pub command: Option<String>,
    /// How a paper's method was scaled: its name, and number by number.
    pub method: Option<(String, Vec<Scaled>)>,
}

/// An arm of a search.
pub struct Arm {
    pub name: String,
    pub trials: Vec<Trial>,
}

/// A search on a supernet.
pub enum Supernet {
    /// By gradients: the epochs, the architecture read off once it has ended, and what went wrong on the way.
    Gradient { history: Vec<SupernetEpoch>, found: Option<Architecture>, warnings: Vec<String> },
    /// On shared weights: the epochs, the candidates once there are any, and what went wrong on the way.
    Shared { history: Vec<SharedEpoch>, candidates: Vec<Candidate>, warnings: Vec<String> },
}

/// A search by a hypernetwork.
pub struct Hypernet {
    pub history: Vec<GhnEpoch>,
    pub scored: Vec<Scored>,
    /// What was handed on to be trained.
    pub best: Vec<Architecture>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Facts {
    /// What a supernet or a hypernetwork warned of, a sentence each.
    pub fn warnings(&self) -> &[String] {
        match (&self.supernet, &self.hypernet) {
            (Some(Supernet::Gradient { warnings, .. } | Supernet::Shared { warnings, .. }), _)
            | (None, Some(Hypernet { warnings, .. })) => warnings,
            (None, None) => &[],
        }
    }
}

/// Reads a folder.
///
/// # Errors
/// Names the file that cannot be read, and what is wrong with it.
pub fn read(path: &Path) -> anyhow::Result<Facts> {
    let folder = Folder::at(path);
    let study = folder.study().exists().then(|| Study::open(folder.study())).transpose()?;
    let settings = folder.file("nas.toml");
    let metrics = folder.metrics().exists().then(|| json::<Value>(&folder.metrics())).transpose()?;
    let info = study.as_ref().map(Study::info).transpose()?;
    let config = match &info {
        // At the end the file holds what the final training was decided to be; before that the study knows best.
        Some(info) if metrics.is_none() || !settings.exists() => read_full(&info.config, &folder.study())?,
        _ => read_full(&text(&settings)?, &settings)?,
    };
    let program = info.map(|info| info.program);
    let arms = study.as_ref().map_or_else(|| Ok(Vec::new()), |study| arms(study, &config))?;
    let blueprint = folder.file(architecture::FILE);
    let blueprint = blueprint.exists().then(|| architecture::resolve(&blueprint.display().to_string())).transpose()?;
    let program = program.or_else(|| metrics.as_ref()?["program"].as_str().map(str::to_owned));
    Ok(Facts {
        supernet: supernet(&folder, study.as_ref())?,
        hypernet: hypernet(&folder, study.as_ref())?,
        training: training(&folder, metrics.as_ref())?,
        command: folder.file("command.txt").exists().then(|| text(&folder.file("command.txt"))).transpose()?,
        method: method(&folder)?,
        blueprint: blueprint.map(|(blueprint, _)| blueprint),
        is_search: study.is_some(),
        folder,
        config,
        program,
        arms,
        metrics,
    })
}

fn text(path: &PathBuf) -> anyhow::Result<String> {
    std::fs::read_to_string(path).map_err(|e| file(format!("cannot read {}: {e}", path.display())))
}

fn json<T: DeserializeOwned>(path: &PathBuf) -> anyhow::Result<T> {
    serde_json::from_str(&text(path)?)
        .map_err(|e| file(format!("{} is damaged ({e}); remove it, and `nas resume` makes it again", path.display())))
}

fn arms(study: &Study, config: &Config) -> anyhow::Result<Vec<Arm>> {
    let own = config.search.strategy_name();
    let mut arms = Vec::new();
    for name in [own, RANDOM].into_iter().take(if own == RANDOM { 1 } else { 2 }) {
        arms.push(Arm { name: name.to_owned(), trials: study.trials(name)? });
    }
    Ok(arms)
}

/// The result of a phase that is done, from the study; or how far one under way had come when it was last saved.
fn phase<T: DeserializeOwned>(study: Option<&Study>, key: &str, saved: &Path) -> anyhow::Result<Phase<T>> {
    let Some(study) = study else { return Ok(Phase::None) };
    if let Some(text) = study.get(key)? {
        let report = serde_json::from_str(&text);
        let place = || format!("study {} is damaged: `{key}` cannot be read", study.path().display());
        return Ok(Phase::Done(report.map_err(|e| file(format!("{}: {e}", place())))?));
    }
    if !saved.exists() {
        return Ok(Phase::None);
    }
    // It goes the moment the phase is done, which may be now.
    Ok(checkpoint::standing(saved).map_or(Phase::None, Phase::UnderWay))
}

enum Phase<T> {
    None,
    UnderWay(Value),
    Done(T),
}

/// A list in what was saved; an empty one where there is none.
fn list<T: DeserializeOwned>(standing: &Value, key: &str) -> anyhow::Result<Vec<T>> {
    let value = standing.get(key).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    serde_json::from_value(value).with_context(|| format!("the `{key}` of a checkpoint cannot be read"))
}

fn supernet(folder: &Folder, study: Option<&Study>) -> anyhow::Result<Option<Supernet>> {
    Ok(match phase::<oneshot::Report>(study, SUPERNET_KEY, &folder.supernet())? {
        Phase::None => None,
        Phase::Done(oneshot::Report::Darts(report)) => Some(Supernet::Gradient {
            history: report.history,
            found: Some(report.architecture),
            warnings: report.warnings,
        }),
        Phase::Done(oneshot::Report::Enas(report)) => {
            Some(Supernet::Shared { history: report.history, candidates: report.candidates, warnings: report.warnings })
        }
        // A search on shared weights saves its strategy beside where it stands.
        Phase::UnderWay(saved) => match saved.get("standing") {
            Some(standing) => Some(Supernet::Shared {
                history: list(standing, "history")?,
                candidates: list(standing, "candidates")?,
                warnings: Vec::new(),
            }),
            None => Some(Supernet::Gradient { history: list(&saved, "history")?, found: None, warnings: Vec::new() }),
        },
    })
}

fn hypernet(folder: &Folder, study: Option<&Study>) -> anyhow::Result<Option<Hypernet>> {
    Ok(match phase::<GhnReport>(study, HYPERNET_KEY, &folder.hypernet_search())? {
        Phase::None => None,
        Phase::Done(GhnReport { history, scored, best, warnings }) => {
            Some(Hypernet { history, scored, best, warnings })
        }
        Phase::UnderWay(saved) => Some(Hypernet {
            history: list(&saved, "history")?,
            scored: list(&saved, "scored")?,
            best: Vec::new(),
            warnings: Vec::new(),
        }),
    })
}

/// The final training: from the results, or from its checkpoint.
fn training(folder: &Folder, metrics: Option<&Value>) -> anyhow::Result<Vec<EpochReport>> {
    if let Some(metrics) = metrics {
        return list(&metrics["training"], "history");
    }
    let saved = folder.checkpoint();
    if !saved.exists() {
        return Ok(Vec::new());
    }
    checkpoint::standing(&saved).map_or_else(|_| Ok(Vec::new()), |standing| list(&standing, "history"))
}

fn method(folder: &Folder) -> anyhow::Result<Option<(String, Vec<Scaled>)>> {
    let path = folder.file("method.json");
    if !path.exists() {
        return Ok(None);
    }
    let value: Value = json(&path)?;
    Ok(Some((value["method"].as_str().unwrap_or_default().to_owned(), list(&value, "scaled")?)))
}
