//! The layers of each operation.

use super::{Operation, Padding};
use crate::{GraphBuilder, Layer, Pool, PoolKind, SpaceError, Window};

/// Where an operation's layers go, and what they must come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    /// What the names of its layers begin with.
    pub(crate) path: &'a str,
    /// The node it reads.
    pub(crate) input: usize,
    /// Channels of its output.
    pub(crate) out: usize,
    /// Stride, in both directions.
    pub(crate) stride: usize,
    /// Where its windows are padded.
    pub(crate) padding: Padding,
}

impl Site<'_> {
    /// A window with the site's stride, on its input.
    pub(crate) fn window(&self, net: &GraphBuilder, kernel: usize, dilation: usize) -> Window {
        self.padding.window(size(net, self.input), [kernel; 2], [self.stride; 2], dilation)
    }
}

fn size(net: &GraphBuilder, node: usize) -> [usize; 2] {
    let shape = net.shape(node);
    [shape.height, shape.width]
}

/// Appends an operation and returns the node of its output.
pub(super) fn append(operation: Operation, net: &mut GraphBuilder, site: &Site<'_>) -> Result<usize, SpaceError> {
    let Site { path, input, out, stride, .. } = *site;
    match operation {
        Operation::None => net.push(path, Layer::Zero { stride }, &[input]),
        Operation::SkipConnect if stride == 1 => Ok(input),
        Operation::SkipConnect => factorized_reduce(net, path, input, out),
        Operation::AvgPool3x3 => pool(net, site, PoolKind::Average, 3),
        Operation::MaxPool2x2 => pool(net, site, PoolKind::Max, 2),
        Operation::MaxPool3x3 => pool(net, site, PoolKind::Max, 3),
        Operation::MaxPool5x5 => pool(net, site, PoolKind::Max, 5),
        Operation::MaxPool7x7 => pool(net, site, PoolKind::Max, 7),
        Operation::SepConv3x3 => separable(net, site, 3, 1),
        Operation::SepConv5x5 => separable(net, site, 5, 1),
        Operation::SepConv7x7 => separable(net, site, 7, 1),
        Operation::DilSepConv3x3 => separable(net, site, 3, 2),
        Operation::DilSepConv5x5 => separable(net, site, 5, 2),
        Operation::DilConv3x3 => depthwise_pointwise(net, site, 0, site.window(net, 3, 2)),
        Operation::DilConv5x5 => depthwise_pointwise(net, site, 0, site.window(net, 5, 2)),
        Operation::Conv7x1Conv1x7 => {
            let x = net.push(format!("{path}.0"), Layer::Relu, &[input])?;
            let row = site.padding.window(size(net, x), [1, 7], [1, stride], 1);
            let x = net.conv(format!("{path}.1"), x, out, 1, row)?;
            let column = site.padding.window(size(net, x), [7, 1], [stride, 1], 1);
            let x = net.conv(format!("{path}.2"), x, out, 1, column)?;
            net.batch_norm(format!("{path}.3"), x)
        }
        Operation::NorConv1x1 | Operation::Conv1x1 => relu_conv_bn(net, path, input, out, site.window(net, 1, 1)),
        Operation::NorConv3x3 => relu_conv_bn(net, path, input, out, site.window(net, 3, 1)),
        Operation::Conv3x3 => bottleneck(net, site, out / 4, &[([3, 3], [stride; 2], 1)]),
        Operation::DilatedConv3x3 => bottleneck(net, site, out / 4, &[([3, 3], [stride; 2], 2)]),
        Operation::Conv1x3Conv3x1 => {
            bottleneck(net, site, 3 * out / 8, &[([1, 3], [1, stride], 1), ([3, 1], [stride, 1], 1)])
        }
        Operation::Conv1x7Conv7x1 => {
            bottleneck(net, site, out / 4, &[([1, 7], [1, stride], 1), ([7, 1], [stride, 1], 1)])
        }
    }
}

fn pool(net: &mut GraphBuilder, site: &Site<'_>, kind: PoolKind, kernel: usize) -> Result<usize, SpaceError> {
    let window = site.window(net, kernel, 1);
    net.push(site.path, Layer::Pool(Pool { kind, window }), &[site.input])
}

/// ReLU, convolution to `out` channels, batch norm: `path.op.0` to `path.op.2`.
///
/// # Errors
/// [`SpaceError::Shape`] if the window does not fit.
pub fn relu_conv_bn(
    net: &mut GraphBuilder,
    path: &str,
    input: usize,
    out: usize,
    window: Window,
) -> Result<usize, SpaceError> {
    let x = net.push(format!("{path}.op.0"), Layer::Relu, &[input])?;
    let x = net.conv(format!("{path}.op.1"), x, out, 1, window)?;
    net.batch_norm(format!("{path}.op.2"), x)
}

/// 1x1 convolution to `out` channels and batch norm, for values that must not be rectified: `path.conv`, `path.bn`.
pub(crate) fn conv_bn(net: &mut GraphBuilder, path: &str, input: usize, out: usize) -> Result<usize, SpaceError> {
    let x = net.conv(format!("{path}.conv"), input, out, 1, Window::same(1, 1, 1))?;
    net.batch_norm(format!("{path}.bn"), x)
}

/// Halves rows and columns, rounding up, without losing pixels: ReLU, then one 1x1 convolution with stride 2 on the
/// even pixels and one on the odd pixels, concatenated to `out` channels, batch norm.
///
/// The odd pixels are reached by a window that starts one pixel inside the image. Where a size is odd, the last of
/// them lies outside and reads as zero. An odd `out` gives the second convolution the larger half.
///
/// # Errors
/// [`SpaceError::Shape`] if `out` is less than 2, for each half needs a channel.
pub fn factorized_reduce(net: &mut GraphBuilder, path: &str, input: usize, out: usize) -> Result<usize, SpaceError> {
    let x = net.push(format!("{path}.relu"), Layer::Relu, &[input])?;
    halve(net, path, x, out)
}

/// As [`factorized_reduce`], without the ReLU.
pub(crate) fn halve(net: &mut GraphBuilder, path: &str, input: usize, out: usize) -> Result<usize, SpaceError> {
    if out < 2 {
        let reason = format!("a factorized reduction needs at least 2 output channels, not {out}; use more channels");
        return Err(SpaceError::Shape { layer: path.to_owned(), reason });
    }
    let even = Window::valid(1, 2);
    let odd = Window { before: [-1; 2], after: [1; 2], ..even };
    let first = net.conv(format!("{path}.conv_1"), input, out / 2, 1, even)?;
    let second = net.conv(format!("{path}.conv_2"), input, out - out / 2, 1, odd)?;
    let x = net.push(format!("{path}.concat"), Layer::Concat, &[first, second])?;
    net.batch_norm(format!("{path}.bn"), x)
}

/// A separable convolution: two rounds, the stride and the change of channels in the first.
fn separable(net: &mut GraphBuilder, site: &Site<'_>, kernel: usize, dilation: usize) -> Result<usize, SpaceError> {
    let input = depthwise_pointwise(net, site, 0, site.window(net, kernel, dilation))?;
    let second = Site { input, stride: 1, ..*site };
    depthwise_pointwise(net, &second, 4, second.window(net, kernel, dilation))
}

/// ReLU, depthwise convolution, pointwise convolution, batch norm: four layers numbered from `first`.
fn depthwise_pointwise(
    net: &mut GraphBuilder,
    site: &Site<'_>,
    first: usize,
    window: Window,
) -> Result<usize, SpaceError> {
    let channels = net.shape(site.input).channels;
    let name = |offset: usize| format!("{}.op.{}", site.path, first + offset);
    let x = net.push(name(0), Layer::Relu, &[site.input])?;
    let x = net.conv(name(1), x, channels, channels, window)?;
    let x = net.conv(name(2), x, site.out, 1, Window::same(1, 1, 1))?;
    net.batch_norm(name(3), x)
}

/// Convolutions on fewer channels between two 1x1 convolutions, each with its ReLU and its batch norm; `steps` are
/// kernel, stride and dilation. Where nothing would be left of the channels, the steps stand alone, on all of them (as in
/// the released code of AmoebaNet).
fn bottleneck(
    net: &mut GraphBuilder,
    site: &Site<'_>,
    narrow: usize,
    steps: &[([usize; 2], [usize; 2], usize)],
) -> Result<usize, SpaceError> {
    let Site { path, out, padding, .. } = *site;
    let pointwise = Window::same(1, 1, 1);
    let channels = if narrow == 0 { out } else { narrow };
    let mut x = match narrow {
        0 => site.input,
        _ => relu_conv_bn(net, &format!("{path}.pre"), site.input, channels, pointwise)?,
    };
    for (step, &(kernel, stride, dilation)) in steps.iter().enumerate() {
        let window = padding.window(size(net, x), kernel, stride, dilation);
        x = relu_conv_bn(net, &format!("{path}.step{step}"), x, channels, window)?;
    }
    if narrow == 0 { Ok(x) } else { relu_conv_bn(net, &format!("{path}.post"), x, out, pointwise) }
}
