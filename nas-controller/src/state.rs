//! The whole state of a search as JSON: lists of numbers as their very bits, in base64, so that what is loaded is what was
//! saved and a controller of 80,000 weights takes two megabytes instead of five.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nas_search::{SearchError, Strategy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::ControllerConfig;
use crate::controller::{Controller, Update};
use crate::strategy::{PolicySearch, Told};

/// The newest form of the saved state.
pub(crate) const VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
struct State {
    strategy: String,
    version: u64,
    config: ControllerConfig,
    next: u64,
    waiting: BTreeMap<u64, Told>,
    update: Option<Update>,
    baseline: Option<f64>,
    seen: Bits,
    weights: Bits,
    adam_mean: Bits,
    adam_square: Bits,
    adam_steps: u64,
}

/// Numbers, little end first, in base64.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Bits(String);

impl Bits {
    fn of(numbers: &[f64]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self(STANDARD.encode(bytes))
    }

    fn read(&self, what: &str) -> Result<Vec<f64>, String> {
        let bytes = STANDARD.decode(&self.0).map_err(|e| format!("its {what} cannot be decoded: {e}"))?;
        let (numbers, rest) = bytes.as_chunks::<8>();
        let numbers: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        if !rest.is_empty() || numbers.iter().any(|x| !x.is_finite()) {
            return Err(format!("its {what} hold something that is no number"));
        }
        Ok(numbers)
    }
}

/// Everything, as JSON.
pub(crate) fn save(search: &PolicySearch) -> Result<Value, SearchError> {
    let controller = &search.controller;
    let state = State {
        strategy: search.name().to_owned(),
        version: VERSION,
        config: controller.config.clone(),
        next: search.next,
        waiting: search.waiting.clone(),
        update: controller.last,
        baseline: controller.baseline,
        seen: Bits::of(&controller.seen),
        weights: Bits::of(controller.policy.weights()),
        adam_mean: Bits::of(&controller.adam.mean),
        adam_square: Bits::of(&controller.adam.square),
        adam_steps: controller.adam.steps,
    };
    serde_json::to_value(state).map_err(|source| SearchError::Json { what: "the state of a controller", source })
}

/// What [`load`] reads.
pub(crate) struct Loaded {
    pub(crate) controller: Controller,
    pub(crate) waiting: BTreeMap<u64, Told>,
    pub(crate) next: u64,
}

/// Reads a state for a search of the same space and settings.
///
/// # Errors
/// A sentence that says what does not fit.
pub(crate) fn load(search: &PolicySearch, state: &Value) -> Result<Loaded, String> {
    let state = State::deserialize(state).map_err(|e| e.to_string())?;
    let mut controller = search.controller.clone();
    if state.config != controller.config {
        return Err(format!("it was saved with {:?}, this search has {:?}", state.config, controller.config));
    }
    let count = controller.policy.weights().len();
    let read = |bits: &Bits, what: &str| {
        let numbers = bits.read(what)?;
        let found = numbers.len();
        if found == count { Ok(numbers) } else { Err(format!("it has {found} {what}, this space needs {count}")) }
    };
    controller.policy.weights = read(&state.weights, "weights")?;
    controller.adam.mean = read(&state.adam_mean, "means of gradients")?;
    controller.adam.square = read(&state.adam_square, "means of squared gradients")?;
    controller.adam.steps = state.adam_steps;
    controller.seen = state.seen.read("rewards")?;
    (controller.baseline, controller.last) = (state.baseline, state.update);
    for told in state.waiting.values() {
        let choices = told.sample.choices.clone();
        let space = controller.policy.space();
        let architecture = nas_space::Architecture { space: space.name().to_owned(), choices };
        space.check(&architecture).map_err(|e| e.to_string())?;
        if told.sample.log_probs.len() != told.sample.choices.len() {
            return Err("a trial in it lacks log-probabilities".into());
        }
    }
    Ok(Loaded { controller, waiting: state.waiting, next: state.next })
}
