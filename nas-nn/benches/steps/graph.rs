//! The graph of a case: a network, or a stem, copies of one operation in a row, and a head.
//!
//! In a chain every copy hands a gradient on to the one before it, and stem and head are small beside the copies.

use nas_space::spaces::Darts;
use nas_space::{
    GraphBuilder, ImageShape, Layer, NetworkConfig, NetworkGraph, Operation, SpaceError, Window, published,
};

use crate::case::Case;

/// Copies of the operation in a chain.
pub(crate) const COPIES: usize = 8;

/// What the names of the copies' layers begin with.
pub(crate) const CHAIN: &str = "chain";

/// The operations that are timed in chains. The convolutions begin with a ReLU and end with a batch norm.
pub(crate) const OPERATIONS: [&str; 12] = [
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "max_pool_3x3",
    "avg_pool_3x3",
    "nor_conv_1x1",
    "nor_conv_3x3",
    "conv_7x1_1x7",
    "depthwise_7x7",
    "batch_norm",
    "add_batch_norm",
];

/// The classes that the head tells apart.
pub(crate) const CLASSES: usize = 10;

/// The graph of a case.
pub(crate) fn of(case: &Case) -> Result<NetworkGraph, String> {
    let image = ImageShape { channels: 3, height: case.size[0], width: case.size[1] };
    let config = NetworkConfig { input: image, classes: CLASSES, ..NetworkConfig::cifar(case.channels, case.cells) };
    let graph = match case.network.as_str() {
        "darts_v2" => published("DARTS_V2").ok_or("the cell is not known")?.genotype().lower(&config),
        "supernet" => Darts.supernet(&config),
        _ if case.is_chain() => chain(case, image),
        other => return Err(format!("`{other}` is neither a network nor one of {}", OPERATIONS.join(", "))),
    };
    graph.map_err(|error| error.to_string())
}

/// Stem, copies, head.
fn chain(case: &Case, image: ImageShape) -> Result<NetworkGraph, SpaceError> {
    let mut net = GraphBuilder::new(image);
    let x = net.conv("stem.0", net.input(), case.channels, 1, Window::same(1, 1, 1))?;
    let mut x = net.push("stem.1", Layer::BatchNorm { affine: true }, &[x])?;
    for copy in 0..COPIES {
        x = append(&mut net, &case.network, &format!("{CHAIN}.{copy}"), x)?;
    }
    let x = net.push("pool", Layer::GlobalAveragePool, &[x])?;
    let x = net.push("classifier", Layer::Linear { out: CLASSES }, &[x])?;
    Ok(net.finish(x, None))
}

/// Appends one copy of an operation: one of the search spaces', or one of those that only networks of other kinds have.
fn append(net: &mut GraphBuilder, operation: &str, path: &str, x: usize) -> Result<usize, SpaceError> {
    let channels = net.shape(x).channels;
    let norm = Layer::BatchNorm { affine: true };
    match operation {
        "depthwise_7x7" => {
            let y = net.push(format!("{path}.0"), Layer::Relu, &[x])?;
            let y = net.conv(format!("{path}.1"), y, channels, channels, Window::same(7, 1, 1))?;
            net.push(format!("{path}.2"), norm, &[y])
        }
        "batch_norm" => net.push(path, norm, &[x]),
        "add_batch_norm" => {
            let y = net.push(format!("{path}.norm"), norm, &[x])?;
            net.push(format!("{path}.add"), Layer::Add, &[x, y])
        }
        _ => Operation::parse(operation)?.append(net, path, x, 1),
    }
}
