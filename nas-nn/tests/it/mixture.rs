//! Mixed edges in f64 against central finite differences: pools that are worked out again, convolutions that read one value
//! together, skips, zeros, on images of odd sizes.

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, StepConfig};
use nas_space::{Conv2d, GraphBuilder, ImageShape, Layer, NetworkGraph, Pool, PoolKind, Seed, Window};

use crate::gradients::{noise, worst};

const BATCH: usize = 5;

/// Two nodes that mix operations: the first on a batch norm's output, the second, with stride, on the first and on a ReLU.
fn mixed() -> NetworkGraph {
    let mut net = GraphBuilder::new(ImageShape { channels: 2, height: 7, width: 6 });
    let mut push = |name: String, layer: Layer, inputs: &[usize]| net.push(name, layer, inputs).unwrap();
    let conv = |groups, window| Layer::Conv2d(Conv2d { out: 3, groups, window });
    let stem = push("stem".into(), conv(1, Window::same(3, 1, 1)), &[0]);
    let stem = push("norm".into(), Layer::BatchNorm { affine: true }, &[stem]);
    let mut edge = |name: &str, input: usize, stride: usize| {
        let mut ends = vec![push(format!("{name}.none"), Layer::Zero { stride }, &[input])];
        for kind in [PoolKind::Max, PoolKind::Average] {
            let pool = Layer::Pool(Pool { kind, window: Window::same(3, stride, 1) });
            let pool = push(format!("{name}.{kind:?}"), pool, &[input]);
            ends.push(push(format!("{name}.{kind:?}.norm"), Layer::BatchNorm { affine: false }, &[pool]));
        }
        for (kernel, dilation) in [(3, 1), (5, 2)] {
            let path = format!("{name}.conv{kernel}");
            let x = push(format!("{path}.relu"), Layer::Relu, &[input]);
            let x = push(format!("{path}.depthwise"), conv(3, Window::same(kernel, stride, dilation)), &[x]);
            let x = push(format!("{path}.pointwise"), conv(1, Window::same(1, 1, 1)), &[x]);
            ends.push(push(format!("{path}.norm"), Layer::BatchNorm { affine: true }, &[x]));
        }
        let plain = push(format!("{name}.plain"), conv(1, Window::same(1, stride, 1)), &[input]);
        ends.push(if stride == 1 { input } else { plain });
        ends
    };
    let first = edge("a", stem, 1);
    let second = edge("b", stem, 2);
    let sum = |row, edges| Layer::WeightedSum { table: 0, row, edges };
    let node = net.push("node0", sum(0, 1), &first).unwrap();
    let relu = net.push("relu", Layer::Relu, &[node]).unwrap();
    let pool = Layer::Pool(Pool { kind: PoolKind::Max, window: Window::same(3, 2, 1) });
    let mut third = vec![second[0]];
    third.push(net.push("c.max", pool.clone(), &[node]).unwrap());
    third.push(net.push("c.max.of.relu", pool, &[relu]).unwrap());
    third.push(net.push("c.conv", conv(1, Window::same(3, 2, 1)), &[relu]).unwrap());
    third.push(net.push("c.conv.of.node", conv(1, Window::same(1, 2, 1)), &[node]).unwrap());
    third.push(third[1]);
    let ends: Vec<usize> = second.into_iter().chain(third).collect();
    let node = net.push("node1", sum(1, 2), &ends).unwrap();
    let x = net.push("pool", Layer::GlobalAveragePool, &[node]).unwrap();
    let logits = net.push("classifier", Layer::Linear { out: 3 }, &[x]).unwrap();
    net.finish(logits, None)
}

#[test]
fn gradients_of_weights_and_mixtures() {
    let mut network = Network::init(mixed(), Seed::new(3), DType::F64, &Device::Cpu).unwrap();
    let config = StepConfig { label_smoothing: 0.1, auxiliary_weight: 0.4 };
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(5) };
    let (x, labels) = (noise(13, &[BATCH, 2, 7, 6]), Tensor::new(&[0u32, 2, 1, 1, 0], &Device::Cpu).unwrap());
    let weights = network.mixtures().unwrap().remove(0);
    network.set_mixture(0, &noise(14, weights.dims())).unwrap();

    let step = network.step(&x, &labels, &config, mode).unwrap();
    for (parameter, gradient) in network.parameters().to_vec().iter().zip(&step.gradients) {
        let loss = || network.step(&x, &labels, &config, mode).unwrap().loss;
        let error = worst(&parameter.var, gradient, loss);
        // A convolution that only a batch norm without scale reads has no gradient along its own weights.
        assert!(error < 1e-6, "{}: off by {error:.2e}", parameter.name);
    }

    let table = candle_core::Var::from_tensor(&network.mixtures().unwrap()[0]).unwrap();
    for step in [step, network.mixture_step(&x, &labels, &config, mode).unwrap()] {
        let loss = || {
            network.set_mixture(0, &table).unwrap();
            network.step(&x, &labels, &config, mode).unwrap().loss
        };
        let error = worst(&table, &step.mixtures[0], loss);
        assert!(error < 1e-6, "the mixture: off by {error:.2e}");
    }
}
