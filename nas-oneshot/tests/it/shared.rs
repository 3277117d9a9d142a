//! A path through shared weights is the supernet with everything else weighed by zero, in numbers and in gradients.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use nas_nn::{Mode, Network, StepConfig};
use nas_oneshot::SharedWeights;
use nas_space::spaces::{Darts, EnasMacro, EnasMacroForm, EnasMicro, NasBench201};
use nas_space::{Architecture, ImageShape, MixedSpace, NetworkConfig, PathSpace, SearchSpace, Seed, one_an_edge};
use rand::RngExt;

const LOSS: StepConfig = StepConfig::CROSS_ENTROPY;

fn config(layers: usize) -> NetworkConfig {
    NetworkConfig { input: ImageShape { channels: 1, height: 8, width: 8 }, ..NetworkConfig::cifar(4, layers) }
}

fn images(count: usize) -> (Tensor, Tensor) {
    let mut rng = Seed::new(8).rng();
    let pixels: Vec<f64> = (0..count * 64).map(|_| rng.random::<f64>() - 0.5).collect();
    let labels: Vec<u32> = (0..count as u32).map(|image| image % 10).collect();
    let images = Tensor::from_vec(pixels, (count, 1, 8, 8), &Device::Cpu).unwrap();
    (images, Tensor::from_vec(labels, count, &Device::Cpu).unwrap())
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The supernet with one for what an architecture keeps and zero for the rest.
fn one_hot(space: &dyn MixedSpace, architecture: &Architecture, config: &NetworkConfig, seed: Seed) -> Network {
    let mut supernet = Network::init(space.supernet(config).unwrap(), seed, DType::F64, &Device::Cpu).unwrap();
    let chosen = space.chosen(architecture).unwrap();
    for (number, table) in space.tables().iter().enumerate() {
        let mut weights = vec![vec![0.0_f64; table.operations.len()]; table.edges.len()];
        chosen.iter().filter(|c| c.table == number).for_each(|c| weights[c.row][c.operation] = 1.0);
        supernet.set_mixture(number, &Tensor::new(weights, &Device::Cpu).unwrap()).unwrap();
    }
    supernet
}

fn check<S: MixedSpace + PathSpace>(space: &S, layers: usize) {
    let (config, seed) = (config(layers), Seed::new(3));
    let (images, labels) = images(6);
    let weights = SharedWeights::init(space, &config, seed, DType::F64).unwrap();
    for number in 0..6 {
        let architecture = space.sample(&mut Seed::new(77).index(number).rng());
        let mut whole = one_hot(space, &architecture, &config, seed);
        let mut path = weights.network(space.path(&architecture, &config).unwrap()).unwrap();
        let expect = whole.step(&images, &labels, &LOSS, Mode::BatchStatistics).unwrap();
        let found = path.step(&images, &labels, &LOSS, Mode::BatchStatistics).unwrap();
        let text = space.text(&architecture);
        assert!((found.loss - expect.loss).abs() < 1e-10, "{text}: {} {}", found.loss, expect.loss);
        let mut own: BTreeMap<&str, Vec<f64>> =
            path.parameters().iter().zip(&found.gradients).map(|(p, g)| (p.name.as_str(), flat(g))).collect();
        let mut moved = 0;
        for (parameter, gradient) in whole.parameters().iter().zip(&expect.gradients) {
            let gradient = flat(gradient);
            let found = own.remove(parameter.name.as_str()).unwrap_or_else(|| vec![0.0; gradient.len()]);
            moved += usize::from(found.iter().any(|g| g.abs() > 1e-12));
            let far = found.iter().zip(&gradient).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(far < 1e-9, "{text}: the gradients of {} differ by {far}", parameter.name);
        }
        assert!(own.is_empty() && moved > 3, "{text}");
    }
}

#[test]
fn a_path_is_the_supernet_with_all_else_weighed_by_zero() {
    check(&Darts, 3);
    check(&NasBench201, 3);
}

/// What a training step on one path does to the weights of another.
#[test]
fn paths_share_what_they_have_in_common_and_nothing_else() {
    let config = config(3);
    let mut weights = SharedWeights::init(&EnasMicro, &config, Seed::new(1), DType::F64).unwrap();
    let sample = |number| EnasMicro.sample(&mut Seed::new(4).index(number).rng());
    let (images, _) = images(4);
    let names = |network: &Network| -> Vec<String> { network.parameters().iter().map(|p| p.name.clone()).collect() };
    let first = weights.network(EnasMicro.path(&sample(0), &config).unwrap()).unwrap();
    let second = weights.network(EnasMicro.path(&sample(1), &config).unwrap()).unwrap();
    let (mine, other) = (names(&first), names(&second));
    assert!(mine.iter().any(|n| other.contains(n)) && other.iter().any(|n| !mine.contains(n)));
    let values = |network: &Network| network.parameters().iter().map(|p| flat(&p.var)).collect::<Vec<_>>();
    let before = values(&second);
    for parameter in first.parameters() {
        parameter.var.set(&(parameter.var.as_tensor() + 1.0).unwrap()).unwrap();
    }
    for ((name, before), after) in other.iter().zip(before).zip(values(&second)) {
        assert_eq!(before != after, mine.contains(name), "{name}");
    }
    // Running statistics are remembered for all paths that have the batch norm.
    let mut first = first;
    first.logits(&images, Mode::Train { drop_path: 0.0, seed: Seed::new(0) }).unwrap();
    weights.remember(&first);
    let stem = |network: &Network| flat(&network.buffers().iter().find(|(n, _)| n.starts_with("stem")).unwrap().1);
    let third = weights.network(EnasMicro.path(&sample(2), &config).unwrap()).unwrap();
    assert!(stem(&third) == stem(&first) && stem(&third) != stem(&second));
}

#[test]
fn weights_survive_their_file_and_another_supernet_refuses_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.safetensors");
    let space = EnasMacro::new(3, EnasMacroForm::Search);
    let init = |seed, channels| {
        let config = NetworkConfig { channels, ..config(3) };
        SharedWeights::init(&space, &config, Seed::new(seed), DType::F32).unwrap()
    };
    let all = |weights: &SharedWeights| -> Vec<Vec<f32>> {
        weights.parameters().iter().map(|p| p.var.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    let weights = init(1, 4);
    weights.save(&path).unwrap();
    let mut loaded = init(2, 4);
    assert!(all(&loaded) != all(&weights));
    loaded.load(&path).unwrap();
    assert!(all(&loaded) == all(&weights));
    let message = init(1, 6).load(&path).unwrap_err().to_string();
    assert!(message.contains("of another size"), "{message}");
}

/// One operation an edge is the supernet with one for these and zero for the rest: the same loss, the same gradients of the
/// weights, and of the operations' own weights.
fn check_edges(space: &dyn MixedSpace, weights: &SharedWeights, layers: usize) {
    let (config, seed) = (config(layers), Seed::new(3));
    let (images, labels) = images(6);
    let tables = space.tables();
    for number in 0..6 {
        let mut rng = Seed::new(78).index(number).rng();
        let choices: Vec<Vec<usize>> = tables
            .iter()
            .map(|table| table.edges.iter().map(|_| rng.random_range(0..table.operations.len())).collect())
            .collect();
        let mut whole = Network::init(space.supernet(&config).unwrap(), seed, DType::F64, &Device::Cpu).unwrap();
        for (number, (table, rows)) in tables.iter().zip(&choices).enumerate() {
            let one =
                |choice: &usize| (0..table.operations.len()).map(|at| f64::from(u8::from(at == *choice))).collect();
            let hot: Vec<Vec<f64>> = rows.iter().map(one).collect();
            whole.set_mixture(number, &Tensor::new(hot, &Device::Cpu).unwrap()).unwrap();
        }
        let mut few = weights.network(one_an_edge(whole.graph(), &choices).unwrap()).unwrap();
        let expect = whole.step(&images, &labels, &LOSS, Mode::BatchStatistics).unwrap();
        let found = few.step(&images, &labels, &LOSS, Mode::BatchStatistics).unwrap();
        assert!((found.loss - expect.loss).abs() < 1e-10, "{choices:?}: {} {}", found.loss, expect.loss);
        let own: BTreeMap<&str, &Tensor> =
            few.parameters().iter().zip(&found.gradients).map(|(p, g)| (p.name.as_str(), g)).collect();
        for (parameter, gradient) in whole.parameters().iter().zip(&expect.gradients) {
            let gradient = flat(gradient);
            let found = own.get(parameter.name.as_str()).map_or_else(|| vec![0.0; gradient.len()], |found| flat(found));
            let far = gradient.iter().zip(&found).any(|(a, b)| (a - b).abs() > 1e-9);
            assert!(!far, "{choices:?}: the gradients of {} differ", parameter.name);
        }
        let mut slopes = 0;
        for ((rows, expect), found) in choices.iter().zip(&expect.mixtures).zip(&found.mixtures) {
            let expect = expect.to_vec2::<f64>().unwrap();
            for (row, slope) in flat(found).into_iter().enumerate() {
                assert!((slope - expect[row][rows[row]]).abs() < 1e-9, "{choices:?}: row {row}");
                slopes += usize::from(slope.abs() > 1e-9);
            }
        }
        assert!(slopes > 0, "{choices:?}: nothing was compared");
    }
}

#[test]
fn one_operation_an_edge_is_the_supernet_with_zeros_elsewhere() {
    let weights = SharedWeights::init(&Darts, &config(3), Seed::new(3), DType::F64).unwrap();
    check_edges(&Darts, &weights, 3);
    let weights = SharedWeights::init(&NasBench201, &config(3), Seed::new(3), DType::F64).unwrap();
    check_edges(&NasBench201, &weights, 3);
}
