//! How an operand is read: a batch norm is a scale and a shift of the values before it, and a ReLU a comparison, so
//! neither ever writes its output. Whoever reads it does the arithmetic on the way.

use super::lanes::{Lanes, update, update_from};
use crate::element::{Element, Stored};

/// Eight channels' part in an affine map: `(x - center) · scale + shift`. The difference is taken first, so that a large
/// mean costs no digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine<T> {
    pub(crate) center: Lanes<T>,
    pub(crate) scale: Lanes<T>,
    pub(crate) shift: Lanes<T>,
}

impl<T: Element> Affine<T> {
    /// The map that changes nothing.
    pub(crate) fn identity() -> Self {
        Self { center: Lanes::ZERO, scale: Lanes::splat(T::ONE), shift: Lanes::ZERO }
    }

    /// The map in the precision of the data; what rounding takes from the center goes into the shift.
    pub(crate) fn new(center: Lanes<f64>, scale: Lanes<f64>, shift: Lanes<f64>) -> Self {
        let rounded = Lanes::of(center);
        Self { center: rounded, scale: Lanes::of(scale), shift: Lanes::of((rounded.wide() - center).fma(scale, shift)) }
    }

    #[inline(always)]
    pub(crate) fn apply(&self, x: Lanes<T>) -> Lanes<T> {
        (x - self.center).fma(self.scale, self.shift)
    }
}

/// What is done to the pixels of one block as they are read: the affine map, then the ReLU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<T> {
    pub(crate) affine: Option<Affine<T>>,
    pub(crate) relu: bool,
}

impl<T: Element> Read<T> {
    pub(crate) const PLAIN: Self = Self { affine: None, relu: false };

    #[inline(always)]
    pub(crate) fn apply(&self, x: Lanes<T>) -> Lanes<T> {
        let y = self.affine.map_or(x, |affine| affine.apply(x));
        if self.relu { y.rectified() } else { y }
    }
}

/// An activation as an op reads it: its blocks, each `[batch, rows, columns]`, and how.
pub(crate) struct Operand<'a, S: Stored> {
    pub(crate) blocks: Vec<&'a [Lanes<S>]>,
    /// One map for each block, or none for all.
    pub(crate) affine: Option<&'a [Affine<S::Real>]>,
    pub(crate) relu: bool,
}

impl<'a, S: Stored> Operand<'a, S> {
    /// Blocks that are read as they are.
    pub(crate) fn plain(blocks: Vec<&'a [Lanes<S>]>) -> Self {
        Self { blocks, affine: None, relu: false }
    }

    pub(crate) fn read(&self, block: usize) -> Read<S::Real> {
        Read { affine: self.affine.map(|affine| affine[block]), relu: self.relu }
    }
}

/// A gradient as the op that has to pass it on reads it: the gradient of the op's own output, or that of the batch norm
/// behind it, through which it is then read.
pub(crate) struct Incoming<'a, S: Stored> {
    pub(crate) blocks: Vec<&'a [Lanes<S>]>,
    pub(crate) norm: Option<Normed<'a, S>>,
}

/// A batch norm's input gradient, worked out as it is read: `((dy + shift) + (z - center) · scale) · gain`. What cancels
/// is taken off before anything is scaled.
pub(crate) struct Normed<'a, S: Stored> {
    /// The norm's input; empty where it is not kept, and the op works it out beside.
    pub(crate) z: Vec<&'a [Lanes<S>]>,
    pub(crate) pull: &'a [Affine<S::Real>],
    pub(crate) gain: &'a [Lanes<S::Real>],
}

impl<S: Stored> Incoming<'_, S> {
    /// Writes the pixels `from..from + target.len()` of a block.
    pub(crate) fn load(&self, block: usize, from: usize, target: &mut [Lanes<S::Real>]) {
        self.load_beside(block, from, &[], target);
    }

    /// The same; `beside` are these pixels of the norm's input, should it not be kept.
    pub(crate) fn load_beside(
        &self,
        block: usize,
        from: usize,
        beside: &[Lanes<S::Real>],
        target: &mut [Lanes<S::Real>],
    ) {
        let dy = &self.blocks[block][from..from + target.len()];
        S::Real::dispatch(
            #[inline(always)]
            || {
                let Some(Normed { z, pull, gain }) = &self.norm else {
                    update(
                        target,
                        dy,
                        #[inline(always)]
                        |_, dy| dy.load(),
                    );
                    return;
                };
                let (Affine { center, scale, shift }, gain) = (pull[block], gain[block]);
                if let Some(z) = z.get(block) {
                    update_from(
                        target,
                        dy,
                        &z[from..from + dy.len()],
                        #[inline(always)]
                        |_, dy, z| (z.load() - center).fma(scale, dy.load() + shift) * gain,
                    );
                } else {
                    update_from(
                        target,
                        dy,
                        beside,
                        #[inline(always)]
                        |_, dy, z| (z - center).fma(scale, dy.load() + shift) * gain,
                    );
                }
            },
        );
    }
}
