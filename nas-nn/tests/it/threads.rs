//! The same bits at any number of threads.

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, Precision, StepConfig};
use nas_space::{NetworkConfig, Seed, published};
use rand::RngExt;

fn gradients(threads: usize, precision: Precision) -> (u64, Vec<Vec<f32>>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let genotype = published("DARTS_V2").unwrap().genotype();
        let mut config = NetworkConfig::cifar(6, 3);
        config.input.height = 18;
        config.input.width = 20;
        let graph = genotype.lower(&config).unwrap();
        let mut network = Network::init(graph, Seed::new(1), DType::F32, &Device::Cpu).unwrap();
        network.set_precision(precision);
        let mut rng = Seed::new(2).rng();
        let batch = 21;
        let pixels: Vec<f32> = (0..batch * 3 * 18 * 20).map(|_| rng.random::<f32>()).collect();
        let images = Tensor::from_vec(pixels, (batch, 3, 18, 20), &Device::Cpu).unwrap();
        let labels: Vec<u32> = (0..batch as u32).map(|i| i % 10).collect();
        let labels = Tensor::from_vec(labels, batch, &Device::Cpu).unwrap();
        let config = StepConfig { label_smoothing: 0.1, auxiliary_weight: 0.4 };
        let mode = Mode::Train { drop_path: 0.2, seed: Seed::new(3) };
        let step = network.step(&images, &labels, &config, mode).unwrap();
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        (step.loss.to_bits(), step.gradients.iter().map(flat).collect())
    })
}

#[test]
fn gradients_are_the_same_bits_at_1_2_and_4_threads() {
    for precision in [Precision::F32, Precision::Bf16] {
        let one = gradients(1, precision);
        for threads in [2, 4] {
            let other = gradients(threads, precision);
            assert_eq!(one.0, other.0, "loss at {threads} threads in {precision:?}");
            assert!(one.1 == other.1, "gradients at {threads} threads in {precision:?}");
        }
    }
}
