//! A cell as the benchmark sees it: a small graph without the vertices that lie on no path from input to output.

use super::{MAX_EDGES, MAX_VERTICES, enumerate, hash};
use crate::{SpaceError, suggest};

/// The operation of an interior vertex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VertexOperation {
    /// 3x3 convolution, batch norm, ReLU.
    Conv3x3,
    /// 1x1 convolution, batch norm, ReLU.
    Conv1x1,
    /// 3x3 max pooling with stride 1.
    MaxPool3x3,
}

impl VertexOperation {
    /// All of them, in the benchmark's order: the position is the label that the hash and the tables use.
    pub const ALL: [Self; 3] = [Self::Conv3x3, Self::Conv1x1, Self::MaxPool3x3];

    /// The benchmark's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conv3x3 => "conv3x3-bn-relu",
            Self::Conv1x1 => "conv1x1-bn-relu",
            Self::MaxPool3x3 => "maxpool3x3",
        }
    }

    /// The operation of a name.
    ///
    /// # Errors
    /// [`SpaceError::UnknownOperation`] lists the names and suggests the nearest.
    pub fn parse(name: &str) -> Result<Self, SpaceError> {
        let found = Self::ALL.into_iter().find(|op| op.name() == name);
        found.ok_or_else(|| suggest::unknown_operation(name, &Self::ALL.map(Self::name)))
    }
}

/// A pruned cell: vertex 0 is the input, the last one the output, and every vertex lies on a path between them.
///
/// Two cells that differ only in the order of their vertices are not equal, but have the same [`hash`](Self::hash).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    vertices: usize,
    edges: u32,
    operations: [VertexOperation; MAX_VERTICES - 2],
}

impl Cell {
    /// The cell of a matrix, in which `matrix[from][to]` says whether an edge leads from one vertex to another, and of
    /// the operations of the vertices between input and output. Vertices on no path between these are pruned.
    ///
    /// # Errors
    /// [`SpaceError::Cell`] if the matrix is not square or not above its diagonal, does not fit the operations, joins
    /// input and output by no path, or has more than 9 edges on such paths.
    pub fn new(matrix: &[Vec<bool>], operations: &[VertexOperation]) -> Result<Self, SpaceError> {
        let vertices = matrix.len();
        if !(2..=MAX_VERTICES).contains(&vertices) {
            return Err(fault(format!("it has {vertices} vertices; there are 2 to {MAX_VERTICES}")));
        }
        if let Some(row) = matrix.iter().position(|row| row.len() != vertices) {
            let found = matrix[row].len();
            return Err(fault(format!("row {row} of its matrix has {found} entries; {vertices} rows need {vertices}")));
        }
        if operations.len() != vertices - 2 {
            let found = operations.len();
            return Err(fault(format!(
                "it has {found} operations; of {vertices} vertices, {} lie between input and output",
                vertices - 2
            )));
        }
        let mut edges = 0;
        for (from, row) in matrix.iter().enumerate() {
            for (to, _) in row.iter().enumerate().filter(|(_, there)| **there) {
                if to <= from {
                    return Err(fault(format!(
                        "an edge leads from vertex {from} to {to}; edges lead to later vertices"
                    )));
                }
                edges |= edge(from, to);
            }
        }
        let mut all = [VertexOperation::Conv3x3; MAX_VERTICES - 2];
        all[..operations.len()].copy_from_slice(operations);
        Self::pruned(edges, vertices, all)
    }

    /// The cell that remains of a graph.
    pub(super) fn pruned(
        edges: u32,
        vertices: usize,
        operations: [VertexOperation; MAX_VERTICES - 2],
    ) -> Result<Self, SpaceError> {
        let Some(used) = used(edges, vertices) else {
            return Err(fault("no path leads from its input to its output; add an edge".into()));
        };
        let kept: Vec<usize> = (0..vertices).filter(|v| used >> v & 1 == 1).collect();
        let mut cell =
            Self { vertices: kept.len(), edges: 0, operations: [VertexOperation::Conv3x3; MAX_VERTICES - 2] };
        for (to, &old_to) in kept.iter().enumerate() {
            for (from, &old_from) in kept[..to].iter().enumerate() {
                if edges & edge(old_from, old_to) != 0 {
                    cell.edges |= edge(from, to);
                }
            }
            if to > 0 && to + 1 < kept.len() {
                cell.operations[to - 1] = operations[old_to - 1];
            }
        }
        if cell.edges() > MAX_EDGES {
            let found = cell.edges();
            return Err(fault(format!("{found} edges lie between its input and its output; at most {MAX_EDGES} may")));
        }
        Ok(cell)
    }

    /// A cell of which is known that nothing is to be pruned and no edge too many.
    pub(super) fn whole(edges: u32, vertices: usize, operations: [VertexOperation; MAX_VERTICES - 2]) -> Self {
        Self { vertices, edges, operations }
    }

    /// Vertices, input and output included: 2 to 7.
    pub fn vertices(&self) -> usize {
        self.vertices
    }

    /// Edges: 1 to 9.
    pub fn edges(&self) -> usize {
        self.edges.count_ones() as usize
    }

    /// Whether an edge leads from one vertex to another.
    pub fn has_edge(&self, from: usize, to: usize) -> bool {
        from < to && to < self.vertices && self.edges & edge(from, to) != 0
    }

    /// The vertices that a vertex reads, in order.
    pub fn inputs(&self, to: usize) -> Vec<usize> {
        (0..to).filter(|&from| self.has_edge(from, to)).collect()
    }

    /// The operations of the vertices between input and output.
    pub fn operations(&self) -> &[VertexOperation] {
        &self.operations[..self.vertices - 2]
    }

    /// The adjacency matrix: `[from][to]`.
    pub fn matrix(&self) -> Vec<Vec<bool>> {
        (0..self.vertices).map(|from| (0..self.vertices).map(|to| self.has_edge(from, to)).collect()).collect()
    }

    /// Of all cells that differ from this one in the order of the vertices only, the one that the benchmark lists, and
    /// trained: it has the smallest matrix, the edges into later vertices counting most, and of those with this matrix
    /// the first operations in order. The order matters where channels are not shared out evenly.
    pub fn representative(&self) -> Self {
        let cells = enumerate::orders(self.vertices).into_iter().filter_map(|order| self.reordered(&order));
        cells.min_by_key(|cell| (cell.edges, cell.operations)).unwrap_or(*self)
    }

    /// The same cell with vertex `v` as vertex `order[v]`; none if an edge would lead back.
    fn reordered(&self, order: &[usize]) -> Option<Self> {
        let mut cell = Self { edges: 0, ..*self };
        for to in 1..self.vertices {
            for from in self.inputs(to) {
                if order[from] > order[to] {
                    return None;
                }
                cell.edges |= edge(order[from], order[to]);
            }
            if to + 1 < self.vertices {
                cell.operations[order[to] - 1] = self.operations[to - 1];
            }
        }
        Some(cell)
    }

    /// The benchmark's hash, 32 hexadecimal digits: the name under which its tables list the cell, and every cell that
    /// differs in the order of the vertices only.
    pub fn hash(&self) -> String {
        hash::hex(&hash::digest(self))
    }
}

fn fault(reason: String) -> SpaceError {
    SpaceError::Cell { space: "nasbench101", reason }
}

/// The bit of an edge: columns of the matrix one after another, so that the edges into a vertex lie together.
pub(super) fn edge(from: usize, to: usize) -> u32 {
    1 << (to * (to - 1) / 2 + from)
}

/// The vertices that a vertex reads, as bits.
fn sources(edges: u32, to: usize) -> u32 {
    edges >> (to * (to - 1) / 2) & ((1 << to) - 1)
}

/// The vertices on paths from the first to the last, as bits; `None` if there is no such path.
pub(super) fn used(edges: u32, vertices: usize) -> Option<u32> {
    let last = vertices - 1;
    let mut reached = 1;
    for to in 1..vertices {
        if sources(edges, to) & reached != 0 {
            reached |= 1 << to;
        }
    }
    if reached >> last & 1 == 0 {
        return None;
    }
    let mut needed = 1 << last;
    for to in (1..vertices).rev() {
        if needed >> to & 1 == 1 {
            needed |= sources(edges, to);
        }
    }
    Some(reached & needed)
}

/// The edges on paths from the first vertex to the last; `None` if there is no such path.
pub(super) fn used_edges(edges: u32, vertices: usize) -> Option<usize> {
    let used = used(edges, vertices)?;
    let into = |to: usize| if used >> to & 1 == 1 { (sources(edges, to) & used).count_ones() } else { 0 };
    Some((1..vertices).map(into).sum::<u32>() as usize)
}
