//! Partial channels (Xu et al. 2020, PC-DARTS, section 3.2): of the channels of a state one part goes through the operations
//! of an edge, the others past them.
//!
//! The one idea: edges that end in one node can share the way past, since a sum over edges is one over operations and one
//! over what was left alone. Behind both the channels are shuffled, so that each part has its turn in later nodes.

use crate::{GraphBuilder, Layer, NetworkConfig, Pool, PoolKind, SpaceError, Window};

/// How a supernet's edges treat their channels.
#[derive(Clone, Copy)]
pub(crate) struct Partial {
    /// One of so many channels goes through the operations; all of them with 1.
    pub(crate) parts: usize,
    /// The table that weighs the edges, a row for each, one column.
    pub(crate) table: usize,
}

/// A state's channels: those for the operations, and the others, if there are any.
#[derive(Clone, Copy)]
pub(crate) struct Split {
    pub(crate) front: usize,
    rest: Option<usize>,
}

/// Refuses channels that cannot be shared out.
pub(crate) fn check(config: &NetworkConfig, parts: usize) -> Result<(), SpaceError> {
    if parts > 0 && config.channels.is_multiple_of(parts) {
        return Ok(());
    }
    let reason = format!("one of {parts} channels goes through the operations; use a multiple of {parts}");
    Err(SpaceError::Config { setting: "channels", value: config.channels.to_string(), reason })
}

impl Partial {
    /// Splits a state, named `path`.
    pub(crate) fn split(self, net: &mut GraphBuilder, path: &str, state: usize) -> Result<Split, SpaceError> {
        if self.parts == 1 {
            return Ok(Split { front: state, rest: None });
        }
        let channels = net.shape(state).channels;
        let part = channels / self.parts;
        let front = net.push(format!("{path}.front"), Layer::Select { channels: (0..part).collect() }, &[state])?;
        let rest = Layer::Select { channels: (part..channels).collect() };
        Ok(Split { front, rest: Some(net.push(format!("{path}.rest"), rest, &[state])?) })
    }

    /// The node named `path` of what the operations made of `states`, with strides, and of the states' other channels. Where
    /// operations halve a state, so does 2x2 maximum pooling; of an odd size its last window holds what is left.
    pub(crate) fn join(
        self,
        net: &mut GraphBuilder,
        path: &str,
        mixed: usize,
        states: &[(Split, usize)],
        row: usize,
    ) -> Result<usize, SpaceError> {
        let mut past = Vec::with_capacity(states.len());
        for (state, (split, stride)) in states.iter().enumerate() {
            let Some(rest) = split.rest else { return Ok(mixed) };
            past.push(match stride {
                1 => rest,
                _ => {
                    let pool = Pool { kind: PoolKind::Max, window: Window::halving(net.shape(rest)) };
                    net.push(format!("{path}.pool{state}"), Layer::Pool(pool), &[rest])?
                }
            });
        }
        let weigh = Layer::WeightedSum { table: self.table, row, edges: past.len() };
        let past = net.push(format!("{path}.past"), weigh, &past)?;
        let joined = net.push(format!("{path}.joined"), Layer::Concat, &[mixed, past])?;
        let part = net.shape(joined).channels / self.parts;
        let channels = (0..part).flat_map(|at| (0..self.parts).map(move |group| group * part + at)).collect();
        net.push(format!("{path}.shuffled"), Layer::Select { channels }, &[joined])
    }
}
