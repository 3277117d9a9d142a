//! A space without the architectures whose networks cost too much.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use crate::{Architecture, Decision, Drawing, NetworkConfig, NetworkGraph, SearchSpace, Seed, SpaceError};

/// How many random architectures are drawn before one over the limits is led below them by mutations.
const DRAWS: usize = 100;

/// How many mutations lead an architecture below the limits, at most.
const STEPS: usize = 1000;

/// How many mutations of one parent are tried before the parent itself is returned.
const CHILDREN: usize = 100;

/// From how many beginnings [`Limited::check_possible`] looks for an architecture within the limits.
const BEGINNINGS: u64 = 3;

/// The most that a network may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Learned parameters.
    pub parameters: Option<u64>,
    /// Multiply-adds for one image, as [`NetworkGraph::flops`] counts them.
    pub flops: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks a network.
    ///
    /// # Errors
    /// [`SpaceError::OverLimit`] names the first limit that it exceeds.
    pub fn check(&self, graph: &NetworkGraph) -> Result<(), SpaceError> {
        match self.costs(graph).into_iter().find(|(_, found, limit)| found > limit) {
            Some((what, found, limit)) => Err(SpaceError::OverLimit { what, found, limit }),
            None => Ok(()),
        }
    }

    /// What is limited: its name, what the network has of it, and the limit.
    fn costs(&self, graph: &NetworkGraph) -> Vec<(&'static str, u64, u64)> {
        let parameters = self.parameters.map(|limit| ("parameters", graph.parameters() as u64, limit));
        let flops = self.flops.map(|limit| ("multiply-adds", graph.flops(), limit));
        parameters.into_iter().chain(flops).collect()
    }

    /// How far a network exceeds the limits: the largest of its costs as shares of their limits, above 1 if it does.
    fn excess(&self, graph: &NetworkGraph) -> f64 {
        self.costs(graph).into_iter().map(|(_, found, limit)| found as f64 / limit as f64).fold(0.0, f64::max)
    }
}

/// The architectures of a space whose networks, built at one size, keep to [`Limits`].
///
/// It is the same space to every strategy, only smaller: what is drawn or mutated here is within the limits, and
/// [`check`](SearchSpace::check) refuses everything else with [`SpaceError::OverLimit`]. So no trial is spent on what is
/// too large, and what is drawn stays a function of the random numbers alone.
///
/// - A random architecture is drawn anew up to 100 times, so it is uniform over what fits wherever as much as a few
///   percent of the space does. Where none of these fits, the smallest of them is mutated, up to 1,000 times, keeping
///   what is not larger, until it does.
/// - A mutation is drawn anew up to 100 times; where none fits, the child is the parent.
/// - An architecture that cannot be lowered at all at this size is not the limits' business, and passes.
pub struct Limited {
    space: Arc<dyn SearchSpace>,
    network: NetworkConfig,
    limits: Limits,
}

impl Limited {
    /// The part of `space` whose networks of this size keep to the limits.
    pub fn new(space: Arc<dyn SearchSpace>, network: NetworkConfig, limits: Limits) -> Self {
        Self { space, network, limits }
    }

    /// Checks that there is anything within the limits.
    ///
    /// # Errors
    /// [`SpaceError::NothingWithin`] if none is found from three beginnings; it tells the least that was.
    pub fn check_possible(&self) -> Result<(), SpaceError> {
        let mut least: Option<(f64, NetworkGraph)> = None;
        for beginning in 0..BEGINNINGS {
            let found = self.sample(&mut Seed::new(0).child("limits").index(beginning).rng());
            let Ok(graph) = self.space.lower(&found, &self.network) else { return Ok(()) };
            let excess = self.limits.excess(&graph);
            if excess <= 1.0 {
                return Ok(());
            }
            if least.as_ref().is_none_or(|(known, _)| excess < *known) {
                least = Some((excess, graph));
            }
        }
        let Some((_, graph)) = least else { return Ok(()) };
        let costs = self.limits.costs(&graph);
        let told = |of: fn(&(&'static str, u64, u64)) -> u64| {
            let each: Vec<String> = costs.iter().map(|cost| format!("{} {}", of(cost), cost.0)).collect();
            each.join(" and ")
        };
        let NetworkConfig { channels, layers, .. } = self.network;
        let (limits, least) = (told(|cost| cost.2), told(|cost| cost.1));
        let networks = format!("`{}` with {channels} channels and {layers} cells", self.name());
        Err(SpaceError::NothingWithin { networks, limits, least })
    }

    /// How far an architecture exceeds the limits; not at all if it has no network.
    fn excess(&self, architecture: &Architecture) -> f64 {
        self.space.lower(architecture, &self.network).map_or(0.0, |graph| self.limits.excess(&graph))
    }
}

impl SearchSpace for Limited {
    fn name(&self) -> &str {
        self.space.name()
    }

    fn summary(&self) -> &str {
        self.space.summary()
    }

    fn decisions(&self) -> &[Decision] {
        self.space.decisions()
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.space.lower(architecture, config)
    }

    fn default_config(&self) -> NetworkConfig {
        self.space.default_config()
    }

    fn nearest_layers(&self, wanted: usize) -> usize {
        self.space.nearest_layers(wanted)
    }

    fn allowed(&self, prefix: &[usize]) -> Vec<bool> {
        self.space.allowed(prefix)
    }

    fn check(&self, architecture: &Architecture) -> Result<(), SpaceError> {
        self.space.check(architecture)?;
        self.space.lower(architecture, &self.network).map_or(Ok(()), |graph| self.limits.check(&graph))
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> Architecture {
        let mut best = self.space.sample(rng);
        let mut excess = self.excess(&best);
        for draw in 1..DRAWS + STEPS {
            if excess <= 1.0 {
                break;
            }
            let other = if draw < DRAWS { self.space.sample(rng) } else { self.space.mutate(&best, rng) };
            let its = self.excess(&other);
            // Equal ones too: from a plateau, one step may not be enough.
            if its <= excess {
                (best, excess) = (other, its);
            }
        }
        best
    }

    fn mutate(&self, parent: &Architecture, rng: &mut ChaCha8Rng) -> Architecture {
        let mut children = (0..CHILDREN).map(|_| self.space.mutate(parent, rng));
        children.find(|child| self.excess(child) <= 1.0).unwrap_or_else(|| parent.clone())
    }

    fn canonical(&self, architecture: &Architecture) -> String {
        self.space.canonical(architecture)
    }

    fn text(&self, architecture: &Architecture) -> String {
        self.space.text(architecture)
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        self.space.parse(text)
    }

    fn describe(&self, architecture: &Architecture) -> Vec<String> {
        self.space.describe(architecture)
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        self.space.drawing(architecture)
    }
}
