//! Heads: from a cell's output to one value a class, at the end of the network and, for training, in its middle.

use crate::operations::Padding;
use crate::{GraphBuilder, Layer, Pool, PoolKind, SpaceError, Window};

/// The mean over all pixels and a linear layer: `global_pooling`, `classifier`.
pub(crate) fn classifier(net: &mut GraphBuilder, input: usize, classes: usize) -> Result<usize, SpaceError> {
    net.place(None, "head");
    let x = net.push("global_pooling", Layer::GlobalAveragePool, &[input])?;
    net.push("classifier", Layer::Linear { out: classes }, &[x])
}

/// As [`classifier`], without bias: a 1x1 convolution on the one pixel that is left.
pub(crate) fn classifier_without_bias(
    net: &mut GraphBuilder,
    input: usize,
    classes: usize,
) -> Result<usize, SpaceError> {
    net.place(None, "head");
    let x = net.push("global_pooling", Layer::GlobalAveragePool, &[input])?;
    net.conv("classifier", x, classes, 1, Window::valid(1, 1))
}

/// An auxiliary classifier: ReLU, 5x5 average pooling, a 1x1 convolution, a second convolution, and a linear layer.
pub(crate) struct Auxiliary {
    /// Stride of the pooling.
    pub(crate) stride: usize,
    /// Channels of the two convolutions.
    pub(crate) channels: [usize; 2],
    /// The second convolution.
    pub(crate) second: Second,
}

/// The second convolution of an auxiliary classifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    /// 2x2, then a batch norm (DARTS on small images).
    Square,
    /// 2x2, no batch norm (DARTS on large images).
    SquareWithoutNorm,
    /// As large as the map, of which one pixel is left (NASNet).
    Whole,
    /// As large as the map and padded to its size; a mean over all pixels follows, and no bias (ENAS).
    Padded,
}

/// Appends an auxiliary classifier that reads `input`. Windows shrink to the feature map where it is smaller than they are.
pub(crate) fn auxiliary(
    net: &mut GraphBuilder,
    input: usize,
    shape: &Auxiliary,
    classes: usize,
) -> Result<usize, SpaceError> {
    let name = |layer: usize| format!("auxiliary_head.features.{layer}");
    net.place(None, "auxiliary");
    let x = net.push(name(0), Layer::Relu, &[input])?;
    let window = fitting(net, x, 5, shape.stride);
    let x = net.push(name(1), Layer::Pool(Pool { kind: PoolKind::Average, window }), &[x])?;
    let x = net.conv(name(2), x, shape.channels[0], 1, Window::valid(1, 1))?;
    let x = net.batch_norm(name(3), x)?;
    let x = net.push(name(4), Layer::Relu, &[x])?;
    let map = net.shape(x);
    let whole = [map.height, map.width];
    let window = match shape.second {
        Second::Square | Second::SquareWithoutNorm => fitting(net, x, 2, 1),
        Second::Whole => Window { kernel: whole, ..Window::valid(1, 1) },
        Second::Padded => Padding::Least.window(whole, whole, [1; 2], 1),
    };
    let x = net.conv(name(5), x, shape.channels[1], 1, window)?;
    // The numbering of the reference's layers follows the batch norm that is not there.
    let x = match shape.second {
        Second::SquareWithoutNorm => net.push(name(6), Layer::Relu, &[x])?,
        _ => {
            let x = net.batch_norm(name(6), x)?;
            net.push(name(7), Layer::Relu, &[x])?
        }
    };
    if shape.second == Second::Padded {
        let x = net.push("auxiliary_head.pooling", Layer::GlobalAveragePool, &[x])?;
        return net.conv("auxiliary_head.classifier", x, classes, 1, Window::valid(1, 1));
    }
    net.push("auxiliary_head.classifier", Layer::Linear { out: classes }, &[x])
}

/// A square window without padding that shrinks where the map is smaller than it.
pub(super) fn fitting(net: &GraphBuilder, node: usize, kernel: usize, stride: usize) -> Window {
    let shape = net.shape(node);
    Window { kernel: [kernel.min(shape.height), kernel.min(shape.width)], ..Window::valid(kernel, stride) }
}
