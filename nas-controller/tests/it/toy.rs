//! A space made of any decisions, without networks.

use nas_controller::{ControllerConfig, preset};
use nas_space::{Architecture, Chooses, Decision, NetworkConfig, NetworkGraph, SearchSpace, SpaceError};

/// Which options may follow a prefix, of so many.
pub(crate) type Allowed = fn(&[usize], usize) -> Vec<bool>;

/// Decisions, and what is allowed after which.
pub(crate) struct Toy {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) allowed: Allowed,
}

impl Toy {
    /// From `(group, what is chosen, number of options)`, everything allowed.
    pub(crate) fn new(list: &[(&str, Chooses, usize)]) -> Self {
        let decision = |(at, &(group, chooses, count)): (usize, &(&str, Chooses, usize))| Decision {
            name: format!("d{at}"),
            group: group.into(),
            chooses,
            options: (0..count).map(|i| format!("option{i}")).collect(),
        };
        let allowed: Allowed = |_, count| vec![true; count];
        Self { decisions: list.iter().enumerate().map(decision).collect(), allowed }
    }

    /// So many choices of one of so many operations.
    pub(crate) fn operations(decisions: usize, options: usize) -> Self {
        Self::new(&vec![("all", Chooses::Operation, options); decisions])
    }

    /// All architectures.
    pub(crate) fn every(&self) -> Vec<Architecture> {
        let mut all = vec![Vec::new()];
        for _ in &self.decisions {
            let longer = |prefix: Vec<usize>| {
                let allowed = self.allowed(&prefix);
                let options = (0..allowed.len()).filter(move |&i| allowed[i]);
                options.map(move |i| [prefix.as_slice(), &[i]].concat())
            };
            all = all.into_iter().flat_map(longer).collect();
        }
        all.into_iter().map(|choices| Architecture { space: "toy".into(), choices }).collect()
    }
}

impl SearchSpace for Toy {
    fn name(&self) -> &str {
        "toy"
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn lower(&self, _: &Architecture, _: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        let reason = "these are not networks".into();
        Err(SpaceError::Config { setting: "space", value: "toy".into(), reason })
    }

    fn allowed(&self, prefix: &[usize]) -> Vec<bool> {
        (self.allowed)(prefix, self.decisions[prefix.len()].options.len())
    }
}

/// A small REINFORCE controller, whose tests are quick.
pub(crate) fn small() -> ControllerConfig {
    let mut config = preset::zoph();
    (config.policy.hidden, config.policy.layers, config.policy.init) = (6, 2, 0.5);
    config
}
