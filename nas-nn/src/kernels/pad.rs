//! Zeros around an image, and the way back.

use nas_space::Shape;
use rayon::prelude::*;

use super::lanes::Lanes;
use super::read::Operand;
use crate::element::Stored;

/// Where an image lies within a larger one; each pair is (rows, columns).
pub(crate) struct Frame {
    inner: [usize; 2],
    outer: [usize; 2],
    before: [usize; 2],
}

impl Frame {
    pub(crate) fn new(inner: Shape, outer: Shape, before: [usize; 2]) -> Self {
        Self { inner: [inner.height, inner.width], outer: [outer.height, outer.width], before }
    }

    /// Calls `f` with the ranges of each row of each image: within the inner blocks, within the outer ones.
    fn rows(&self, batch: usize, mut f: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>)) {
        let ([rows, columns], [height, width], [top, left]) = (self.inner, self.outer, self.before);
        for sample in 0..batch {
            for row in 0..rows {
                let (inner, outer) = ((sample * rows + row) * columns, (sample * height + top + row) * width + left);
                f(inner..inner + columns, outer..outer + columns);
            }
        }
    }

    fn batch(&self, inner_len: usize) -> usize {
        inner_len / (self.inner[0] * self.inner[1])
    }
}

/// Writes the image with its frame of zeros.
pub(crate) fn frame<S: Stored>(x: &Operand<'_, S>, frame: &Frame, y: Vec<&mut [Lanes<S>]>) {
    y.into_par_iter().enumerate().for_each(|(block, y)| {
        let (x, read) = (x.blocks[block], x.read(block));
        y.fill(Lanes::ZERO);
        frame.rows(frame.batch(x.len()), |inner, outer| {
            for (y, x) in y[outer].iter_mut().zip(&x[inner]) {
                *y = Lanes::store(read.apply(x.load()));
            }
        });
    });
}

/// Writes what lies inside the frame: the gradient of [`frame`].
pub(crate) fn crop<S: Stored>(dy: &[&[Lanes<S>]], frame: &Frame, dx: Vec<&mut [Lanes<S>]>) {
    dx.into_par_iter().enumerate().for_each(|(block, dx)| {
        let batch = frame.batch(dx.len());
        frame.rows(batch, |inner, outer| dx[inner].copy_from_slice(&dy[block][outer]));
    });
}
