//! Where a search stands, on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use nas_data::Normalization;
use nas_nn::optim::Optimizer;
use nas_nn::{NnError, checkpoint};
use nas_search::SupernetEpoch;
use nas_space::NetworkConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DartsConfig, DartsSearch, SearchData, SearchOptions};
use crate::OneShotError;

const FORMAT: &str = "nas-supernet";
const VERSION: u32 = 1;
/// Metadata keys.
const ORIGIN: &str = "origin";
const STANDING: &str = "standing";
/// What the names of the tensors begin with.
const MODEL: &str = "model.";
const SGD: &str = "sgd.";
const ADAM: &str = "adam.";
const ALPHAS: &str = "alphas.";
const EIGENVECTOR: &str = "eigenvector";

/// Losses and right answers of the epoch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tally {
    loss: f64,
    correct: usize,
    seen: usize,
}

impl Tally {
    pub(super) fn add(&mut self, loss: f64, correct: usize, seen: usize) {
        self.loss += loss * seen as f64;
        self.correct += correct;
        self.seen += seen;
    }

    /// The mean loss.
    pub(super) fn loss(&self) -> f64 {
        self.loss / self.seen.max(1) as f64
    }

    pub(super) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.seen.max(1) as f64
    }
}

/// Everything about a search that is no tensor and changes on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    /// Epochs finished.
    pub(super) epoch: usize,
    /// Steps finished in the epoch under way.
    pub(super) step: usize,
    /// What the weights learned from.
    pub(super) training: Tally,
    /// What the architecture learned from.
    pub(super) validation: Tally,
    pub(super) history: Vec<SupernetEpoch>,
    /// The epoch that a stopped search goes back to.
    pub(super) back_to: Option<u64>,
}

impl Standing {
    /// Ends the epoch under way.
    pub(super) fn turn_page(&mut self, report: SupernetEpoch) {
        self.history.push(report);
        self.epoch += 1;
        (self.step, self.training, self.validation) = (0, Tally::default(), Tally::default());
    }
}

/// What a search was made from: a checkpoint goes on only where all of it is the same.
#[derive(Serialize)]
struct Origin<'a> {
    space: &'a str,
    network: &'a NetworkConfig,
    config: &'a DartsConfig,
    seed: u64,
    weight_images: usize,
    architecture_images: usize,
    data: String,
    normalization: &'a Normalization,
}

fn origin(search: &DartsSearch) -> Value {
    let SearchData { images, weights, architecture, normalization } = &search.data;
    let origin = Origin {
        space: search.space.name(),
        network: &search.network,
        config: &search.config,
        seed: search.seed.value(),
        weight_images: weights.len(),
        architecture_images: architecture.len(),
        data: checkpoint::fingerprint(images, &[weights, architecture]),
        normalization,
    };
    serde_json::to_value(origin).expect("settings and numbers have a JSON form")
}

/// When and where to save.
pub(super) struct SaveClock<'a> {
    path: Option<&'a Path>,
    every: Duration,
    last: Instant,
    /// What the search was made from, computed once: it covers all pixels.
    origin: Option<String>,
}

impl<'a> SaveClock<'a> {
    pub(super) fn new(options: &SearchOptions<'a>) -> Self {
        Self { path: options.checkpoint, every: options.checkpoint_every, last: Instant::now(), origin: None }
    }

    /// Whether the search went unsaved for long enough.
    pub(super) fn is_due(&self) -> bool {
        self.path.is_some() && self.last.elapsed() >= self.every
    }

    /// Saves, if there is a place for it.
    pub(super) fn save(&mut self, search: &DartsSearch) -> Result<(), OneShotError> {
        let Some(path) = self.path else { return Ok(()) };
        let origin = self.origin.get_or_insert_with(|| origin(search).to_string()).clone();
        let standing = serde_json::to_string(&search.standing).expect("reports and numbers have a JSON form");
        let metadata = BTreeMap::from([(ORIGIN.to_owned(), origin), (STANDING.to_owned(), standing)]);
        let mut tensors = Vec::new();
        let mut put = |prefix: &str, part: Vec<(String, Tensor)>| {
            tensors.extend(part.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        };
        put(MODEL, checkpoint::tensors_of(&search.supernet.network));
        put(SGD, search.sgd.state()?);
        put(ADAM, search.adam.state()?);
        // Their names carry the prefix already.
        put(
            "",
            search.supernet.alphas.parameters.iter().map(|p| (p.name.clone(), p.var.as_detached_tensor())).collect(),
        );
        if let Some(vector) = &search.eigenvector {
            put(EIGENVECTOR, vec![(String::new(), Tensor::from_slice(vector, vector.len(), &Device::Cpu)?)]);
        }
        checkpoint::write(path, FORMAT, VERSION, &tensors, &metadata)?;
        self.last = Instant::now();
        Ok(())
    }
}

/// See [`DartsSearch::restore`].
pub(super) fn restore(search: &mut DartsSearch, path: &Path) -> Result<(), OneShotError> {
    let file = checkpoint::read(path, FORMAT, VERSION)?;
    let fault = |reason: String| NnError::File { path: path.to_owned(), reason };
    let json = |key: &str| -> Result<Value, NnError> {
        let text = file.metadata.get(key).map_or("", String::as_str);
        serde_json::from_str(text)
            .map_err(|e| fault(format!("its `{key}` cannot be read ({e}); start the search again")))
    };
    if let Some((key, then, now)) = checkpoint::difference(&json(ORIGIN)?, &origin(search)) {
        let reason =
            format!("it is of another search: there `{key}` is {then}, here {now}; use the same, or start again");
        return Err(fault(reason).into());
    }
    let standing: Standing = serde_json::from_value(json(STANDING)?)
        .map_err(|e| fault(format!("its `{STANDING}` cannot be read ({e}); start the search again")))?;
    let (mut model, mut sgd, mut adam, mut alphas) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    let mut eigenvector = None;
    for (name, tensor) in file.tensors {
        if let Some(name) = name.strip_prefix(MODEL) {
            model.push((name.to_owned(), tensor));
        } else if let Some(name) = name.strip_prefix(SGD) {
            sgd.push((name.to_owned(), tensor));
        } else if let Some(name) = name.strip_prefix(ADAM) {
            adam.push((name.to_owned(), tensor));
        } else if name.starts_with(ALPHAS) {
            alphas.insert(name, tensor);
        } else if name == EIGENVECTOR {
            eigenvector = Some(tensor.to_vec1()?);
        } else {
            return Err(fault(format!("the tensor `{name}` belongs to no part of a search")).into());
        }
    }
    for parameter in &search.supernet.alphas.parameters {
        let fitting = alphas.remove(&parameter.name).filter(|table| table.dims() == parameter.var.dims());
        let table = fitting.ok_or_else(|| fault(format!("`{}` is missing or of another size", parameter.name)))?;
        parameter.var.set(&table)?;
    }
    search.sgd.load_state(search.supernet.network.parameters(), &sgd)?;
    search.adam.load_state(&search.supernet.alphas.parameters, &adam)?;
    checkpoint::fill(path, &mut search.supernet.network, &model)?;
    (search.standing, search.eigenvector) = (standing, eigenvector);
    Ok(())
}
