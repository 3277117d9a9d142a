//! What names an architecture: a published name, a text form or a file, all resolved to one type.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::spaces::{self, BlockSpace, Darts};
use crate::suggest;
use crate::{
    Architecture, Cells, Genotype, NetworkConfig, NetworkGraph, SearchSpace, SpaceError, published, published_cells,
};

const FORMAT: &str = "nas-architecture";
const VERSION: u64 = 1;

/// An architecture that can be lowered without knowing where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Blueprint {
    /// A point of one of this crate's spaces.
    Point(Architecture),
    /// A genotype, in the `darts` space or beyond it.
    Genotype(Genotype),
    /// Cells in the form of NASNet, AmoebaNet or ENAS, in one of their spaces or beyond it.
    Cells(Cells),
}

impl Blueprint {
    /// Resolves a published name (`DARTS_V2`), the text or JSON form of a genotype, the text form of [`Cells`] or of a space
    /// (a NAS-Bench-201 string, a NAS-Bench-101 `ModelSpec` or hash, the digits of NAS-Bench-Macro, the 40 numbers of ENAS
    /// micro cells, the rows of `zoph` and `enas-macro`), or the contents of an architecture file.
    ///
    /// # Errors
    /// A sentence that says what is accepted, with the nearest published name where the text looks like one.
    pub fn from_text(text: &str) -> Result<Self, SpaceError> {
        let text = text.trim();
        if let Some(cell) = published(text) {
            Ok(cell.blueprint())
        } else if let Some(architecture) = spaces::parse(text) {
            architecture.map(Self::Point)
        } else if text.starts_with('{') && text.contains("\"format\"") {
            ArchitectureFile::from_json(text).map(|file| file.blueprint)
        } else if text.starts_with('{') || text.starts_with("Genotype") {
            Genotype::parse(text).map(Self::Genotype)
        } else if Cells::is_text(text) {
            Cells::parse(text).map(Self::Cells)
        } else {
            let names: Vec<&str> = published_cells().iter().map(|cell| cell.name).collect();
            let reason = format!(
                "there is no published cell of this name{}; give one of {}, a `Genotype(...)`, cells such as \
                 `NASNet(...)`, a NAS-Bench-201 string such as `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`, a NAS-Bench-101 \
                 `ModelSpec(...)` or hash, the eight digits of NAS-Bench-Macro, the 40 numbers of ENAS micro cells, layers \
                 such as `zoph-2: 3x5x24 | 7x1x36 1`, or an architecture file",
                suggest::hint(text, names.iter().copied()),
                names.join(", ")
            );
            Err(SpaceError::Parse { what: "an architecture", near: text.chars().take(40).collect(), reason })
        }
    }

    /// Builds the network.
    ///
    /// # Errors
    /// If the architecture is not valid or the network cannot be built at this size.
    pub fn lower(&self, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        match self {
            Self::Point(architecture) => spaces::by_name(&architecture.space)?.lower(architecture, config),
            Self::Genotype(genotype) => genotype.lower(config),
            Self::Cells(cells) => cells.lower(config),
        }
    }

    /// The text form: a genotype, cells, or that of the blueprint's space.
    pub fn text(&self) -> String {
        match self {
            Self::Point(architecture) => match spaces::by_name(&architecture.space) {
                Ok(space) => space.text(architecture),
                Err(_) => format!("{}:{:?}", architecture.space, architecture.choices),
            },
            Self::Genotype(genotype) => genotype.to_string(),
            Self::Cells(cells) => cells.to_string(),
        }
    }

    /// The name of the space the blueprint is a point of: `darts` for a genotype, even one beyond that space, for its
    /// network is built the same way; so for other cells that of their form.
    pub fn space(&self) -> &str {
        match self {
            Self::Point(architecture) => &architecture.space,
            Self::Genotype(_) => Darts.name(),
            Self::Cells(cells) => BlockSpace::of(cells.form).title(),
        }
    }

    /// The network size of the paper the blueprint's space comes from.
    pub fn default_config(&self) -> NetworkConfig {
        match self {
            Self::Cells(cells) => cells.form.default_config(),
            _ => spaces::by_name(self.space()).unwrap_or(&Darts).default_config(),
        }
    }

    /// The cells of a blueprint in the form of NASNet, AmoebaNet or ENAS, whether a point of a space or beyond it; `None` for
    /// any other, and for a point that is not valid.
    pub fn cells(&self) -> Option<Cells> {
        match self {
            Self::Cells(cells) => Some(cells.clone()),
            Self::Genotype(_) => None,
            Self::Point(point) => BlockSpace::named(&point.space).and_then(|space| space.to_cells(point).ok()),
        }
    }
}

/// An architecture file: a blueprint and, where it is known, the size of its network.
///
/// A JSON object with `"format": "nas-architecture"`, `"version": 1`, either `"space"` and `"choices"` (each decision
/// and its option by name, in the order of the space) or `"genotype"`, and optionally `"network"`.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchitectureFile {
    /// The architecture.
    pub blueprint: Blueprint,
    /// The size of the network built from it.
    pub network: Option<NetworkConfig>,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    space: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choices: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    genotype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<NetworkConfig>,
}

impl ArchitectureFile {
    /// Reads the contents of a file and checks that the architecture is valid.
    ///
    /// # Errors
    /// [`SpaceError::File`] for another kind of file, a newer version, one cut short, or an unknown field; the errors
    /// of the space or the genotype where the architecture is not valid.
    pub fn from_json(text: &str) -> Result<Self, SpaceError> {
        let value: Value = serde_json::from_str(text).map_err(|error| match error.is_eof() {
            true => file("it is cut short; write it again"),
            false => file(format!("it is not JSON: {error}")),
        })?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(file(format!("it is of another kind, for it lacks `\"format\": \"{FORMAT}\"`")));
        }
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => {
                let reason = format!("it has version {newer}, this program reads up to {VERSION}; use a newer program");
                return Err(file(reason));
            }
            _ => return Err(file(format!("`version` must be {VERSION}"))),
        }
        let written: Written = serde_json::from_value(value).map_err(|error| file(error.to_string()))?;
        let blueprint = match (written.space, written.choices, written.genotype) {
            (Some(space), Some(choices), None) => Blueprint::Point(point(&space, &choices)?),
            (None, None, Some(text)) if Cells::is_text(text.trim()) => Blueprint::Cells(Cells::parse(&text)?),
            (None, None, Some(text)) => Blueprint::Genotype(Genotype::parse(&text)?),
            _ => return Err(file("it must hold either `space` and `choices`, or `genotype`")),
        };
        if let Some(network) = &written.network {
            network.check()?;
        }
        Ok(Self { blueprint, network: written.network })
    }

    /// The contents of a file, ending in a newline.
    ///
    /// # Errors
    /// If the architecture is not valid in its space, or the space is not one of this crate's.
    pub fn to_json(&self) -> Result<String, SpaceError> {
        let (space, choices, genotype) = match &self.blueprint {
            Blueprint::Point(architecture) => {
                let space = spaces::by_name(&architecture.space)?;
                space.check(architecture)?;
                let named = space.decisions().iter().zip(&architecture.choices);
                let choices = named.map(|(d, &c)| (d.name.clone(), Value::from(d.options[c].clone()))).collect();
                (Some(architecture.space.clone()), Some(choices), None)
            }
            Blueprint::Genotype(_) | Blueprint::Cells(_) => (None, None, Some(self.blueprint.text())),
        };
        let network = self.network.clone();
        let written = Written { format: FORMAT.into(), version: VERSION, space, choices, genotype, network };
        let json = serde_json::to_string_pretty(&written).expect("plain strings and numbers always serialize");
        Ok(json + "\n")
    }
}

fn file(reason: impl Into<String>) -> SpaceError {
    SpaceError::File { reason: reason.into() }
}

/// The architecture of named choices, in whatever order they are written.
fn point(space: &str, named: &Map<String, Value>) -> Result<Architecture, SpaceError> {
    let space = spaces::by_name(space)?;
    let decisions = space.decisions();
    let names = || decisions.iter().map(|d| d.name.as_str());
    if let Some(unknown) = named.keys().find(|name| names().all(|n| n != name.as_str())) {
        let hint = suggest::hint(unknown, names());
        return Err(file(format!("the space `{}` has no decision `{unknown}`{hint}", space.name())));
    }
    let mut choices = Vec::with_capacity(decisions.len());
    for decision in decisions {
        let Some(value) = named.get(&decision.name) else {
            return Err(file(format!("the choice for `{}` is missing", decision.name)));
        };
        let chosen = value.as_str().and_then(|name| decision.options.iter().position(|option| option == name));
        choices.push(chosen.ok_or_else(|| SpaceError::BadChoice {
            decision: decision.name.clone(),
            choice: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            reason: format!("it may be {}", decision.options.join(", ")),
        })?);
    }
    let architecture = Architecture { space: space.name().to_owned(), choices };
    space.check(&architecture)?;
    Ok(architecture)
}
