//! A macro network of ENAS as a picture: a chain, and arcs for skip connections.

use super::{Chosen, Operation};
use crate::Drawing;
use crate::draw::{self, Edge, Family, Kind, Paint};

/// The chain of layers, with a line across where every state is halved.
pub(super) fn of(layers: &[Chosen], text: String) -> Drawing {
    let block = |layer: &Chosen| {
        let (family, window) = match layer.operation {
            Operation::Convolution { kernel, separable: false } => (Family::Convolution, kernel),
            Operation::Convolution { kernel, separable: true } => (Family::Separable, kernel),
            Operation::AveragePool => (Family::AveragePool, 3),
            Operation::MaxPool => (Family::MaxPool, 3),
        };
        draw::operation(layer.name, Paint { family, window })
    };
    let mut blocks = vec![draw::block("stem", Kind::Input)];
    blocks.extend(layers.iter().map(block));
    blocks.push(draw::block("classifier", Kind::Output));
    // The stem is box 0 and state 0, and every layer's box has the number of its state.
    let mut edges: Vec<Edge> = (1..blocks.len()).map(|to| draw::arrow(to - 1, to)).collect();
    for (index, layer) in layers.iter().enumerate() {
        edges.extend(layer.skips.iter().map(|&state| draw::arrow(state, index + 1)));
    }
    let third = layers.len() / 3;
    let dividers = [third, 2 * third].into_iter().filter(|&layers| layers > 0);
    let dividers = dividers.map(|layers| (layers + 1, "half the size".to_owned())).collect();
    draw::chain(text, "network", blocks, edges, dividers)
}
