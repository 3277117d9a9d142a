//! Spaces that choose layer by layer: Zoph & Le, and ENAS macro.

use nas_space::spaces::{self, EnasMacro, EnasMacroForm, Zoph};
use nas_space::{
    Architecture, Blueprint, ImageShape, Layer, NetworkConfig, NetworkGraph, SearchSpace, Seed, published,
};
use proptest::prelude::*;

fn read(space: &dyn SearchSpace, text: &str) -> Architecture {
    space.parse(text).expect(text)
}

fn node<'a>(graph: &'a NetworkGraph, name: &str) -> (usize, &'a nas_space::Node) {
    graph.nodes().find(|(_, node)| node.name == name).expect(name)
}

/// The names of the nodes that a node reads.
fn inputs(graph: &NetworkGraph, name: &str) -> Vec<String> {
    graph.inputs(node(graph, name).0).into_iter().map(|i| graph.node(i).name.clone()).collect()
}

#[test]
fn depths_are_spaces_of_their_own() {
    for (name, found, layers) in [
        ("zoph", "zoph", 15),
        ("zoph-15", "zoph", 15),
        ("zoph-6", "zoph-6", 6),
        ("zoph-strided", "zoph-strided", 20),
        ("zoph-strided-3", "zoph-strided-3", 3),
        ("enas-macro", "enas-macro", 12),
        ("enas-macro-released-24", "enas-macro-released-24", 24),
    ] {
        let space = spaces::by_name(name).expect(name);
        assert_eq!(space.name(), found);
        assert_eq!(space.default_config().layers, layers);
        assert_eq!(spaces::shared(name).expect(name).name(), found);
        assert_eq!(space.nearest_layers(5), layers);
    }
    let message = spaces::by_name("zoph-65").err().expect("too deep").to_string();
    assert!(message.starts_with("there is no search space `zoph-65` (it may have 1 to 64 layers); the spaces are "));
    for wrong in ["zoph-", "zoph-0", "zoph--3", "zoph-x", "enas-macro-", "zoph-99999999999999999999"] {
        assert!(spaces::by_name(wrong).is_err(), "{wrong}");
    }
    assert_eq!(spaces::by_name("zoph-07").expect("seven").name(), "zoph-7");
}

#[test]
fn sizes_are_exact_as_long_as_they_fit() {
    assert_eq!(Zoph::new(2).size(), Some(64 * 64 * 2));
    assert_eq!(Zoph::strided(2).size(), Some(576 * 576 * 2));
    // The paper counts 1.6e29 networks of 12 layers (section 2.3).
    let twelve = EnasMacro::new(12, EnasMacroForm::Search).size().expect("it fits");
    assert_eq!(twelve, 6_u128.pow(12) * (1 << 66));
    assert_eq!((twelve as f64 / 1e28).round(), 16.0);
    assert!(Zoph::new(11).size().is_some() && Zoph::new(12).size().is_none());
    assert!(Zoph::strided(9).size().is_some() && Zoph::strided(10).size().is_none());
    let enas = |layers| EnasMacro::new(layers, EnasMacroForm::Search).size();
    assert!(enas(14).is_some() && enas(15).is_none());
    for layers in 1..9 {
        let log10 = (Zoph::strided(layers).size().expect("it fits") as f64).log10();
        assert!((Zoph::strided(layers).size_log10().expect("known") - log10).abs() < 1e-9);
    }
    let bits = Zoph::new(15).size_log10().expect("known") / 2_f64.log10();
    assert!((bits - (15.0 * 6.0 + 105.0)).abs() < 1e-9, "{bits}");
}

#[test]
fn the_rules_of_zoph_and_le_hold() {
    let space = Zoph::strided(5);
    // Layer 1 reads nothing, so it reads the image; 2 reads 0 and 1, of different sizes; 3 and 4 are read by none.
    let text = "zoph-strided-5: 3x5x24/1x1 | 7x1x36/2x3 0 | 1x3x48/1x1 1 1 | 5x5x64/1x1 0 0 1 | 3x3x24/3x1 0 1 0 0";
    let architecture = read(&space, text);
    assert_eq!(space.text(&architecture), text);
    let input = ImageShape { channels: 3, height: 9, width: 10 };
    let config = NetworkConfig { input, ..NetworkConfig::cifar(24, 5) };
    let graph = space.lower(&architecture, &config).expect("it builds");
    assert_eq!(inputs(&graph, "layers.0.conv"), ["input"]);
    assert_eq!(inputs(&graph, "layers.1.conv"), ["input"]);
    assert_eq!(inputs(&graph, "layers.2.conv"), ["layers.2.concat"]);
    assert_eq!(inputs(&graph, "layers.2.concat"), ["layers.0.relu", "layers.2.pad.1"]);
    // 7x1 with stride 2x3 leaves 5x4 of 9x10: four rows and six columns are missing.
    assert_eq!(node(&graph, "layers.2.pad.1").1.layer, Layer::Pad { before: [2, 3], after: [2, 3] });
    assert_eq!(node(&graph, "layers.2.concat").1.shape.channels, 24 + 36);
    assert_eq!(inputs(&graph, "layers.3.conv"), ["layers.2.relu"]);
    assert_eq!(inputs(&graph, "head.concat"), ["layers.3.relu", "head.pad.1"]);
    // 5x4 through stride 3x1 leaves 2x4: of 9x10, seven rows and six columns are missing.
    assert_eq!(node(&graph, "head.pad.1").1.layer, Layer::Pad { before: [3, 3], after: [4, 3] });
    assert_eq!(node(&graph, "head.concat").1.shape.channels, 64 + 24);
    let convolutions = 3 * 15 * 24 + 3 * 7 * 36 + 60 * 3 * 48 + 48 * 25 * 64 + 36 * 9 * 24;
    let norms = 2 * (24 + 36 + 48 + 64 + 24);
    assert_eq!(graph.parameters(), convolutions + norms + 88 * 10 + 10);
    // Filters in proportion to the channels, rounded up.
    let small = space.lower(&architecture, &NetworkConfig { channels: 7, ..config }).expect("it builds");
    let filters: Vec<usize> = (0..4).map(|i| node(&small, &format!("layers.{i}.conv")).1.shape.channels).collect();
    assert_eq!(filters, [7, 11, 14, 19]);
}

#[test]
fn layers_are_described() {
    let space = Zoph::new(3);
    let lines = space.describe(&read(&space, "3x5x24 | 7x1x36 1 | 5x5x48 0 0"));
    assert_eq!(lines[1], "layer 1 = 7x1 convolution, 36 filters (layer 0)");
    assert_eq!(lines[2], "layer 2 = 5x5 convolution, 48 filters (image)");
}

/// Networks whose layers are listed in another order.
#[test]
fn the_order_of_independent_layers_does_not_matter() {
    let space = Zoph::new(4);
    let key = |text: &str| space.canonical(&read(&space, text));
    let a = key("3x3x24 | 5x5x36 0 | 1x1x48 1 0 | 7x7x64 0 1 1");
    assert_eq!(a, key("5x5x36 | 3x3x24 0 | 1x1x48 0 1 | 7x7x64 1 0 1"));
    assert_eq!(a, key("3x3x24 | 1x1x48 1 | 5x5x36 0 0 | 7x7x64 0 1 1"));
    assert_ne!(a, key("3x3x24 | 5x5x36 0 | 1x1x48 0 1 | 7x7x64 0 1 1"));
    // Two equal layers: it matters whether one or both are read.
    let one = key("3x3x24 | 3x3x24 0 | 1x1x48 1 0 | 1x1x48 1 0 0");
    let both = key("3x3x24 | 3x3x24 0 | 1x1x48 1 0 | 1x1x48 0 1 0");
    assert_ne!(one, both);
    assert_eq!(one, key("3x3x24 | 3x3x24 0 | 1x1x48 0 1 | 1x1x48 0 1 0"));
    assert_eq!(both, key("3x3x24 | 1x1x48 1 | 3x3x24 0 0 | 1x1x48 0 0 1"));
}

proptest! {
    /// Any order of the layers in which each still comes behind those it reads gives the same key.
    #[test]
    fn keys_survive_reordering(seed: u64, picks in prop::collection::vec(any::<u8>(), 7)) {
        let space = Zoph::new(7);
        let architecture = space.sample(&mut Seed::new(seed).rng());
        let text = space.text(&architecture);
        let rows: Vec<Vec<&str>> = text.trim_start_matches("zoph-7: ").split(" | ").map(|r| r.split(' ').collect()).collect();
        let mut order: Vec<usize> = Vec::new();
        for pick in picks {
            let reads = |layer: usize, from: usize| from < layer && rows[layer][1 + from] == "1";
            let ready: Vec<usize> = (0..7)
                .filter(|layer| !order.contains(layer))
                .filter(|&layer| (0..layer).all(|from| !reads(layer, from) || order.contains(&from)))
                .collect();
            order.push(ready[pick as usize % ready.len()]);
        }
        let row = |(place, &layer): (usize, &usize)| {
            let bit = |&from: &usize| if from < layer { rows[layer][1 + from] } else { "0" };
            [rows[layer][0]].into_iter().chain(order[..place].iter().map(bit)).collect::<Vec<_>>().join(" ")
        };
        let twin = order.iter().enumerate().map(row).collect::<Vec<_>>().join(" | ");
        prop_assert_eq!(space.canonical(&read(&space, &twin)), space.canonical(&architecture));
    }
}

#[test]
fn the_final_network_of_enas_has_other_counts_where_its_operations_are_what_their_names_say() {
    let blueprint = published("ENAS-macro").expect("it is published").blueprint();
    let parameters = |blueprint: &Blueprint, channels: usize| {
        let config = NetworkConfig { channels, ..blueprint.default_config() };
        blueprint.lower(&config).expect("it builds").parameters()
    };
    assert_eq!(blueprint.space(), "enas-macro-released-24");
    // The released code builds 42,559,392, for its separable convolutions are dense.
    let retrained = Blueprint::from_text(&blueprint.text().replace("released", "retrained")).expect("the same choices");
    assert_eq!(parameters(&retrained, 96), 30_947_424);
    assert_eq!(parameters(&blueprint, 64), 18_927_552);
}

#[test]
fn enas_layers_are_wired_as_in_the_released_code() {
    let text = "0 | 1 0 | 4 1 0 | 5 0 1 1";
    let graph = |form: EnasMacroForm| {
        let space = EnasMacro::new(4, form);
        space.lower(&read(&space, text), &NetworkConfig::cifar(8, 4)).expect("it builds")
    };
    let search = graph(EnasMacroForm::Search);
    // Four layers are reduced behind the first and the second. State 0 is read again by layer 2, state 1 by layer 3.
    assert_eq!(inputs(&search, "layers.1.sep_conv_3x3.input.conv"), ["layers.0.reduce.from_1.bn"]);
    assert_eq!(inputs(&search, "layers.1.skip.add"), ["layers.1.sep_conv_3x3.op.relu"]);
    assert_eq!(inputs(&search, "layers.2.skip.add"), ["layers.1.reduce.from_0.bn", "layers.2.avg_pool_3x3.op.pool"]);
    assert_eq!(
        inputs(&search, "layers.3.skip.add"),
        ["layers.1.reduce.from_1.bn", "layers.1.reduce.from_2.bn", "layers.3.max_pool_3x3.op.pool"]
    );
    assert_eq!(node(&search, "layers.3.skip.bn").1.shape, nas_space::Shape { channels: 8, height: 8, width: 8 });
    // Everything that is built is read.
    assert!(search.reachable(search.output()).iter().all(|used| *used));
    let reduction = 8 * 8 + 16;
    let parts = [
        27 * 8 + 16,
        (8 * 8 + 16) + (9 * 64 + 16),
        (8 * 8 + 16) + (9 * 8 + 64 + 16) + 16,
        2 * (8 * 8 + 16 + 16),
        5 * reduction,
        80,
    ];
    assert_eq!(search.parameters(), parts.iter().sum::<usize>());
    let retrained = graph(EnasMacroForm::Retrained);
    assert_eq!(inputs(&retrained, "layers.2.skip.concat"), ["layers.1.reduce.from_0.bn", "layers.2.op.pool"]);
    assert_eq!(node(&retrained, "layers.3.skip.bn").1.shape.channels, 32);
    let released = graph(EnasMacroForm::Released);
    assert_eq!(inputs(&released, "layers.2.skip.concat"), ["layers.1.reduce.from_0.bn", "layers.1.reduce.from_2.bn"]);
    assert!(released.nodes().all(|(_, node)| node.name != "layers.1.op.depthwise"));
}

#[test]
fn released_operations_that_are_one_have_one_key() {
    let key = |form: EnasMacroForm, text: &str| {
        let space = EnasMacro::new(3, form);
        space.canonical(&read(&space, text))
    };
    assert_eq!(key(EnasMacroForm::Released, "0 | 3 1 | 5 0 1"), key(EnasMacroForm::Released, "1 | 2 1 | 4 0 1"));
    assert_ne!(key(EnasMacroForm::Released, "0 | 3 1 | 5 0 1"), key(EnasMacroForm::Released, "0 | 3 0 | 5 0 1"));
    assert_ne!(key(EnasMacroForm::Retrained, "0 | 3 1 | 5 0 1"), key(EnasMacroForm::Retrained, "1 | 2 1 | 4 0 1"));
}

#[test]
fn bad_rows_say_what_is_wrong() {
    let check = |space: &dyn SearchSpace, text: &str, expect: &str| {
        let message = space.parse(text).expect_err("it must be refused").to_string();
        assert!(message.contains(expect), "{message}");
    };
    let zoph = Zoph::new(2);
    check(&zoph, "3x3x24", "it has 1 rows between `|`, the space 2 layers");
    check(&zoph, "3x3x24 | 3x3x24", "row 1 has 0 skip connections, 0 or 1, where 1 belong");
    check(&zoph, "3x3x24 | 3x3x24 2", "at `2`: a skip connection of row 1 is 0 or 1");
    check(&zoph, "3x4x24 | 3x3x24 1", "at `3x4x24`: expected 3x5x24; heights and widths are 1, 3, 5, 7");
    check(&zoph, "3x3x24/1x1 | 3x3x24 1", "expected 3x5x24");
    check(&Zoph::strided(1), "3x3x24", "expected height x width x filters / strides, as in 3x5x24/2x1");
    check(&Zoph::strided(1), "3x3x24/4x1", "strides 1, 2, 3");
    check(&EnasMacro::new(1, EnasMacroForm::Search), "6", "expected an operation: 0 conv_3x3, 1 sep_conv_3x3");
    let message = Blueprint::from_text("zoph-65: 3x3x24").expect_err("too deep").to_string();
    assert!(message.contains("(it may have 1 to 64 layers)"), "{message}");
    let space = Zoph::new(3);
    let message = space
        .lower(&read(&space, "1x1x24 | 1x1x24 0 | 1x1x24 0 0"), &NetworkConfig::cifar(24, 4))
        .expect_err("another depth")
        .to_string();
    assert!(message.contains("the space `zoph-3` decides each layer by itself, so it must be 3"), "{message}");
}
