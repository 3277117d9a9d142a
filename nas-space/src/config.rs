//! How large a network is built from an architecture: the things a search leaves fixed.

use serde::{Deserialize, Serialize};

/// The shape of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageShape {
    /// Colour planes: 1 for grey, 3 for RGB.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// How the image enters the first cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stem {
    /// One 3x3 convolution at full resolution (small images).
    Cifar,
    /// Three strided 3x3 convolutions, to an eighth of the resolution (large images).
    Imagenet,
}

/// Everything a lowering needs besides the architecture.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// One input image.
    pub input: ImageShape,
    /// Number of classes.
    pub classes: usize,
    /// Channels of the first cells (C in the papers).
    pub channels: usize,
    /// Number of cells, reductions included. NAS-Bench-201 counts its searched cells only: three stages of `layers / 3`.
    pub layers: usize,
    /// How the image enters.
    pub stem: Stem,
    /// Whether an auxiliary classifier is attached after two thirds of the cells (DARTS networks, training only).
    pub auxiliary: bool,
}

impl NetworkConfig {
    /// A network for 32x32 colour images in 10 classes.
    pub fn cifar(channels: usize, layers: usize) -> Self {
        let input = ImageShape { channels: 3, height: 32, width: 32 };
        Self { input, classes: 10, channels, layers, stem: Stem::Cifar, auxiliary: false }
    }

    /// A network for 224x224 colour images in 1,000 classes.
    pub fn imagenet(channels: usize, layers: usize) -> Self {
        let input = ImageShape { channels: 3, height: 224, width: 224 };
        Self { input, classes: 1000, channels, layers, stem: Stem::Imagenet, auxiliary: false }
    }
}
