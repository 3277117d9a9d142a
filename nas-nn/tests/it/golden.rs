//! Networks against golden files of the reference implementation: logits, loss, gradients, running statistics.
//!
//! Every file of kind `darts_network` in the folder named by `NAS_GOLDEN` is read, whatever its genotype and sizes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, StepConfig};
use nas_space::spaces::Darts;
use nas_space::{Genotype, ImageShape, NetworkConfig, Seed, Stem};

/// How far outputs and gradients may be from the expectation: norm of the difference over norm of the expectation.
struct Tolerance {
    output: f64,
    /// Every gradient.
    gradient: f64,
    /// The median gradient.
    median: f64,
}

struct Golden {
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, Tensor>,
}

fn read(path: &Path) -> Golden {
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap().into_iter().collect();
    Golden { metadata, tensors }
}

fn folder() -> PathBuf {
    match std::env::var_os("NAS_GOLDEN") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    }
}

/// The golden files of one kind, in order of their names.
fn files(kind: &str) -> Vec<(String, Golden)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "safetensors"));
    paths.sort();
    let named = paths.iter().map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(path)));
    named.filter(|(_, golden)| golden.metadata["kind"] == kind).collect()
}

fn error(found: &Tensor, expected: &Tensor) -> f64 {
    let wide = |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let (found, expected) = (wide(found), wide(expected));
    assert_eq!(found.len(), expected.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied());
    norm(&mut found.iter().zip(&expected).map(|(a, b)| a - b)) / size.max(1e-12)
}

/// Gives the network every tensor of a file, which must be all it has.
fn load(network: &mut Network, name: &str, tensors: &BTreeMap<String, Tensor>) {
    let mut given = 0;
    for (key, value) in tensors {
        if let Some(path) = key.strip_prefix("param.") {
            network.set(path, value).unwrap_or_else(|e| panic!("{name}: {e}"));
            given += 1;
        }
    }
    assert_eq!(given, network.parameters().len() + network.buffers().len(), "{name}: tensors of the network");
}

/// Holds every gradient that a file knows against it, and returns how many it knows.
fn check_gradients(
    network: &Network,
    name: &str,
    tensors: &BTreeMap<String, Tensor>,
    gradients: &[Tensor],
    tolerance: &Tolerance,
) -> usize {
    let mut errors = Vec::new();
    for (parameter, gradient) in network.parameters().iter().zip(gradients) {
        let Some(expected) = tensors.get(&format!("expect.grad.{}", parameter.name)) else { continue };
        let error = error(gradient, expected);
        let dtype = gradient.dtype();
        assert!(
            error < tolerance.gradient,
            "{name} in {dtype:?}: gradient of {} is off by {error:.2e}",
            parameter.name
        );
        errors.push(error);
    }
    errors.sort_by(f64::total_cmp);
    let median = errors.get(errors.len() / 2).copied().unwrap_or(0.0);
    assert!(median < tolerance.median, "{name}: the median gradient is off by {median:.2e}");
    errors.len()
}

fn check(name: &str, golden: &Golden, dtype: DType, tolerance: &Tolerance) {
    let Golden { metadata, tensors } = golden;
    let number = |key: &str| metadata[key].parse::<usize>().unwrap();
    let (_, channels, height, width) = tensors["x"].dims4().unwrap();
    let config = NetworkConfig {
        input: ImageShape { channels, height, width },
        classes: number("classes"),
        channels: number("C"),
        layers: number("layers"),
        stem: if metadata["stem"] == "imagenet" { Stem::Imagenet } else { Stem::Cifar },
        auxiliary: metadata["auxiliary"] == "True",
    };
    let graph = Genotype::parse(&metadata["genotype"]).unwrap().lower(&config).unwrap();
    let mut network = Network::init(graph, Seed::new(0), dtype, &Device::Cpu).unwrap();
    load(&mut network, name, tensors);

    let x = tensors["x"].to_dtype(dtype).unwrap();
    let labels = tensors["y"].to_dtype(DType::U32).unwrap();
    let close = |what: &str, found: &Tensor, expected: &Tensor| {
        let error = error(found, expected);
        assert!(error < tolerance.output, "{name} in {dtype:?}: {what} is off by {error:.2e}");
    };
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(0) };
    let fresh = network.buffers().to_vec();
    close("logits_train", &network.logits(&x, mode).unwrap(), &tensors["expect.logits_train"]);
    for (path, buffer) in fresh {
        network.set(&path, &buffer).unwrap();
    }

    let config = StepConfig { label_smoothing: 0.0, auxiliary_weight: 0.4 };
    let step = network.step(&x, &labels, &config, mode).unwrap();
    close("loss", &Tensor::new(&[step.loss], &Device::Cpu).unwrap(), &tensors["expect.loss"]);

    let compared = check_gradients(&network, name, tensors, &step.gradients, tolerance);
    assert!(compared > 0, "{name}: no gradients in the file");

    let mut statistics = 0;
    for (path, buffer) in network.buffers() {
        if let Some(expected) = tensors.get(&format!("expect.after.{path}")) {
            close(path, buffer, expected);
            statistics += 1;
        }
    }
    assert_eq!(statistics, network.buffers().len(), "{name}: running statistics in the file");
    let logits = network.logits(&x, Mode::Evaluate).unwrap();
    close("logits_eval", &logits, &tensors["expect.logits_eval_after_one_train_forward"]);
}

fn check_all(dtype: DType, tolerance: &Tolerance) {
    let files = files("darts_network");
    assert!(!files.is_empty(), "no golden files of kind darts_network in {}", folder().display());
    for (name, golden) in files {
        check(&name, &golden, dtype, tolerance);
    }
}

#[test]
fn networks_in_f64() {
    check_all(DType::F64, &Tolerance { output: 1e-7, gradient: 1e-7, median: 1e-7 });
}

#[test]
fn networks_in_f32() {
    // Single gradients of these tiny batches are ill-conditioned: the reference itself is off by up to 4e-2 in f32.
    check_all(DType::F32, &Tolerance { output: 1e-5, gradient: 1e-1, median: 1e-4 });
}

/// The supernet: its weights' gradients, and its mixtures' through the softmax to the alphas.
fn check_supernet(name: &str, golden: &Golden, dtype: DType, tolerance: &Tolerance) {
    let Golden { metadata, tensors } = golden;
    let number = |key: &str| metadata[key].parse::<usize>().unwrap();
    let (_, channels, height, width) = tensors["x_train"].dims4().unwrap();
    let config = NetworkConfig {
        input: ImageShape { channels, height, width },
        classes: number("classes"),
        layers: number("layers"),
        ..NetworkConfig::cifar(number("C"), 1)
    };
    let mut network = Network::init(Darts.supernet(&config).unwrap(), Seed::new(0), dtype, &Device::Cpu).unwrap();
    load(&mut network, name, tensors);
    let tables = ["alphas_normal", "alphas_reduce"];
    let softmax = |alphas: &str| candle_nn::ops::softmax(&tensors[alphas].to_dtype(DType::F64).unwrap(), 1).unwrap();
    for (table, alphas) in tables.into_iter().enumerate() {
        network.set_mixture(table, &softmax(alphas)).unwrap();
    }

    let x = tensors["x_train"].to_dtype(dtype).unwrap();
    let labels = tensors["y_train"].to_dtype(DType::U32).unwrap();
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(0) };
    let config = StepConfig { label_smoothing: 0.0, auxiliary_weight: 0.4 };
    let step = network.step(&x, &labels, &config, mode).unwrap();
    let loss = error(&Tensor::new(&[step.loss], &Device::Cpu).unwrap(), &tensors["expect.loss_train"]);
    assert!(loss < tolerance.output, "{name} in {dtype:?}: the loss is off by {loss:.2e}");
    let compared = check_gradients(&network, name, tensors, &step.gradients, tolerance);
    assert_eq!(compared, network.parameters().len(), "{name}: gradients in the file");

    let alone = network.mixture_step(&x, &labels, &config, mode).unwrap();
    assert!(alone.gradients.is_empty());
    for (table, alphas) in tables.into_iter().enumerate() {
        for step in [&step, &alone] {
            // d loss / d alpha = w · (g - Σ w · g), row by row.
            let (w, g) = (softmax(alphas), &step.mixtures[table]);
            let mean = (&w * g).unwrap().sum_keepdim(1).unwrap();
            let gradient = (&w * g.broadcast_sub(&mean).unwrap()).unwrap();
            let error = error(&gradient, &tensors[&format!("expect.grad.{alphas}")]);
            assert!(error < tolerance.median, "{name} in {dtype:?}: {alphas} is off by {error:.2e}");
        }
    }
}

#[test]
fn supernets_in_f64_and_f32() {
    let tolerances = [
        (DType::F64, Tolerance { output: 1e-7, gradient: 1e-7, median: 1e-7 }),
        // As for networks: single gradients of two tiny images are ill-conditioned.
        (DType::F32, Tolerance { output: 1e-5, gradient: 1e-1, median: 1e-4 }),
    ];
    let files = files("darts_supernet");
    assert!(!files.is_empty(), "no golden files of kind darts_supernet in {}", folder().display());
    for (name, golden) in &files {
        for (dtype, tolerance) in &tolerances {
            check_supernet(name, golden, *dtype, tolerance);
        }
    }
}

#[test]
fn every_golden_file_is_of_a_kind_that_is_read() {
    let mut all = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    all.retain(|path| path.extension().is_some_and(|e| e == "safetensors"));
    let read: usize = ["darts_network", "darts_supernet"].map(|kind| files(kind).len()).iter().sum();
    assert_eq!(read, all.len(), "a file in {} is of another kind, which no test reads", folder().display());
}
