//! The network of NASNet and AmoebaNet, as both were released.

use super::block::{Frame, blocks, same_map};
use super::{Cells, Form};
use crate::operations::{Site, factorized_reduce, relu_conv_bn};
use crate::parts::head::{self, Auxiliary, Second};
use crate::parts::stem;
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, SpaceError, Stem, Window};

/// The whole network: normal cells in three equal parts, a reduction cell before the second and the third.
pub(super) fn network(cells: &Cells, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    check(cells.form, config)?;
    let mut walk = Walk::new(cells, config)?;
    let normal = config.layers - 2;
    let reductions = [normal / 3, 2 * normal / 3];
    let mut channels = config.channels;
    let mut auxiliary = None;
    for cell in 0..normal {
        let skipped = walk.before();
        for (number, _) in reductions.iter().enumerate().filter(|(_, at)| **at == cell) {
            if config.auxiliary && number == 1 {
                let shape = auxiliary_shape(cells.form, config.stem);
                let input = walk.last();
                auxiliary = Some(head::auxiliary(&mut walk.net, input, &shape, config.classes)?);
            }
            channels *= 2;
            walk.cell(true, channels, walk.before())?;
        }
        let before = if cells.form == Form::NasNetLarge { skipped } else { walk.before() };
        walk.cell(false, channels, before)?;
    }
    let last = walk.last();
    let mut net = walk.net;
    net.place(None, "head");
    let x = net.push("relu", Layer::Relu, &[last])?;
    let logits = head::classifier(&mut net, x, config.classes)?;
    Ok(net.finish(logits, auxiliary))
}

fn check(form: Form, config: &NetworkConfig) -> Result<(), SpaceError> {
    let fault =
        |setting, value: usize, reason: String| Err(SpaceError::Config { setting, value: value.to_string(), reason });
    // The cell behind a reduction skips it: there must be a normal cell before the first, and one between the two.
    let least = if form == Form::NasNetLarge { 5 } else { 3 };
    if config.layers < least {
        let reason =
            format!("two of the cells of a {} network are reductions, so it must be at least {least}", form.word());
        return fault("layers", config.layers, reason);
    }
    if config.stem == Stem::Imagenet && config.channels < 8 {
        let reason = "the cells in the ImageNet stem begin with a quarter of the channels, so it needs at least 8";
        return fault("channels", config.channels, reason.into());
    }
    Ok(())
}

/// Where the auxiliary classifier differs: the released code of AmoebaNet scales its channels by 0.4 on ImageNet.
fn auxiliary_shape(form: Form, stem: Stem) -> Auxiliary {
    let channels = if form == Form::AmoebaNet && stem == Stem::Imagenet { [51, 307] } else { [128, 768] };
    Auxiliary { stride: 3, channels, second: Second::Whole }
}

/// The network as far as it is built.
struct Walk<'a> {
    cells: &'a Cells,
    net: GraphBuilder,
    /// The outputs of the stem's convolution and of every cell so far.
    outputs: Vec<usize>,
}

impl<'a> Walk<'a> {
    /// The stem. That for large images ends with two reduction cells, at a quarter and a half of the channels.
    fn new(cells: &'a Cells, config: &NetworkConfig) -> Result<Self, SpaceError> {
        let mut net = GraphBuilder::new(config.input);
        // The released code of AmoebaNet drops all paths alike.
        if cells.form != Form::AmoebaNet {
            net.grow_drop_path();
        }
        let first = match (config.stem, cells.form) {
            (Stem::Cifar, _) => stem::plain(&mut net, 3 * config.channels)?,
            (Stem::Imagenet, Form::NasNetLarge) => stem::halving(&mut net, 96)?,
            (Stem::Imagenet, _) => stem::halving(&mut net, 32)?,
        };
        let mut walk = Self { cells, net, outputs: vec![first] };
        if config.stem == Stem::Imagenet {
            for channels in [config.channels / 4, config.channels / 2] {
                walk.cell(true, channels, walk.before())?;
            }
        }
        Ok(walk)
    }

    fn last(&self) -> usize {
        self.outputs[self.outputs.len() - 1]
    }

    /// The output before the last; the stem has nothing before it.
    fn before(&self) -> Option<usize> {
        self.outputs.len().checked_sub(2).map(|at| self.outputs[at])
    }

    /// Appends a cell that reads the last output and the one given. Without that, both its inputs are the last output,
    /// and the second of them as it is.
    fn cell(&mut self, reduction: bool, channels: usize, before: Option<usize>) -> Result<(), SpaceError> {
        let (last, index) = (self.last(), self.outputs.len() - 1);
        let net = &mut self.net;
        net.place(Some(index), "preprocess");
        let pointwise = Window::same(1, 1, 1);
        let path = format!("cells.{index}.preprocess0");
        let first = match before {
            None => last,
            Some(before) => match net.shape(before) {
                shape if !same_map(shape, net.shape(last)) => factorized_reduce(net, &path, before, channels)?,
                shape if shape.channels != channels => relu_conv_bn(net, &path, before, channels, pointwise)?,
                _ => before,
            },
        };
        let second = relu_conv_bn(net, &format!("cells.{index}.preprocess1"), last, channels, pointwise)?;
        let frame = Frame { half: self.cells.half(reduction), index, channels, identity };
        self.outputs.push(blocks(net, &frame, [first, second])?);
        Ok(())
    }
}

/// An identity that must change shape: ReLU, a 1x1 convolution with the stride, batch norm.
fn identity(net: &mut GraphBuilder, site: &Site<'_>) -> Result<usize, SpaceError> {
    relu_conv_bn(net, site.path, site.input, site.out, site.window(net, 1, 1))
}
