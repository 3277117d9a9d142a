//! A training step of a sampled network of every space, and of every published cell: its loss is a number, and moving along
//! its gradient changes the loss as the gradient says.

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, StepConfig};
use nas_space::{ImageShape, NetworkConfig, NetworkGraph, Seed, published_cells, spaces};
use rand::RngExt;

const BATCH: usize = 3;
const CLASSES: usize = 4;

fn config(auxiliary: bool) -> NetworkConfig {
    let input = ImageShape { channels: 2, height: 9, width: 12 };
    NetworkConfig { input, classes: CLASSES, auxiliary, ..NetworkConfig::cifar(5, 6) }
}

fn random(rng: &mut impl RngExt, dims: &[usize]) -> Tensor {
    let values: Vec<f64> = (0..dims.iter().product()).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// Trains one step, and compares the loss a little before and behind along the gradient.
fn check(name: &str, graph: NetworkGraph) {
    let mut network = Network::init(graph, Seed::new(1), DType::F64, &Device::Cpu).unwrap();
    let mut rng = Seed::new(2).rng();
    let images = random(&mut rng, &[BATCH, 2, 9, 12]);
    let labels = Tensor::new(&[0u32, 3, 1], &Device::Cpu).unwrap();
    let step_config = StepConfig { label_smoothing: 0.1, auxiliary_weight: 0.4 };
    let mode = Mode::Train { drop_path: 0.0, seed: Seed::new(3) };
    let step = network.step(&images, &labels, &step_config, mode).unwrap();
    assert!(step.loss.is_finite(), "{name}: loss {}", step.loss);
    let square = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
    let norm: f64 = step.gradients.iter().map(square).sum::<f64>().sqrt();
    assert!(norm.is_finite() && norm > 1e-3, "{name}: gradient of norm {norm}");
    let vars: Vec<_> = network.parameters().iter().map(|p| p.var.clone()).collect();
    let starts: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().copy().unwrap()).collect();
    let mut loss_at = |distance: f64| {
        for ((var, start), gradient) in vars.iter().zip(&starts).zip(&step.gradients) {
            var.set(&(start + (gradient * (distance / norm)).unwrap()).unwrap()).unwrap();
        }
        network.step(&images, &labels, &step_config, mode).unwrap().loss
    };
    // Short enough to meet no ReLU's corner on the way, long enough for the digits of f64.
    let slope = (loss_at(1e-8) - loss_at(-1e-8)) / 2e-8;
    assert!((slope - norm).abs() < 1e-5 * norm, "{name}: the loss rises by {slope}, its gradient says {norm}");
    let step =
        network.step(&images, &labels, &step_config, Mode::Train { drop_path: 0.5, seed: Seed::new(4) }).unwrap();
    assert!(step.loss.is_finite(), "{name}: loss {} with dropped paths", step.loss);
}

#[test]
fn a_sampled_network_of_every_space_trains() {
    for space in spaces::all() {
        let architecture = space.sample(&mut Seed::new(6).rng());
        let layers = space.nearest_layers(6);
        let graph = space.lower(&architecture, &NetworkConfig { layers, ..config(false) }).unwrap();
        check(space.name(), graph);
    }
}

#[test]
fn every_published_cell_trains_with_its_auxiliary_head() {
    // A network layer by layer has its own depth, and no auxiliary head.
    for cell in published_cells().iter().filter(|cell| cell.name != "ENAS-macro") {
        check(cell.name, cell.blueprint().lower(&config(true)).unwrap());
    }
}
