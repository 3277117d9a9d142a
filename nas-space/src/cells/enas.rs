//! The network that ENAS retrains a fixed cell in, as released.

use super::Cells;
use super::block::{Frame, blocks, same_map};
use crate::operations::{Site, factorized_reduce, halve, relu_conv_bn};
use crate::parts::head::{self, Auxiliary, Second};
use crate::parts::stem;
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, SpaceError, Stem, Window};

/// The whole network. The released code is for small images; with the ImageNet stem the image enters as in DARTS.
pub(super) fn network(cells: &Cells, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    if config.layers < 3 {
        let reason = "two of the cells of an ENAS network are reductions, so it must be at least 3".into();
        return Err(SpaceError::Config { setting: "layers", value: config.layers.to_string(), reason });
    }
    let mut net = GraphBuilder::new(config.input);
    net.grow_drop_path();
    let (mut before, mut previous) = match config.stem {
        Stem::Cifar => {
            let x = stem::plain(&mut net, 3 * config.channels)?;
            (x, x)
        }
        Stem::Imagenet => stem::strided(&mut net, config)?,
    };
    let third = (config.layers - 2) / 3;
    let reductions = [third, 2 * third + 1];
    let mut channels = config.channels;
    let mut auxiliary = None;
    for index in 0..config.layers {
        let reduction = reductions.contains(&index);
        if reduction {
            channels *= 2;
        }
        let inputs = prepare(&mut net, index, channels, before, previous)?;
        let frame = Frame { half: cells.half(reduction), index, channels, identity };
        (before, previous) = (previous, blocks(&mut net, &frame, inputs)?);
        if config.auxiliary && index == reductions[1] + 1 {
            let shape = Auxiliary { stride: 3, channels: [128, 768], second: Second::Padded };
            auxiliary = Some(head::auxiliary(&mut net, previous, &shape, config.classes)?);
        }
    }
    net.place(None, "head");
    let x = net.push("relu", Layer::Relu, &[previous])?;
    let logits = head::classifier_without_bias(&mut net, x, config.classes)?;
    Ok(net.finish(logits, auxiliary))
}

/// Brings both inputs of a cell to its channels and to the smaller of their maps; the second one goes through another 1x1
/// convolution after that.
fn prepare(
    net: &mut GraphBuilder,
    index: usize,
    channels: usize,
    before: usize,
    previous: usize,
) -> Result<[usize; 2], SpaceError> {
    net.place(Some(index), "preprocess");
    let path = |name: &str| format!("cells.{index}.{name}");
    let pointwise = Window::same(1, 1, 1);
    let first = match net.shape(before) {
        shape if !same_map(shape, net.shape(previous)) => {
            factorized_reduce(net, &path("preprocess0"), before, channels)?
        }
        shape if shape.channels != channels => relu_conv_bn(net, &path("preprocess0"), before, channels, pointwise)?,
        _ => before,
    };
    let second = match net.shape(previous).channels == channels {
        true => previous,
        false => relu_conv_bn(net, &path("preprocess1"), previous, channels, pointwise)?,
    };
    Ok([first, relu_conv_bn(net, &path("base"), second, channels, pointwise)?])
}

/// An identity at stride 2: a factorized reduction without ReLU.
fn identity(net: &mut GraphBuilder, site: &Site<'_>) -> Result<usize, SpaceError> {
    match site.stride {
        // Both inputs are prepared and nodes add, so this is met only behind nodes that join their sides.
        1 => relu_conv_bn(net, site.path, site.input, site.out, Window::same(1, 1, 1)),
        _ => halve(net, site.path, site.input, site.out),
    }
}
