//! The operations of cell spaces, by name; each appends its layers to a graph.
//!
//! Layer names are those of the reference implementations of DARTS (Liu et al. 2019, section 3.1) and NAS-Bench-201
//! (Dong & Yang 2020, section 2.1), so that their weights can be loaded. Convolutions have no bias; batch norms are
//! affine unless the builder says otherwise. A stride divides rows and columns and rounds up.

mod layers;
mod padding;

pub(crate) use layers::{Site, conv_bn, halve};
pub use layers::{factorized_reduce, relu_conv_bn};
pub(crate) use padding::Padding;
use serde::{Deserialize, Serialize};

use crate::{GraphBuilder, SpaceError, suggest};

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
    /// `max_pool_2x2`.
    MaxPool2x2,
    /// `max_pool_5x5`.
    MaxPool5x5,
    /// `max_pool_7x7`.
    MaxPool7x7,
    /// `dil_sep_conv_3x3`: a separable convolution, both rounds with dilation 2.
    DilSepConv3x3,
    /// `dil_sep_conv_5x5`.
    DilSepConv5x5,
    /// `conv_1x1`: ReLU, convolution, batch norm.
    Conv1x1,
    /// `conv_3x3`: a convolution on a quarter of the channels, between two 1x1 convolutions that go down to them and back
    /// up, each with a ReLU before it and a batch norm behind it.
    Conv3x3,
    /// `dilated_conv_3x3`: as `conv_3x3`, with dilation 2.
    DilatedConv3x3,
    /// `conv_1x3_3x1`: as `conv_3x3`, in two steps, 1x3 and 3x1, and on three eighths of the channels.
    Conv1x3Conv3x1,
    /// `conv_1x7_7x1`: as `conv_3x3`, in two steps, 1x7 and 7x1.
    Conv1x7Conv7x1,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 22] = [
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
        Self::MaxPool2x2,
        Self::MaxPool5x5,
        Self::MaxPool7x7,
        Self::DilSepConv3x3,
        Self::DilSepConv5x5,
        Self::Conv1x1,
        Self::Conv3x3,
        Self::DilatedConv3x3,
        Self::Conv1x3Conv3x1,
        Self::Conv1x7Conv7x1,
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

    /// The thirteen operations of NASNet, in the order of the paper (Zoph et al. 2018, section 3.1); its identity is
    /// `skip_connect`.
    pub const NASNET: [Self; 13] = [
        Self::SkipConnect,
        Self::Conv1x3Conv3x1,
        Self::Conv1x7Conv7x1,
        Self::DilatedConv3x3,
        Self::AvgPool3x3,
        Self::MaxPool3x3,
        Self::MaxPool5x5,
        Self::MaxPool7x7,
        Self::Conv1x1,
        Self::Conv3x3,
        Self::SepConv3x3,
        Self::SepConv5x5,
        Self::SepConv7x7,
    ];

    /// The eight operations of AmoebaNet (Real et al. 2019, section 2.1); its identity is `skip_connect`.
    pub const AMOEBANET: [Self; 8] = [
        Self::SkipConnect,
        Self::SepConv3x3,
        Self::SepConv5x5,
        Self::SepConv7x7,
        Self::AvgPool3x3,
        Self::MaxPool3x3,
        Self::DilSepConv3x3,
        Self::Conv1x7Conv7x1,
    ];

    /// The five operations of the micro space of ENAS, in the released order, by which its cells are written (Pham et
    /// al. 2018, section 2.4).
    pub const ENAS_MICRO: [Self; 5] =
        [Self::SepConv3x3, Self::SepConv5x5, Self::AvgPool3x3, Self::MaxPool3x3, Self::SkipConnect];

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
            Self::MaxPool2x2 => "max_pool_2x2",
            Self::MaxPool5x5 => "max_pool_5x5",
            Self::MaxPool7x7 => "max_pool_7x7",
            Self::DilSepConv3x3 => "dil_sep_conv_3x3",
            Self::DilSepConv5x5 => "dil_sep_conv_5x5",
            Self::Conv1x1 => "conv_1x1",
            Self::Conv3x3 => "conv_3x3",
            Self::DilatedConv3x3 => "dilated_conv_3x3",
            Self::Conv1x3Conv3x1 => "conv_1x3_3x1",
            Self::Conv1x7Conv7x1 => "conv_1x7_7x1",
        }
    }

    /// The operation of a name.
    ///
    /// # Errors
    /// [`SpaceError::UnknownOperation`] lists the names and suggests the nearest.
    pub fn parse(name: &str) -> Result<Self, SpaceError> {
        let found = Self::ALL.into_iter().find(|op| op.name() == name);
        found.ok_or_else(|| suggest::unknown_operation(name, &Self::ALL.map(Self::name)))
    }

    /// Appends the operation's layers, named `path.…`, and returns the node of its output. An identity appends
    /// nothing and returns `input`.
    ///
    /// # Errors
    /// [`SpaceError::Shape`] if the operation does not fit its input.
    pub fn append(self, net: &mut GraphBuilder, path: &str, input: usize, stride: usize) -> Result<usize, SpaceError> {
        let out = net.shape(input).channels;
        layers::append(self, net, &Site { path, input, out, stride, padding: Padding::Symmetric })
    }

    /// As [`append`](Self::append), to as many channels as the site says. Pools, the identity and `none` keep the channels
    /// they read.
    pub(crate) fn append_at(self, net: &mut GraphBuilder, site: &Site<'_>) -> Result<usize, SpaceError> {
        layers::append(self, net, site)
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
