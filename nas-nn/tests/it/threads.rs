//! The same bits at any number of threads.

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, Precision, Step, StepConfig};
use nas_space::{NetworkConfig, Seed, published};
use rand::RngExt;

const BATCH: usize = 21;

/// A network and images for it.
fn network_and_images() -> (Network, Tensor) {
    let genotype = published("DARTS_V2").unwrap().genotype();
    let mut config = NetworkConfig::cifar(6, 3);
    config.input.height = 18;
    config.input.width = 20;
    let graph = genotype.lower(&config).unwrap();
    let network = Network::init(graph, Seed::new(1), DType::F32, &Device::Cpu).unwrap();
    let mut rng = Seed::new(2).rng();
    let pixels: Vec<f32> = (0..BATCH * 3 * 18 * 20).map(|_| rng.random::<f32>()).collect();
    (network, Tensor::from_vec(pixels, (BATCH, 3, 18, 20), &Device::Cpu).unwrap())
}

fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn flat(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

fn step(network: &mut Network, images: &Tensor) -> Step {
    let labels = Tensor::from_vec((0..BATCH as u32).map(|i| i % 10).collect::<Vec<_>>(), BATCH, &Device::Cpu).unwrap();
    let config = StepConfig { label_smoothing: 0.1, auxiliary_weight: 0.4 };
    network.step(images, &labels, &config, Mode::Train { drop_path: 0.2, seed: Seed::new(3) }).unwrap()
}

fn gradients(threads: usize, precision: Precision) -> (u64, Vec<Vec<f32>>) {
    with_threads(threads, || {
        let (mut network, images) = network_and_images();
        network.set_precision(precision);
        let step = step(&mut network, &images);
        (step.loss.to_bits(), step.gradients.iter().map(flat).collect())
    })
}

/// The logits of an evaluation, so many images at a time, with the running statistics that one step leaves.
fn logits(threads: usize, together: usize) -> Vec<f32> {
    with_threads(threads, || {
        let (mut network, images) = network_and_images();
        step(&mut network, &images);
        let parts = (0..BATCH).step_by(together).flat_map(|first| {
            let images = images.narrow(0, first, together.min(BATCH - first)).unwrap();
            flat(&network.logits(&images, Mode::Evaluate).unwrap())
        });
        parts.collect()
    })
}

#[test]
fn logits_are_the_same_bits_in_any_company_at_1_2_and_4_threads() {
    let alone = logits(1, 1);
    for (threads, together) in [(1, BATCH), (2, BATCH), (4, BATCH), (2, 5)] {
        assert!(alone == logits(threads, together), "{together} images at a time at {threads} threads");
    }
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
