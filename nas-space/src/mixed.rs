//! Spaces that one network can hold whole: every edge of its cells mixes all operations, and an architecture is read off
//! the weights of the mixture.

use crate::{Architecture, NetworkConfig, NetworkGraph, Operation, SearchSpace, SpaceError};

/// The weights of one kind of cell: a row for each edge, a column for each operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixedTable {
    /// The kind of cell, such as `normal`.
    pub name: &'static str,
    /// The operations of every edge, in the order of the columns.
    pub operations: &'static [Operation],
    /// What each row's edge connects: the state it reads and the node it ends in, nodes counted from 0.
    pub edges: Vec<(usize, usize)>,
    /// How many operations an architecture has in such a cell.
    pub chosen: usize,
}

/// One operation that an architecture takes over from the supernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which table.
    pub table: usize,
    /// Which row of it: the edge.
    pub row: usize,
    /// Which column: the operation.
    pub operation: usize,
}

/// A space with a supernet (Liu et al. 2019, section 2.2).
///
/// Weights are given as `weights[table][row][operation]`, in the shapes of [`tables`](Self::tables).
pub trait MixedSpace: SearchSpace {
    /// The network that mixes all operations on every edge; its
    /// [`WeightedSum`](crate::Layer::WeightedSum) layers name the tables and rows. Its batch norms inside cells learn no
    /// scale and shift.
    ///
    /// # Errors
    /// If the settings are impossible or the cells do not fit the images.
    fn supernet(&self, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.partial_supernet(config, 1)
    }

    /// The same where the operations of an edge see one of `parts` channels, and the others go past them (Xu et al. 2020).
    /// Behind the [`tables`](Self::tables) of operations it has as many that weigh the edges, `[edges, 1]`. With 1 part
    /// nothing goes past, edges have no weights, and it is the [`supernet`](Self::supernet).
    ///
    /// # Errors
    /// As [`supernet`](Self::supernet), and if the channels are no multiple of the parts.
    fn partial_supernet(&self, config: &NetworkConfig, parts: usize) -> Result<NetworkGraph, SpaceError>;

    /// The tables of weights, in the order in which the layers number them. What is said of skip connections concerns the
    /// first one.
    fn tables(&self) -> Vec<MixedTable>;

    /// The published rule: which operations of which edges an architecture keeps.
    fn choose(&self, weights: &[Vec<Vec<f64>>]) -> Vec<Chosen>;

    /// The architecture made of what was chosen, in the order of [`choose`](Self::choose).
    ///
    /// # Errors
    /// If the choices do not make an architecture of the space.
    fn assemble(&self, chosen: &[Chosen]) -> Result<Architecture, SpaceError>;

    /// What an architecture keeps of the supernet: [`assemble`](Self::assemble) backwards.
    ///
    /// # Errors
    /// As [`SearchSpace::check`].
    fn chosen(&self, architecture: &Architecture) -> Result<Vec<Chosen>, SpaceError>;
}

/// The largest entry of a row among those that are `allowed`, the first of equals; `None` where none is.
pub(crate) fn largest(row: &[f64], allowed: impl Fn(usize) -> bool) -> Option<usize> {
    (0..row.len()).filter(|&i| allowed(i)).reduce(|best, i| if row[i] > row[best] { i } else { best })
}
