//! The gradient of a pooling's input. Of a maximum, the first of equal pixels (in reading order) receives it, as in
//! PyTorch; an average shares it out and does not read its input.

use std::ops::Range;

use nas_space::PoolKind;

use super::super::elementwise::put;
use super::super::lanes::{Lanes, carve, update};
use super::super::read::{Incoming, Operand, Read};
use super::super::siblings::Op;
use super::{Geometry, Pooling, depthwise, windows};
use crate::element::{Element, Stored};

/// The gradient of one pooling (or of several equal ones of the same activation), with what it needs at every plane.
pub(crate) struct Backward<'a, S: Stored> {
    pooling: &'a Pooling<S::Real>,
    /// Read by a maximum, and where the pooled plane has to be worked out again.
    x: Option<Operand<'a, S>>,
    /// The gradients of all outputs of this pooling: a mixed node for each edge has one, equal but for who reads it.
    dy: Vec<Incoming<'a, S>>,
    starts: Vec<usize>,
    /// Without stride the gradient is a pooling of its own.
    transposed: Option<Geometry>,
}

/// Buffers of planes.
struct Work<'a, T> {
    packed: &'a mut [Lanes<T>],
    /// The pooled plane.
    pooled: &'a mut [Lanes<T>],
    /// Of a maximum, the tap that wins each window.
    winners: &'a mut [Lanes<T>],
    /// The incoming gradient, and another one that is added to it.
    dy: &'a mut [Lanes<T>],
    other: &'a mut [Lanes<T>],
    /// The gradient and the winners, padded.
    spread: &'a mut [Lanes<T>],
    spread_winners: &'a mut [Lanes<T>],
    plane: &'a mut [Lanes<T>],
}

impl<S: Stored> Op<S> for Backward<'_, S> {
    fn sample_work(&self) -> usize {
        self.dy[0].blocks.len() * self.pooling.work()
    }

    fn scratch(&self) -> usize {
        self.buffers().iter().sum()
    }
}

impl<'a, S: Stored> Backward<'a, S> {
    /// `x` may be absent for an average whose incoming gradient does not ask for the pooled plane.
    pub(crate) fn new(pooling: &'a Pooling<S::Real>, x: Option<Operand<'a, S>>, dy: Vec<Incoming<'a, S>>) -> Self {
        let (starts, transposed) = (pooling.geometry.starts().collect(), pooling.geometry.transposed());
        Self { pooling, x, dy, starts, transposed }
    }

    pub(crate) fn input_len(&self) -> usize {
        self.pooling.input_len()
    }

    /// Lengths of the buffers of [`Work`].
    fn buffers(&self) -> [usize; 8] {
        let g = &self.pooling.geometry;
        let (output, spread) = (g.output_len(), self.transposed.as_ref().map_or(0, Geometry::packed_len));
        [g.packed_len(), output, output, output, output, spread, spread, g.input_len()]
    }

    /// The gradient of the input of some samples, into their part of `dx`; what lies there already is added to with `add`.
    pub(crate) fn run(
        &self,
        scratch: &mut [Lanes<S::Real>],
        samples: Range<usize>,
        dx: &mut [&mut [Lanes<S>]],
        add: bool,
    ) {
        let [packed, pooled, winners, dy, other, spread, spread_winners, plane] = carve(scratch, self.buffers());
        let mut work = Work { packed, pooled, winners, dy, other, spread, spread_winners, plane };
        let input = self.pooling.input_len();
        for (block, dx) in dx.iter_mut().enumerate() {
            for (sample, dx) in samples.clone().zip(dx.chunks_exact_mut(input)) {
                self.plane(&mut work, block, sample);
                put(work.plane, None, dx, add);
            }
        }
    }

    /// The gradient of one plane of the input, into `work.plane`.
    fn plane(&self, work: &mut Work<'_, S::Real>, block: usize, sample: usize) {
        let Work { packed, pooled, winners, dy, other, spread, spread_winners, plane } = work;
        let (p, g) = (self.pooling, &self.pooling.geometry);
        let (input, output) = (g.input_len(), g.output_len());
        let read = self.x.as_ref().map(|x| (&x.blocks[block][sample * input..(sample + 1) * input], x.read(block)));
        let maximum = p.kind == PoolKind::Max;
        match read {
            Some((x, read)) if maximum => {
                g.pack(x, read, p.outside(), packed);
                windows::winners(g, packed, pooled, winners);
            }
            Some((x, read)) => p.plane(x, read, packed, pooled),
            None => {}
        }
        for (number, incoming) in self.dy.iter().enumerate() {
            if number == 0 {
                incoming.load_beside(block, sample * output, pooled, dy);
                continue;
            }
            incoming.load_beside(block, sample * output, pooled, other);
            put(other, None, dy, true);
        }
        if maximum {
            match &self.transposed {
                Some(transposed) => {
                    transposed.pack(dy, Read::PLAIN, Lanes::ZERO, spread);
                    transposed.pack(winners, Read::PLAIN, Lanes::splat(S::Real::LOWEST), spread_winners);
                    windows::collected(transposed, spread_winners, spread, plane);
                }
                None => {
                    packed.fill(Lanes::ZERO);
                    windows::handed_out(g, winners, &self.starts, dy, packed);
                    g.unpack(packed, plane);
                }
            }
            return;
        }
        S::Real::dispatch(
            #[inline(always)]
            || {
                update(
                    dy,
                    &p.shares,
                    #[inline(always)]
                    |dy, share| dy * share,
                );
            },
        );
        match &self.transposed {
            Some(transposed) => {
                transposed.pack(dy, Read::PLAIN, Lanes::ZERO, spread);
                depthwise::forward(transposed, &p.ones, spread, plane);
            }
            None => {
                packed.fill(Lanes::ZERO);
                depthwise::scatter(g, &p.ones, dy, packed);
                g.unpack(packed, plane);
            }
        }
    }
}
