//! Spaces that come in depths: `zoph` is the usual one, `zoph-6` has six layers.

use std::sync::{Arc, OnceLock};

use crate::SearchSpace;

/// The most layers of a space; the deepest published network has 39.
pub(super) const MOST_LAYERS: usize = 64;

/// All depths of one space. Each is made when it is first asked for, and kept.
pub(super) struct Family {
    name: &'static str,
    usual: usize,
    make: fn(usize) -> Arc<dyn SearchSpace>,
    made: [OnceLock<Arc<dyn SearchSpace>>; MOST_LAYERS + 1],
}

impl Family {
    /// The spaces `make` makes of numbers of layers, 1 to [`MOST_LAYERS`].
    pub(super) const fn new(name: &'static str, usual: usize, make: fn(usize) -> Arc<dyn SearchSpace>) -> Self {
        Self { name, usual, make, made: [const { OnceLock::new() }; MOST_LAYERS + 1] }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The space of the usual depth.
    pub(super) fn usual(&self) -> &Arc<dyn SearchSpace> {
        self.of(self.usual)
    }

    /// Whether a name is the family's, with a number behind it, two, or none.
    pub(super) fn has(&'static self, name: &str) -> bool {
        name == self.name || self.find(name).is_some() || super::depths::find(self, name).is_some()
    }

    /// The space of a depth from 1 to [`MOST_LAYERS`].
    pub(super) fn of(&self, layers: usize) -> &Arc<dyn SearchSpace> {
        self.made[layers].get_or_init(|| (self.make)(layers))
    }

    /// The space of a name, if it is the family's with a number behind it: none if that is no possible depth.
    pub(super) fn find(&self, name: &str) -> Option<Option<&Arc<dyn SearchSpace>>> {
        let number = name.strip_prefix(self.name)?.strip_prefix('-')?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let layers = number.parse().ok().filter(|layers| (1..=MOST_LAYERS).contains(layers));
        Some(layers.map(|layers| self.of(layers)))
    }
}

/// The name of a space of so many layers.
pub(super) fn name(family: &str, usual: usize, layers: usize) -> String {
    if layers == usual { family.to_owned() } else { format!("{family}-{layers}") }
}
