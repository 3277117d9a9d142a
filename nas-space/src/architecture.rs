//! An architecture: one choice per decision of a named space.

use serde::{Deserialize, Serialize};

/// A point of a search space.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The name of the space.
    pub space: String,
    /// For each decision of the space, in order, the index of the option chosen.
    pub choices: Vec<usize>,
}
