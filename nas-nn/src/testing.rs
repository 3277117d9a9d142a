//! What the tests of this crate train: a network of a few hundred weights on a few dozen digits.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use nas_data::{LoadOptions, Normalization, load, split};
use nas_space::{
    Architecture, Chooses, Conv2d, Decision, GraphBuilder, ImageShape, Layer, NetworkConfig, NetworkGraph, SearchSpace,
    Seed, SpaceError, Stem, Window,
};
use rand::RngExt;

use crate::Network;
use crate::checkpoint::tensors_of;
use crate::trainer::{TrainConfig, TrainData};

/// 8x8 grey images in 10 classes.
pub(crate) fn network_config(channels: usize) -> NetworkConfig {
    let input = ImageShape { channels: 1, height: 8, width: 8 };
    NetworkConfig { input, classes: 10, channels, layers: 1, stem: Stem::Cifar, auxiliary: false }
}

/// A space of one decision: the kernel of one residual convolution with a path that drops.
pub(crate) struct Toy(Vec<Decision>);

impl Toy {
    pub(crate) fn new() -> Self {
        Self(vec![Decision {
            name: "kernel".into(),
            group: "cell".into(),
            chooses: Chooses::Value,
            options: vec!["1".into(), "3".into()],
        }])
    }
}

impl SearchSpace for Toy {
    fn name(&self) -> &str {
        "toy"
    }

    fn decisions(&self) -> &[Decision] {
        &self.0
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        let kernel = [1, 3][architecture.choices[0]];
        let mut graph = GraphBuilder::new(config.input);
        let conv =
            |stride| Layer::Conv2d(Conv2d { out: config.channels, groups: 1, window: Window::same(3, stride, 1) });
        let stem = graph.push("stem", conv(2), &[0])?;
        let stem = graph.push("norm", Layer::BatchNorm { affine: true }, &[stem])?;
        let relu = graph.push("relu", Layer::Relu, &[stem])?;
        let window = Window::same(kernel, 1, 1);
        let path = graph.push("conv", Layer::Conv2d(Conv2d { out: config.channels, groups: 1, window }), &[relu])?;
        let path = graph.push("drop", Layer::DropPath, &[path])?;
        let sum = graph.push("add", Layer::Add, &[stem, path])?;
        let pool = graph.push("pool", Layer::GlobalAveragePool, &[sum])?;
        let head = graph.push("head", Layer::Linear { out: config.classes }, &[pool])?;
        Ok(graph.finish(head, None))
    }
}

/// A fresh toy network, always the same.
pub(crate) fn network(channels: usize) -> Network {
    let architecture = Architecture { space: "toy".into(), choices: vec![1] };
    let graph = Toy::new().lower(&architecture, &network_config(channels)).unwrap();
    Network::init(graph, Seed::new(5), DType::F32, &Device::Cpu).unwrap()
}

/// A network whose every tensor is as training might leave it: batch norms with scales, shifts and statistics of their own.
pub(crate) fn trained_like(graph: NetworkGraph, dtype: DType) -> Network {
    let mut network = Network::init(graph, Seed::new(5), dtype, &Device::Cpu).unwrap();
    for (name, tensor) in tensors_of(&network) {
        let (low, high) = match name.rsplit_once('.').unwrap().1 {
            "running_var" => (0.5, 2.0),
            "weight" if tensor.rank() == 1 => (0.5, 1.5),
            _ if tensor.rank() == 1 => (-0.5, 0.5),
            _ => continue,
        };
        let mut rng = Seed::new(6).child(&name).rng();
        let values: Vec<f32> = (0..tensor.elem_count()).map(|_| low + (high - low) * rng.random::<f32>()).collect();
        network.set(&name, &Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap()).unwrap();
    }
    network
}

/// The first digits of a split: so many to train on, so many to validate on.
pub(crate) fn data(train: usize, validation: usize) -> TrainData {
    let data = load("digits", &LoadOptions::default()).unwrap();
    let (mut first, mut second) = split(&data.train, &data.classes, 0.3, Seed::new(1)).unwrap();
    first.truncate(train);
    second.truncate(validation);
    let normalization = Normalization::of(&data.train, &first).unwrap();
    let (train, validation) = (Arc::new(first), Some(Arc::new(second)));
    TrainData { images: Arc::new(data.train), train, validation, normalization }
}

/// Two epochs of three steps, with everything on that depends on chance.
pub(crate) fn config() -> TrainConfig {
    TrainConfig {
        epochs: 2,
        batch_size: 10,
        learning_rate: 0.1,
        label_smoothing: 0.1,
        drop_path: 0.4,
        clip_norm: 1.0,
        augment: nas_data::Augment { crop_padding: 1, cutout: 2, ..Default::default() },
        ..TrainConfig::default()
    }
}
