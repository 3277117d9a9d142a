//! How large a network is built from an architecture: the things a search leaves fixed.

use serde::{Deserialize, Serialize};

use crate::SpaceError;

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

    /// Checks that every number is one a network can be built with.
    ///
    /// # Errors
    /// [`SpaceError::Config`] names the setting, its value and what is possible.
    pub fn check(&self) -> Result<(), SpaceError> {
        let ImageShape { channels, height, width } = self.input;
        // The ceilings lie far above every published network; they keep sizes and counts from overflowing.
        let ranges = [
            ("input.channels", channels, 1, 4096),
            ("input.height", height, 1, 16384),
            ("input.width", width, 1, 16384),
            ("classes", self.classes, 1, 1_000_000),
            ("channels", self.channels, 1, 16384),
            ("layers", self.layers, 1, 1024),
        ];
        for (setting, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                let reason = format!("it must be from {low} to {high}");
                return Err(SpaceError::Config { setting, value: value.to_string(), reason });
            }
        }
        Ok(())
    }
}
