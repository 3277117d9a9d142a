//! A decision: one categorical choice of a search space.

use serde::{Deserialize, Serialize};

/// What a decision chooses. A policy that points at earlier nodes, or a mutation that treats wiring and operations
/// differently, needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Chooses {
    /// An operation, by name.
    Operation,
    /// An input: option `i` is the cell's state `i` (the cell's inputs first, then its nodes in order).
    Input,
    /// Whether a skip connection exists: option 0 is no, option 1 yes.
    Skip,
    /// A value: a kernel size, a number of filters, a stride.
    Value,
    /// How many layers there are. The decisions of layers that are not there can only be their first option.
    Depth,
}

/// One categorical decision of a search space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// A name unique in its space, such as `normal.node2.op1`.
    pub name: String,
    /// The part of the network it belongs to, such as `normal`: mutation picks a group first, then a decision in it.
    pub group: String,
    /// What it chooses.
    pub chooses: Chooses,
    /// The names of the options, in a fixed order; a choice is an index into them.
    pub options: Vec<String>,
}
