//! The search spaces that come with the crate.

mod darts;
mod nasbench201;

pub use darts::Darts;
pub(crate) use nasbench201::EDGES as NASBENCH201_EDGES;
pub use nasbench201::NasBench201;

use crate::{MixedSpace, SearchSpace, SpaceError, suggest};

/// Every space of this crate.
pub fn all() -> [&'static dyn SearchSpace; 2] {
    [&Darts, &NasBench201]
}

/// The space of a name.
///
/// # Errors
/// [`SpaceError::UnknownSpace`] lists the names and suggests the nearest.
pub fn by_name(name: &str) -> Result<&'static dyn SearchSpace, SpaceError> {
    all().into_iter().find(|space| space.name() == name).ok_or_else(|| {
        let known = all().map(|space| space.name());
        SpaceError::UnknownSpace { name: name.to_owned(), hint: suggest::hint(name, known), known: known.join(", ") }
    })
}

/// The spaces that have a supernet.
pub fn all_mixed() -> [&'static dyn MixedSpace; 2] {
    [&Darts, &NasBench201]
}
