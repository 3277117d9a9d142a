//! From eight blocks to the network that NAS-Bench-Macro trained.

use super::{Block, LAYERS, STAGES};
use crate::parts::stem;
use crate::spaces::sizes::{check_depth, check_no_auxiliary};
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, SpaceError, Stem, Window};

/// Channels in front of the classifier.
const HEAD: usize = 1280;

/// The whole network.
pub(super) fn network(blocks: &[Block], config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    check_depth("nasbench-macro", LAYERS, config)?;
    check_no_auxiliary("NAS-Bench-Macro", config)?;
    let mut net = GraphBuilder::new(config.input);
    let mut x = stem(&mut net, config)?;
    let mut channels = config.channels;
    let first: Vec<usize> =
        STAGES.iter().scan(0, |next, layers| Some(std::mem::replace(next, *next + layers))).collect();
    for (index, &block) in blocks.iter().enumerate() {
        let reduces = first.contains(&index);
        if reduces {
            channels *= 2;
        }
        x = append(&mut net, block, index, x, channels, if reduces { 2 } else { 1 })?;
    }
    net.place(None, "head");
    let x = net.conv("out.0", x, HEAD, 1, Window::same(1, 1, 1))?;
    let x = net.batch_norm("out.1", x)?;
    let x = net.push("out.2", Layer::Relu, &[x])?;
    let x = net.push("out.3", Layer::GlobalAveragePool, &[x])?;
    let logits = net.push("classifier", Layer::Linear { out: config.classes }, &[x])?;
    Ok(net.finish(logits, None))
}

fn stem(net: &mut GraphBuilder, config: &NetworkConfig) -> Result<usize, SpaceError> {
    match config.stem {
        Stem::Cifar => {
            let x = stem::plain(net, config.channels)?;
            net.push("stem.2", Layer::Relu, &[x])
        }
        Stem::Imagenet => {
            let (_, x) = stem::strided(net, config)?;
            net.push("stem1.3", Layer::Relu, &[x])
        }
    }
}

/// One layer.
fn append(
    net: &mut GraphBuilder,
    block: Block,
    index: usize,
    input: usize,
    out: usize,
    stride: usize,
) -> Result<usize, SpaceError> {
    let path = format!("features.{index}");
    let same_shape = net.shape(input).channels == out && stride == 1;
    let Block::Inverted { expansion, kernel } = block else {
        net.place(Some(index), "identity");
        if same_shape {
            return Ok(input);
        }
        let x = net.conv(format!("{path}.downsample.0"), input, out, 1, Window::valid(1, stride))?;
        return net.batch_norm(format!("{path}.downsample.1"), x);
    };
    net.place(Some(index), format!("mb{expansion}_k{kernel}"));
    let hidden = expansion * net.shape(input).channels;
    let name = |layer: usize| format!("{path}.conv.{layer}");
    let x = net.conv(name(0), input, hidden, 1, Window::same(1, 1, 1))?;
    let x = net.batch_norm(name(1), x)?;
    let x = net.push(name(2), Layer::Relu, &[x])?;
    let x = net.conv(name(3), x, hidden, hidden, Window::same(kernel, stride, 1))?;
    let x = net.batch_norm(name(4), x)?;
    let x = net.push(name(5), Layer::Relu, &[x])?;
    let x = net.conv(name(6), x, out, 1, Window::same(1, 1, 1))?;
    let x = net.batch_norm(name(7), x)?;
    if same_shape { net.push(format!("{path}.add"), Layer::Add, &[x, input]) } else { Ok(x) }
}
