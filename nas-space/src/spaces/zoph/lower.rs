//! From layers and skip connections to a network.

use super::{Chosen, FILTERS};
use crate::parts::{head, stem};
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, SpaceError, Stem, Window};

/// The whole network.
pub(super) fn network(layers: &[Chosen], config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    let mut net = GraphBuilder::new(config.input);
    let image = match config.stem {
        Stem::Cifar => net.input(),
        Stem::Imagenet => {
            let (_, x) = stem::strided(&mut net, config)?;
            net.push("stem1.3", Layer::Relu, &[x])?
        }
    };
    let mut outputs = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        net.place(Some(index), "skip");
        let path = format!("layers.{index}");
        let inputs: Vec<usize> = layer.inputs.iter().map(|&from| outputs[from]).collect();
        let x = if inputs.is_empty() { image } else { joined(&mut net, &path, &inputs)? };
        let ([height, width], [rows, columns]) = (layer.kernel, layer.stride);
        net.place(Some(index), format!("conv_{height}x{width}"));
        let pad = [(height - 1) / 2, (width - 1) / 2].map(|pad| pad as isize);
        let window =
            Window { kernel: [height, width], stride: [rows, columns], before: pad, after: pad, dilation: [1; 2] };
        let filters = (layer.filters * config.channels).div_ceil(FILTERS[0]);
        let x = net.conv(format!("{path}.conv"), x, filters, 1, window)?;
        let x = net.batch_norm(format!("{path}.bn"), x)?;
        outputs.push(net.push(format!("{path}.relu"), Layer::Relu, &[x])?);
    }
    net.place(None, "head");
    let unread = |layer: &usize| layers.iter().all(|other| !other.inputs.contains(layer));
    let ends: Vec<usize> = (0..layers.len()).filter(unread).map(|layer| outputs[layer]).collect();
    let x = joined(&mut net, "head", &ends)?;
    let logits = head::classifier(&mut net, x, config.classes)?;
    Ok(net.finish(logits, None))
}

/// The inputs one behind another along the channels, the smaller ones with zeros around them.
fn joined(net: &mut GraphBuilder, path: &str, inputs: &[usize]) -> Result<usize, SpaceError> {
    let shapes: Vec<_> = inputs.iter().map(|&input| net.shape(input)).collect();
    let height = shapes.iter().map(|shape| shape.height).max().unwrap_or(0);
    let width = shapes.iter().map(|shape| shape.width).max().unwrap_or(0);
    let mut parts = Vec::with_capacity(inputs.len());
    for (position, (&input, shape)) in inputs.iter().zip(&shapes).enumerate() {
        let missing = [height - shape.height, width - shape.width];
        let before = missing.map(|missing| missing / 2);
        let after = [missing[0] - before[0], missing[1] - before[1]];
        parts.push(match missing {
            [0, 0] => input,
            _ => net.push(format!("{path}.pad.{position}"), Layer::Pad { before, after }, &[input])?,
        });
    }
    match parts[..] {
        [only] => Ok(only),
        _ => net.push(format!("{path}.concat"), Layer::Concat, &parts),
    }
}
