//! From the nodes of a block to the network that repeats it.

use super::{Chosen, loose};
use crate::operations::{factorized_reduce, relu_conv_bn};
use crate::parts::{head, stem};
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, SpaceError, Stem, Window};

/// The whole network.
pub(super) fn network(nodes: &[Chosen], config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    config.check()?;
    let mut net = GraphBuilder::new(config.input);
    let (mut before, mut previous) = match config.stem {
        Stem::Cifar => {
            let x = stem::plain(&mut net, config.channels)?;
            (x, x)
        }
        Stem::Imagenet => stem::strided(&mut net, config)?,
    };
    let mut channels = config.channels;
    for index in 0..config.layers {
        let reduction = index > 0 && [config.layers / 3, 2 * config.layers / 3].contains(&index);
        if reduction {
            channels *= 2;
        }
        let output = block(&mut net, nodes, index, [before, previous], channels, reduction)?;
        (before, previous) = (previous, output);
    }
    let logits = head::classifier(&mut net, previous, config.classes)?;
    Ok(net.finish(logits, None))
}

/// One block, which reads the outputs of the two before it, and its output.
fn block(
    net: &mut GraphBuilder,
    nodes: &[Chosen],
    index: usize,
    inputs: [usize; 2],
    channels: usize,
    reduction: bool,
) -> Result<usize, SpaceError> {
    let path = format!("cells.{index}");
    net.place(Some(index), "preprocess");
    let size = |net: &GraphBuilder, node: usize| (net.shape(node).height, net.shape(node).width);
    let last = size(net, inputs[1]);
    let mut states = Vec::with_capacity(2 + nodes.len());
    for (side, input) in inputs.into_iter().enumerate() {
        let name = format!("{path}.preprocess{side}");
        // The block before may have halved the image, and this one may halve it again.
        let mut x = input;
        if size(net, x) != last {
            x = factorized_reduce(net, &format!("{name}.larger"), x, channels)?;
        }
        states.push(match reduction {
            true => factorized_reduce(net, &name, x, channels)?,
            false => relu_conv_bn(net, &name, x, channels, Window::same(1, 1, 1))?,
        });
    }
    for (number, node) in nodes.iter().enumerate() {
        let read: Vec<usize> = node.inputs.iter().map(|&state| states[state]).collect();
        net.place(Some(index), "add");
        let input = match read[..] {
            [one] => one,
            _ => net.push(format!("{path}.node{number}.add"), Layer::Add, &read)?,
        };
        net.place(Some(index), node.operation.name());
        states.push(node.operation.append(net, &format!("{path}.node{number}"), input, 1)?);
    }
    let loose: Vec<usize> = loose(nodes).map(|state| states[state]).collect();
    net.place(Some(index), "concat");
    net.push(format!("{path}.concat"), Layer::Concat, &loose)
}
