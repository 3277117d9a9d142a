//! The primitive layers a network graph is made of. Tensors are `[batch, channels, height, width]`.

use serde::{Deserialize, Serialize};

use crate::Shape;

/// A sliding window in two dimensions; each pair is (rows, columns).
///
/// Padding is signed: -1 before (top, left) drops the first row and column, which is how a factorized reduction samples
/// the odd pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Stride.
    pub stride: [usize; 2],
    /// Padding before the first row and column.
    pub before: [isize; 2],
    /// Padding after the last row and column.
    pub after: [isize; 2],
    /// Dilation.
    pub dilation: [usize; 2],
}

impl Window {
    /// A square window, padded so that stride 1 keeps the size ("same").
    pub fn same(kernel: usize, stride: usize, dilation: usize) -> Self {
        let pad = (dilation * (kernel - 1) / 2) as isize;
        Self { kernel: [kernel; 2], stride: [stride; 2], before: [pad; 2], after: [pad; 2], dilation: [dilation; 2] }
    }

    /// A square window without padding.
    pub fn valid(kernel: usize, stride: usize) -> Self {
        Self { before: [0; 2], after: [0; 2], ..Self::same(kernel, stride, 1) }
    }

    /// 2x2 with stride 2 on maps of a shape: half of their rows and columns, rounded up. Where a size is odd, the last window
    /// holds what is left.
    pub(crate) fn halving(shape: Shape) -> Self {
        let after = [shape.height % 2, shape.width % 2].map(|odd| odd as isize);
        Self { after, ..Self::valid(2, 2) }
    }

    /// The size of the output for an input of `size` (rows, columns), or `None` where the kernel does not
    /// fit or a kernel size, stride or dilation is 0.
    pub fn output(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |a: usize| {
            if self.kernel[a] == 0 || self.stride[a] == 0 || self.dilation[a] == 0 {
                return None;
            }
            let reach = (self.dilation[a] * (self.kernel[a] - 1) + 1) as isize;
            let padded = size[a] as isize + self.before[a] + self.after[a];
            (padded >= reach).then(|| ((padded - reach) as usize) / self.stride[a] + 1)
        };
        Some([axis(0)?, axis(1)?])
    }
}

impl std::fmt::Display for Window {
    /// The kernel, and stride and dilation where they are not 1: `3x3 s2 d2`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.kernel[0], self.kernel[1])?;
        for (letter, pair) in [("s", self.stride), ("d", self.dilation)] {
            match pair {
                [1, 1] => {}
                [rows, columns] if rows == columns => write!(f, " {letter}{rows}")?,
                [rows, columns] => write!(f, " {letter}{rows}x{columns}")?,
            }
        }
        Ok(())
    }
}

/// A convolution without bias; its weight is `[out, in / groups, kernel rows, kernel columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conv2d {
    /// Output channels.
    pub out: usize,
    /// Groups; equal to the input channels for a depthwise convolution.
    pub groups: usize,
    /// The window.
    pub window: Window,
}

/// Maximum or mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest value in the window; padding never wins.
    Max,
    /// The mean over the pixels inside the image (`count_include_pad = false`).
    Average,
}

/// A pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pool {
    /// Maximum or mean.
    pub kind: PoolKind,
    /// The window.
    pub window: Window,
}

/// A primitive layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Layer {
    /// The image.
    Input,
    /// Convolution; parameter `weight`.
    Conv2d(Conv2d),
    /// Batch normalization over batch, rows and columns (Ioffe & Szegedy 2015), eps 1e-5, momentum 0.1; parameters
    /// `weight` and `bias` when affine; state `running_mean` and `running_var`.
    BatchNorm {
        /// Whether a learned scale and shift follow.
        affine: bool,
    },
    /// max(x, 0).
    Relu,
    /// max(x, 0) while training, nothing otherwise. The reference's auxiliary head rectifies its input in place, so that
    /// in training the classifier, too, reads rectified values where that input is the last cell (up to three cells).
    TrainingRelu,
    /// Pooling with padding.
    Pool(Pool),
    /// Mean over all rows and columns: `[batch, channels, 1, 1]`.
    GlobalAveragePool,
    /// Elementwise sum of all inputs.
    Add,
    /// Weighted sum of all inputs, one weight each: the mixed edges of one node (Liu et al. 2019, equation 2). The inputs
    /// are the operations of the first edge, then those of the second, and so on. The weights are no parameters of the
    /// network: they come from outside, as rows of a table that many nodes may share.
    WeightedSum {
        /// Which table: in the DARTS supernet 0 for normal cells, 1 for reduction cells.
        table: usize,
        /// The first edge's row in it.
        row: usize,
        /// Edges, each with as many operations; their rows follow one another.
        edges: usize,
    },
    /// Concatenation of all inputs along the channels.
    Concat,
    /// The first channels of its input; the rest is let go of.
    Narrow {
        /// How many channels stay.
        channels: usize,
    },
    /// Some channels of its input, in this order; each at most once.
    Select {
        /// Which channels, counted from 0.
        channels: Vec<usize>,
    },
    /// Zeros around the image, rows and columns.
    Pad {
        /// Rows above, columns to the left.
        before: [usize; 2],
        /// Rows below, columns to the right.
        after: [usize; 2],
    },
    /// All zeros, at the input's size divided by the stride and rounded up.
    Zero {
        /// Stride in both directions.
        stride: usize,
    },
    /// Drops a whole path per sample while training (Larsson et al. 2017); the probability is the trainer's, or a share of
    /// it ([`NetworkGraph::drop_path_share`](crate::NetworkGraph::drop_path_share)).
    DropPath,
    /// A layer that whoever builds the network brings, under this name; its parameters are its own affair.
    Custom {
        /// The name, by which the network's builder is asked for it.
        name: String,
        /// The shape of its output for one sample: channels, rows, columns.
        output: [usize; 3],
    },
    /// Fully connected, over all channels and pixels; parameters `weight` `[out, in]` and `bias` `[out]`.
    Linear {
        /// Output features.
        out: usize,
    },
}

impl Layer {
    /// A short name of the kind, for tables and drawings.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv2d(_) => "conv2d",
            Self::BatchNorm { .. } => "batch_norm",
            Self::Relu => "relu",
            Self::TrainingRelu => "training_relu",
            Self::Pool(Pool { kind: PoolKind::Max, .. }) => "max_pool",
            Self::Pool(Pool { kind: PoolKind::Average, .. }) => "average_pool",
            Self::GlobalAveragePool => "global_average_pool",
            Self::Add => "add",
            Self::WeightedSum { .. } => "weighted_sum",
            Self::Concat => "concat",
            Self::Narrow { .. } => "narrow",
            Self::Select { .. } => "select",
            Self::Pad { .. } => "pad",
            Self::Zero { .. } => "zero",
            Self::DropPath => "drop_path",
            Self::Custom { .. } => "custom",
            Self::Linear { .. } => "linear",
        }
    }

    /// The kind and what tells it from others of its kind, in few words: `conv2d 3x3 s2, 36 groups`.
    pub fn describe(&self) -> String {
        match self {
            Self::Conv2d(conv) => {
                let groups = if conv.groups > 1 { format!(", {} groups", conv.groups) } else { String::new() };
                format!("{} {}{groups}", self.kind(), conv.window)
            }
            Self::Pool(pool) => format!("{} {}", self.kind(), pool.window),
            _ => self.kind().to_owned(),
        }
    }
}
