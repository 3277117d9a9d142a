//! Where a search stands, on disk.

use std::path::Path;

use candle_core::Tensor;
use nas_data::Normalization;
use nas_nn::checkpoint::{self, Kind, SaveClock};
use nas_nn::optim::Optimizer;
use nas_nn::trainer::{Plan, Tally};
use nas_search::SharedEpoch;
use nas_space::NetworkConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Candidate, EnasConfig, EnasSearch};
use crate::{OneShotError, SearchData};

const KIND: Kind = Kind { format: "nas-shared-search", version: 1, what: "search" };
/// What the names of the tensors begin with.
const MODEL: &str = "model.";
const SGD: &str = "sgd.";

/// Everything about a search that is no tensor and changes on the way, but for the strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    /// Epochs finished.
    pub(super) epoch: usize,
    /// Steps of the weights finished in the epoch under way.
    pub(super) step: usize,
    /// Architectures that the strategy has learned from in it.
    pub(super) sample: usize,
    /// Architectures that the strategy has learned from in all.
    pub(super) told: u64,
    /// What the weights learned from.
    pub(super) training: Tally,
    /// What the strategy learned from.
    pub(super) rewards: Tally,
    /// What the strategy's policy said when it last learned.
    pub(super) baseline: Option<f64>,
    pub(super) entropy: Option<f64>,
    pub(super) history: Vec<SharedEpoch>,
    /// Candidates proposed so far, and those of them that differ.
    pub(super) proposed: u64,
    pub(super) candidates: Vec<Candidate>,
    /// Candidates in all, once time has run short for those of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enough: Option<u64>,
    /// The epochs there are, once time has run short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<Plan>,
}

impl Standing {
    /// Ends the epoch under way.
    pub(super) fn turn_page(&mut self, report: SharedEpoch) {
        self.history.push(report);
        self.epoch += 1;
        (self.step, self.sample) = (0, 0);
        (self.training, self.rewards) = (Tally::default(), Tally::default());
    }
}

/// The standing with the strategy's state.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    standing: Standing,
    strategy: Value,
}

/// What a search was made from: a checkpoint goes on only where all of it is the same.
#[derive(Serialize)]
struct Origin<'a> {
    space: &'a str,
    strategy: &'a str,
    network: &'a NetworkConfig,
    config: &'a EnasConfig,
    seed: u64,
    weight_images: usize,
    architecture_images: usize,
    data: String,
    normalization: &'a Normalization,
}

fn origin(search: &EnasSearch) -> Value {
    let SearchData { images, weights, architecture, normalization } = &search.data;
    let origin = Origin {
        space: search.space.name(),
        strategy: search.strategy.name(),
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
pub(super) fn save(clock: &mut SaveClock<'_>, search: &EnasSearch) -> Result<(), OneShotError> {
    let written = Written { standing: search.standing.clone(), strategy: search.strategy.save()? };
    clock.save(KIND, || origin(search), &written, || tensors(search))
}

fn tensors(search: &EnasSearch) -> Result<Vec<(String, Tensor)>, OneShotError> {
    let model = checkpoint::part(MODEL, search.weights.tensors()?);
    Ok(model.chain(checkpoint::part(SGD, search.sgd.state()?)).collect())
}

/// See [`EnasSearch::restore`].
pub(super) fn restore(search: &mut EnasSearch, path: &Path) -> Result<(), OneShotError> {
    let (written, tensors): (Written, _) = checkpoint::resume(path, KIND, &origin(search))?;
    written.standing.plan.as_ref().map_or(Ok(()), Plan::check)?;
    let [model, sgd] = checkpoint::take_apart(path, KIND, tensors, [MODEL, SGD])?;
    search.sgd.load_state(search.weights.parameters(), &sgd)?;
    search.weights.fill(path, &model)?;
    search.strategy.load(&written.strategy)?;
    search.standing = written.standing;
    Ok(())
}
