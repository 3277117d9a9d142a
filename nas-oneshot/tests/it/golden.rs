//! The supernet's search step against golden files of the reference implementation: gradients of weights and
//! architecture, those through the step ahead, steps of the weights, and the genotype.
//!
//! Every file of kind `darts_supernet` in the folder named by `NAS_GOLDEN` is read, whatever its sizes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use nas_data::Batch;
use nas_nn::optim::{DecayOn, Optimizer, Rate, Sgd, clip_scale, global_norm};
use nas_nn::{Mode, Network};
use nas_oneshot::{Alphas, OnBatches, Supernet, hypergradient, read_off};
use nas_space::spaces::Darts;
use nas_space::{Genotype, ImageShape, MixedSpace, NetworkConfig, Seed};

const ALPHAS: [&str; 2] = ["alphas_normal", "alphas_reduce"];
const MODE: Mode = Mode::BatchStatistics;

struct Golden {
    name: String,
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, Tensor>,
}

fn files() -> Vec<Golden> {
    let folder: PathBuf = match std::env::var_os("NAS_GOLDEN") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../nas-nn/tests/golden"),
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "safetensors"));
    paths.sort();
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap().into_iter().collect();
        Golden { name: path.file_stem().unwrap().to_string_lossy().into_owned(), metadata, tensors }
    };
    let files: Vec<Golden> = paths.iter().map(read).filter(|g| g.metadata["kind"] == "darts_supernet").collect();
    assert!(!files.is_empty(), "no golden files of kind darts_supernet in {}", folder.display());
    files
}

impl Golden {
    fn number(&self, key: &str) -> usize {
        self.metadata[key].parse().unwrap()
    }

    /// The supernet that the file describes, with the file's parameters.
    fn supernet(&self, dtype: DType) -> Supernet {
        let (_, channels, height, width) = self.tensors["x_train"].dims4().unwrap();
        let config = NetworkConfig {
            input: ImageShape { channels, height, width },
            classes: self.number("classes"),
            layers: self.number("layers"),
            ..NetworkConfig::cifar(self.number("C"), 1)
        };
        let graph = MixedSpace::supernet(&Darts, &config).unwrap();
        let mut network = Network::init(graph, Seed::new(0), dtype, &Device::Cpu).unwrap();
        let mut given = 0;
        for (key, value) in &self.tensors {
            if let Some(path) = key.strip_prefix("param.") {
                network.set(path, value).unwrap_or_else(|e| panic!("{}: {e}", self.name));
                given += 1;
            }
        }
        assert_eq!(given, network.parameters().len() + network.buffers().len(), "{}", self.name);
        Supernet { network, alphas: Alphas::of(ALPHAS.map(|name| self.tensors[name].clone()).to_vec()).unwrap() }
    }

    fn batch(&self, part: &str, dtype: DType) -> Batch {
        let images = self.tensors[&format!("x_{part}")].to_dtype(dtype).unwrap();
        let labels = self.tensors[&format!("y_{part}")].to_dtype(DType::U32).unwrap();
        Batch { count: images.dims()[0], images, labels }
    }

    fn close(&self, what: &str, found: &Tensor, dtype: DType, tolerance: f64) {
        let error = error(found, &self.tensors[&format!("expect.{what}")]);
        assert!(error < tolerance, "{} in {dtype:?}: {what} is off by {error:.2e}", self.name);
    }
}

/// The norm of the difference over the norm of the expectation.
fn error(found: &Tensor, expected: &Tensor) -> f64 {
    let wide = |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let (found, expected) = (wide(found), wide(expected));
    assert_eq!(found.len(), expected.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied());
    norm(&mut found.iter().zip(&expected).map(|(a, b)| a - b)) / size.max(1e-12)
}

fn number(value: f64) -> Tensor {
    Tensor::new(&[value], &Device::Cpu).unwrap()
}

/// Outputs and first-order gradients.
fn check_first_order(golden: &Golden, dtype: DType, output: f64, median: f64) {
    let mut supernet = golden.supernet(dtype);
    let train = golden.batch("train", dtype);
    let step = supernet.gradients(&train, MODE).unwrap();
    let logits = supernet.network.logits(&train.images, MODE).unwrap();
    golden.close("logits_train", &logits, dtype, output);
    golden.close("loss_train", &number(step.loss), dtype, output);
    let mut errors = Vec::new();
    for (parameter, gradient) in supernet.network.parameters().iter().zip(&step.weights) {
        errors.push(error(gradient, &golden.tensors[&format!("expect.grad.{}", parameter.name)]));
    }
    errors.sort_by(f64::total_cmp);
    assert!(errors[errors.len() / 2] < median, "{} in {dtype:?}: {:.2e}", golden.name, errors[errors.len() / 2]);
    let alone = supernet.architecture_gradients(&train).unwrap();
    assert!(alone.weights.is_empty());
    for (table, alphas) in ALPHAS.into_iter().enumerate() {
        for gradients in [&step, &alone] {
            golden.close(&format!("grad.{alphas}"), &gradients.architecture[table], dtype, median);
        }
    }
}

/// The gradient of the architecture through a step of the weights, its learning rate 0.025 and its momentum at rest.
fn check_second_order(golden: &Golden, dtype: DType, output: f64, gradient: f64) {
    let mut supernet = golden.supernet(dtype);
    let (train, validation) = (golden.batch("train", dtype), golden.batch("valid", dtype));
    let values = |supernet: &Supernet| -> Vec<f64> {
        let flat = |p: &nas_nn::Parameter| p.var.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        supernet.network.parameters().iter().flat_map(|p| flat(p).unwrap()).collect()
    };
    let before = values(&supernet);
    let sgd = sgd();
    let mut problem = OnBatches { supernet: &mut supernet, sgd: &sgd, train: &train, validation: &validation };
    let found = hypergradient(&mut problem, 0.025).unwrap();
    golden.close("unrolled_loss_valid", &number(found.loss), dtype, output);
    for (table, alphas) in ALPHAS.into_iter().enumerate() {
        golden.close(&format!("unrolled_grad.{alphas}"), &found.architecture[table], dtype, gradient);
    }
    assert!(values(&supernet) == before, "the weights are put back to the bit");
}

fn sgd() -> Sgd {
    Sgd::new(0.9, false, 3e-4, DecayOn::All)
}

/// Three steps of the weights, clipped to a norm of 5, and the loss behind them.
fn check_steps(golden: &Golden, dtype: DType, output: f64) {
    let mut supernet = golden.supernet(dtype);
    let train = golden.batch("train", dtype);
    let mut sgd = sgd();
    for _ in 0..3 {
        let step = supernet.gradients(&train, MODE).unwrap();
        let scale = clip_scale(global_norm(&step.weights).unwrap(), 5.0);
        sgd.step(supernet.network.parameters(), &step.weights, Rate { learning_rate: 0.025, scale }).unwrap();
    }
    let loss = supernet.gradients(&train, MODE).unwrap().loss;
    golden.close("loss_after_3_sgd_steps", &number(loss), dtype, output);
}

#[test]
fn search_steps_in_f64_are_the_references() {
    for golden in files() {
        check_first_order(&golden, DType::F64, 1e-7, 1e-7);
        check_second_order(&golden, DType::F64, 1e-7, 1e-5);
        check_steps(&golden, DType::F64, 1e-7);
    }
}

#[test]
fn search_steps_in_f32_are_the_references() {
    for golden in files() {
        check_first_order(&golden, DType::F32, 1e-5, 1e-4);
        // A difference of two f32 gradients of two tiny images loses digits that f64 keeps; f64 is the judge.
        check_second_order(&golden, DType::F32, 1e-4, 5e-2);
        check_steps(&golden, DType::F32, 1e-4);
    }
}

#[test]
fn the_genotype_is_the_references() {
    for golden in files() {
        let alphas = Alphas::of(ALPHAS.map(|name| golden.tensors[name].clone()).to_vec()).unwrap();
        let kept = read_off(&Darts, &alphas.weight_values().unwrap(), None);
        let found = Darts.to_genotype(&Darts.assemble(&kept).unwrap()).unwrap();
        assert_eq!(found, Genotype::parse(&golden.metadata["expect.genotype"]).unwrap(), "{}", golden.name);
    }
}
