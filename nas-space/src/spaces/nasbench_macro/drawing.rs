//! A network of NAS-Bench-Macro as a picture: a chain in stages.

use super::{BLOCKS, Block, STAGES};
use crate::Drawing;
use crate::draw::{self, Family, Kind, Paint};

/// The chain of layers.
pub(super) fn of(choices: &[usize], text: String) -> Drawing {
    let convolution = |window: usize| Paint { family: Family::Convolution, window };
    let layer = |&choice: &usize| {
        let (name, block) = BLOCKS[choice];
        let paint = match block {
            Block::Identity => Paint { family: Family::Identity, window: 1 },
            Block::Inverted { kernel, .. } => Paint { family: Family::Inverted, window: kernel },
        };
        draw::operation(name, paint)
    };
    let mut blocks = vec![draw::block("image", Kind::Input), draw::operation("conv_3x3", convolution(3))];
    blocks.extend(choices.iter().map(layer));
    blocks.extend([draw::operation("conv_1x1", convolution(1)), draw::block("classifier", Kind::Output)]);
    let edges = (1..blocks.len()).map(|to| draw::arrow(to - 1, to)).collect();
    let stage = |stage: usize| {
        // In front of the layers stand the image and the stem.
        let first = 2 + STAGES[..stage].iter().sum::<usize>();
        (first, format!("stage {}, half the size", stage + 1))
    };
    let dividers = (0..STAGES.len()).map(stage).collect();
    draw::chain(text, "network", blocks, edges, dividers)
}
