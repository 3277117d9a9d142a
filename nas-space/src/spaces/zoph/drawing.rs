//! A network of Zoph & Le as a picture: a chain, and arcs for skip connections.

use super::Chosen;
use crate::Drawing;
use crate::draw::{self, Edge, Family, Kind, Paint};

/// The chain of layers; what is joined for the classifier has arrows that lead there.
pub(super) fn of(layers: &[Chosen], text: String) -> Drawing {
    let block = |layer: &Chosen| {
        let ([height, width], [rows, columns]) = (layer.kernel, layer.stride);
        let stride = if [rows, columns] == [1, 1] { String::new() } else { format!(", stride {rows}x{columns}") };
        let paint = Paint { family: Family::Convolution, window: height.max(width) };
        draw::operation(format!("{height}x{width}, {} filters{stride}", layer.filters), paint)
    };
    let mut blocks = vec![draw::block("image", Kind::Input)];
    blocks.extend(layers.iter().map(block));
    blocks.push(draw::block("classifier", Kind::Output));
    // The image is box 0, so a layer is the box after its number.
    let mut edges: Vec<Edge> = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        match layer.inputs[..] {
            [] => edges.push(draw::arrow(0, index + 1)),
            _ => edges.extend(layer.inputs.iter().map(|from| draw::arrow(from + 1, index + 1))),
        }
    }
    let unread = (0..layers.len()).filter(|index| layers.iter().all(|layer| !layer.inputs.contains(index)));
    edges.extend(unread.map(|index| draw::arrow(index + 1, layers.len() + 1)));
    draw::chain(text, "network", blocks, edges, vec![])
}
