//! A space in several depths at once: its first decision is the number of layers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::family::{Family, MOST_LAYERS};
use super::sizes;
use crate::{Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, SearchSpace, SpaceError};

/// The layers from one depth to the next: as many as Zoph & Le add at a time.
const STEP: usize = 2;

/// How likely a mutation changes the depth.
const DEPTH_MUTATION: f64 = 0.1;

/// The networks of a layer-by-layer space in every second depth from one to another, such as `zoph-6-20`: Zoph & Le (2017,
/// section 4.1) search the deeper ones later.
///
/// Of the decisions behind the first, those of the deepest network, the ones of layers that an architecture does not have
/// can only be their first option.
pub(super) struct Depths {
    name: String,
    summary: String,
    /// The shallowest first.
    members: Vec<Arc<dyn SearchSpace>>,
    depths: Vec<usize>,
    decisions: Vec<Decision>,
}

/// Spaces that were asked for. There are no more than pairs of depths, and each lives as long as the program, as those of
/// a [`Family`] do.
static MADE: Mutex<BTreeMap<String, &'static Arc<dyn SearchSpace>>> = Mutex::new(BTreeMap::new());

/// The space of a name such as `zoph-6-20`; `None` if it is no such name of this family, `Some(None)` if the depths are
/// impossible.
pub(super) fn find(family: &'static Family, name: &str) -> Option<Option<&'static Arc<dyn SearchSpace>>> {
    let (from, to) = name.strip_prefix(family.name())?.strip_prefix('-')?.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(from) || !is_number(to) {
        return None;
    }
    let depth = |text: &str| text.parse().ok().filter(|depth| (1..=MOST_LAYERS).contains(depth));
    let (Some(from), Some(to)) = (depth(from), depth(to)) else { return Some(None) };
    if from >= to || (to - from) % STEP != 0 {
        return Some(None);
    }
    let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let name = format!("{}-{from}-{to}", family.name());
    let make = || &*Box::leak(Box::new(Arc::new(Depths::new(family, from, to)) as Arc<dyn SearchSpace>));
    Some(Some(made.entry(name).or_insert_with(make)))
}

impl Depths {
    fn new(family: &'static Family, from: usize, to: usize) -> Self {
        let depths: Vec<usize> = (from..=to).step_by(STEP).collect();
        let members: Vec<_> = depths.iter().map(|&depth| Arc::clone(family.of(depth))).collect();
        let deepest = members.last().expect("there are at least two depths");
        let options = depths.iter().map(usize::to_string).collect();
        let first = Decision { name: "layers".into(), group: "layers".into(), chooses: Chooses::Depth, options };
        let decisions = std::iter::once(first).chain(deepest.decisions().iter().cloned()).collect();
        let summary = format!("{}, here of {from} to {to} layers in steps of {STEP}", deepest.summary());
        Self { name: format!("{}-{from}-{to}", family.name()), summary, members, depths, decisions }
    }

    /// The space of an architecture's depth, and the architecture there.
    fn at(&self, architecture: &Architecture) -> Result<(&dyn SearchSpace, Architecture), SpaceError> {
        self.check(architecture)?;
        let member = &*self.members[architecture.choices[0]];
        let choices = architecture.choices[1..][..member.decisions().len()].to_vec();
        Ok((member, Architecture { space: member.name().to_owned(), choices }))
    }

    /// An architecture of one of the depths, as one of this space.
    fn of(&self, depth: usize, mut choices: Vec<usize>) -> Architecture {
        choices.insert(0, depth);
        choices.resize(self.decisions.len(), 0);
        Architecture { space: self.name.clone(), choices }
    }
}

impl SearchSpace for Depths {
    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &str {
        &self.summary
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// `layers` must be the deepest network's; how many of them there are is the architecture's.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        let (member, inner) = self.at(architecture)?;
        sizes::check_depth(&self.name, *self.depths.last().expect("there are depths"), config)?;
        member.lower(&inner, &NetworkConfig { layers: self.depths[architecture.choices[0]], ..config.clone() })
    }

    fn default_config(&self) -> NetworkConfig {
        self.members.last().expect("there are depths").default_config()
    }

    fn nearest_layers(&self, wanted: usize) -> usize {
        self.members.last().expect("there are depths").nearest_layers(wanted)
    }

    fn allowed(&self, prefix: &[usize]) -> Vec<bool> {
        let all = vec![true; self.decisions[prefix.len()].options.len()];
        let Some((&depth, inner)) = prefix.split_first() else { return all };
        match self.members.get(depth).filter(|member| inner.len() < member.decisions().len()) {
            Some(member) => member.allowed(inner),
            None => (0..all.len()).map(|option| option == 0).collect(),
        }
    }

    /// As in the space of its depth, or one step deeper with random layers, or one step shallower.
    fn mutate(&self, parent: &Architecture, rng: &mut ChaCha8Rng) -> Architecture {
        let Ok((member, inner)) = self.at(parent) else { return parent.clone() };
        let depth = parent.choices[0];
        if !rng.random_bool(DEPTH_MUTATION) {
            return self.of(depth, member.mutate(&inner, rng).choices);
        }
        let deeper = if depth == 0 { true } else { depth + 1 < self.depths.len() && rng.random_bool(0.5) };
        let depth = if deeper { depth + 1 } else { depth - 1 };
        let member = &self.members[depth];
        let mut choices = inner.choices;
        choices.truncate(member.decisions().len());
        let random = member.sample(rng).choices;
        choices.extend_from_slice(&random[choices.len()..]);
        self.of(depth, choices)
    }

    fn canonical(&self, architecture: &Architecture) -> String {
        match self.at(architecture) {
            Ok((member, inner)) => member.canonical(&inner),
            Err(_) => format!("{}:{:?}", self.name, architecture.choices),
        }
    }

    /// As in the space of its depth.
    fn text(&self, architecture: &Architecture) -> String {
        match self.at(architecture) {
            Ok((member, inner)) => member.text(&inner),
            Err(_) => format!("{:?}", architecture.choices),
        }
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let name = text.split(':').next().unwrap_or_default().trim();
        let Some(depth) = self.members.iter().position(|member| member.name() == name) else {
            let known: Vec<&str> = self.members.iter().map(|member| member.name()).collect();
            let reason = format!("it begins with the space of its depth: {}", known.join(", "));
            return Err(SpaceError::Parse { what: "an architecture", near: text.chars().take(40).collect(), reason });
        };
        Ok(self.of(depth, self.members[depth].parse(text)?.choices))
    }

    fn describe(&self, architecture: &Architecture) -> Vec<String> {
        self.at(architecture).map(|(member, inner)| member.describe(&inner)).unwrap_or_default()
    }

    /// As in the space of its depth.
    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        let (member, inner) = self.at(architecture)?;
        member.drawing(&inner)
    }

    fn size(&self) -> Option<u128> {
        self.members.iter().try_fold(0_u128, |sum, member| sum.checked_add(member.size()?))
    }

    fn size_log10(&self) -> Option<f64> {
        let logs: Vec<f64> = self.members.iter().map(|member| member.size_log10()).collect::<Option<_>>()?;
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(most + logs.iter().map(|log| 10_f64.powf(log - most)).sum::<f64>().log10())
    }
}
