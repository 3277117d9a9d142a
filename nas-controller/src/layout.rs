//! Where each matrix lies in the one flat list of weights: so the optimiser, the gradient and the saved state know
//! nothing of layers.

/// A matrix `[rows, columns]` within the list; a vector has one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    start: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Block {
    /// The matrix in a list of weights or of their gradients.
    pub(crate) fn of(self, list: &[f64]) -> &[f64] {
        &list[self.start..self.start + self.rows * self.columns]
    }

    /// The same, to be changed.
    pub(crate) fn of_mut(self, list: &mut [f64]) -> &mut [f64] {
        &mut list[self.start..self.start + self.rows * self.columns]
    }

    /// One row.
    pub(crate) fn row(self, list: &[f64], row: usize) -> &[f64] {
        &self.of(list)[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, to be changed.
    pub(crate) fn row_mut(self, list: &mut [f64], row: usize) -> &mut [f64] {
        let columns = self.columns;
        &mut self.of_mut(list)[row * columns..(row + 1) * columns]
    }
}

/// Lays out blocks one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// Weights laid out so far.
    pub(crate) length: usize,
}

impl Builder {
    /// The next block.
    pub(crate) fn block(&mut self, rows: usize, columns: usize) -> Block {
        let block = Block { start: self.length, rows, columns };
        self.length += rows * columns;
        block
    }
}
