//! Flags for the size of a network.

use clap::Args;
use nas_space::{ImageShape, NetworkConfig, Stem};

use crate::units::parse_image_shape;

/// How large a network is built.
#[derive(Clone, Debug, Args)]
pub struct NetworkArgs {
    /// Channels of the first cells [default: the space's own]
    #[arg(long, value_name = "N")]
    pub channels: Option<usize>,
    /// Number of cells [default: the space's own]
    #[arg(long, value_name = "N")]
    pub layers: Option<usize>,
    /// Number of classes [default: 10, or 1000 with the imagenet stem]
    #[arg(long, value_name = "N")]
    pub classes: Option<usize>,
    /// Channels x rows x columns of an image [default: 3x32x32, or 3x224x224 with the imagenet stem]
    #[arg(long, value_name = "CxHxW", value_parser = parse_image_shape)]
    pub input: Option<ImageShape>,
    /// How the image enters: one convolution, or three down to an eighth [default: cifar]
    #[arg(long, value_name = "STEM", value_parser = parse_stem)]
    pub stem: Option<Stem>,
    /// With an auxiliary classifier after two thirds of the cells
    #[arg(long)]
    pub auxiliary: bool,
}

impl NetworkArgs {
    /// The network's size: what was asked for, over what is usual for the architecture.
    pub fn resolve(&self, usual: NetworkConfig) -> NetworkConfig {
        let imagenet = self.stem == Some(Stem::Imagenet) && usual.stem != Stem::Imagenet;
        let like = if imagenet { NetworkConfig::imagenet(usual.channels, usual.layers) } else { usual };
        NetworkConfig {
            input: self.input.unwrap_or(like.input),
            classes: self.classes.unwrap_or(like.classes),
            channels: self.channels.unwrap_or(like.channels),
            layers: self.layers.unwrap_or(like.layers),
            stem: self.stem.unwrap_or(like.stem),
            auxiliary: self.auxiliary || like.auxiliary,
        }
    }
}

/// Reads `cifar` or `imagenet`.
pub fn parse_stem(text: &str) -> Result<Stem, String> {
    match text {
        "cifar" => Ok(Stem::Cifar),
        "imagenet" => Ok(Stem::Imagenet),
        _ => Err("a stem is cifar (one 3x3 convolution) or imagenet (three, down to an eighth)".into()),
    }
}
