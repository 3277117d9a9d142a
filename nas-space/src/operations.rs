//! The operations of cell spaces, each a function that appends its layers to a graph.
//!
//! Layer names are those of the reference implementations of DARTS (Liu et al. 2019, section 3.1) and NAS-Bench-201
//! (Dong & Yang 2020, section 2.1), so that their weights can be loaded. Convolutions have no bias; batch norms are
//! affine unless the builder says otherwise. A stride divides rows and columns and rounds up.

use serde::{Deserialize, Serialize};

use crate::{GraphBuilder, Layer, Pool, PoolKind, SpaceError, Window, suggest};

/// An operation on one edge of a cell: it keeps the channels, and with stride 2 halves rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Operation {
    /// `none`: all zeros.
    None,
    /// `max_pool_3x3`.
    MaxPool3x3,
    /// `avg_pool_3x3`, the mean over the pixels inside the image.
    AvgPool3x3,
    /// `skip_connect`: identity, or a factorized reduction with stride 2.
    SkipConnect,
    /// `sep_conv_3x3`: (ReLU, depthwise, pointwise, batch norm) twice, the stride in the first.
    SepConv3x3,
    /// `sep_conv_5x5`.
    SepConv5x5,
    /// `sep_conv_7x7`.
    SepConv7x7,
    /// `dil_conv_3x3`: ReLU, depthwise with dilation 2, pointwise, batch norm.
    DilConv3x3,
    /// `dil_conv_5x5`.
    DilConv5x5,
    /// `conv_7x1_1x7`: ReLU, 1x7, 7x1, batch norm.
    Conv7x1Conv1x7,
    /// `nor_conv_1x1`: ReLU, convolution, batch norm.
    NorConv1x1,
    /// `nor_conv_3x3`.
    NorConv3x3,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 12] = [
        Self::None,
        Self::MaxPool3x3,
        Self::AvgPool3x3,
        Self::SkipConnect,
        Self::SepConv3x3,
        Self::SepConv5x5,
        Self::SepConv7x7,
        Self::DilConv3x3,
        Self::DilConv5x5,
        Self::Conv7x1Conv1x7,
        Self::NorConv1x1,
        Self::NorConv3x3,
    ];

    /// The eight operations of the DARTS space, in the published order.
    pub const DARTS: [Self; 8] = [
        Self::None,
        Self::MaxPool3x3,
        Self::AvgPool3x3,
        Self::SkipConnect,
        Self::SepConv3x3,
        Self::SepConv5x5,
        Self::DilConv3x3,
        Self::DilConv5x5,
    ];

    /// The five operations of NAS-Bench-201, in the published order.
    pub const NASBENCH201: [Self; 5] =
        [Self::None, Self::SkipConnect, Self::NorConv1x1, Self::NorConv3x3, Self::AvgPool3x3];

    /// The name used in genotypes.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::MaxPool3x3 => "max_pool_3x3",
            Self::AvgPool3x3 => "avg_pool_3x3",
            Self::SkipConnect => "skip_connect",
            Self::SepConv3x3 => "sep_conv_3x3",
            Self::SepConv5x5 => "sep_conv_5x5",
            Self::SepConv7x7 => "sep_conv_7x7",
            Self::DilConv3x3 => "dil_conv_3x3",
            Self::DilConv5x5 => "dil_conv_5x5",
            Self::Conv7x1Conv1x7 => "conv_7x1_1x7",
            Self::NorConv1x1 => "nor_conv_1x1",
            Self::NorConv3x3 => "nor_conv_3x3",
        }
    }

    /// The operation of a name.
    ///
    /// # Errors
    /// [`SpaceError::UnknownOperation`] lists the names and suggests the nearest.
    pub fn parse(name: &str) -> Result<Self, SpaceError> {
        Self::ALL.into_iter().find(|op| op.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name);
            SpaceError::UnknownOperation {
                name: name.to_owned(),
                hint: suggest::hint(name, known),
                known: known.join(", "),
            }
        })
    }

    /// Appends the operation's layers, named `path.…`, and returns the node of its output. An identity appends
    /// nothing and returns `input`.
    ///
    /// # Errors
    /// [`SpaceError::Shape`] if the operation does not fit its input.
    pub fn append(self, net: &mut GraphBuilder, path: &str, input: usize, stride: usize) -> Result<usize, SpaceError> {
        let channels = net.shape(input).channels;
        let pool = |kind| Layer::Pool(Pool { kind, window: Window::same(3, stride, 1) });
        match self {
            Self::None => net.push(path, Layer::Zero { stride }, &[input]),
            Self::MaxPool3x3 => net.push(path, pool(PoolKind::Max), &[input]),
            Self::AvgPool3x3 => net.push(path, pool(PoolKind::Average), &[input]),
            Self::SkipConnect if stride == 1 => Ok(input),
            Self::SkipConnect => factorized_reduce(net, path, input, channels),
            Self::SepConv3x3 => separable(net, path, input, 3, stride),
            Self::SepConv5x5 => separable(net, path, input, 5, stride),
            Self::SepConv7x7 => separable(net, path, input, 7, stride),
            Self::DilConv3x3 => relu_depthwise_pointwise(net, path, 0, input, Window::same(3, stride, 2)),
            Self::DilConv5x5 => relu_depthwise_pointwise(net, path, 0, input, Window::same(5, stride, 2)),
            Self::Conv7x1Conv1x7 => {
                let row =
                    Window { kernel: [1, 7], stride: [1, stride], before: [0, 3], after: [0, 3], dilation: [1; 2] };
                let column =
                    Window { kernel: [7, 1], stride: [stride, 1], before: [3, 0], after: [3, 0], dilation: [1; 2] };
                let x = net.push(format!("{path}.0"), Layer::Relu, &[input])?;
                let x = net.conv(format!("{path}.1"), x, channels, 1, row)?;
                let x = net.conv(format!("{path}.2"), x, channels, 1, column)?;
                net.batch_norm(format!("{path}.3"), x)
            }
            Self::NorConv1x1 => relu_conv_bn(net, path, input, channels, Window::same(1, stride, 1)),
            Self::NorConv3x3 => relu_conv_bn(net, path, input, channels, Window::same(3, stride, 1)),
        }
    }

    /// As [`append`](Self::append) in a supernet, where a batch norm follows each pool, so that all operations of an edge
    /// yield values of one size (Liu et al. 2019, reference implementation): `path.0` and `path.1`.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_mixed(
        self,
        net: &mut GraphBuilder,
        path: &str,
        input: usize,
        stride: usize,
    ) -> Result<usize, SpaceError> {
        if !matches!(self, Self::MaxPool3x3 | Self::AvgPool3x3) {
            return self.append(net, path, input, stride);
        }
        let x = self.append(net, &format!("{path}.0"), input, stride)?;
        net.batch_norm(format!("{path}.1"), x)
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Operation {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        Self::parse(name)
    }
}

impl TryFrom<String> for Operation {
    type Error = SpaceError;

    fn try_from(name: String) -> Result<Self, SpaceError> {
        Self::parse(&name)
    }
}

impl From<Operation> for String {
    fn from(operation: Operation) -> Self {
        operation.name().to_owned()
    }
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

/// Halves rows and columns, rounding up, without losing pixels: ReLU, then one 1x1 convolution with stride 2 on the
/// even pixels and one on the odd pixels, concatenated to `out` channels, batch norm.
///
/// The odd pixels are reached by a window that starts one pixel inside the image. Where a size is odd, the last of
/// them lies outside and reads as zero. An odd `out` gives the second convolution the larger half.
///
/// # Errors
/// [`SpaceError::Shape`] if `out` is less than 2, for each half needs a channel.
pub fn factorized_reduce(net: &mut GraphBuilder, path: &str, input: usize, out: usize) -> Result<usize, SpaceError> {
    if out < 2 {
        let reason = format!("a factorized reduction needs at least 2 output channels, not {out}; use more channels");
        return Err(SpaceError::Shape { layer: path.to_owned(), reason });
    }
    let even = Window::valid(1, 2);
    let odd = Window { before: [-1; 2], after: [1; 2], ..even };
    let x = net.push(format!("{path}.relu"), Layer::Relu, &[input])?;
    let first = net.conv(format!("{path}.conv_1"), x, out / 2, 1, even)?;
    let second = net.conv(format!("{path}.conv_2"), x, out - out / 2, 1, odd)?;
    let x = net.push(format!("{path}.concat"), Layer::Concat, &[first, second])?;
    net.batch_norm(format!("{path}.bn"), x)
}

/// A separable convolution: two rounds, the stride in the first.
fn separable(
    net: &mut GraphBuilder,
    path: &str,
    input: usize,
    kernel: usize,
    stride: usize,
) -> Result<usize, SpaceError> {
    let x = relu_depthwise_pointwise(net, path, 0, input, Window::same(kernel, stride, 1))?;
    relu_depthwise_pointwise(net, path, 4, x, Window::same(kernel, 1, 1))
}

/// ReLU, depthwise convolution, pointwise convolution, batch norm: four layers numbered from `first`.
fn relu_depthwise_pointwise(
    net: &mut GraphBuilder,
    path: &str,
    first: usize,
    input: usize,
    window: Window,
) -> Result<usize, SpaceError> {
    let channels = net.shape(input).channels;
    let name = |offset: usize| format!("{path}.op.{}", first + offset);
    let x = net.push(name(0), Layer::Relu, &[input])?;
    let x = net.conv(name(1), x, channels, channels, window)?;
    let x = net.conv(name(2), x, channels, 1, Window::same(1, 1, 1))?;
    net.batch_norm(name(3), x)
}
