//! Parameters and multiply-adds against published and derived figures.

use nas_space::spaces::{Darts, NasBench201};
use nas_space::{Genotype, ImageShape, Layer, NetworkConfig, SearchSpace, Stem};

use crate::cell;

#[test]
fn multiply_adds_leave_the_auxiliary_head_out() {
    for config in [NetworkConfig::cifar(36, 20), NetworkConfig::imagenet(48, 14)] {
        let plain = cell("DARTS_V2").lower(&config).expect("it builds").flops();
        let with = cell("DARTS_V2").lower(&NetworkConfig { auxiliary: true, ..config }).expect("it builds").flops();
        assert_eq!(plain, with);
    }
}

#[test]
fn nasbench201_networks_have_the_measured_parameters() {
    let check = |text: &str, expect: usize| {
        let architecture = NasBench201.parse(text).expect("a valid string");
        let graph = NasBench201.lower(&architecture, &NasBench201.default_config()).expect("it builds");
        assert_eq!(graph.parameters(), expect, "{text}");
        // The benchmark's other sets, CIFAR-100 and ImageNet16-120, change the classifier alone, of 64 features.
        for (classes, more) in [(100, 5_850), (120, 7_150)] {
            let config = NetworkConfig { classes, ..NasBench201.default_config() };
            let graph = NasBench201.lower(&architecture, &config).expect("it builds");
            assert_eq!(graph.parameters(), expect + more, "{text}, {classes} classes");
        }
    };
    let all = |op: &str| format!("|{op}~0|+|{op}~0|{op}~1|+|{op}~0|{op}~1|{op}~2|");
    check(&all("none"), 73_306);
    check(&all("skip_connect"), 73_306);
    check(&all("nor_conv_1x1"), 241_306);
    check(&all("nor_conv_3x3"), 1_531_546);
    let best = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    check(best, 1_288_506);
    check("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|", 559_386);
}

#[test]
fn every_small_image_and_depth_builds() {
    for (height, width) in [(1, 1), (2, 3), (8, 8), (7, 5), (28, 28), (33, 17)] {
        for layers in 1..8 {
            let input = ImageShape { channels: 1, height, width };
            let config = NetworkConfig { input, auxiliary: true, ..NetworkConfig::cifar(1, layers) };
            for genotype in [cell("DARTS_V2"), cell("AmoebaNet")] {
                let imagenet = NetworkConfig { channels: 2, stem: Stem::Imagenet, ..config.clone() };
                for config in [config.clone(), imagenet] {
                    let graph = genotype.lower(&config).expect("it builds");
                    assert_eq!(graph.node(graph.output()).shape.elements(), config.classes);
                    assert_eq!(graph.auxiliary().is_some(), config.auxiliary);
                }
            }
        }
        let config = NetworkConfig { input: ImageShape { channels: 3, height, width }, ..NetworkConfig::cifar(2, 3) };
        let architecture = NasBench201.architecture(0).expect("index 0 exists");
        NasBench201.lower(&architecture, &config).expect("it builds");
    }
}

#[test]
fn activation_bytes_count_each_output_once() {
    let config = NetworkConfig { layers: 1, ..NetworkConfig::cifar(2, 1) };
    let graph = cell("DARTS_V2").lower(&config).expect("it builds");
    let elements: usize = graph.nodes().map(|(_, node)| node.shape.elements()).sum();
    assert_eq!(graph.activation_bytes(3), 3 * 4 * elements);
    assert!(elements > 3 * 32 * 32 + 6 * 32 * 32);
}

#[test]
fn drop_path_follows_every_operation_but_identity() {
    let graph = cell("DARTS_V2").lower(&NetworkConfig::cifar(4, 3)).expect("it builds");
    let dropped: Vec<&str> = graph
        .nodes()
        .filter(|(_, node)| node.layer == Layer::DropPath && node.place.cell.is_some_and(|c| c < 2))
        .map(|(_, node)| node.name.as_str())
        .collect();
    // The normal cell's edges 5 and 6 are identities; so are the reduction cell's skips, which read a node.
    let normal = [0, 1, 2, 3, 4, 7].map(|k| format!("cells.0._ops.{k}.drop_path"));
    let reduce = [0, 1, 3, 4, 7].map(|k| format!("cells.1._ops.{k}.drop_path"));
    assert_eq!(dropped, normal.iter().chain(&reduce).collect::<Vec<_>>());
    let skip_reduces = "Genotype(normal=[('none', 0), ('none', 1)], normal_concat=[2], \
                        reduce=[('skip_connect', 0), ('none', 1)], reduce_concat=[2])";
    let graph = Genotype::parse(skip_reduces).expect("valid").lower(&NetworkConfig::cifar(4, 3)).expect("it builds");
    let dropped = graph.nodes().filter(|(_, node)| node.layer == Layer::DropPath).count();
    assert_eq!(dropped, 2);
    assert!(graph.nodes().any(|(_, node)| node.name == "cells.1._ops.0.conv_2"));
}

#[test]
fn names_are_unique() {
    let graphs = [
        cell("DARTS_V2").lower(&NetworkConfig { auxiliary: true, ..NetworkConfig::cifar(4, 8) }),
        cell("DARTS_V1").lower(&NetworkConfig { auxiliary: true, ..NetworkConfig::imagenet(4, 8) }),
        NasBench201.lower(&NasBench201.architecture(3).expect("it exists"), &NetworkConfig::cifar(4, 6)),
    ];
    for graph in graphs {
        let graph = graph.expect("it builds");
        let mut names: Vec<&str> = graph.nodes().map(|(_, node)| node.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), graph.len());
    }
}

#[test]
fn impossible_sizes_say_what_is_possible() {
    let check = |config: NetworkConfig, expect: &str| {
        let message = cell("DARTS_V2").lower(&config).expect_err("it cannot be built").to_string();
        assert_eq!(message, expect);
    };
    let base = NetworkConfig::cifar(16, 8);
    check(NetworkConfig { layers: 0, ..base.clone() }, "network setting `layers` = 0: it must be from 1 to 1024");
    check(NetworkConfig { channels: 0, ..base.clone() }, "network setting `channels` = 0: it must be from 1 to 16384");
    check(NetworkConfig { classes: 0, ..base.clone() }, "network setting `classes` = 0: it must be from 1 to 1000000");
    let input = ImageShape { channels: 3, height: 0, width: 4 };
    check(NetworkConfig { input, ..base.clone() }, "network setting `input.height` = 0: it must be from 1 to 16384");
    check(
        NetworkConfig::imagenet(1, 14),
        "network setting `channels` = 1: the ImageNet stem begins with half of the channels, so it needs at least 2",
    );
    let architecture = NasBench201.architecture(0).expect("it exists");
    let refused = |config: NetworkConfig| NasBench201.lower(&architecture, &config).expect_err("refused").to_string();
    assert!(refused(base.clone()).contains("a multiple of 3"));
    assert!(refused(NetworkConfig::imagenet(16, 15)).contains("use `cifar`"));
    assert!(refused(NetworkConfig { auxiliary: true, layers: 15, ..base }).contains("no auxiliary classifier"));
    assert_eq!(Darts.default_config(), NetworkConfig::cifar(36, 20));
}
