//! Stems: from the image to what the first cell reads.

use crate::{GraphBuilder, Layer, NetworkConfig, SpaceError, Window};

/// One 3x3 convolution at full resolution and a batch norm: `stem.0`, `stem.1`.
pub(crate) fn plain(net: &mut GraphBuilder, channels: usize) -> Result<usize, SpaceError> {
    convolution(net, channels, Window::same(3, 1, 1))
}

/// One 3x3 convolution without padding that halves the image, and a batch norm. The window shrinks where the image is
/// smaller than it.
pub(crate) fn halving(net: &mut GraphBuilder, channels: usize) -> Result<usize, SpaceError> {
    let window = super::head::fitting(net, net.input(), 3, 2);
    convolution(net, channels, window)
}

fn convolution(net: &mut GraphBuilder, channels: usize, window: Window) -> Result<usize, SpaceError> {
    net.place(None, "stem");
    let x = net.conv("stem.0", net.input(), channels, 1, window)?;
    net.push("stem.1", Layer::BatchNorm { affine: true }, &[x])
}

/// Three strided 3x3 convolutions; returns the map at a quarter and at an eighth of the image (Liu et al. 2019, appendix
/// A.3).
pub(crate) fn strided(net: &mut GraphBuilder, config: &NetworkConfig) -> Result<(usize, usize), SpaceError> {
    if config.channels < 2 {
        return Err(SpaceError::Config {
            setting: "channels",
            value: config.channels.to_string(),
            reason: "the ImageNet stem begins with half of the channels, so it needs at least 2".into(),
        });
    }
    let window = Window::same(3, 2, 1);
    net.place(None, "stem");
    let x = net.conv("stem0.0", net.input(), config.channels / 2, 1, window)?;
    let x = net.batch_norm("stem0.1", x)?;
    let x = net.push("stem0.2", Layer::Relu, &[x])?;
    let x = net.conv("stem0.3", x, config.channels, 1, window)?;
    let quarter = net.batch_norm("stem0.4", x)?;
    let x = net.push("stem1.0", Layer::Relu, &[quarter])?;
    let x = net.conv("stem1.1", x, config.channels, 1, window)?;
    let eighth = net.batch_norm("stem1.2", x)?;
    Ok((quarter, eighth))
}
