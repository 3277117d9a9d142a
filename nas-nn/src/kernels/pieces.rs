//! How a batch is shared out: into pieces of samples, always the same ones, whatever the number of threads. Each piece has
//! sums of its own, and they are added up in order, so that results do not depend on who worked on what.

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::Lanes;

/// Pieces at most.
const PIECES: usize = 16;

/// Samples of one piece (the last may have fewer).
pub(crate) fn samples_per_piece(batch: usize) -> usize {
    batch.div_ceil(PIECES).max(1)
}

/// A range in parts of `len`, of which the last may be shorter.
pub(crate) fn parts(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(len).map(move |first| first..(first + len).min(end))
}

/// Cuts every block after each piece: `[piece][block]`, for pieces of `len` lanes of a block.
pub(crate) fn cut<'a, T>(blocks: Vec<&'a mut [Lanes<T>]>, len: usize) -> Vec<Vec<&'a mut [Lanes<T>]>> {
    let mut pieces: Vec<Vec<&'a mut [Lanes<T>]>> = Vec::new();
    let count = blocks.len();
    for block in blocks {
        for (index, part) in block.chunks_mut(len.max(1)).enumerate() {
            if pieces.len() == index {
                pieces.push(Vec::with_capacity(count));
            }
            pieces[index].push(part);
        }
    }
    pieces
}

/// Calls `f` with (block, number of the part, the part) for all parts of `len` lanes of all blocks, in parallel; `grain`
/// parts make a task worth handing over.
pub(crate) fn each_part<T: Send>(
    blocks: Vec<&mut [Lanes<T>]>,
    len: usize,
    grain: usize,
    f: impl Fn(usize, usize, &mut [Lanes<T>]) + Sync,
) {
    let parts: Vec<(usize, usize, &mut [Lanes<T>])> = blocks
        .into_iter()
        .enumerate()
        .flat_map(|(block, lanes)| lanes.chunks_mut(len.max(1)).enumerate().map(move |(i, part)| (block, i, part)))
        .collect();
    parts.into_par_iter().with_min_len(grain).for_each(|(block, index, part)| f(block, index, part));
}
