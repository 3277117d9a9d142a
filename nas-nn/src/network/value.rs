//! An activation or a gradient on its way through the network: blocks of channels, shared between their readers; when the
//! last one lets go of a block, its memory goes back to the [pool](crate::pool).

use std::sync::Arc;

use crate::element::{Element, Stored};
use crate::kernels::elementwise;
use crate::kernels::lanes::Lanes;
use crate::kernels::norm::GradientSums;
use crate::kernels::read::{Affine, Incoming, Normed, Operand};
use crate::layout;
use crate::pool::{self, Buffer, fresh, slices_mut};

pub(crate) type Blocks<S> = Vec<Arc<Buffer<S>>>;

/// Blocks, and what a reader has to do to them: a batch norm and a ReLU are not computed until they are read.
#[derive(Clone, Debug)]
pub(crate) struct Value<S: Stored> {
    pub(super) blocks: Blocks<S>,
    pub(super) affine: Option<Arc<Vec<Affine<S::Real>>>>,
    pub(super) relu: bool,
}

impl<S: Stored> Value<S> {
    pub(super) fn own(blocks: Vec<Buffer<S>>) -> Self {
        Self::plain(blocks.into_iter().map(Arc::new).collect())
    }

    pub(super) fn plain(blocks: Blocks<S>) -> Self {
        Self { blocks, affine: None, relu: false }
    }

    pub(super) fn is_plain(&self) -> bool {
        self.affine.is_none() && !self.relu
    }

    pub(crate) fn operand(&self) -> Operand<'_, S> {
        Operand {
            blocks: slices(&self.blocks),
            affine: self.affine.as_ref().map(|affine| &affine[..]),
            relu: self.relu,
        }
    }

    /// The same values with nothing left to do.
    pub(super) fn computed(&self) -> Self {
        if self.is_plain() {
            return self.clone();
        }
        Self::own(layout::computed(&self.operand()))
    }
}

pub(super) fn slices<S: Stored>(blocks: &Blocks<S>) -> Vec<&[Lanes<S>]> {
    blocks.iter().map(|block| &block[..]).collect()
}

/// The gradient of a node's output, or of the batch norm right behind it, which the node reads it through.
#[derive(Clone, Debug)]
pub(crate) struct Gradient<S: Stored> {
    pub(super) blocks: Blocks<S>,
    /// What the blocks are to be multiplied by: the weight of a mixed edge. Only batch norms get another than one.
    pub(super) factor: f64,
    /// For a batch norm: its sums over the blocks, where they are known.
    pub(super) sums: Option<Vec<GradientSums>>,
    pub(super) norm: Option<NormGradient<S>>,
}

/// A batch norm's input gradient, to be worked out as it is read (see [`Normed`]).
#[derive(Clone, Debug)]
pub(crate) struct NormGradient<S: Stored> {
    pub(super) z: Blocks<S>,
    pub(super) pull: Vec<Affine<S::Real>>,
    pub(super) gain: Vec<Lanes<S::Real>>,
}

impl<S: Stored> Gradient<S> {
    pub(super) fn own(blocks: Vec<Buffer<S>>) -> Self {
        Self::plain(blocks.into_iter().map(Arc::new).collect())
    }

    pub(super) fn plain(blocks: Blocks<S>) -> Self {
        Self { blocks, factor: 1.0, sums: None, norm: None }
    }

    pub(super) fn incoming(&self) -> Incoming<'_, S> {
        let norm = self.norm.as_ref().map(|n| Normed { z: slices(&n.z), pull: &n.pull, gain: &n.gain });
        Incoming { blocks: slices(&self.blocks), norm }
    }
}

/// Where the gradients of all nodes gather until the reverse pass reaches them.
pub(super) struct Pending<S: Stored>(Vec<Option<Gradient<S>>>);

impl<S: Stored> Pending<S> {
    pub(super) fn new(nodes: usize) -> Self {
        Self((0..nodes).map(|_| None).collect())
    }

    pub(super) fn take(&mut self, node: usize) -> Option<Gradient<S>> {
        self.0[node].take()
    }

    /// Blocks to write a node's gradient into, and whether they hold one already, which is to be added to.
    pub(super) fn open(&mut self, node: usize, blocks: usize, len: usize) -> (Vec<Buffer<S>>, bool) {
        let Some(earlier) = self.0[node].take() else { return (fresh(blocks, len), false) };
        let own = |block: Arc<Buffer<S>>| {
            Arc::try_unwrap(block).unwrap_or_else(|shared| {
                let mut copy = pool::take(shared.len());
                copy.copy_from_slice(&shared);
                copy
            })
        };
        (earlier.blocks.into_iter().map(own).collect(), true)
    }

    pub(super) fn close(&mut self, node: usize, blocks: Vec<Buffer<S>>) {
        self.0[node] = Some(Gradient::own(blocks));
    }

    /// Hands on a gradient that exists already, shared if it is the first.
    pub(super) fn send(&mut self, node: usize, gradient: Gradient<S>) {
        if self.0[node].is_none() {
            self.0[node] = Some(gradient);
        } else {
            self.add(node, &gradient.blocks, 1.0);
        }
    }

    /// Adds a gradient, times a factor.
    pub(super) fn add(&mut self, node: usize, blocks: &Blocks<S>, factor: f64) {
        let (mut target, add) = self.open(node, blocks.len(), blocks.first().map_or(0, |block| block.len()));
        elementwise::accumulate(&slices(blocks), S::Real::of(factor), slices_mut(&mut target), add);
        self.close(node, target);
    }
}
