//! A search step on random images: one of the architecture by Adam, then one of the weights by SGD.

use candle_core::{DType, Device, Tensor};
use nas_data::Batch;
use nas_nn::optim::{Optimizer, Rate, clip_scale, global_norm};
use nas_nn::{Mode, Network, Precision};
use nas_oneshot::{Alphas, DartsConfig, OnBatches, OneShotError, Order, Supernet, hypergradient};
use nas_space::spaces::Darts;
use nas_space::{ImageShape, MixedSpace, NetworkConfig, NetworkGraph, Seed};
use rand::RngExt;
use serde_json::Value;

use crate::measure::{Counts, document, repeat};

const CLASSES: usize = 10;

/// A case taken apart: `supernet c16 l8 b64 32x32 first_order`.
struct Case {
    network: NetworkConfig,
    batch: usize,
    order: Order,
}

impl Case {
    fn parse(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.split_whitespace().collect();
        let &["supernet", channels, layers, batch, size, order] = words.as_slice() else { return None };
        let number = |text: &str, prefix: &str| text.strip_prefix(prefix)?.parse().ok();
        let (height, width) = size.split_once('x')?;
        let input = ImageShape { channels: 3, height: height.parse().ok()?, width: width.parse().ok()? };
        let cifar = NetworkConfig::cifar(number(channels, "c")?, number(layers, "l")?);
        let order = match order {
            "first_order" => Order::First,
            "second_order" => Order::Second,
            _ => return None,
        };
        Some(Self { network: NetworkConfig { input, classes: CLASSES, ..cifar }, batch: number(batch, "b")?, order })
    }
}

/// Times the steps of a case.
pub(crate) fn measure(name: &str, bf16: bool, seconds: f64) -> Result<Value, String> {
    let form = "it is not formed like `supernet c16 l8 b64 32x32 first_order`";
    let case = Case::parse(name).ok_or(form)?;
    let graph = MixedSpace::supernet(&Darts, &case.network).map_err(|error| error.to_string())?;
    let multiply_adds = graph.flops() * case.batch as u64;
    // Forward, gradients of inputs and of weights count one each; passes for the architecture alone leave out the last.
    let passes = if case.order == Order::Second { 3 + 3 + 2 + 2 + 3 } else { 2 + 3 };
    let operations = 2 * passes * multiply_adds;
    let parameters = graph.parameters();
    let counts = Counts { kind: "step", parameters, multiply_adds, operations, bytes_moved: None, copies: 1 };
    let times = time(&case, graph, bf16, seconds).map_err(|error| error.to_string())?;
    Ok(document(&times, &counts))
}

fn time(case: &Case, graph: NetworkGraph, bf16: bool, seconds: f64) -> Result<Vec<f64>, OneShotError> {
    let config = DartsConfig { order: case.order, ..DartsConfig::default() };
    let mut network = Network::init(graph, Seed::new(1), DType::F32, &Device::Cpu)?;
    network.set_precision(if bf16 { Precision::Bf16 } else { Precision::F32 });
    let alphas = Alphas::fresh(&Darts.tables(), Seed::new(2))?;
    let mut supernet = Supernet { network, alphas };
    let (mut sgd, mut adam) = (config.sgd(), config.adam());
    let (train, validation) = (batch(case, Seed::new(3))?, batch(case, Seed::new(4))?);
    repeat(seconds, || {
        let upper = if case.order == Order::Second {
            let (supernet, sgd) = (&mut supernet, &sgd);
            let mut problem = OnBatches { supernet, sgd, train: &train, validation: &validation };
            hypergradient(&mut problem, config.learning_rate)?
        } else {
            supernet.architecture_gradients(&validation)?
        };
        adam.step(&supernet.alphas.parameters, &upper.architecture, Rate::new(config.alpha_learning_rate))?;
        let lower = supernet.gradients(&train, Mode::Train { drop_path: 0.0, seed: Seed::new(0) })?;
        let scale = clip_scale(global_norm(&lower.weights)?, config.clip_norm);
        let rate = Rate { learning_rate: config.learning_rate, scale };
        sgd.step(supernet.network.parameters(), &lower.weights, rate)?;
        Ok(())
    })
}

/// Random images and labels.
fn batch(case: &Case, seed: Seed) -> Result<Batch, OneShotError> {
    let ImageShape { channels, height, width } = case.network.input;
    let mut rng = seed.rng();
    let shape = (case.batch, channels, height, width);
    let pixels: Vec<f32> =
        (0..case.batch * channels * height * width).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect();
    let labels: Vec<u32> = (0..case.batch as u32).map(|image| image % CLASSES as u32).collect();
    let images = Tensor::from_vec(pixels, shape, &Device::Cpu)?;
    Ok(Batch { images, labels: Tensor::from_vec(labels, case.batch, &Device::Cpu)?, count: case.batch })
}
