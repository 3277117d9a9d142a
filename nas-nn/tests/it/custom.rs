//! A layer in plain candle code inside a network: it runs, and gradients go through it and into it.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::VarBuilder;
use nas_nn::{CustomLayer, Mode, Network, StepConfig};
use nas_space::{Conv2d, GraphBuilder, ImageShape, Layer, NetworkGraph, Seed, Window};
use rand::RngExt;

/// x · sigmoid(gate of its channel), then the mean of neighbouring columns.
struct Gate(Var);

impl CustomLayer for Gate {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate = candle_nn::ops::sigmoid(&self.0.reshape((1, (), 1, 1))?)?;
        let y = x.broadcast_mul(&gate)?;
        let columns = y.dims()[3];
        (y.narrow(3, 0, columns - 1)? + y.narrow(3, 1, columns - 1)?)? / 2.0
    }

    fn parameters(&self) -> Vec<(String, Var)> {
        vec![("gate".into(), self.0.clone())]
    }
}

fn graph() -> NetworkGraph {
    let mut net = GraphBuilder::new(ImageShape { channels: 2, height: 5, width: 6 });
    let conv = |out| Layer::Conv2d(Conv2d { out, groups: 1, window: Window::same(3, 1, 1) });
    let image = net.input();
    let a = net.push("a", conv(5), &[image]).unwrap();
    let b = net.push("b", conv(4), &[image]).unwrap();
    // Channels of a concatenation of parts of odd sizes do not lie side by side.
    let x = net.push("concat", Layer::Concat, &[a, b]).unwrap();
    let x = net.push("norm", Layer::BatchNorm { affine: true }, &[x]).unwrap();
    let x = net.push("own", Layer::Custom { name: "gate".into(), output: [9, 5, 5] }, &[x]).unwrap();
    let x = net.push("c", conv(3), &[x]).unwrap();
    let x = net.push("pool", Layer::GlobalAveragePool, &[x]).unwrap();
    let x = net.push("classifier", Layer::Linear { out: 3 }, &[x]).unwrap();
    net.finish(x, None)
}

fn tensors() -> VarBuilder<'static> {
    nas_nn::seeded(Seed::new(1), DType::F64, &Device::Cpu)
}

fn network() -> Network {
    let make = |name: &str, tensors: VarBuilder<'_>| -> Result<Box<dyn CustomLayer>> {
        assert_eq!(name, "gate");
        Ok(Box::new(Gate(Var::from_tensor(&tensors.get(9, "gate")?)?)))
    };
    Network::with_layers(graph(), tensors(), &make).unwrap()
}

#[test]
fn gradients_go_through_and_into_a_custom_layer() {
    let mut network = network();
    let mut rng = Seed::new(2).rng();
    let pixels: Vec<f64> = (0..4 * 2 * 5 * 6).map(|_| rng.random::<f64>()).collect();
    let x = Tensor::from_vec(pixels, (4, 2, 5, 6), &Device::Cpu).unwrap();
    let labels = Tensor::new(&[0u32, 2, 1, 1], &Device::Cpu).unwrap();
    let config = StepConfig { label_smoothing: 0.0, auxiliary_weight: 0.4 };
    let mode = Mode::BatchStatistics;
    let gradients = network.step(&x, &labels, &config, mode).unwrap().gradients;
    let parameters = network.parameters().to_vec();
    assert!(parameters.iter().any(|p| p.name == "own.gate"));
    for (parameter, gradient) in parameters.iter().zip(&gradients) {
        let start = parameter.var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for i in [0, start.len() / 2, start.len() - 1] {
            let mut at = |shift: f64| {
                let mut values = start.clone();
                values[i] += shift;
                parameter.var.set(&Tensor::from_vec(values, parameter.var.dims(), &Device::Cpu).unwrap()).unwrap();
                network.step(&x, &labels, &config, mode).unwrap().loss
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            at(0.0);
            assert!((slope - gradient[i]).abs() < 1e-7, "{} {i}: {slope}, not {}", parameter.name, gradient[i]);
        }
    }
}

#[test]
fn a_custom_layer_that_nobody_brings_or_that_lies_is_named() {
    let error = Network::new(graph(), tensors()).err().unwrap().to_string();
    assert!(error.starts_with("nobody brought the custom layer `gate`"), "{error}");
    struct Same;
    impl CustomLayer for Same {
        fn forward(&self, x: &Tensor) -> Result<Tensor> {
            Ok(x.clone())
        }
    }
    let mut network = Network::with_layers(graph(), tensors(), &|_, _| Ok(Box::new(Same))).unwrap();
    let x = Tensor::zeros((1, 2, 5, 6), DType::F64, &Device::Cpu).unwrap();
    let error = network.logits(&x, Mode::Evaluate).unwrap_err().to_string();
    assert!(error.contains("a custom layer yields [1, 9, 5, 6]; its node says [1, 9, 5, 5]"), "{error}");
}
