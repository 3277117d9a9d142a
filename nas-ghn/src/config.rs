//! The settings of a hypernetwork itself; those of its training are in [`SearchConfig`](crate::SearchConfig).

use serde::{Deserialize, Serialize};

use crate::GhnError;

/// In which order the nodes of a graph are updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// One after another in topological order, each reading its inputs, then back again, each reading its readers: what
    /// a pass through a network does (Zhang, Ren & Urtasun 2019, section 4.2).
    ForwardBackward,
    /// All at once, each reading its inputs and its readers as they were: the usual graph network.
    Synchronous,
}

/// How a hypernetwork is built. The default is the paper's (Zhang, Ren & Urtasun 2019, section 4), in its stacked form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GhnConfig {
    /// Numbers in the state of a node.
    pub hidden: usize,
    /// Units of the hidden layer that makes a message of a state.
    pub message: usize,
    /// Units of the hidden layer between a state and the weights.
    pub decoder: usize,
    /// How often messages go through the graph (T).
    pub passes: usize,
    /// In which order.
    pub propagation: Propagation,
    /// Whether messages stay within a cell, and each cell hands the mean of its states to those that read it: the
    /// paper's stacked form. Otherwise the whole network is one graph.
    pub stacked: bool,
    /// Channels, of input and output alike, that a generated 1x1 or depthwise kernel has before it is cut or repeated
    /// to the layer's size; dense kernels of more pixels have half as many.
    pub channels: usize,
    /// GHN-2 (Knyazev et al. 2021): how far away nodes may lie that send messages too, divided by their distance; 0 for
    /// none.
    pub virtual_edges: usize,
    /// GHN-2 (Knyazev et al. 2021): whether kernels are scaled by the root of two (depthwise ones: one) over the number
    /// of inputs of an output.
    pub normalize: bool,
}

impl Default for GhnConfig {
    fn default() -> Self {
        Self {
            hidden: 32,
            message: 32,
            decoder: 64,
            passes: 5,
            propagation: Propagation::ForwardBackward,
            stacked: true,
            channels: 64,
            virtual_edges: 0,
            normalize: false,
        }
    }
}

impl GhnConfig {
    /// GHN-2 (Knyazev et al. 2021) as far as it is a matter of the graph network: one pass over the whole network,
    /// virtual edges up to 50 hops long, normalised kernels. Its convolutional decoder and its layer norm are not
    /// built.
    pub fn ghn2() -> Self {
        Self { passes: 1, stacked: false, virtual_edges: 50, normalize: true, ..Self::default() }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first setting at fault, its value and what would be right.
    pub fn validate(&self) -> Result<(), GhnError> {
        let ranges = [
            ("hidden", self.hidden, 1, 4096),
            ("message", self.message, 1, 4096),
            ("decoder", self.decoder, 1, 4096),
            ("passes", self.passes, 1, 100),
            ("channels", self.channels, 2, 1024),
            ("virtual_edges", self.virtual_edges, 0, 100_000),
        ];
        for (setting, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                let reason = format!("it must be from {low} to {high}");
                return Err(GhnError::Setting { setting, value: value.to_string(), reason });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_are_named() {
        let check = |config: GhnConfig, setting: &str| {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(setting), "{message}");
        };
        assert!(GhnConfig::default().validate().is_ok() && GhnConfig::ghn2().validate().is_ok());
        check(GhnConfig { passes: 0, ..GhnConfig::default() }, "`passes` = 0");
        check(GhnConfig { channels: 1, ..GhnConfig::default() }, "`channels` = 1");
        check(GhnConfig { hidden: 0, ..GhnConfig::default() }, "`hidden` = 0");
    }
}
