//! The gradient of a network's loss, through its generated weights, in every number the hypernetwork has learned.

use candle_core::{DType, Device, Tensor};
use nas_ghn::{Ghn, GhnConfig};
use nas_nn::{Mode, StepConfig};
use nas_space::{NetworkGraph, Seed};
use rand::RngExt;

use crate::tiny;

const LOSS: StepConfig = StepConfig::CROSS_ENTROPY;

/// Checks all gradients against central differences.
fn check(config: GhnConfig, graph: NetworkGraph, tolerance: f64) {
    let what = format!("{config:?}");
    let mut ghn = Ghn::new(config, Seed::new(4)).unwrap();
    let plan = ghn.plan(graph).unwrap();
    let mut rng = Seed::new(5).rng();
    let pixels: Vec<f64> = (0..6 * 2 * 5 * 4).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect();
    let images = Tensor::from_vec(pixels, (6, 2, 5, 4), &Device::Cpu).unwrap();
    let labels = Tensor::new(&[0_u32, 1, 2, 2, 1, 0], &Device::Cpu).unwrap();
    let step = |ghn: &Ghn| {
        let generated = ghn.generate(&plan);
        let mut network = plan.network(&generated, DType::F64).unwrap();
        (network.step(&images, &labels, &LOSS, Mode::BatchStatistics).unwrap(), generated)
    };
    let (outcome, generated) = step(&ghn);
    let gradients = ghn.pull_back(&plan, &generated, &plan.values(&outcome.gradients).unwrap());
    let mut seen = 0;
    for (array, (name, count)) in ghn.arrays().into_iter().enumerate() {
        let gradient = gradients.of_array(array).map_or(vec![0.0; count], <[f64]>::to_vec);
        let mut numeric = vec![0.0; count];
        for (index, numeric) in numeric.iter_mut().enumerate() {
            let (start, width) = (ghn.get(array, index), 1e-5);
            let mut at = |value: f64| {
                ghn.set(array, index, value).unwrap();
                step(&ghn).0.loss
            };
            *numeric = (at(start + width) - at(start - width)) / (2.0 * width);
            at(start);
        }
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
        let size = norm(&mut numeric.iter().copied());
        let off = norm(&mut numeric.iter().zip(&gradient).map(|(a, b)| a - b));
        assert!(off <= tolerance * size.max(1e-3), "{what}: `{name}` is off by {off:.2e} of {size:.2e}");
        seen += usize::from(size > 1e-6);
    }
    // Nearly all arrays matter, or this would check nothing.
    assert!(4 * seen >= 3 * ghn.arrays().len(), "{what}: only {seen} of {} arrays have a gradient", ghn.arrays().len());
}

#[test]
fn every_gradient_is_that_of_finite_differences() {
    for config in tiny::configs() {
        check(config, tiny::smooth(), 1e-6);
    }
}

#[test]
fn so_it_is_on_cells_with_rectifiers_but_for_their_kinks() {
    for (seed, config) in tiny::configs().into_iter().enumerate() {
        check(GhnConfig { passes: 1, ..config }, tiny::network(seed as u64, 2, 2), 1e-3);
    }
}
