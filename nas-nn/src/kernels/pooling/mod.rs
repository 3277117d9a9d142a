//! Maximum and average pooling with padding, plane by plane.
//!
//! An average is a depthwise convolution with equal weights and a share for each window; its gradient is one, too. A
//! pooled plane costs less to work out than to fetch from memory, so whoever needs it again works it out again.

mod backward;
mod planes;
mod windows;

use std::ops::Range;

use nas_space::PoolKind;

use super::depthwise;
use super::lanes::{LANES, Lanes, update};
use super::plane::Geometry;
use super::read::{Operand, Read};
use super::siblings::Op;
use crate::element::{Element, Stored};

pub(crate) use backward::Backward;
pub(crate) use planes::{mean_planes, spread_planes};

/// A pooling of planes of one size.
pub(crate) struct Pooling<T> {
    kind: PoolKind,
    geometry: Geometry,
    /// Of an average: for each output pixel, one over the number of its window's pixels inside the image.
    shares: Vec<Lanes<T>>,
    ones: Vec<Lanes<T>>,
}

impl<T: Element> Pooling<T> {
    pub(crate) fn new(kind: PoolKind, geometry: Geometry) -> Self {
        let shares = if kind == PoolKind::Average { shares(&geometry) } else { Vec::new() };
        let ones = vec![Lanes::splat(T::ONE); geometry.taps.len()];
        Self { kind, geometry, shares, ones }
    }

    pub(crate) fn input_len(&self) -> usize {
        self.geometry.input_len()
    }

    pub(crate) fn output_len(&self) -> usize {
        self.geometry.output_len()
    }

    /// Pixels of the buffer that [`plane`](Self::plane) lays its input out in.
    pub(crate) fn packed_len(&self) -> usize {
        self.geometry.packed_len()
    }

    /// Work for one plane of a block, as [`items_per_task`](crate::simd::items_per_task) counts it.
    pub(crate) fn work(&self) -> usize {
        self.geometry.output_len() * LANES * self.geometry.taps.len()
    }

    /// What pixels outside the image read as.
    fn outside(&self) -> Lanes<T> {
        match self.kind {
            PoolKind::Max => Lanes::splat(T::LOWEST),
            PoolKind::Average => Lanes::ZERO,
        }
    }

    /// `y = pool(read(x))` of one plane.
    pub(crate) fn plane<X: Stored<Real = T>, Y: Stored<Real = T>>(
        &self,
        x: &[Lanes<X>],
        read: Read<T>,
        packed: &mut [Lanes<T>],
        y: &mut [Lanes<Y>],
    ) {
        let g = &self.geometry;
        g.pack(x, read, self.outside(), packed);
        match self.kind {
            PoolKind::Max => windows::maxima(g, packed, y),
            PoolKind::Average => {
                depthwise::forward(g, &self.ones, packed, y);
                T::dispatch(
                    #[inline(always)]
                    || {
                        update(
                            y,
                            &self.shares,
                            #[inline(always)]
                            |sum, share| Lanes::store(sum.load() * share),
                        );
                    },
                );
            }
        }
    }
}

fn shares<T: Element>(g: &Geometry) -> Vec<Lanes<T>> {
    let mut inside = vec![Lanes::<T>::ZERO; g.packed_len()];
    g.pack(&vec![Lanes::splat(T::ONE); g.input_len()], Read::PLAIN, Lanes::ZERO, &mut inside);
    let count = |start: usize| g.taps.iter().map(|tap| inside[start + tap].0[0].wide()).sum::<f64>();
    g.starts().map(|start| Lanes::splat(T::of(1.0 / count(start)))).collect()
}

/// A pooling of an activation.
pub(crate) struct Forward<'a, S: Stored> {
    pub(crate) pooling: &'a Pooling<S::Real>,
    pub(crate) x: Operand<'a, S>,
}

impl<S: Stored> Op<S> for Forward<'_, S> {
    fn sample_work(&self) -> usize {
        self.x.blocks.len() * self.pooling.work()
    }

    fn scratch(&self) -> usize {
        self.pooling.packed_len()
    }
}

impl<S: Stored> Forward<'_, S> {
    /// Pools some samples into the blocks of `y`.
    pub(super) fn run(&self, scratch: &mut [Lanes<S::Real>], samples: Range<usize>, y: &mut [&mut [Lanes<S>]]) {
        let (input, output) = (self.pooling.input_len(), self.pooling.output_len());
        for (block, y) in y.iter_mut().enumerate() {
            let read = self.x.read(block);
            let x = &self.x.blocks[block][samples.start * input..samples.end * input];
            for (x, y) in x.chunks_exact(input).zip(y.chunks_exact_mut(output)) {
                self.pooling.plane(x, read, scratch, y);
            }
        }
    }
}
