//! Where a search stands, on disk.

use std::path::Path;

use candle_core::Tensor;
use nas_data::Normalization;
use nas_nn::checkpoint::{self, Kind, SaveClock};
use nas_nn::optim::Optimizer;
use nas_nn::trainer::{Plan, Tally};
use nas_search::GhnEpoch;
use nas_space::NetworkConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{GhnSearch, Scored, SearchConfig, Task};
use crate::GhnError;

const KIND: Kind = Kind { format: "nas-ghn-search", version: 1, what: "search" };
/// What the names of the tensors begin with.
const GHN: &str = "ghn.";
const ADAM: &str = "adam.";

/// Everything about a search that is no tensor and changes on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    /// Epochs finished.
    pub(super) epoch: usize,
    /// Steps finished in the epoch under way.
    pub(super) step: usize,
    pub(super) tally: Tally,
    pub(super) history: Vec<GhnEpoch>,
    pub(super) scored: Vec<Scored>,
    /// Architectures to score in all, once time has run short for those of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enough: Option<usize>,
    /// The epochs there are, once time has run short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<Plan>,
}

impl Standing {
    /// Ends the epoch under way.
    pub(super) fn turn_page(&mut self, report: GhnEpoch) {
        self.history.push(report);
        self.epoch += 1;
        (self.step, self.tally) = (0, Tally::default());
    }
}

/// What a search was made from: a checkpoint goes on only where all of it is the same.
#[derive(Serialize)]
struct Origin<'a> {
    space: &'a str,
    network: &'a NetworkConfig,
    learn_from: &'a str,
    learn_network: &'a NetworkConfig,
    config: &'a SearchConfig,
    seed: u64,
    held_back: &'a [nas_space::Architecture],
    trained: &'a Option<Vec<f64>>,
    data: String,
    normalization: &'a Normalization,
}

fn origin(search: &GhnSearch) -> Value {
    let Task { space, network, learn_from, learn_network } = &search.task;
    let data = &search.data;
    let validation = data.validation.as_ref().map_or(&[][..], |list| list);
    let origin = Origin {
        space: space.name(),
        network,
        learn_from: learn_from.name(),
        learn_network,
        config: &search.config,
        seed: search.seed.value(),
        held_back: &search.held_back.architectures,
        trained: &search.held_back.trained,
        data: checkpoint::fingerprint(&data.images, &[&data.train, validation]),
        normalization: &data.normalization,
    };
    serde_json::to_value(origin).expect("settings and numbers have a JSON form")
}

/// Saves, if there is a place for it.
pub(super) fn save(clock: &mut SaveClock<'_>, search: &GhnSearch) -> Result<(), GhnError> {
    clock.save(KIND, || origin(search), &search.standing, || tensors(search))
}

fn tensors(search: &GhnSearch) -> Result<Vec<(String, Tensor)>, GhnError> {
    let ghn = checkpoint::part(GHN, search.ghn.tensors());
    Ok(ghn.chain(checkpoint::part(ADAM, search.adam.state()?)).collect())
}

/// See [`GhnSearch::restore`].
pub(super) fn restore(search: &mut GhnSearch, path: &Path) -> Result<(), GhnError> {
    let (standing, tensors): (Standing, _) = checkpoint::resume(path, KIND, &origin(search))?;
    standing.plan.as_ref().map_or(Ok(()), Plan::check)?;
    let [ghn, adam] = checkpoint::take_apart(path, KIND, tensors, [GHN, ADAM])?;
    search.ghn.load(&ghn)?;
    search.adam.load_state(&search.ghn.list(), &adam)?;
    search.standing = standing;
    Ok(())
}
