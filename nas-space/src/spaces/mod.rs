//! The search spaces that come with the crate.

mod blocks;
mod darts;
mod depths;
mod enas_macro;
mod family;
mod ghn;
mod nasbench101;
mod nasbench201;
mod nasbench_macro;
mod rows;
mod sizes;
mod zoph;

use std::sync::{Arc, LazyLock};

pub use blocks::BlockSpace::{self, AmoebaNet, EnasMicro, NasNet};
pub use darts::Darts;
pub use enas_macro::{EnasMacro, EnasMacroForm};
pub use ghn::Ghn;
pub use nasbench_macro::NasBenchMacro;
pub use nasbench101::{Cell as NasBench101Cell, NasBench101, VertexOperation};
pub use nasbench201::NasBench201;
pub use zoph::Zoph;

use crate::{Architecture, MixedSpace, PathSpace, SearchSpace, SpaceError, suggest};
use family::Family;

static FAMILIES: [Family; 6] = [
    Family::new(ghn::NAME, ghn::NODES, |nodes| Arc::new(Ghn::new(nodes))),
    Family::new(zoph::NAME, zoph::LAYERS, |layers| Arc::new(Zoph::new(layers))),
    Family::new(zoph::STRIDED_NAME, zoph::STRIDED_LAYERS, |layers| Arc::new(Zoph::strided(layers))),
    Family::new(EnasMacroForm::Search.name(), enas_macro::LAYERS, |layers| {
        Arc::new(EnasMacro::new(layers, EnasMacroForm::Search))
    }),
    Family::new(EnasMacroForm::Retrained.name(), enas_macro::LAYERS, |layers| {
        Arc::new(EnasMacro::new(layers, EnasMacroForm::Retrained))
    }),
    Family::new(EnasMacroForm::Released.name(), enas_macro::LAYERS, |layers| {
        Arc::new(EnasMacro::new(layers, EnasMacroForm::Released))
    }),
];

static ALL: LazyLock<Vec<Arc<dyn SearchSpace>>> = LazyLock::new(|| {
    let others: [Arc<dyn SearchSpace>; 7] = [
        Arc::new(Darts),
        Arc::new(NasNet),
        Arc::new(AmoebaNet),
        Arc::new(EnasMicro),
        Arc::new(NasBench101),
        Arc::new(NasBench201),
        Arc::new(NasBenchMacro),
    ];
    others.into_iter().chain(FAMILIES.iter().map(|family| Arc::clone(family.usual()))).collect()
});

/// Every space of this crate; of those that come in depths, the usual one.
pub fn all() -> Vec<&'static dyn SearchSpace> {
    ALL.iter().map(|space| &**space).collect()
}

/// The space of a name. Spaces that choose layer by layer come in depths: `zoph-6` is `zoph` with six layers, and
/// `zoph-6-20` has the number of layers as its first decision, 6, 8 and so on up to 20.
///
/// # Errors
/// [`SpaceError::UnknownSpace`] lists the names and suggests the nearest.
pub fn by_name(name: &str) -> Result<&'static dyn SearchSpace, SpaceError> {
    find(name).map(|space| &**space)
}

/// As [`by_name`], for those who share a space with others, as strategies and evaluators do.
///
/// # Errors
/// As [`by_name`].
pub fn shared(name: &str) -> Result<Arc<dyn SearchSpace>, SpaceError> {
    find(name).cloned()
}

fn find(name: &str) -> Result<&'static Arc<dyn SearchSpace>, SpaceError> {
    if let Some(space) = ALL.iter().find(|space| space.name() == name) {
        return Ok(space);
    }
    let known: Vec<&str> = ALL.iter().map(|space| space.name()).collect();
    let single = FAMILIES.iter().find_map(|family| family.find(name));
    let several = FAMILIES.iter().find_map(|family| depths::find(family, name));
    let hint = match (single, several) {
        (Some(Some(space)), _) | (_, Some(Some(space))) => return Ok(space),
        (Some(None), _) => format!(" (it may have 1 to {} layers)", family::MOST_LAYERS),
        (_, Some(None)) => format!(" (layers go from 1 to {} in steps of 2, as in zoph-6-20)", family::MOST_LAYERS),
        (None, None) => suggest::hint(name, known.iter().copied()),
    };
    Err(SpaceError::UnknownSpace { name: name.to_owned(), hint, known: known.join(", ") })
}

/// Reads an architecture in the text form of its space, or as a hash of NAS-Bench-101; `None` if the text looks like no
/// form that a single space has.
pub(crate) fn parse(text: &str) -> Option<Result<Architecture, SpaceError>> {
    if text.starts_with('|') {
        return Some(NasBench201.parse(text));
    }
    if text.starts_with("ModelSpec") {
        return Some(NasBench101.parse(text));
    }
    if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(NasBench101.by_hash(text));
    }
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(NasBenchMacro.parse(text));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains([' ', ',']) {
        return Some(EnasMicro.parse(text));
    }
    let (name, _) = text.split_once(':')?;
    let name = name.trim_end();
    // What else has a colon, such as JSON, begins with no such name.
    FAMILIES.iter().any(|family| family.has(name)).then(|| find(name).and_then(|space| space.parse(text)))
}

/// The spaces that have a supernet.
pub fn all_mixed() -> [Arc<dyn MixedSpace>; 2] {
    [Arc::new(Darts), Arc::new(NasBench201)]
}

/// The spaces whose architectures share weights; of those that come in depths, the usual one.
pub fn all_paths() -> Vec<Arc<dyn PathSpace>> {
    let macros = [EnasMacroForm::Search, EnasMacroForm::Retrained, EnasMacroForm::Released];
    let cells: [Arc<dyn PathSpace>; 4] =
        [Arc::new(Darts), Arc::new(NasBench201), Arc::new(EnasMicro), Arc::new(AmoebaNet)];
    let macros = macros.map(|form| Arc::new(EnasMacro::new(enas_macro::LAYERS, form)) as Arc<dyn PathSpace>);
    cells.into_iter().chain(macros).collect()
}

/// The space of a name, if its architectures share weights; of any depth, as [`by_name`] has them.
///
/// # Errors
/// As [`by_name`].
pub fn paths_by_name(name: &str) -> Result<Option<Arc<dyn PathSpace>>, SpaceError> {
    let space = by_name(name)?;
    if let Some(usual) = all_paths().into_iter().find(|usual| usual.name() == name) {
        return Ok(Some(usual));
    }
    Ok(EnasMacro::named(name, space.nearest_layers(0)).map(|space| Arc::new(space) as Arc<dyn PathSpace>))
}

/// What a state of a cell is called: its two inputs, then its nodes.
fn state_name(state: usize) -> String {
    match state {
        0 => "c_{k-2}".into(),
        1 => "c_{k-1}".into(),
        _ => format!("node{}", state - 2),
    }
}
