//! Between candle's layout, `[batch, channels, rows, columns]`, and the kernels' blocks of eight channels.
//!
//! Channels usually fill the lanes of the blocks in order. Behind a concatenation of parts that do not fill their last
//! block there are gaps; `slots` then says in which lane each channel lies, counted over all blocks. Gaps hold zeros.

use rayon::prelude::*;

use crate::element::{Element, Stored};
use crate::kernels::elementwise;
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::read::Operand;
use crate::pool::{self, Buffer};

/// The blocks of an image batch in candle's layout, channels in order.
pub(crate) fn to_blocks<S: Stored>(x: &[S::Real], batch: usize, channels: usize, pixels: usize) -> Vec<Buffer<S>> {
    let block = |block: usize| {
        let mut lanes = pool::take::<S>(batch * pixels);
        let own = LANES.min(channels - block * LANES);
        if own < LANES {
            lanes.fill(Lanes::ZERO);
        }
        for (sample, lanes) in lanes.chunks_exact_mut(pixels).enumerate() {
            for lane in 0..own {
                let plane = &x[(sample * channels + block * LANES + lane) * pixels..][..pixels];
                for (lanes, value) in lanes.iter_mut().zip(plane) {
                    [lanes.0[lane]] = S::store([*value]);
                }
            }
        }
        lanes
    };
    (0..channels.div_ceil(LANES)).map(block).collect()
}

/// Candle's layout of an operand as it is read.
pub(crate) fn from_blocks<S: Stored>(x: &Operand<'_, S>, slots: &[usize], batch: usize, pixels: usize) -> Vec<S::Real> {
    let channels = slots.len();
    let mut result = vec![S::Real::ZERO; batch * channels * pixels];
    for (channel, slot) in slots.iter().enumerate() {
        let (block, lane) = (slot / LANES, slot % LANES);
        let read = x.read(block);
        for (sample, lanes) in x.blocks[block].chunks_exact(pixels).enumerate() {
            let plane = &mut result[(sample * channels + channel) * pixels..][..pixels];
            for (value, lanes) in plane.iter_mut().zip(lanes) {
                *value = read.apply(lanes.load()).0[lane];
            }
        }
    }
    result
}

/// Moves every channel to another slot: what joins activations whose gaps lie differently.
pub(crate) fn move_channels<S: Stored>(
    x: &Operand<'_, S>,
    from: &[usize],
    to: &[usize],
    blocks: usize,
) -> Vec<Buffer<S>> {
    let len = x.blocks.first().map_or(0, |block| block.len());
    let plain: Vec<Buffer<S>>;
    let source: Vec<&[Lanes<S>]> = if x.affine.is_none() && !x.relu {
        x.blocks.clone()
    } else {
        plain = computed(x);
        plain.iter().map(|block| &block[..]).collect()
    };
    let mut moved = pool::fresh::<S>(blocks, len);
    moved.par_iter_mut().enumerate().for_each(|(block, target)| {
        let own = from.iter().zip(to).filter(|(_, to)| **to / LANES == block);
        let moves: Vec<(&[Lanes<S>], usize, usize)> =
            own.map(|(from, to)| (source[from / LANES], from % LANES, to % LANES)).collect();
        for (pixel, target) in target.iter_mut().enumerate() {
            let mut lanes = Lanes::ZERO;
            for (source, from, to) in &moves {
                lanes.0[*to] = source[pixel].0[*from];
            }
            *target = lanes;
        }
    });
    moved
}

/// The blocks of an operand with nothing left to do.
pub(crate) fn computed<S: Stored>(x: &Operand<'_, S>) -> Vec<Buffer<S>> {
    let mut blocks = pool::fresh(x.blocks.len(), x.blocks.first().map_or(0, |block| block.len()));
    elementwise::sum(std::slice::from_ref(x), pool::slices_mut(&mut blocks));
    blocks
}

/// One value for each channel, in its lane; gaps get `gap`.
pub(crate) fn per_channel<T: Element>(
    slots: &[usize],
    blocks: usize,
    gap: T,
    value: impl Fn(usize) -> T,
) -> Vec<Lanes<T>> {
    let mut lanes = vec![Lanes::splat(gap); blocks];
    for (channel, slot) in slots.iter().enumerate() {
        lanes[slot / LANES].0[slot % LANES] = value(channel);
    }
    lanes
}

/// The way back: each channel's value.
pub(crate) fn channels<T: Element>(lanes: &[Lanes<T>], slots: &[usize]) -> Vec<T> {
    slots.iter().map(|slot| lanes[slot / LANES].0[slot % LANES]).collect()
}
