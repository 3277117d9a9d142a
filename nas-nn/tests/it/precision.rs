//! Activations in bf16: close to f32, in half the memory, and f64 passes stay what they are.

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, Precision, Step, StepConfig};
use nas_space::spaces::Darts;
use nas_space::{ImageShape, NetworkConfig, NetworkGraph, Seed, published};
use rand::RngExt;

const SIZE: usize = 12;
const BATCH: usize = 32;

fn step(graph: NetworkGraph, precision: Precision, dtype: DType) -> Step {
    let mut network = Network::init(graph, Seed::new(1), dtype, &Device::Cpu).unwrap();
    network.set_precision(precision);
    let mut rng = Seed::new(2).rng();
    let pixels: Vec<f32> = (0..BATCH * 3 * SIZE * SIZE).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect();
    let images = Tensor::from_vec(pixels, (BATCH, 3, SIZE, SIZE), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    let labels: Vec<u32> = (0..BATCH as u32).map(|i| i % 10).collect();
    let labels = Tensor::from_vec(labels, BATCH, &Device::Cpu).unwrap();
    let config = StepConfig { label_smoothing: 0.1, auxiliary_weight: 0.4 };
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(3) };
    network.step(&images, &labels, &config, mode).unwrap()
}

fn flat(t: &Tensor) -> Vec<f32> {
    t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// norm(a - b) / norm(b).
fn apart(a: &[f32], b: &[f32]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(a - b)));
    difference / norm(&mut b.iter().map(|&b| f64::from(b)))
}

fn graphs() -> [NetworkGraph; 2] {
    let input = ImageShape { channels: 3, height: SIZE, width: SIZE };
    let config = NetworkConfig { input, ..NetworkConfig::cifar(8, 3) };
    [published("DARTS_V2").unwrap().genotype().lower(&config).unwrap(), Darts.supernet(&config).unwrap()]
}

#[test]
fn bf16_is_close_to_f32() {
    for graph in graphs() {
        let (full, half) =
            (step(graph.clone(), Precision::F32, DType::F32), step(graph.clone(), Precision::Bf16, DType::F32));
        assert!((full.loss - half.loss).abs() < 0.02 * full.loss, "{} and {}", full.loss, half.loss);
        assert_ne!(full.loss, half.loss);
        let all = |step: &Step| step.gradients.iter().chain(&step.mixtures).flat_map(flat).collect::<Vec<f32>>();
        let gradients = apart(&all(&half), &all(&full));
        assert!(gradients < 0.2, "gradients are off by {gradients:.3}");
    }
}

#[test]
fn passes_in_f64_round_nothing() {
    let [graph, _] = graphs();
    let (full, half) = (step(graph.clone(), Precision::F32, DType::F64), step(graph, Precision::Bf16, DType::F64));
    assert_eq!(full.loss.to_bits(), half.loss.to_bits());
}
