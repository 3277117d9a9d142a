//! A training step of sampled networks of the spaces that choose layer by layer or share channels out: a loss that is a
//! number, and gradients that reach the first layer.

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, StepConfig};
use nas_space::{ImageShape, NetworkConfig, Seed, spaces};
use rand::RngExt;

#[test]
fn sampled_networks_train() {
    let names = ["nasbench101", "nasbench-macro", "zoph-5", "zoph-strided-5", "enas-macro-5", "enas-macro-retrained-4"];
    for (name, seed) in names.into_iter().chain(["enas-macro-released-6"]).flat_map(|name| [(name, 1), (name, 2)]) {
        let space = spaces::by_name(name).unwrap();
        let architecture = space.sample(&mut Seed::new(seed).rng());
        let input = ImageShape { channels: 2, height: 9, width: 12 };
        let config = NetworkConfig { input, ..NetworkConfig::cifar(7, space.nearest_layers(3)) };
        let graph = space.lower(&architecture, &config).unwrap();
        let mut network = Network::init(graph, Seed::new(3), DType::F32, &Device::Cpu).unwrap();
        let mut rng = Seed::new(4).rng();
        let pixels: Vec<f32> = (0..6 * 2 * 9 * 12).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect();
        let images = Tensor::from_vec(pixels, (6, 2, 9, 12), &Device::Cpu).unwrap();
        let labels = Tensor::new(&[0u32, 3, 1, 9, 7, 2], &Device::Cpu).unwrap();
        let step = StepConfig::CROSS_ENTROPY;
        let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(5) };
        let text = space.text(&architecture);
        let before = network.step(&images, &labels, &step, mode).unwrap();
        assert!(before.loss.is_finite() && before.loss > 0.0, "{text}: loss {}", before.loss);
        let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
        assert!(norm(&before.gradients[0]) > 1e-6, "{text}: no gradient in the first layer");
        // A small step against the gradient makes the loss smaller.
        let length = before.gradients.iter().map(|g| norm(g).powi(2)).sum::<f32>().sqrt();
        for (parameter, gradient) in network.parameters().to_vec().iter().zip(&before.gradients) {
            let moved = (parameter.var.as_tensor() - (gradient * f64::from(1e-2 / length)).unwrap()).unwrap();
            parameter.var.set(&moved).unwrap();
        }
        let after = network.step(&images, &labels, &step, mode).unwrap();
        assert!(after.loss < before.loss, "{text}: from {} to {}", before.loss, after.loss);
    }
}
