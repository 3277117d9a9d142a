//! Shared weights: what two paths have in common is one tensor, and every path's tensors are there.

use std::collections::BTreeMap;

use nas_space::spaces::{self, AmoebaNet, Darts, EnasMacro, EnasMacroForm, EnasMicro, NasBench201, NasNet};
use nas_space::{Layer, MixedSpace, NetworkConfig, NetworkGraph, PathSpace, SearchSpace, Seed};

/// The learned tensors of a network by name, with their shapes.
fn tensors(graph: &NetworkGraph) -> BTreeMap<String, Vec<usize>> {
    let of = |(index, node): (usize, &nas_space::Node)| {
        let name = node.name.clone();
        graph.parameter_shapes(index).into_iter().map(move |(kind, shape)| (format!("{name}.{kind}"), shape))
    };
    graph.nodes().flat_map(of).collect()
}

/// Batch norms and their channels: their running statistics are shared, too.
fn norms(graph: &NetworkGraph) -> BTreeMap<String, usize> {
    let norms = graph.nodes().filter(|(_, node)| matches!(node.layer, Layer::BatchNorm { .. }));
    norms.map(|(_, node)| (node.name.clone(), node.shape.channels)).collect()
}

fn check_sharing(space: &dyn PathSpace, config: &NetworkConfig) {
    let (mut all, mut all_norms) = (BTreeMap::new(), BTreeMap::new());
    for graph in space.shared(config).unwrap() {
        for (name, shape) in tensors(&graph) {
            assert_eq!(all.entry(name.clone()).or_insert_with(|| shape.clone()), &shape, "{name}");
        }
        all_norms.extend(norms(&graph));
    }
    let mut used = BTreeMap::new();
    for number in 0..300 {
        let architecture = space.sample(&mut Seed::new(5).index(number).rng());
        let path = space.path(&architecture, config).unwrap();
        for (name, shape) in tensors(&path) {
            assert_eq!(all.get(&name), Some(&shape), "{}: {name}", space.name());
            used.insert(name, shape);
        }
        assert!(norms(&path).iter().all(|(name, channels)| all_norms.get(name) == Some(channels)), "{}", space.name());
        // Nothing is computed that nobody reads.
        assert!(path.reachable(path.output()).iter().all(|reached| *reached), "{}", space.name());
    }
    // So many random paths use everything there is, but for what hardly any of them has.
    assert!(used.len() * 10 >= all.len() * 9, "{}: {} of {}", space.name(), used.len(), all.len());
}

#[test]
fn every_path_finds_its_tensors() {
    let config = NetworkConfig::cifar(4, 5);
    check_sharing(&Darts, &config);
    check_sharing(&NasBench201, &NetworkConfig::cifar(4, 3));
    check_sharing(&EnasMicro, &config);
    check_sharing(&AmoebaNet, &config);
    check_sharing(&EnasMacro::new(6, EnasMacroForm::Search), &NetworkConfig::cifar(4, 6));
}

/// The released code has for each cell, node, side, state and kernel two depthwise convolutions, two pointwise ones and two
/// batch norms, and for each state a 1x1 convolution of the output; before that come the stem, what brings the cells'
/// inputs to their channels, and the reductions.
#[test]
fn the_shared_weights_of_the_micro_space_are_those_of_the_released_code() {
    let (stem_in, c) = (3, 20);
    let inputs: usize = (0..5).map(|node| node + 2).sum();
    let convolution = |c: usize, kernel: usize| 2 * (kernel * kernel * c + c * c + 2 * c);
    let cell = |c: usize| 2 * inputs * (convolution(c, 3) + convolution(c, 5)) + 7 * c * c + 2 * c;
    let pointwise = |from: usize, to: usize| from * to + 2 * to;
    // Eight cells: two at 20 channels, a reduction and two at 40, a reduction and two at 80.
    let cells: usize = [c, c, 2 * c, 2 * c, 2 * c, 4 * c, 4 * c, 4 * c].into_iter().map(cell).sum();
    let stem = stem_in * 9 * 3 * c + 2 * 3 * c;
    // The first cell reads the stem twice, the second once; a reduction halves its input twice.
    let prepared = 3 * pointwise(3 * c, c) + 2 * pointwise(c, 2 * c) + 2 * pointwise(2 * c, 4 * c);
    let classifier = 4 * c * 10;
    let mut all = BTreeMap::new();
    EnasMicro.shared(&NetworkConfig::cifar(c, 8)).unwrap().iter().for_each(|graph| all.extend(tensors(graph)));
    let found: usize = all.values().map(|shape| shape.iter().product::<usize>()).sum();
    assert_eq!(found, stem + prepared + cells + classifier);
}

#[test]
fn a_path_keeps_what_was_chosen() {
    for number in 0..50 {
        let architecture = Darts.sample(&mut Seed::new(9).index(number).rng());
        let chosen = Darts.chosen(&architecture).unwrap();
        assert_eq!(Darts.assemble(&chosen).unwrap(), architecture);
        let cell = NasBench201.sample(&mut Seed::new(9).index(number).rng());
        assert_eq!(NasBench201.assemble(&NasBench201.chosen(&cell).unwrap()).unwrap(), cell);
    }
    let cell = NasBench201.parse("|none~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|").unwrap();
    let path = NasBench201.path(&cell, &NetworkConfig::cifar(4, 3)).unwrap();
    let names: Vec<&str> = path.nodes().map(|(_, node)| node.name.as_str()).collect();
    // Node 2 reads node 1 alone, which nothing reaches; node 3 its input and node 2.
    for name in ["cells.0.edges.1<-0.0", "cells.0.edges.2<-1.2.op.1", "cells.0.edges.3<-2.3.op.1"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert_eq!(names.iter().filter(|name| name.starts_with("cells.0.edges.")).count(), 1 + 3 + 3, "{names:?}");
}

#[test]
fn spaces_are_found_by_name_in_any_depth() {
    for space in spaces::all_paths() {
        assert_eq!(spaces::paths_by_name(space.name()).unwrap().unwrap().name(), space.name());
    }
    for name in ["enas-macro-4", "enas-macro-retrained-7"] {
        assert_eq!(spaces::paths_by_name(name).unwrap().unwrap().name(), name);
    }
    assert!(spaces::paths_by_name("zoph-4").unwrap().is_none());
    assert!(spaces::paths_by_name("enas-macro-0").is_err());
    let any = NasNet.sample(&mut Seed::new(1).rng());
    let message = NasNet.path(&any, &NetworkConfig::cifar(8, 5)).unwrap_err().to_string();
    assert!(message.contains("share no weights"), "{message}");
}
