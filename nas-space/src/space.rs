//! The trait every search space implements.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, SpaceError};

/// A search space: categorical decisions and a lowering to a network graph.
///
/// Only [`name`](Self::name), [`decisions`](Self::decisions) and [`lower`](Self::lower) must be written; constraints
/// between decisions go into [`allowed`](Self::allowed).
pub trait SearchSpace: Send + Sync {
    /// The space's name, as architectures carry it.
    fn name(&self) -> &str;

    /// One sentence for a list of spaces.
    fn summary(&self) -> &str {
        ""
    }

    /// The decisions, in the order in which a controller makes them.
    fn decisions(&self) -> &[Decision];

    /// Builds the network of an architecture.
    ///
    /// # Errors
    /// If the architecture is not of this space, or the network cannot be built at this size.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError>;

    /// The network size used where nothing else is asked for: the paper's final network.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(16, 8)
    }

    /// The number of layers closest to `wanted` that networks of this space can have. Spaces whose networks repeat a cell
    /// as often as one likes have any number; others override this, and `lower` refuses what they cannot have.
    fn nearest_layers(&self, wanted: usize) -> usize {
        wanted
    }

    /// Which options of decision `prefix.len()` may follow the choices before it. All of them, unless overridden.
    ///
    /// At least one option must be allowed after every prefix of allowed choices.
    fn allowed(&self, prefix: &[usize]) -> Vec<bool> {
        vec![true; self.decisions()[prefix.len()].options.len()]
    }

    /// Checks that an architecture belongs to this space and obeys its constraints.
    ///
    /// # Errors
    /// Names the decision and the choice at fault.
    fn check(&self, architecture: &Architecture) -> Result<(), SpaceError> {
        let decisions = self.decisions();
        if architecture.space != self.name() {
            let (expected, found) = (self.name().to_owned(), architecture.space.clone());
            return Err(SpaceError::WrongSpace { expected, found });
        }
        if architecture.choices.len() != decisions.len() {
            let (expected, found) = (decisions.len(), architecture.choices.len());
            return Err(SpaceError::WrongLength { space: self.name().to_owned(), expected, found });
        }
        for (i, (decision, &choice)) in decisions.iter().zip(&architecture.choices).enumerate() {
            let allowed = self.allowed(&architecture.choices[..i]);
            if !allowed.get(choice).copied().unwrap_or(false) {
                let named = decision.options.get(choice).cloned();
                let possible: Vec<&str> =
                    decision.options.iter().zip(&allowed).filter(|(_, a)| **a).map(|(o, _)| o.as_str()).collect();
                return Err(SpaceError::BadChoice {
                    decision: decision.name.clone(),
                    choice: named.unwrap_or_else(|| format!("option {choice}")),
                    reason: format!("after the decisions before it, it may be {}", possible.join(", ")),
                });
            }
        }
        Ok(())
    }

    /// A random architecture: each decision uniform over the options still allowed.
    fn sample(&self, rng: &mut ChaCha8Rng) -> Architecture {
        let mut choices = Vec::with_capacity(self.decisions().len());
        while choices.len() < self.decisions().len() {
            let allowed = self.allowed(&choices);
            choices.push(pick(&allowed, rng).expect("a space allows at least one option after every valid prefix"));
        }
        Architecture { space: self.name().to_owned(), choices }
    }

    /// One random change (Real et al. 2019): with equal odds the wiring or an operation, where the space has both; then
    /// a group, a decision of that kind in it, and another option for it, each uniformly, such that the result is valid.
    /// Returns an equal architecture only where no single change is valid.
    fn mutate(&self, parent: &Architecture, rng: &mut ChaCha8Rng) -> Architecture {
        let decisions = self.decisions();
        let is_wiring = |d: &Decision| matches!(d.chooses, Chooses::Input | Chooses::Skip);
        let both = decisions.iter().any(is_wiring) && !decisions.iter().all(is_wiring);
        let wiring = if both { rng.random_bool(0.5) } else { decisions.iter().any(is_wiring) };
        let mut groups: Vec<&str> = Vec::new();
        for d in decisions.iter().filter(|d| is_wiring(d) == wiring) {
            if !groups.contains(&d.group.as_str()) {
                groups.push(&d.group);
            }
        }
        if groups.is_empty() {
            return parent.clone();
        }
        // Most changes are valid, so a few draws find one; the bound only guards degenerate spaces.
        for _ in 0..1000 {
            let group = groups[rng.random_range(0..groups.len())];
            let candidates: Vec<usize> = (0..decisions.len())
                .filter(|&i| is_wiring(&decisions[i]) == wiring && decisions[i].group == group)
                .collect();
            let at = candidates[rng.random_range(0..candidates.len())];
            let mut other = vec![true; decisions[at].options.len()];
            other[parent.choices[at]] = false;
            let Some(choice) = pick(&other, rng) else { continue };
            let mut child = parent.clone();
            child.choices[at] = choice;
            if self.check(&child).is_ok() {
                return child;
            }
        }
        parent.clone()
    }

    /// A key that equal networks share, so that twins are not trained twice. Spaces with isomorphic architectures
    /// override it.
    fn canonical(&self, architecture: &Architecture) -> String {
        let digits: Vec<String> = architecture.choices.iter().map(usize::to_string).collect();
        format!("{}:{}", architecture.space, digits.join(","))
    }

    /// The architecture in the text form of its field (a genotype, a NAS-Bench string), where there is one.
    fn text(&self, architecture: &Architecture) -> String {
        let chosen = self.decisions().iter().zip(&architecture.choices);
        chosen.map(|(d, &c)| format!("{}={}", d.name, d.options[c])).collect::<Vec<_>>().join(" ")
    }

    /// Reads the form that [`text`](Self::text) writes.
    ///
    /// # Errors
    /// [`SpaceError::Parse`] shows the part that cannot be read; otherwise as [`check`](Self::check).
    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let fault = |near: &str, reason: String| SpaceError::Parse {
            what: "an architecture",
            near: near.chars().take(40).collect(),
            reason,
        };
        let (decisions, words) = (self.decisions(), text.split_whitespace().collect::<Vec<_>>());
        if words.len() != decisions.len() {
            let (name, expected, found) = (self.name(), decisions.len(), words.len());
            return Err(fault(text, format!("it has {found} choices, the space `{name}` has {expected} decisions")));
        }
        let mut choices = Vec::with_capacity(decisions.len());
        for (decision, word) in decisions.iter().zip(words) {
            let Some(option) = word.split_once('=').filter(|(name, _)| *name == decision.name).map(|(_, o)| o) else {
                return Err(fault(word, format!("expected `{}=`", decision.name)));
            };
            let choice = decision.options.iter().position(|known| known == option);
            choices.push(choice.ok_or_else(|| fault(word, format!("it may be {}", decision.options.join(", "))))?);
        }
        let architecture = Architecture { space: self.name().to_owned(), choices };
        self.check(&architecture)?;
        Ok(architecture)
    }

    /// The architecture in words, a line a part, for people: its decisions one by one, unless a space can tell it better.
    fn describe(&self, architecture: &Architecture) -> Vec<String> {
        let chosen = self.decisions().iter().zip(&architecture.choices);
        chosen.map(|(d, &c)| format!("{} = {}", d.name, d.options.get(c).map_or("?", String::as_str))).collect()
    }

    /// The architecture as its paper draws it. Where a space does not say how, its words in a box.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        self.check(architecture)?;
        Ok(Drawing::of_lines(self.text(architecture), self.name(), &self.describe(architecture)))
    }

    /// The number of architectures of the space, where it is known exactly and has at most 128 bits.
    fn size(&self) -> Option<u128> {
        None
    }

    /// The decimal logarithm of the number of architectures, where that number is known.
    fn size_log10(&self) -> Option<f64> {
        self.size().map(|size| (size as f64).log10())
    }
}

/// A uniformly random index among those that are true.
fn pick(allowed: &[bool], rng: &mut ChaCha8Rng) -> Option<usize> {
    let options: Vec<usize> = (0..allowed.len()).filter(|&i| allowed[i]).collect();
    (!options.is_empty()).then(|| options[rng.random_range(0..options.len())])
}
