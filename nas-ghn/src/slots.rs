//! Which part of which head becomes which tensor of a network.
//!
//! The one idea: a head makes one kernel of a fixed size for each kind of layer. A tensor is cut out of it where it is
//! smaller, and made of copies of it where it is larger (Zhang, Ren & Urtasun 2019, section 4.1), so any number of
//! channels has weights. Only the rows of a head that a tensor needs are worked out.

use nas_space::{Layer, NetworkGraph};

use crate::config::GhnConfig;
use crate::parameters::{Id, Parameters};
use crate::sections::is_depthwise;
use crate::{GhnError, sections::Sections};

/// What is done to a number on its way from the head to the tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shaping {
    /// It is multiplied.
    Times(f64),
    /// 2 sigmoid(x / 2), around 1: the scale of a batch norm.
    Scale,
    /// tanh(x / 5): the shift of a batch norm.
    Shift,
}

/// One tensor of a network, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    /// Its path, such as `stem.0.weight`.
    pub(crate) name: String,
    /// Its shape.
    pub(crate) shape: Vec<usize>,
    /// The node whose state it is made of.
    pub(crate) vertex: usize,
    /// The head: a matrix `[rows, decoder]` and a bias `[rows]`.
    pub(crate) weight: Id,
    pub(crate) bias: Id,
    /// The first row.
    pub(crate) offset: usize,
    /// The size of the head's kernel: outputs, inputs.
    pub(crate) tile: [usize; 2],
    /// The tensor's size: outputs, inputs, pixels.
    pub(crate) size: [usize; 3],
    pub(crate) shaping: Shaping,
}

impl Slot {
    /// Outputs and inputs that are worked out; the others are copies.
    pub(crate) fn made(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.size[axis].min(self.tile[axis]))
    }

    /// Numbers that are worked out.
    pub(crate) fn base_len(&self) -> usize {
        let [outputs, inputs] = self.made();
        outputs * inputs * self.size[2]
    }

    /// The head's row of one of them.
    pub(crate) fn row(&self, base: usize) -> usize {
        let [_, inputs] = self.made();
        let width = inputs * self.size[2];
        self.offset + base / width * self.tile[1] * self.size[2] + base % width
    }

    /// Which of them each number of the tensor is, in the tensor's order.
    pub(crate) fn copies(&self) -> impl Iterator<Item = usize> + '_ {
        let ([outputs, inputs], [all_out, all_in, pixels]) = (self.made(), self.size);
        (0..all_out).flat_map(move |o| {
            (0..all_in).flat_map(move |i| {
                let begin = ((o % outputs) * inputs + i % inputs) * pixels;
                begin..begin + pixels
            })
        })
    }
}

/// The kernel that a head makes.
struct Head {
    name: String,
    /// Outputs, inputs, pixels.
    kernel: [usize; 3],
    /// Rows behind the kernel's: biases.
    more: usize,
    /// About how large its numbers are at first.
    spread: f64,
}

/// The tensors of a network's layers, in the network's order. Heads are made where there are none yet.
pub(crate) fn of(
    graph: &NetworkGraph,
    sections: &Sections,
    config: &GhnConfig,
    p: &mut Parameters,
) -> Result<Vec<Slot>, GhnError> {
    let mut slots = Vec::new();
    for (layer, node) in graph.nodes() {
        let Some(head) = head(graph, layer, config) else { continue };
        let rows = head.kernel.iter().product::<usize>() + head.more;
        let weight = p.ensure(&format!("head.{}.weight", head.name), &[rows, config.decoder], head.spread)?;
        let bias = p.ensure(&format!("head.{}.bias", head.name), &[rows], head.spread)?;
        for (kind, shape) in graph.parameter_shapes(layer) {
            let kernel = head.kernel[0] * head.kernel[1] * head.kernel[2];
            let (offset, tile, size) = match (kind, &node.layer) {
                ("weight", Layer::Conv2d(_)) => {
                    (0, [head.kernel[0], head.kernel[1]], [shape[0], shape[1], shape[2] * shape[3]])
                }
                ("weight", Layer::Linear { .. }) => (0, [head.kernel[0], head.kernel[1]], [shape[0], shape[1], 1]),
                ("weight", _) => (0, [head.kernel[0], 1], [shape[0], 1, 1]),
                _ => (kernel, [head.more, 1], [shape[0], 1, 1]),
            };
            let shaping = shaping(graph, layer, kind, &shape, config);
            let (name, vertex) = (format!("{}.{kind}", node.name), sections.of_layer[layer]);
            slots.push(Slot { name, shape, vertex, weight, bias, offset, tile, size, shaping });
        }
    }
    Ok(slots)
}

/// The head of a layer that has parameters of a kind that is known.
fn head(graph: &NetworkGraph, layer: usize, config: &GhnConfig) -> Option<Head> {
    let node = graph.node(layer);
    // The classes of a classifier are never copies of one another.
    let is_classifier = layer == graph.output() || Some(layer) == graph.auxiliary();
    let channels = config.channels;
    // A weight is worth about 1/sqrt(inputs) where nothing normalises it.
    let spread = |inputs: usize| if config.normalize { 1.0 } else { 1.0 / (inputs as f64).sqrt() };
    match &node.layer {
        Layer::Conv2d(conv) => {
            let [rows, columns] = conv.window.kernel;
            let pixels = rows * columns;
            let (name, outputs, inputs) = if is_depthwise(graph, layer, conv) {
                (format!("depthwise {rows}x{columns}"), channels, 1)
            } else if is_classifier {
                (format!("classes {} {rows}x{columns}", conv.out), conv.out, channels)
            } else {
                let side = if pixels == 1 { channels } else { (channels / 2).max(1) };
                (format!("dense {rows}x{columns}"), side, side)
            };
            Some(Head { name, kernel: [outputs, inputs, pixels], more: 0, spread: spread(inputs * pixels) })
        }
        Layer::Linear { out } => {
            let outputs = if is_classifier { *out } else { channels };
            let name = if is_classifier { format!("classes {out}") } else { "linear".into() };
            Some(Head { name, kernel: [outputs, channels, 1], more: outputs, spread: spread(channels) })
        }
        Layer::BatchNorm { affine: true } => {
            Some(Head { name: "batch_norm".into(), kernel: [channels, 1, 1], more: channels, spread: 1.0 })
        }
        _ => None,
    }
}

fn shaping(graph: &NetworkGraph, layer: usize, kind: &str, shape: &[usize], config: &GhnConfig) -> Shaping {
    let inputs = shape[1..].iter().product::<usize>() as f64;
    match (&graph.node(layer).layer, kind) {
        (Layer::BatchNorm { .. }, "weight") => Shaping::Scale,
        (Layer::BatchNorm { .. }, _) => Shaping::Shift,
        (Layer::Linear { .. }, "bias") if config.normalize => Shaping::Shift,
        (other, "weight") if config.normalize => {
            let depthwise = matches!(other, Layer::Conv2d(conv) if is_depthwise(graph, layer, conv));
            Shaping::Times(((if depthwise { 1.0 } else { 2.0 }) / inputs).sqrt())
        }
        // No batch norm follows the classifier: with copies of its columns its logits would grow.
        (Layer::Linear { .. }, "weight") => Shaping::Times(((config.channels as f64).min(inputs) / inputs).sqrt()),
        _ => Shaping::Times(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(size: [usize; 3], tile: [usize; 2]) -> Slot {
        Slot {
            name: String::new(),
            shape: Vec::new(),
            vertex: 0,
            weight: 0,
            bias: 0,
            offset: 0,
            tile,
            size,
            shaping: Shaping::Times(1.0),
        }
    }

    /// The head's row of every number of a tensor.
    fn rows(slot: &Slot) -> Vec<usize> {
        slot.copies().map(|base| slot.row(base)).collect()
    }

    #[test]
    fn what_is_smaller_is_cut_out() {
        // Of a kernel [3, 4, 2] the first two outputs and three inputs.
        assert_eq!(rows(&slot([2, 3, 2], [3, 4])), [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]);
        assert_eq!(slot([2, 3, 2], [3, 4]).base_len(), 12);
    }

    #[test]
    fn what_is_larger_is_made_of_copies() {
        assert_eq!(rows(&slot([3, 3, 1], [2, 2])), [0, 1, 0, 2, 3, 2, 0, 1, 0]);
        assert_eq!(slot([3, 3, 1], [2, 2]).base_len(), 4);
        let shifted = Slot { offset: 10, ..slot([3, 1, 1], [2, 1]) };
        assert_eq!(rows(&shifted), [10, 11, 10]);
    }
}
