//! One trial of a search: what was proposed, how it ran, what was measured.

use nas_space::Architecture;
use serde::{Deserialize, Serialize};

/// What a strategy proposes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The architecture to measure.
    pub architecture: Architecture,
    /// The [`number`](Trial::number) of the trial it descends from, if any.
    pub parent: Option<u64>,
    /// Whatever the strategy wants back with the result, such as log-probabilities; `null` if nothing.
    pub note: serde_json::Value,
    /// How many epochs the measurement is to train for, where the strategy chooses that (successive halving does);
    /// `None` for the evaluator's own number. Each length is a training of its own, from its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
}

impl Proposal {
    /// A proposal without a parent, a note or a number of epochs of its own.
    pub fn new(architecture: Architecture) -> Self {
        Self { architecture, parent: None, note: serde_json::Value::Null, epochs: None }
    }
}

/// What an evaluator measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Accuracy on the validation split, from 0 to 1: what strategies maximise.
    pub accuracy: f64,
    /// Mean cross-entropy on the validation split, in nats.
    pub loss: f64,
    /// Learned parameters of the network that was measured.
    pub parameters: u64,
    /// Multiply-adds of its convolutions and linear layers for one image.
    pub flops: u64,
    /// Epochs of training it took (0 for a table or a proxy).
    pub epochs: u64,
    /// Latency of one image in seconds, where it was measured.
    pub latency: Option<f64>,
    /// Anything else, by name, such as the accuracy after each epoch; no times, which would tell equal studies apart.
    /// The loop adds `twin_of` (the number of the equal trial whose measurement this is) and `shared_with` (the id of
    /// the other arm's trial that this is).
    pub extra: serde_json::Value,
}

/// The states of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialState {
    /// Proposed, not started.
    Waiting,
    /// Started, not finished; after a kill it is run again from the same seed.
    Running,
    /// Measured.
    Complete,
    /// Stopped early by a rule; its measurement is what was known then.
    Pruned,
    /// Not measured, for the reason in [`Trial::failure`].
    Failed,
}

impl TrialState {
    /// The state as the study's file and JSON spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more will happen to the trial.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Complete | Self::Pruned | Self::Failed)
    }
}

/// Why a trial failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, for counting: `panic`, `out_of_memory`, `not_finite`, `timeout`, `crash`, `over_limit`, `error`.
    pub kind: String,
    /// A sentence for a person.
    pub reason: String,
}

impl Failure {
    /// The kind of an architecture that costs more than it may, and was not trained.
    pub const OVER_LIMIT: &'static str = "over_limit";

    /// Whether the architecture costs more than it may.
    pub fn is_over_limit(&self) -> bool {
        self.kind == Self::OVER_LIMIT
    }

    /// A failure of a kind, with a sentence.
    pub fn new(kind: &str, reason: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), reason: reason.into() }
    }
}

/// One trial, as the study records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number in the study, over all arms, from 0: what commands and events name.
    pub id: u64,
    /// The arm of the study it belongs to: the method under test, or `random` for the baseline.
    pub arm: String,
    /// Its number in its arm, from 0 without gaps: what the strategy and [`Proposal::parent`] count in.
    pub number: u64,
    /// What was proposed.
    pub proposal: Proposal,
    /// Where it stands.
    pub state: TrialState,
    /// The seed of everything random in its evaluation.
    pub seed: u64,
    /// What was measured, when complete or pruned.
    pub measurement: Option<Measurement>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// Wall-clock seconds of the evaluation: with a measured latency, all that differs between two equal runs.
    pub seconds: Option<f64>,
}

impl Trial {
    /// What a strategy learns from the trial: nothing from a failed one, and from one pruned early what was measured.
    pub fn learned(&self) -> Option<&Measurement> {
        let counts = matches!(self.state, TrialState::Complete | TrialState::Pruned);
        self.measurement.as_ref().filter(|_| counts)
    }
}

/// The complete trial of highest accuracy, the earliest of equals.
pub(crate) fn best_by_accuracy(trials: &[Trial]) -> Option<&Trial> {
    let accuracy = |t: &&Trial| t.measurement.as_ref().map(|m| m.accuracy);
    trials
        .iter()
        .filter(|t| t.state == TrialState::Complete && accuracy(t).is_some_and(f64::is_finite))
        .reduce(|best, t| if accuracy(&t) > accuracy(&best) { t } else { best })
}

impl Measurement {
    /// The number of the trial whose measurement this is, if it was taken over.
    pub fn twin_of(&self) -> Option<u64> {
        self.extra.get("twin_of")?.as_u64()
    }

    /// Checks that everything measured is a number.
    ///
    /// # Errors
    /// A [`Failure`] of the kind `not_finite` that names the field.
    pub fn check(&self) -> Result<(), Failure> {
        let fields = [("accuracy", Some(self.accuracy)), ("loss", Some(self.loss)), ("latency", self.latency)];
        match fields.iter().find_map(|(name, value)| value.filter(|v| !v.is_finite()).map(|v| (name, v))) {
            Some((name, value)) => Err(Failure::new("not_finite", format!("the {name} came out as {value}"))),
            None => Ok(()),
        }
    }
}

/// A measurement's `extra` with one entry more; what is not an object is kept under `value`.
pub(crate) fn with_extra(extra: &serde_json::Value, key: &str, number: u64) -> serde_json::Value {
    let mut fields = match extra {
        serde_json::Value::Object(fields) => fields.clone(),
        serde_json::Value::Null => serde_json::Map::new(),
        other => serde_json::Map::from_iter([("value".to_owned(), other.clone())]),
    };
    fields.insert(key.to_owned(), number.into());
    serde_json::Value::Object(fields)
}
