//! Between candle's layout, `[batch, channels, rows, columns]`, and the kernels' blocks of eight channels.
//!
//! Channels usually fill the lanes of the blocks in order. Behind a concatenation of parts that do not fill their last
//! block there are gaps; `slots` then says in which lane each channel lies, counted over all blocks. Gaps hold zeros.

use crate::element::Element;
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::read::Operand;
use crate::pool::{self, Buffer};

/// The blocks of an image batch in candle's layout, channels in order.
pub(crate) fn to_blocks<T: Element>(x: &[T], batch: usize, channels: usize, pixels: usize) -> Vec<Buffer<T>> {
    let block = |block: usize| {
        let mut lanes = pool::take::<T>(batch * pixels);
        let own = LANES.min(channels - block * LANES);
        if own < LANES {
            lanes.fill(Lanes::ZERO);
        }
        for (sample, lanes) in lanes.chunks_exact_mut(pixels).enumerate() {
            for lane in 0..own {
                let plane = &x[(sample * channels + block * LANES + lane) * pixels..][..pixels];
                for (lanes, value) in lanes.iter_mut().zip(plane) {
                    lanes.0[lane] = *value;
                }
            }
        }
        lanes
    };
    (0..channels.div_ceil(LANES)).map(block).collect()
}

/// Candle's layout of an operand as it is read.
pub(crate) fn from_blocks<T: Element>(x: &Operand<'_, T>, slots: &[usize], batch: usize, pixels: usize) -> Vec<T> {
    let channels = slots.len();
    let mut result = vec![T::ZERO; batch * channels * pixels];
    for (channel, slot) in slots.iter().enumerate() {
        let (block, lane) = (slot / LANES, slot % LANES);
        let read = x.read(block);
        for (sample, lanes) in x.blocks[block].chunks_exact(pixels).enumerate() {
            let plane = &mut result[(sample * channels + channel) * pixels..][..pixels];
            for (value, lanes) in plane.iter_mut().zip(lanes) {
                *value = read.apply(*lanes).0[lane];
            }
        }
    }
    result
}

/// Moves every channel to another slot: what joins activations whose gaps lie differently.
pub(crate) fn move_channels<T: Element>(
    x: &Operand<'_, T>,
    from: &[usize],
    to: &[usize],
    blocks: usize,
) -> Vec<Buffer<T>> {
    let len = x.blocks.first().map_or(0, |block| block.len());
    let mut moved: Vec<Buffer<T>> = (0..blocks).map(|_| pool::take::<T>(len)).collect();
    moved.iter_mut().for_each(|block| block.fill(Lanes::ZERO));
    for (from, to) in from.iter().zip(to) {
        let read = x.read(from / LANES);
        for (target, value) in moved[to / LANES].iter_mut().zip(x.blocks[from / LANES]) {
            target.0[to % LANES] = read.apply(*value).0[from % LANES];
        }
    }
    moved
}

/// One value for each channel, in its lane; gaps get `gap`.
pub(crate) fn per_channel<T: Element>(slots: &[usize], blocks: usize, gap: T, value: impl Fn(usize) -> T) -> Vec<Lanes<T>> {
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
