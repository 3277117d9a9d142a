//! Where a search stands, on disk.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use nas_data::Normalization;
use nas_nn::NnError;
use nas_nn::checkpoint::{self, Kind, SaveClock};
use nas_nn::optim::Optimizer;
use nas_nn::trainer::{Plan, Tally};
use nas_search::SupernetEpoch;
use nas_space::NetworkConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DartsConfig, DartsSearch};
use crate::{OneShotError, SearchData};

const KIND: Kind = Kind { format: "nas-supernet", version: 1, what: "search" };
/// What the names of the tensors begin with.
const MODEL: &str = "model.";
const SGD: &str = "sgd.";
const ADAM: &str = "adam.";
const ALPHAS: &str = "alphas.";
const EIGENVECTOR: &str = "eigenvector";

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
    /// The epochs there are, once time has run short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<Plan>,
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

/// Saves, if there is a place for it.
pub(super) fn save(clock: &mut SaveClock<'_>, search: &DartsSearch) -> Result<(), OneShotError> {
    clock.save(KIND, || origin(search), &search.standing, || tensors(search))
}

fn tensors(search: &DartsSearch) -> Result<Vec<(String, Tensor)>, OneShotError> {
    let mut tensors = Vec::new();
    let mut put = |prefix: &str, part: Vec<(String, Tensor)>| tensors.extend(checkpoint::part(prefix, part));
    put(MODEL, checkpoint::tensors_of(&search.supernet.network));
    put(SGD, search.sgd.state()?);
    put(ADAM, search.adam.state()?);
    // Their names carry the prefix already.
    put("", search.supernet.alphas.parameters.iter().map(|p| (p.name.clone(), p.var.as_detached_tensor())).collect());
    if let Some(vector) = &search.eigenvector {
        put(EIGENVECTOR, vec![(String::new(), Tensor::from_slice(vector, vector.len(), &Device::Cpu)?)]);
    }
    Ok(tensors)
}

/// See [`DartsSearch::restore`].
pub(super) fn restore(search: &mut DartsSearch, path: &Path) -> Result<(), OneShotError> {
    let fault = |reason: String| NnError::File { path: path.to_owned(), reason };
    let (standing, mut tensors): (Standing, Vec<(String, Tensor)>) = checkpoint::resume(path, KIND, &origin(search))?;
    standing.plan.as_ref().map_or(Ok(()), Plan::check)?;
    let eigenvector = tensors.iter().position(|(name, _)| name == EIGENVECTOR).map(|at| tensors.remove(at).1);
    let eigenvector = eigenvector.map(|vector| vector.to_vec1()).transpose()?;
    let [model, sgd, adam, alphas] = checkpoint::take_apart(path, KIND, tensors, [MODEL, SGD, ADAM, ALPHAS])?;
    let mut alphas: BTreeMap<String, Tensor> = checkpoint::part(ALPHAS, alphas).collect();
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
