//! Every op and layer in f64 against central finite differences, at odd sizes and on images that are not square.

use candle_core::{DType, Device, Tensor, Var};
use nas_nn::{Mode, Network, StepConfig, ops};
use nas_space::{Conv2d, GraphBuilder, ImageShape, Layer, Pool, PoolKind, Seed, Window};
use rand::RngExt;

const STEP: f64 = 1e-5;

pub(crate) fn noise(seed: u64, dims: &[usize]) -> Tensor {
    let mut rng = Seed::new(seed).rng();
    let values: Vec<f64> = (0..dims.iter().product()).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// The largest difference between a gradient and finite differences of `loss`, relative to the gradient's norm.
pub(crate) fn worst(var: &Var, gradient: &Tensor, mut loss: impl FnMut() -> f64) -> f64 {
    let start = var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    assert_eq!(start.len(), gradient.len());
    let mut at = |i: usize, shift: f64| {
        let mut values = start.clone();
        values[i] += shift;
        var.set(&Tensor::from_vec(values, var.dims(), &Device::Cpu).unwrap()).unwrap();
        loss()
    };
    let mut numeric = Vec::new();
    for i in 0..start.len() {
        numeric.push((at(i, STEP) - at(i, -STEP)) / (2.0 * STEP));
    }
    at(0, 0.0);
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(&mut numeric.iter().zip(&gradient).map(|(a, b)| a - b));
    difference / norm(&mut numeric.iter().copied()).max(1e-12)
}

/// Checks a differentiable op of candle tensors in all of its inputs, through a random linear functional of its output.
fn check(name: &str, inputs: &[Tensor], op: impl Fn(&[Tensor]) -> candle_core::Result<Tensor>) {
    let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let probe = noise(99, op(&tensors).unwrap().dims());
    let value = || (op(&tensors).unwrap() * &probe).unwrap().sum_all().unwrap();
    let store = value().backward().unwrap();
    for (i, var) in vars.iter().enumerate() {
        let error = worst(var, store.get(var).unwrap(), || value().to_scalar::<f64>().unwrap());
        assert!(error < 1e-7, "{name}: input {i} is off by {error:.2e}");
    }
}

fn windows() -> Vec<(&'static str, Window)> {
    let odd = Window { kernel: [1; 2], stride: [2; 2], before: [-1; 2], after: [1; 2], dilation: [1; 2] };
    let wide = Window { kernel: [1, 7], stride: [1, 2], before: [0, 3], after: [0, 3], dilation: [1; 2] };
    let tall = Window { kernel: [7, 1], stride: [2, 1], before: [3, 0], after: [3, 0], dilation: [1; 2] };
    vec![
        ("1x1", Window::same(1, 1, 1)),
        ("1x1 stride 2", Window::valid(1, 2)),
        ("1x1 stride 2 shifted", odd),
        ("3x3", Window::same(3, 1, 1)),
        ("3x3 stride 2", Window::same(3, 2, 1)),
        ("5x5", Window::same(5, 1, 1)),
        ("3x3 dilated", Window::same(3, 1, 2)),
        ("5x5 dilated stride 2", Window::same(5, 2, 2)),
        ("7x7 stride 2", Window::same(7, 2, 1)),
        ("2x2 valid", Window::valid(2, 1)),
        ("3x3 stride 3", Window::same(3, 3, 1)),
        ("1x7 strided", wide),
        ("7x1 strided", tall),
        ("3x3 stride 2 padded after", Window { before: [0; 2], ..Window::same(3, 2, 1) }),
        ("2x2 padded after", Window { after: [1; 2], ..Window::valid(2, 1) }),
    ]
}

#[test]
fn convolutions() {
    for (name, window) in windows() {
        for (groups, channels, out) in [(1, 3, 5), (4, 4, 4), (2, 4, 6)] {
            let conv = Conv2d { out, groups, window };
            let x = noise(1, &[2, channels, 7, 10]);
            let w = noise(2, &[out, channels / groups, window.kernel[0], window.kernel[1]]);
            check(&format!("{name}, {groups} groups"), &[x, w], |t| ops::conv2d(&t[0], &t[1], &conv));
        }
    }
}

#[test]
fn wide_convolutions_use_every_block() {
    // More rows, columns and channels than one block of the products holds.
    let conv = Conv2d { out: 7, groups: 1, window: Window::same(3, 1, 1) };
    check("wide", &[noise(3, &[1, 2, 5, 41]), noise(4, &[7, 2, 3, 3])], |t| ops::conv2d(&t[0], &t[1], &conv));
    let conv = Conv2d { out: 2, groups: 2, window: Window::same(5, 1, 1) };
    check("deep", &[noise(5, &[1, 2, 9, 23]), noise(6, &[2, 1, 5, 5])], |t| ops::conv2d(&t[0], &t[1], &conv));
}

#[test]
fn convolution_equals_its_definition() {
    for (name, window) in windows() {
        for (groups, channels, out) in [(1, 3, 5), (4, 4, 4), (2, 4, 6)] {
            let [height, width] = [9, 8];
            let conv = Conv2d { out, groups, window };
            let (x, w) = (
                noise(1, &[2, channels, height, width]),
                noise(2, &[out, channels / groups, window.kernel[0], window.kernel[1]]),
            );
            let y = ops::conv2d(&x, &w, &conv).unwrap();
            let (_, _, rows, columns) = y.dims4().unwrap();
            assert_eq!([rows, columns], window.output([height, width]).unwrap());
            let (x, w, y) = (flat(&x), flat(&w), flat(&y));
            let fan_in = channels / groups;
            for (index, value) in y.iter().enumerate() {
                let (column, row) = (index % columns, index / columns % rows);
                let (o, sample) = (index / columns / rows % out, index / columns / rows / out);
                let mut sum = 0.0;
                for c in 0..fan_in {
                    let channel = o / (out / groups) * fan_in + c;
                    for ky in 0..window.kernel[0] {
                        for kx in 0..window.kernel[1] {
                            let py = (row * window.stride[0] + ky * window.dilation[0]) as isize - window.before[0];
                            let px = (column * window.stride[1] + kx * window.dilation[1]) as isize - window.before[1];
                            if (0..height as isize).contains(&py) && (0..width as isize).contains(&px) {
                                let at = ((sample * channels + channel) * height + py as usize) * width + px as usize;
                                sum += x[at] * w[((o * fan_in + c) * window.kernel[0] + ky) * window.kernel[1] + kx];
                            }
                        }
                    }
                }
                assert!((sum - value).abs() < 1e-12, "{name}, {groups} groups, output {index}: {value}, not {sum}");
            }
        }
    }
}

pub(crate) fn flat(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn pools() {
    for kind in [PoolKind::Max, PoolKind::Average] {
        for (name, window) in [
            ("3x3", Window::same(3, 1, 1)),
            ("3x3 stride 2", Window::same(3, 2, 1)),
            ("5x5 stride 3 valid", Window::valid(5, 3)),
            ("2x2 stride 2", Window::valid(2, 2)),
        ] {
            let pool = Pool { kind, window };
            check(&format!("{kind:?} {name}"), &[noise(7, &[2, 3, 7, 9])], |t| ops::pool2d(&t[0], &pool));
        }
    }
}

#[test]
fn average_pools_count_the_image_only() {
    let pool = Pool { kind: PoolKind::Average, window: Window::same(3, 1, 1) };
    let ones = Tensor::ones((1, 1, 4, 5), DType::F64, &Device::Cpu).unwrap();
    assert_eq!(flat(&ops::pool2d(&ones, &pool).unwrap()), vec![1.0; 20]);
}

#[test]
fn padding_never_wins_a_maximum_and_ties_pay_once() {
    let pool = Pool { kind: PoolKind::Max, window: Window::same(3, 1, 1) };
    let x = Var::from_tensor(&Tensor::full(-2.0, (1, 1, 3, 3), &Device::Cpu).unwrap()).unwrap();
    let y = ops::pool2d(&x, &pool).unwrap();
    assert_eq!(flat(&y), vec![-2.0; 9]);
    let gradient = flat(y.sum_all().unwrap().backward().unwrap().get(&x).unwrap());
    assert_eq!(gradient, [4.0, 2.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_nan_stays_visible() {
    let pool = Pool { kind: PoolKind::Max, window: Window::same(3, 1, 1) };
    let x = Tensor::full(f64::NAN, (1, 1, 2, 2), &Device::Cpu).unwrap();
    assert!(flat(&ops::pool2d(&x, &pool).unwrap()).iter().all(|v| v.is_nan()));
    assert!(flat(&ops::relu(&x).unwrap()).iter().all(|v| v.is_nan()));
}

#[test]
fn batch_norm_and_relu() {
    let affine = [noise(8, &[3, 4, 5, 3]), noise(9, &[4]), noise(10, &[4])];
    check("batch_norm", &affine, |t| ops::batch_norm(&t[0], &t[1], &t[2]));
    check("relu", &[noise(11, &[3, 2, 3, 5])], |t| ops::relu(&t[0]));
    let labels = Tensor::new(&[2u32, 0, 1], &Device::Cpu).unwrap();
    check("cross_entropy", &[noise(12, &[3, 4])], |t| ops::cross_entropy(&t[0], &labels, 0.1));
}

/// A network with every kind of layer, two heads, and paths that join and part.
fn everything() -> nas_space::NetworkGraph {
    let mut net = GraphBuilder::new(ImageShape { channels: 2, height: 7, width: 6 });
    let mut layer = |name: &str, layer: Layer, inputs: &[usize]| net.push(name, layer, inputs).unwrap();
    let conv = |out, groups, window| Layer::Conv2d(Conv2d { out, groups, window });
    let pool = |kind| Layer::Pool(Pool { kind, window: Window::same(3, 2, 1) });
    let stem = layer("stem", conv(4, 1, Window::same(3, 1, 1)), &[0]);
    let norm = layer("norm", Layer::BatchNorm { affine: true }, &[stem]);
    let relu = layer("relu", Layer::Relu, &[norm]);
    let deep = layer("deep", conv(4, 4, Window::same(5, 2, 2)), &[relu]);
    let point = layer("point", conv(4, 1, Window::same(1, 1, 1)), &[deep]);
    let plain = layer("plain", Layer::BatchNorm { affine: false }, &[point]);
    let drop = layer("drop", Layer::DropPath, &[plain]);
    let max = layer("max", pool(PoolKind::Max), &[norm]);
    let mean = layer("mean", pool(PoolKind::Average), &[norm]);
    let zero = layer("zero", Layer::Zero { stride: 2 }, &[norm]);
    let add = layer("add", Layer::Add, &[drop, max, zero]);
    let concat = layer("concat", Layer::Concat, &[add, mean, add]);
    let extra = layer("extra", Layer::Linear { out: 3 }, &[concat]);
    let global = layer("global", Layer::GlobalAveragePool, &[concat]);
    let logits = layer("classifier", Layer::Linear { out: 3 }, &[global]);
    net.finish(logits, Some(extra))
}

/// Checks every gradient of a network for 2x7x6 images and 3 classes; returns the number of its parameters.
fn check_network(graph: nas_space::NetworkGraph, drop_path: f64) -> usize {
    let config = StepConfig { label_smoothing: 0.1, auxiliary_weight: 0.4 };
    let mut network = Network::init(graph, Seed::new(3), DType::F64, &Device::Cpu).unwrap();
    let mode = Mode::Train { drop_path, seed: Seed::new(5) };
    let x = noise(13, &[5, 2, 7, 6]);
    let labels = Tensor::new(&[0u32, 2, 1, 1, 0], &Device::Cpu).unwrap();
    let gradients = network.step(&x, &labels, &config, mode).unwrap().gradients;
    let parameters = network.parameters().to_vec();
    for (parameter, gradient) in parameters.iter().zip(&gradients) {
        let loss = || network.step(&x, &labels, &config, mode).unwrap().loss;
        let error = worst(&parameter.var, gradient, loss);
        assert!(error < 1e-6, "{}: off by {error:.2e} (drop_path {drop_path})", parameter.name);
    }
    parameters.len()
}

#[test]
fn a_whole_network() {
    for drop_path in [0.0, 0.5] {
        assert_eq!(check_network(everything(), drop_path), 9);
    }
}

#[test]
fn narrowed_and_padded_networks() {
    let mut net = GraphBuilder::new(ImageShape { channels: 2, height: 7, width: 6 });
    let mut layer = |name: &str, layer: Layer, inputs: &[usize]| net.push(name, layer, inputs).unwrap();
    let conv = |out| Layer::Conv2d(Conv2d { out, groups: 1, window: Window::same(3, 1, 1) });
    let first = layer("first", conv(5), &[0]);
    let norm = layer("norm", Layer::BatchNorm { affine: true }, &[first]);
    let relu = layer("relu", Layer::Relu, &[norm]);
    // Behind a concatenation the channels have gaps, and the last that stays is not the last of its block.
    let concat = layer("concat", Layer::Concat, &[relu, norm, first]);
    let narrow = layer("narrow", Layer::Narrow { channels: 12 }, &[concat]);
    let turned = layer("turned", Layer::Select { channels: (0..12).rev().collect() }, &[narrow]);
    let pad = layer("pad", Layer::Pad { before: [2, 0], after: [1, 3] }, &[turned]);
    // Read through a batch norm and a ReLU, and by two layers.
    let few = layer("few", Layer::Select { channels: vec![4, 0, 3] }, &[relu]);
    let framed = layer("framed", Layer::Pad { before: [0, 1], after: [3, 2] }, &[relu]);
    let framed_few = layer("framed_few", Layer::Pad { before: [3, 3], after: [0, 0] }, &[few]);
    let joined = layer("joined", Layer::Concat, &[pad, framed, framed_few]);
    let last = layer("last", conv(4), &[joined]);
    let logits = layer("classifier", Layer::Linear { out: 3 }, &[last]);
    assert_eq!(check_network(net.finish(logits, None), 0.0), 6);
}

#[test]
fn padding_is_zero_and_narrowing_keeps_the_first_channels() {
    let mut net = GraphBuilder::new(ImageShape { channels: 11, height: 1, width: 2 });
    let narrow = net.push("narrow", Layer::Narrow { channels: 2 }, &[0]).unwrap();
    let pad = net.push("pad", Layer::Pad { before: [1, 0], after: [0, 1] }, &[narrow]).unwrap();
    let mut network = Network::init(net.finish(pad, None), Seed::new(0), DType::F64, &Device::Cpu).unwrap();
    let x = noise(15, &[1, 11, 1, 2]);
    let [a, b, c, d] = flat(&x)[..4] else { panic!("two channels of two pixels") };
    let y = flat(&network.logits(&x, Mode::Evaluate).unwrap());
    assert_eq!(y, [0.0, 0.0, 0.0, a, b, 0.0, 0.0, 0.0, 0.0, c, d, 0.0]);
}

#[test]
fn selected_channels_come_in_the_order_asked_for() {
    let mut net = GraphBuilder::new(ImageShape { channels: 11, height: 1, width: 2 });
    let select = net.push("select", Layer::Select { channels: vec![9, 0, 3] }, &[0]).unwrap();
    for wrong in [vec![], vec![1, 1], vec![11]] {
        assert!(net.push("wrong", Layer::Select { channels: wrong }, &[0]).is_err());
    }
    let mut network = Network::init(net.finish(select, None), Seed::new(0), DType::F64, &Device::Cpu).unwrap();
    let x = noise(15, &[1, 11, 1, 2]);
    let (all, y) = (flat(&x), flat(&network.logits(&x, Mode::Evaluate).unwrap()));
    assert_eq!(y, [all[18], all[19], all[0], all[1], all[6], all[7]]);
}

#[test]
fn evaluation_uses_running_statistics_and_changes_nothing() {
    let mut network = Network::init(everything(), Seed::new(3), DType::F64, &Device::Cpu).unwrap();
    let x = noise(14, &[4, 2, 7, 6]);
    let labels = Tensor::new(&[0u32, 2, 1, 1], &Device::Cpu).unwrap();
    let config = StepConfig { label_smoothing: 0.0, auxiliary_weight: 0.4 };
    network.step(&x, &labels, &config, Mode::Train { drop_path: 0.0, seed: Seed::new(1) }).unwrap();
    let before: Vec<Vec<f64>> = network.buffers().iter().map(|(_, t)| flat(t)).collect();
    let whole = flat(&network.logits(&x, Mode::Evaluate).unwrap());
    let first = flat(&network.logits(&x.narrow(0, 0, 1).unwrap(), Mode::Evaluate).unwrap());
    assert_eq!(whole[..3], first[..], "a sample's logits do not depend on its batch");
    let batch = flat(&network.logits(&x, Mode::BatchStatistics).unwrap());
    assert_ne!(whole, batch);
    let after: Vec<Vec<f64>> = network.buffers().iter().map(|(_, t)| flat(t)).collect();
    assert_eq!(before, after);
}

#[test]
fn dropped_paths_keep_the_expectation() {
    let mut net = GraphBuilder::new(ImageShape { channels: 1, height: 1, width: 1 });
    let drop = net.push("drop", Layer::DropPath, &[0]).unwrap();
    let mut network = Network::init(net.finish(drop, None), Seed::new(0), DType::F64, &Device::Cpu).unwrap();
    let ones = Tensor::ones((20_000, 1, 1, 1), DType::F64, &Device::Cpu).unwrap();
    let y = flat(&network.logits(&ones, Mode::Train { drop_path: 0.2, seed: Seed::new(8) }).unwrap());
    assert!(y.iter().all(|&v| v == 0.0 || v == 1.25));
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
}
