//! Published cells: parameters and multiply-adds of their networks, exactly.
//!
//! The figures of cells in the form of DARTS were derived from the reference implementation; those that papers print agree
//! with them after rounding. The figures of the released networks of NASNet and AmoebaNet are those of the released code.

use std::path::PathBuf;

use nas_space::spaces::Darts;
use nas_space::{Blueprint, ImageShape, NetworkConfig, NetworkGraph, published, published_cells};

fn graph(name: &str, config: NetworkConfig) -> NetworkGraph {
    published(name).expect(name).blueprint().lower(&config).expect("published sizes build")
}

/// Parameters without and with the auxiliary head.
fn parameters(name: &str, config: &NetworkConfig) -> [usize; 2] {
    [false, true].map(|auxiliary| graph(name, NetworkConfig { auxiliary, ..config.clone() }).parameters())
}

fn millions(flops: u64) -> f64 {
    (flops as f64 / 1e5).round() / 10.0
}

#[test]
fn cells_in_the_form_of_darts_have_the_reference_counts() {
    let check = |name: &str, cifar: usize, head: usize, imagenet: usize, large_head: usize, flops: [f64; 2]| {
        let (small, large) = (NetworkConfig::cifar(36, 20), NetworkConfig::imagenet(48, 14));
        assert_eq!(parameters(name, &small), [cifar, cifar + head], "{name}");
        assert_eq!(parameters(name, &large), [imagenet, imagenet + large_head], "{name}");
        assert_eq!([small, large].map(|config| millions(graph(name, config).flops())), flops, "{name}");
    };
    check("DARTS_V1", 3_169_414, 476_426, 4_510_432, 1_260_776, [501.0, 505.9]);
    check("DARTS_V2", 3_349_342, 476_426, 4_718_752, 1_260_776, [528.4, 529.9]);
    check("NASNet", 3_830_950, 457_994, 5_564_320, 1_236_200, [603.5, 604.0]);
    check("AmoebaNet", 3_145_078, 457_994, 4_627_360, 1_236_200, [488.9, 526.7]);
    check("PC_DARTS_cifar", 3_634_678, 476_426, 5_270_560, 1_260_776, [556.7, 571.1]);
    check("PC_DARTS_image", 3_721_510, 476_426, 5_342_464, 1_260_776, [570.5, 581.6]);
    check("PDARTS", 3_433_798, 476_426, 4_944_352, 1_260_776, [532.2, 542.8]);
    check("GDAS_V1", 3_368_782, 476_426, 4_969_216, 1_260_776, [519.4, 537.6]);
    check("PNASNet", 4_481_110, 494_858, 6_394_912, 1_285_352, [706.0, 696.7]);
}

#[test]
fn snas_has_the_rounded_counts_of_its_transcription() {
    let graph = graph("SNAS", NetworkConfig::cifar(36, 20));
    assert_eq!((graph.parameters() / 10_000, graph.flops() / 1_000_000), (266, 422));
}

#[test]
fn cifar100_changes_the_classifiers_only() {
    let check = |name: &str, plain: usize, head: Option<usize>| {
        let [without, with] = parameters(name, &NetworkConfig { classes: 100, ..NetworkConfig::cifar(36, 20) });
        assert_eq!(without, plain, "{name}");
        assert_eq!(with - without, head.unwrap_or(with - without), "{name}");
    };
    check("DARTS_V1", 3_221_344, Some(545_636));
    check("DARTS_V2", 3_401_272, Some(545_636));
    check("NASNet", 3_895_840, Some(527_204));
    check("AmoebaNet", 3_184_048, None);
}

#[test]
fn the_shared_table_of_counts_agrees() {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../nas-nn/tests/golden");
    let path = std::env::var_os("NAS_GOLDEN").map_or(default, PathBuf::from).join("parameter_counts.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        crate::skipped(&format!("there is no {}", path.display()));
        return;
    };
    let table: std::collections::BTreeMap<String, usize> = serde_json::from_str(&text).expect("names and numbers");
    let mut checked = 0;
    for (line, expect) in table {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word[2..].parse::<usize>().expect("a number");
        checked += 1;
        let (name, stem, channels, layers, auxiliary) = match words[..] {
            ["supernet", channels, layers, "weights"] => {
                assert_eq!(supernet(number(channels), number(layers)), expect, "{line}");
                continue;
            }
            [name, stem, channels, layers, auxiliary] => (name, stem, channels, layers, auxiliary),
            _ => panic!("{}: what is `{line}`?", path.display()),
        };
        let base = match stem {
            "imagenet" => NetworkConfig::imagenet(number(channels), number(layers)),
            _ => NetworkConfig::cifar(number(channels), number(layers)),
        };
        let config = NetworkConfig { auxiliary: auxiliary == "aux=True", ..base };
        assert_eq!(graph(name, config).parameters(), expect, "{line}");
    }
    assert!(checked > 0, "{} names no network", path.display());
}

/// Weights of the supernet of DARTS, without its 224 architecture parameters.
fn supernet(channels: usize, layers: usize) -> usize {
    Darts.supernet(&NetworkConfig::cifar(channels, layers)).expect("it builds").parameters()
}

#[test]
fn the_supernet_of_darts_has_the_reference_s_weights() {
    assert_eq!([(16, 8), (16, 20), (4, 5)].map(|(c, l)| supernet(c, l)), [1_930_618, 4_548_730, 136_182]);
}

#[test]
fn the_released_nasnet_a_has_its_parameters() {
    let check = |name: &str, parameters: usize, auxiliary: usize| {
        let config = published(name).expect(name).network();
        assert_eq!(self::parameters(name, &config), [parameters, parameters + auxiliary], "{name}");
    };
    check("NASNet-A", 3_346_538, 1_631_498);
    check("NASNet-A-mobile", 5_289_978, 2_411_240);
    check("NASNet-A-large", 88_753_150, 4_567_784);
}

#[test]
fn the_paper_s_multiply_adds_of_nasnet_a_are_the_graph_s() {
    // Zoph et al. 2018, tables 2 and 3.
    let flops = |name: &str| graph(name, published(name).expect(name).network()).flops() as f64;
    assert_eq!((flops("NASNet-A-mobile") / 1e6).round(), 564.0);
    assert_eq!((flops("NASNet-A-large") / 1e8).round() / 10.0, 23.8);
}

#[test]
fn the_released_amoebanets_have_their_parameters() {
    let check = |name: &str, channels: usize, parameters: usize| {
        assert_eq!(graph(name, NetworkConfig::cifar(channels, 20)).parameters(), parameters, "{name} {channels}");
    };
    check("AmoebaNet-A", 32, 2_567_754);
    check("AmoebaNet-A", 36, 3_218_266);
    check("AmoebaNet-B", 36, 2_839_186);
    check("AmoebaNet-B", 128, 34_874_506);
    check("AmoebaNet-C", 36, 3_979_126);
    check("AmoebaNet-D", 36, 2_378_350);
}

#[test]
fn the_paper_s_sizes_of_amoebanet_on_imagenet_are_the_graph_s() {
    // Real et al. 2019, tables 2 and 3; the released code has one class more, for the background.
    let check = |name: &str, channels: usize, normal: usize, millions: f64| {
        let input = ImageShape { channels: 3, height: 299, width: 299 };
        let config = NetworkConfig { input, classes: 1001, ..NetworkConfig::imagenet(channels, 3 * normal + 2) };
        assert_eq!((graph(name, config).parameters() as f64 / 1e5).round() / 10.0, millions, "{name}");
    };
    check("AmoebaNet-A", 190, 6, 86.7);
    check("AmoebaNet-A", 50, 4, 5.1);
    check("AmoebaNet-B", 62, 3, 5.3);
    check("AmoebaNet-C", 50, 4, 6.4);
}

#[test]
fn enas_micro_has_what_its_released_script_builds() {
    // The paper says 4.6 million. The auxiliary head has no bias in its classifier, as the network itself.
    let config = published("ENAS-micro").expect("it is known").network();
    assert_eq!(parameters("ENAS-micro", &config), [3_894_372, 3_894_372 + 494_848]);
}

#[test]
fn enas_macro_has_what_its_released_script_builds() {
    // The paper says 38.0 million.
    let config = published("ENAS-macro").expect("it is known").network();
    assert_eq!((config.channels, config.layers), (96, 24));
    assert_eq!(graph("ENAS-macro", config).parameters(), 42_559_392);
}

#[test]
fn every_published_cell_builds_at_any_size_and_depth() {
    // A network layer by layer has its own depth, and no auxiliary head.
    for cell in published_cells().iter().filter(|cell| cell.name != "ENAS-macro") {
        let blueprint = cell.blueprint();
        for (height, width) in [(1, 1), (2, 3), (7, 5), (28, 28), (33, 17)] {
            for layers in [5, 6, 8] {
                let input = ImageShape { channels: 1, height, width };
                let base = NetworkConfig { input, auxiliary: true, ..NetworkConfig::cifar(1, layers) };
                let large = NetworkConfig { classes: 7, input, auxiliary: true, ..NetworkConfig::imagenet(8, layers) };
                for config in [base, large] {
                    let graph = blueprint.lower(&config).expect("it builds");
                    assert_eq!(graph.node(graph.output()).shape.elements(), config.classes, "{}", cell.name);
                    let auxiliary = graph.auxiliary().expect("it was asked for");
                    assert_eq!(graph.node(auxiliary).shape.elements(), config.classes, "{}", cell.name);
                    assert!(!has_twins(&graph), "{}: two layers share a name", cell.name);
                }
            }
        }
    }
}

fn has_twins(graph: &NetworkGraph) -> bool {
    let mut names: Vec<&str> = graph.nodes().map(|(_, node)| node.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

#[test]
fn rewritten_cells_are_not_the_released_ones() {
    for (released, rewritten) in [("NASNet-A", "NASNet"), ("AmoebaNet-A", "AmoebaNet")] {
        let find = |name: &str| published(name).expect(name).blueprint();
        assert!(matches!(find(released), Blueprint::Cells(_)));
        assert!(matches!(find(rewritten), Blueprint::Genotype(_)));
        let config = NetworkConfig::cifar(36, 20);
        let counts = [released, rewritten].map(|name| graph(name, config.clone()).parameters());
        assert_ne!(counts[0], counts[1]);
    }
}
