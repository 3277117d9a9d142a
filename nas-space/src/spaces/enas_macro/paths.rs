//! The shared weights of ENAS in its macro space.

use super::{EnasMacro, EnasMacroForm, OPERATIONS, lower, sizes};
use crate::{Architecture, Chooses, NetworkConfig, NetworkGraph, PathSpace, SearchSpace, SpaceError};

impl PathSpace for EnasMacro {
    /// The network of the search, whatever the space's form: what is found may be trained in another.
    fn path(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        sizes::check_depth(&self.name, self.layers, config)?;
        sizes::check_no_auxiliary("ENAS macro", config)?;
        lower::network(&self.chosen(&architecture.choices), EnasMacroForm::Search, config)
    }

    /// One network for each operation, with every skip connection.
    fn shared(&self, config: &NetworkConfig) -> Result<Vec<NetworkGraph>, SpaceError> {
        let network = |operation: usize| {
            let choice = |decision: &crate::Decision| if decision.chooses == Chooses::Skip { 1 } else { operation };
            let choices = self.decisions.iter().map(choice).collect();
            self.path(&Architecture { space: self.name.clone(), choices }, config)
        };
        (0..OPERATIONS.len()).map(network).collect()
    }
}
