//! The ops of a network as candle `CustomOp`s, for layers written in plain candle code under candle's own `backward()`.
//!
//! A [`Network`](crate::Network) calls the same kernels in passes of its own, without the way into and out of candle's
//! layout that each op here takes. They run on the CPU, in f32 and f64. On another device an op says by name that it has no
//! kernel there yet.

mod conv;
mod elementwise;
mod head;
mod norm;
mod pooling;
mod view;

pub use conv::conv2d;
pub use elementwise::relu;
pub use head::{cross_entropy, linear};
pub use norm::batch_norm;
pub use pooling::{global_average_pool, pool2d};

pub(crate) use head::loss;
pub(crate) use view::{View, not_on_cpu, unknown_type};
use view::{output, typed};

use crate::element::Element;
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::read::Operand;
use crate::layout;
use crate::pool::{self, Buffer};

/// Blocks of an operand `[batch, channels, rows, columns]`.
struct Blocks<T: Element> {
    blocks: Vec<Buffer<T>>,
    slots: Vec<usize>,
    batch: usize,
    pixels: usize,
}

impl<T: Element> Blocks<T> {
    fn of(x: &[T], dims: &[usize]) -> Self {
        let (batch, channels, pixels) = (dims[0], dims[1], dims[2..].iter().product());
        Self { blocks: layout::to_blocks(x, batch, channels, pixels), slots: (0..channels).collect(), batch, pixels }
    }

    /// Blocks to be written, for an output of these dims.
    fn fresh(dims: &[usize]) -> Self {
        let (batch, channels, pixels): (_, usize, usize) = (dims[0], dims[1], dims[2..].iter().product());
        let blocks = pool::fresh(channels.div_ceil(LANES), batch * pixels);
        Self { blocks, slots: (0..channels).collect(), batch, pixels }
    }

    fn slices(&self) -> Vec<&[Lanes<T>]> {
        self.blocks.iter().map(|block| &block[..]).collect()
    }

    fn slices_mut(&mut self) -> Vec<&mut [Lanes<T>]> {
        pool::slices_mut(&mut self.blocks)
    }

    fn operand(&self) -> Operand<'_, T> {
        Operand::plain(self.slices())
    }

    fn data(&self) -> Vec<T> {
        layout::from_blocks(&self.operand(), &self.slots, self.batch, self.pixels)
    }
}
