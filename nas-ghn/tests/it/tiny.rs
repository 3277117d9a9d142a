//! Random small networks, and small hypernetworks for them.

use nas_ghn::{GhnConfig, Propagation};
use nas_space::{Conv2d, GraphBuilder, ImageShape, Layer, NetworkGraph, Operation, Pool, PoolKind, Seed, Window};
use rand::RngExt;

/// Every form of a hypernetwork, with as few numbers as still make one.
pub(crate) fn configs() -> Vec<GhnConfig> {
    let small = GhnConfig { hidden: 3, message: 4, decoder: 5, passes: 2, channels: 4, ..GhnConfig::default() };
    vec![
        small.clone(),
        GhnConfig { propagation: Propagation::Synchronous, ..small.clone() },
        GhnConfig { stacked: false, virtual_edges: 3, normalize: true, ..small.clone() },
        GhnConfig { virtual_edges: 4, propagation: Propagation::Synchronous, ..small },
    ]
}

/// A random network of some cells of some nodes, for images `[2, 5, 4]` in three classes. Channels vary, so that
/// kernels are cut and repeated.
pub(crate) fn network(seed: u64, cells: usize, nodes: usize) -> NetworkGraph {
    let mut rng = Seed::new(seed).rng();
    let mut net = GraphBuilder::new(ImageShape { channels: 2, height: 5, width: 4 });
    net.place(None, "stem");
    let image = net.input();
    let x = net.conv("stem.0", image, 6, 1, Window::same(3, 1, 1)).unwrap();
    let mut outputs = vec![net.push("stem.1", Layer::BatchNorm { affine: true }, &[x]).unwrap()];
    for cell in 0..cells {
        net.place(Some(cell), "preprocess");
        let channels = rng.random_range(2..6);
        let mut states = Vec::new();
        for (side, &input) in outputs.iter().rev().take(2).enumerate() {
            let name = format!("cells.{cell}.pre{side}");
            let x = net.push(format!("{name}.0"), Layer::Relu, &[input]).unwrap();
            let x = net.conv(format!("{name}.1"), x, channels, 1, Window::same(1, 1, 1)).unwrap();
            states.push(net.push(format!("{name}.2"), Layer::BatchNorm { affine: true }, &[x]).unwrap());
        }
        for node in 0..nodes {
            let path = format!("cells.{cell}.node{node}");
            let ends: Vec<usize> = (0..2)
                .map(|side| {
                    let input = states[rng.random_range(0..states.len())];
                    let operations = [
                        Operation::SepConv3x3,
                        Operation::DilConv5x5,
                        Operation::SkipConnect,
                        Operation::AvgPool3x3,
                        Operation::NorConv3x3,
                    ];
                    let operation = operations[rng.random_range(0..operations.len())];
                    net.place(Some(cell), operation.name());
                    operation.append(&mut net, &format!("{path}.{side}"), input, 1).unwrap()
                })
                .collect();
            net.place(Some(cell), "add");
            states.push(net.push(path, Layer::Add, &ends).unwrap());
        }
        net.place(Some(cell), "concat");
        outputs.push(net.push(format!("cells.{cell}.concat"), Layer::Concat, &states[1..]).unwrap());
    }
    net.place(None, "head");
    let last = *outputs.last().unwrap();
    let x = net.push("pool", Layer::GlobalAveragePool, &[last]).unwrap();
    let logits = net.push("classifier", Layer::Linear { out: 3 }, &[x]).unwrap();
    net.finish(logits, None)
}

/// A network of three dense convolutions that are larger than the kernels made for them, without a rectifier, whose
/// kinks would show in finite differences.
pub(crate) fn smooth() -> NetworkGraph {
    let mut net = GraphBuilder::new(ImageShape { channels: 2, height: 5, width: 4 });
    net.place(None, "stem");
    let image = net.input();
    let stem = net.conv("stem.0", image, 6, 1, Window::same(3, 1, 1)).unwrap();
    let stem = net.push("stem.1", Layer::BatchNorm { affine: true }, &[stem]).unwrap();
    let mut x = stem;
    for cell in 0..2 {
        net.place(Some(cell), "mixed");
        let pool = Pool { kind: PoolKind::Average, window: Window::same(3, 1, 1) };
        let pooled = net.push(format!("{cell}.pool"), Layer::Pool(pool), &[x]).unwrap();
        let depthwise = Conv2d { out: 6, groups: 6, window: Window::same(3, 1, 2) };
        let other = net.push(format!("{cell}.depthwise"), Layer::Conv2d(depthwise), &[x]).unwrap();
        let other = net.conv(format!("{cell}.pointwise"), other, 6, 1, Window::same(1, 1, 1)).unwrap();
        let other = net.push(format!("{cell}.norm"), Layer::BatchNorm { affine: true }, &[other]).unwrap();
        x = net.push(format!("{cell}.add"), Layer::Add, &[pooled, other]).unwrap();
    }
    net.place(None, "head");
    let x = net.push("pool", Layer::GlobalAveragePool, &[x]).unwrap();
    let logits = net.push("classifier", Layer::Linear { out: 3 }, &[x]).unwrap();
    net.finish(logits, None)
}
