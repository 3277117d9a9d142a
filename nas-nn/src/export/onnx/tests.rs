//! The written model, read back and run by an interpreter of the specification, against the network itself.

use candle_core::{DType, Device, Tensor};
use nas_data::Normalization;
use nas_space::{
    GraphBuilder, ImageShape, Layer, NetworkConfig, NetworkGraph, Pool, PoolKind, Seed, Stem, Window, published_cells,
    spaces,
};
use prost::Message;
use rand::RngExt;

use super::interpreter::{Value, run};
use super::message::Model;
use super::{ExportOptions, Pixels, onnx};
use crate::testing::trained_like;
use crate::{Mode, Network};

const BATCH: usize = 2;

fn config(channels: usize, layers: usize) -> NetworkConfig {
    let input = ImageShape { channels: 3, height: 9, width: 12 };
    NetworkConfig { input, classes: 4, ..NetworkConfig::cifar(channels, layers) }
}

fn random(shape: ImageShape, low: f64, high: f64) -> Value {
    let dims = [BATCH, shape.channels, shape.height, shape.width];
    let mut rng = Seed::new(9).rng();
    Value::new(&dims, (0..dims.iter().product()).map(|_| low + (high - low) * rng.random::<f64>()).collect())
}

fn logits(network: &mut Network, images: &Value) -> Vec<f64> {
    let images = Tensor::from_vec(images.data.clone(), &images.dims[..], &Device::Cpu).unwrap();
    network.logits(&images, Mode::Evaluate).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn read(bytes: &[u8]) -> Model {
    Model::decode(bytes).unwrap()
}

fn operators(model: &Model, kind: &str) -> usize {
    model.graph.as_ref().unwrap().node.iter().filter(|node| node.op_type == kind).count()
}

/// Compares f64 arithmetic with f64 arithmetic; the weights are f32 on one side, and what a fold rounds.
fn close(name: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let size = expected.iter().fold(1.0_f64, |size, v| size.max(v.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5 * size, "{name}: {found} instead of {expected}");
    }
}

/// Exports a network with and without its batch norms, runs both, and returns how many norms were there and are left.
fn check(name: &str, graph: NetworkGraph) -> (usize, usize) {
    let mut network = trained_like(graph, DType::F64);
    let images = random(image(network.graph()), -1.0, 1.0);
    let expected = logits(&mut network, &images);
    let mut norms = [0, 0];
    for fold in [false, true] {
        let bytes = onnx(&network, &ExportOptions { fold_batch_norm: fold, ..Default::default() }).unwrap();
        let model = read(&bytes);
        let found = run(&model, images.clone());
        assert_eq!(found.dims, [BATCH, expected.len() / BATCH], "{name}");
        close(&format!("{name}, folded: {fold}"), &found.data, &expected);
        norms[usize::from(fold)] = operators(&model, "BatchNormalization");
    }
    (norms[0], norms[1])
}

fn image(graph: &NetworkGraph) -> ImageShape {
    let shape = graph.input_shape();
    ImageShape { channels: shape.channels, height: shape.height, width: shape.width }
}

#[test]
fn every_space_keeps_its_logits() {
    for space in spaces::all() {
        // Of those that come in depths, a shallow one: the interpreter is slow.
        let space = spaces::by_name(&format!("{}-4", space.name())).unwrap_or(space);
        let architecture = space.sample(&mut Seed::new(6).rng());
        let graph = space.lower(&architecture, &config(8, space.nearest_layers(5))).unwrap();
        let (norms, left) = check(space.name(), graph);
        assert!(norms > 0 && left < norms, "{}: {left} of {norms} batch norms are left", space.name());
    }
}

#[test]
fn every_published_cell_keeps_its_logits_without_its_auxiliary_head() {
    // ENAS's macro network has 24 layers; a shallow one of its space is among the spaces.
    for cell in published_cells().iter().filter(|cell| cell.name != "ENAS-macro") {
        check(cell.name, cell.blueprint().lower(&NetworkConfig { auxiliary: true, ..config(8, 6) }).unwrap());
    }
}

#[test]
fn networks_for_large_images_keep_their_logits() {
    for name in ["DARTS_V2", "NASNet-A", "AmoebaNet-A"] {
        let cell = nas_space::published(name).unwrap();
        let input = ImageShape { channels: 3, height: 33, width: 40 };
        let config = NetworkConfig { input, stem: Stem::Imagenet, auxiliary: true, ..config(8, 5) };
        let (norms, left) = check(name, cell.blueprint().lower(&config).unwrap());
        assert!(norms > 40 && left == 0, "{name}: {left} of {norms} batch norms are left");
    }
}

/// Layers in ways that no space combines them.
fn odd_graph() -> NetworkGraph {
    let mut net = GraphBuilder::new(ImageShape { channels: 3, height: 9, width: 12 });
    let norm = Layer::BatchNorm { affine: true };
    let window = Window { before: [-1, 2], after: [1, -2], ..Window::valid(3, 2) };
    let x = net.conv("a", 0, 6, 3, window).unwrap();
    let x = net.push("a.norm", norm.clone(), &[x]).unwrap();
    // This norm reads a value that others read, too, and must stay.
    let again = net.push("a.again", Layer::BatchNorm { affine: false }, &[x]).unwrap();
    let x = net.push("b", Layer::Add, &[x, again]).unwrap();
    let window = Window { before: [-1, 0], after: [1, 1], ..Window::valid(2, 1) };
    let max = net.push("max", Layer::Pool(Pool { kind: PoolKind::Max, window }), &[x]).unwrap();
    let mean = net.push("mean", Layer::Pool(Pool { kind: PoolKind::Average, window }), &[x]).unwrap();
    let zero = net.push("zero", Layer::Zero { stride: 1 }, &[max]).unwrap();
    let x = net.push("c", Layer::Concat, &[max, mean, zero]).unwrap();
    let x = net.push("d", Layer::Narrow { channels: 13 }, &[x]).unwrap();
    let x = net.push("s", Layer::Select { channels: vec![12, 3, 0, 7, 9] }, &[x]).unwrap();
    let x = net.push("e", Layer::Pad { before: [1, 0], after: [0, 2] }, &[x]).unwrap();
    // Two norms in a row behind a convolution: the second cannot fold into what holds the first.
    let x = net.conv("f", x, 5, 1, Window::same(1, 1, 1)).unwrap();
    let x = net.push("f.1", norm.clone(), &[x]).unwrap();
    let x = net.push("f.2", norm, &[x]).unwrap();
    // A linear layer whose output goes on as a map.
    let x = net.push("g", Layer::Linear { out: 7 }, &[x]).unwrap();
    let x = net.push("h", Layer::Relu, &[x]).unwrap();
    let x = net.push("drop", Layer::DropPath, &[x]).unwrap();
    let x = net.conv("i", x, 4, 1, Window::same(1, 1, 1)).unwrap();
    let x = net.push("drop.2", Layer::DropPath, &[x]).unwrap();
    net.finish(x, None)
}

#[test]
fn layers_in_unusual_places_keep_their_logits() {
    assert_eq!(check("odd", odd_graph()), (4, 2), "the norms behind the norms are left");
}

#[test]
fn a_map_of_one_pixel_is_halved() {
    let mut net = GraphBuilder::new(ImageShape { channels: 2, height: 1, width: 1 });
    let x = nas_space::operations::factorized_reduce(&mut net, "reduce", 0, 4).unwrap();
    let x = net.push("head", Layer::Linear { out: 3 }, &[x]).unwrap();
    assert_eq!(check("one pixel", net.finish(x, None)), (1, 0));
}

#[test]
fn pixels_are_normalised_inside_on_request() {
    let graph = nas_space::published("DARTS_V1").unwrap().blueprint().lower(&config(4, 3)).unwrap();
    let mut network = trained_like(graph, DType::F64);
    let normalization = Normalization { mean: vec![0.4, 0.5, 0.25], std: vec![0.2, 0.125, 0.25] };
    let bytes = random(image(network.graph()), 0.0, 255.0).map(f64::round);
    let unit = bytes.map(|v| v / 255.0);
    let plane = 9 * 12;
    let mut normal = unit.clone();
    for (i, value) in normal.data.iter_mut().enumerate() {
        let channel = i / plane % 3;
        *value = (*value - f64::from(normalization.mean[channel])) / f64::from(normalization.std[channel]);
    }
    let expected = logits(&mut network, &normal);
    let cases = [
        (Pixels::Normalized, normal, super::FLOAT),
        (Pixels::Unit(normalization.clone()), unit, super::FLOAT),
        (Pixels::Bytes(normalization), bytes, super::UINT8),
    ];
    for (pixels, images, kind) in cases {
        let model = read(&onnx(&network, &ExportOptions { pixels, ..Default::default() }).unwrap());
        let input = model.graph.as_ref().unwrap().input[0].kind.clone().unwrap().tensor.unwrap();
        assert_eq!(input.elem_type, kind);
        close("pixels", &run(&model, images).data, &expected);
    }
}

#[test]
fn the_file_says_what_it_is() {
    let graph = nas_space::published("DARTS_V1").unwrap().blueprint().lower(&config(4, 3)).unwrap();
    let network = trained_like(graph, DType::F32);
    let metadata = vec![("classes".to_owned(), serde_json::json!(["cat", "dog"]))];
    let options = ExportOptions { metadata, ..Default::default() };
    let bytes = onnx(&network, &options).unwrap();
    assert_eq!(bytes, onnx(&network, &options).unwrap());
    let model = read(&bytes);
    assert_eq!(model.opset_import[0].version, 17);
    let [classes] = &model.metadata_props[..] else { panic!("{:?}", model.metadata_props) };
    assert_eq!((classes.key.as_str(), classes.value.as_str()), ("classes", "[\"cat\",\"dog\"]"));
    let graph = model.graph.unwrap();
    let dims = |info: &super::ValueInfo| info.kind.clone().unwrap().tensor.unwrap().shape.unwrap().dim;
    let (input, output) = (dims(&graph.input[0]), dims(&graph.output[0]));
    assert_eq!(input[0].parameter.as_deref(), Some("batch"));
    assert_eq!(input[1..].iter().map(|d| d.value.unwrap()).collect::<Vec<_>>(), [3, 9, 12]);
    assert_eq!((output[0].parameter.as_deref(), output[1].value), (Some("batch"), Some(4)));
    // Every tensor of the network is inside, under its own name, with its own shape.
    for (name, tensor) in crate::checkpoint::tensors_of(&network) {
        let inside = graph.initializer.iter().find(|inside| inside.name == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(inside.dims.iter().map(|d| *d as usize).collect::<Vec<_>>(), tensor.dims(), "{name}");
    }
}

#[test]
fn what_cannot_be_exported_is_named() {
    let message = |graph| onnx(&trained_like(graph, DType::F32), &ExportOptions::default()).unwrap_err().to_string();
    let supernet = nas_space::MixedSpace::supernet(&spaces::Darts, &config(4, 3)).unwrap();
    let said = message(supernet);
    assert!(said.contains("cannot be exported") && said.contains("network that the search found"), "{said}");
    let mut net = GraphBuilder::new(ImageShape { channels: 3, height: 9, width: 12 });
    let window = Window { before: [2; 2], after: [2; 2], dilation: [2; 2], ..Window::valid(3, 1) };
    let x = net.push("wide", Layer::Pool(Pool { kind: PoolKind::Average, window }), &[0]).unwrap();
    let x = net.push("head", Layer::Linear { out: 2 }, &[x]).unwrap();
    let said = message(net.finish(x, None));
    assert!(said.contains("`wide`") && said.contains("dilation"), "{said}");
    let graph = nas_space::published("DARTS_V1").unwrap().blueprint().lower(&config(4, 3)).unwrap();
    let pixels = Pixels::Unit(Normalization { mean: vec![0.5], std: vec![0.5] });
    let options = ExportOptions { pixels, ..Default::default() };
    let said = onnx(&trained_like(graph, DType::F32), &options).unwrap_err().to_string();
    assert!(said.contains("1 means") && said.contains("3 channel"), "{said}");
}
