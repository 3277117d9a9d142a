//! Runs the first steps of a first-order search and writes down everything that another implementation needs to run the same
//! ones: initial weights and parameters, every batch, and where the architecture parameters went. `cargo xtask trajectory`
//! has PyTorch repeat them.
#![allow(clippy::print_stdout, reason = "what was done is printed")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use clap::Parser;
use nas_data::{Batch, BatchPlan, DataSet, LoadOptions, Normalization, load, split};
use nas_nn::optim::{Optimizer, Rate, clip_scale, global_norm};
use nas_nn::{Mode, Network, checkpoint};
use nas_oneshot::{Alphas, DartsConfig, Supernet};
use nas_space::spaces::Darts;
use nas_space::{MixedSpace, NetworkConfig, Seed};

/// What `nas` runs with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the steps and writes a safetensors file.
#[derive(Parser)]
#[command(name = "trajectory")]
struct Arguments {
    /// The file to write; without one nothing is done.
    #[arg(long)]
    out: Option<PathBuf>,
    /// A data set's name or a folder.
    #[arg(long, default_value = "cifar10")]
    data: String,
    #[arg(long, default_value_t = 100)]
    steps: usize,
    #[arg(long, default_value_t = 8)]
    channels: usize,
    #[arg(long, default_value_t = 5)]
    layers: usize,
    /// Images per batch.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// What `cargo bench` passes; it changes nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Some(out) = &arguments.out else {
        println!("`--out FILE` says where to write; `cargo xtask trajectory` does it and compares with PyTorch");
        return ExitCode::SUCCESS;
    };
    match run(&arguments).and_then(|tensors| write(out, &tensors)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

type Tensors = Vec<(String, Tensor)>;

fn write(path: &std::path::Path, tensors: &Tensors) -> Result<(), Box<dyn Error>> {
    Ok(checkpoint::write(path, "nas-trajectory", 1, tensors, &BTreeMap::new())?)
}

fn run(arguments: &Arguments) -> Result<Tensors, Box<dyn Error>> {
    let set = load(&arguments.data, &LoadOptions::default())?;
    let seed = Seed::new(arguments.seed);
    let size = NetworkConfig::cifar(arguments.channels, arguments.layers);
    let network = NetworkConfig { input: set.train.shape, classes: set.classes.len(), ..size };
    let weights = Network::init(MixedSpace::supernet(&Darts, &network)?, seed.child("init"), DType::F32, &Device::Cpu)?;
    let alphas = Alphas::fresh(&Darts.tables(), seed.child("alphas"))?;
    let mut tensors = Tensors::new();
    for (number, parameter) in weights.parameters().iter().enumerate() {
        tensors.push((format!("weights.{number:05}"), parameter.var.as_tensor().copy()?));
    }
    for (number, table) in alphas.parameters.iter().enumerate() {
        tensors.push((format!("alphas.{number}"), table.var.as_tensor().copy()?));
    }
    let [train, validation] = batches(set, arguments)?;
    for (part, batches) in [("train", &train), ("validation", &validation)] {
        let images: Vec<&Tensor> = batches.iter().map(|batch| &batch.images).collect();
        let labels: Vec<&Tensor> = batches.iter().map(|batch| &batch.labels).collect();
        tensors.push((format!("{part}.images"), Tensor::stack(&images, 0)?));
        tensors.push((format!("{part}.labels"), Tensor::stack(&labels, 0)?.to_dtype(DType::I64)?));
    }
    tensors.extend(search(Supernet { network: weights, alphas }, &train, &validation)?);
    Ok(tensors)
}

/// As many batches of each half as there are steps; an epoch begins anew where one ends.
fn batches(set: DataSet, arguments: &Arguments) -> Result<[Vec<Batch>; 2], Box<dyn Error>> {
    let seed = Seed::new(arguments.seed).child("data");
    let (weights, architecture) = split(&set.train, &set.classes, 0.5, seed)?;
    let normalization = Normalization::of(&set.train, &weights)?;
    let images = Arc::new(set.train);
    let part = |numbers: Vec<u32>, name: &str| -> Result<Vec<Batch>, Box<dyn Error>> {
        let (numbers, seed) = (Arc::new(numbers), seed.child(name));
        let mut found = Vec::with_capacity(arguments.steps);
        for epoch in 0.. {
            let (images, numbers) = (Arc::clone(&images), Arc::clone(&numbers));
            let plan = BatchPlan::train(images, numbers, arguments.batch, normalization.clone(), seed, epoch);
            for batch in plan.spawn()? {
                if found.len() == arguments.steps {
                    return Ok(found);
                }
                found.push(batch?);
            }
        }
        Ok(found)
    };
    Ok([part(weights, "weights")?, part(architecture, "architecture")?])
}

/// The steps: the architecture parameters after each, `[steps, edges, operations]` a table, and the losses.
fn search(mut supernet: Supernet, train: &[Batch], validation: &[Batch]) -> Result<Tensors, Box<dyn Error>> {
    let config = DartsConfig::default();
    let (mut sgd, mut adam) = (config.sgd(), config.adam());
    let mut reached: Vec<Vec<Tensor>> = vec![Vec::new(); supernet.alphas.parameters.len()];
    let mut losses = Vec::new();
    for (train, validation) in train.iter().zip(validation) {
        let upper = supernet.architecture_gradients(validation)?;
        adam.step(&supernet.alphas.parameters, &upper.architecture, Rate::new(config.alpha_learning_rate))?;
        let lower = supernet.gradients(train, Mode::Train { drop_path: 0.0, seed: Seed::new(0) })?;
        let scale = clip_scale(global_norm(&lower.weights)?, config.clip_norm);
        let rate = Rate { learning_rate: config.learning_rate, scale };
        sgd.step(supernet.network.parameters(), &lower.weights, rate)?;
        for (tables, table) in reached.iter_mut().zip(&supernet.alphas.parameters) {
            tables.push(table.var.as_tensor().copy()?);
        }
        losses.push(lower.loss);
    }
    let count = losses.len();
    let mut tensors = vec![("reached.loss".to_owned(), Tensor::from_vec(losses, count, &Device::Cpu)?)];
    for (number, tables) in reached.iter().enumerate() {
        tensors.push((format!("reached.alphas.{number}"), Tensor::stack(tables, 0)?));
    }
    Ok(tensors)
}
