//! What a training step allocates, the next one uses again: memory does not grow with the number of steps.
//!
//! A program of its own: the pool belongs to the process, and networks of other tests would be counted too.

mod peak;

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, StepConfig, pool};
use nas_space::{Genotype, NetworkConfig, Seed};

#[test]
fn steps_do_not_pile_up_buffers() {
    // Every kind of operation, `none` among them, and an auxiliary head.
    let genotype = Genotype::parse(
        "Genotype(normal=[('none', 0), ('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2)], \
         normal_concat=[2, 3], reduce=[('none', 0), ('avg_pool_3x3', 1), ('dil_conv_3x3', 0), ('skip_connect', 1)], \
         reduce_concat=[2, 3])",
    )
    .unwrap();
    let config = NetworkConfig { auxiliary: true, ..NetworkConfig::cifar(4, 4) };
    let mut network = Network::init(genotype.lower(&config).unwrap(), Seed::new(1), DType::F32, &Device::Cpu).unwrap();
    let images = Tensor::ones((6, 3, 32, 32), DType::F32, &Device::Cpu).unwrap();
    let labels = Tensor::zeros(6, DType::U32, &Device::Cpu).unwrap();
    let step = StepConfig { label_smoothing: 0.0, auxiliary_weight: 0.4 };
    let mut waiting = Vec::new();
    // With several threads, how many buffers are in use at once depends on who works when.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for index in 0..6 {
        let mode = Mode::Train { drop_path: 0.2, seed: Seed::new(2).index(index) };
        alone.install(|| {
            network.step(&images, &labels, &step, mode).unwrap();
            network.logits(&images, Mode::Evaluate).unwrap();
        });
        waiting.push(pool::waiting_bytes());
    }
    assert!(waiting[1] > 0, "buffers wait between steps");
    assert_eq!(waiting[2], waiting[5], "{waiting:?}");
}
