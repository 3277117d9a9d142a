//! Each proxy on networks small enough to work it out another way.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use nas_space::spaces::NasBench201;
use nas_space::{
    Architecture, Conv2d, GraphBuilder, ImageShape, Layer, NetworkConfig, NetworkGraph, SearchSpace, Seed, Stem, Window,
};

use super::{Minibatch, Proxy, naswot, outputs};
use crate::testing::{Toy, data, network_config};
use crate::{Mode, Network, StepConfig};

fn seed() -> Seed {
    Seed::new(11)
}

fn minibatch(batch: usize) -> Minibatch {
    let data = data(60, 10);
    Minibatch::draw(&data.images, &data.train, &data.normalization, batch, Seed::new(3)).unwrap()
}

/// Images of one channel and two pixels.
fn pairs(images: &[[f32; 2]]) -> Minibatch {
    let pixels: Vec<f32> = images.iter().flatten().copied().collect();
    let labels: Vec<u32> = (0..images.len() as u32).map(|i| i % 2).collect();
    Minibatch {
        images: Tensor::from_vec(pixels, (images.len(), 1, 1, 2), &Device::Cpu).unwrap(),
        labels: Tensor::new(labels, &Device::Cpu).unwrap(),
    }
}

/// A chain of 1x1 convolutions with these channels on images of two pixels, each behind the one before by a ReLU, and a
/// batch norm where it says so; then the mean and two classes.
fn chain(channels: &[usize], norm: bool) -> NetworkGraph {
    let mut net = GraphBuilder::new(ImageShape { channels: 1, height: 1, width: 2 });
    let mut x = net.input();
    for (i, &out) in channels.iter().enumerate() {
        let conv = Layer::Conv2d(Conv2d { out, groups: 1, window: Window::same(1, 1, 1) });
        x = net.push(format!("conv{i}"), conv, &[x]).unwrap();
        if norm {
            x = net.push(format!("norm{i}"), Layer::BatchNorm { affine: true }, &[x]).unwrap();
        }
        x = net.push(format!("relu{i}"), Layer::Relu, &[x]).unwrap();
    }
    let x = net.push("pool", Layer::GlobalAveragePool, &[x]).unwrap();
    let x = net.push("classifier", Layer::Linear { out: 2 }, &[x]).unwrap();
    net.finish(x, None)
}

/// The values of a parameter of the network that the seed makes.
fn values(graph: &NetworkGraph, name: &str) -> Vec<f64> {
    let network = Network::init(graph.clone(), seed(), DType::F64, &Device::Cpu).unwrap();
    let parameter = network.parameters().iter().find(|p| p.name == name).unwrap();
    parameter.var.flatten_all().unwrap().to_vec1().unwrap()
}

fn close(found: f64, expect: f64, tolerance: f64) {
    assert!((found - expect).abs() <= tolerance * expect.abs(), "{found}, not {expect}");
}

#[test]
fn synflow_by_hand() {
    // Of one hidden layer: R is the sum over its units of |a| times the column sum of |v|, and the biases. Each weight
    // times its derivative is its share of that, in both layers.
    for norm in [false, true] {
        let graph = chain(&[3], norm);
        let (a, v) = (values(&graph, "conv0.weight"), values(&graph, "classifier.weight"));
        let flow: f64 = (0..3).map(|i| a[i].abs() * (v[i].abs() + v[3 + i].abs())).sum();
        close(Proxy::Synflow.score(&graph, &pairs(&[[0.0, 0.0]]), seed()).unwrap(), 2.0 * flow, 1e-7);
    }
    // Of three: the same amount flows through each.
    let graph = chain(&[3, 5, 2], true);
    let (a, b, c) = (values(&graph, "conv0.weight"), values(&graph, "conv1.weight"), values(&graph, "conv2.weight"));
    let v = values(&graph, "classifier.weight");
    let mut flow = 0.0;
    for (i, j, k, l) in (0..60).map(|n| (n % 3, n / 3 % 5, n / 15 % 2, n / 30)) {
        flow += (a[i] * b[j * 3 + i] * c[k * 5 + j] * v[l * 2 + k]).abs();
    }
    close(Proxy::Synflow.score(&graph, &pairs(&[[0.0, 0.0]]), seed()).unwrap(), 4.0 * flow, 1e-7);
}

#[test]
fn naswot_by_hand() {
    // Whatever the signs of the two weights: the pixels of the first and the second image agree in the first place, those of
    // the second and the third in the second, those of the first and the third nowhere.
    let (graph, minibatch) = (chain(&[2], false), pairs(&[[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]));
    let kernel = naswot::kernel(&graph, &minibatch, seed()).unwrap();
    assert_eq!(kernel, [[4.0, 2.0, 0.0], [2.0, 4.0, 2.0], [0.0, 2.0, 4.0]]);
    close(Proxy::Naswot.score(&graph, &minibatch, seed()).unwrap(), 32.0_f64.ln(), 1e-12);
    let twice = pairs(&[[1.0, -1.0], [2.0, -3.0]]);
    assert_eq!(Proxy::Naswot.score(&graph, &twice, seed()).unwrap(), f64::NEG_INFINITY);
}

#[test]
fn more_than_a_word_of_relus_is_counted() {
    let (graph, minibatch) = (chain(&[50, 1], false), pairs(&[[1.0, -1.0], [-1.0, 1.0]]));
    let kernel = naswot::kernel(&graph, &minibatch, seed()).unwrap();
    assert_eq!((kernel[0][0], kernel[1][1]), (102.0, 102.0));
    // The first layer's ReLUs answer the other way round; the second's two may do what they like.
    assert!(kernel[0][1] <= 2.0, "{kernel:?}");
}

/// The toy network of the crate's tests: batch norm, a residual path, 10 classes of 8x8 images.
fn toy() -> NetworkGraph {
    Toy::new().lower(&Architecture { space: "toy".into(), choices: vec![1] }, &network_config(4)).unwrap()
}

#[test]
fn image_gradients_are_slopes() {
    let (graph, minibatch) = (toy(), minibatch(6));
    let rows = outputs::image_gradients(&graph, &minibatch, seed()).unwrap();
    let mut network = Network::init(graph, seed(), DType::F64, &Device::Cpu).unwrap();
    let images = minibatch.images.to_dtype(DType::F64).unwrap();
    let pixels: Vec<f64> = images.flatten_all().unwrap().to_vec1().unwrap();
    let largest = rows.iter().flatten().map(|x| x.abs()).fold(0.0, f64::max);
    let mut compared = 0;
    for at in (5..pixels.len()).step_by(37) {
        let mut sum = |shift: f64| -> f64 {
            let mut pixels = pixels.clone();
            pixels[at] += shift;
            let images = Tensor::from_vec(pixels, images.dims(), &Device::Cpu).unwrap();
            let logits = network.logits(&images, Mode::BatchStatistics).unwrap();
            logits.sum_all().unwrap().to_scalar().unwrap()
        };
        let slope = (sum(1e-6) - sum(-1e-6)) / 2e-6;
        let found = rows[at / 64][at % 64];
        assert!((slope - found).abs() < 2e-3 * largest, "pixel {at}: {found}, not {slope}");
        compared += usize::from(found != 0.0);
    }
    assert!(compared > 5, "only {compared} gradients are not zero");
}

#[test]
fn correlations_by_hand() {
    // Two rows whose correlation is 1/2: the eigenvalues are 1/2 and 3/2.
    let rows = [vec![1.0, -1.0, 0.0], vec![1.0, 0.0, -1.0]];
    let expect: f64 = [0.5_f64, 1.5].iter().map(|v| -((v + 1e-5).ln() + 1.0 / (v + 1e-5))).sum();
    close(outputs::score_of(&rows), expect, 1e-12);
    let alike = [vec![1.0, 2.0, 3.0], vec![2.0, 4.0, 6.0]];
    assert!(outputs::score_of(&alike) < -9e4, "equal gradients are worth little");
    assert_eq!(outputs::score_of(&[vec![1.0, 2.0], vec![3.0, 3.0]]), f64::NEG_INFINITY);
}

#[test]
fn saliencies_are_sums_over_slopes() {
    let (graph, minibatch) = (chain(&[3, 2], true), pairs(&[[1.0, -0.3], [0.2, 2.0], [-1.5, 1.0], [0.4, 0.1]]));
    let mut network = Network::init(graph.clone(), seed(), DType::F64, &Device::Cpu).unwrap();
    let images = minibatch.images.to_dtype(DType::F64).unwrap();
    let config = StepConfig::CROSS_ENTROPY;
    let (mut snip, mut norms) = (0.0, 0.0);
    for parameter in network.parameters().to_vec() {
        if !["conv0.weight", "conv1.weight", "classifier.weight"].contains(&parameter.name.as_str()) {
            continue;
        }
        let start: Vec<f64> = parameter.var.flatten_all().unwrap().to_vec1().unwrap();
        let mut squares = 0.0;
        for i in 0..start.len() {
            let mut loss = |shift: f64| {
                let mut values = start.clone();
                values[i] += shift;
                let values = Tensor::from_vec(values, parameter.var.dims(), &Device::Cpu).unwrap();
                network.set(&parameter.name, &values).unwrap();
                network.step(&images, &minibatch.labels, &config, Mode::BatchStatistics).unwrap().loss
            };
            let slope = (loss(1e-6) - loss(-1e-6)) / 2e-6;
            loss(0.0);
            snip += (start[i] * slope).abs();
            squares += slope * slope;
        }
        norms += squares.sqrt();
    }
    close(Proxy::Snip.score(&graph, &minibatch, seed()).unwrap(), snip, 1e-3);
    close(Proxy::GradNorm.score(&graph, &minibatch, seed()).unwrap(), norms, 1e-3);
}

#[test]
fn threads_change_no_bit() {
    let input = ImageShape { channels: 1, height: 8, width: 8 };
    let config = NetworkConfig { input, classes: 10, channels: 4, layers: 3, stem: Stem::Cifar, auxiliary: false };
    let minibatch = minibatch(8);
    let mut rng = Seed::new(9).rng();
    let graphs: Vec<NetworkGraph> =
        (0..3).map(|_| NasBench201.lower(&NasBench201.sample(&mut rng), &config).unwrap()).collect();
    let scores = |threads: usize| -> Vec<u64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let of = |graph: &NetworkGraph, proxy: Proxy| proxy.score(graph, &minibatch, seed()).unwrap().to_bits();
        pool.install(|| graphs.iter().flat_map(|graph| Proxy::ALL.map(|proxy| of(graph, proxy))).collect())
    };
    let one = scores(1);
    assert_eq!(one, scores(2));
    assert_eq!(one, scores(3));
    let distinct: std::collections::BTreeSet<u64> = one.iter().copied().collect();
    assert!(distinct.len() > 10, "{distinct:?}");
}

#[test]
fn a_cell_that_lets_nothing_through_is_worth_nothing() {
    let input = ImageShape { channels: 1, height: 8, width: 8 };
    let config = NetworkConfig { input, classes: 10, channels: 4, layers: 3, stem: Stem::Cifar, auxiliary: false };
    let blocked = Architecture { space: NasBench201.name().into(), choices: vec![0; 6] };
    let graph = NasBench201.lower(&blocked, &config).unwrap();
    let minibatch = minibatch(8);
    for proxy in [Proxy::Naswot, Proxy::JacobCov] {
        assert_eq!(proxy.score(&graph, &minibatch, seed()).unwrap(), f64::NEG_INFINITY, "{}", proxy.name());
    }
    for proxy in [Proxy::Synflow, Proxy::Snip] {
        // What is left are the weights behind the cells, which meet nothing but zeros.
        assert_eq!(proxy.score(&graph, &minibatch, seed()).unwrap(), 0.0, "{}", proxy.name());
    }
}

#[test]
fn a_minibatch_is_drawn_by_its_seed() {
    let data = data(60, 10);
    let draw = |batch, seed| {
        let drawn = Minibatch::draw(&data.images, &data.train, &data.normalization, batch, Seed::new(seed)).unwrap();
        drawn.images.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(draw(8, 1), draw(8, 1));
    assert_ne!(draw(8, 1), draw(8, 2));
    assert_eq!(draw(500, 1).len(), 60 * 64, "all there are");
    let none = Minibatch::draw(&data.images, &Arc::new(Vec::new()), &data.normalization, 8, Seed::new(1));
    assert!(none.is_err());
}
