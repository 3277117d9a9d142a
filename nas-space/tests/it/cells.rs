//! The block spaces and the text form of their cells: what is read, what is written, what is refused.

use nas_space::spaces::{AmoebaNet, BlockSpace, EnasMicro, NasNet};
use nas_space::{
    Architecture, ArchitectureFile, Blueprint, Cells, Chooses, Layer, NetworkConfig, SearchSpace, Seed, Stem, published,
};
use proptest::prelude::*;

const SPACES: [BlockSpace; 3] = [NasNet, AmoebaNet, EnasMicro];

fn sample(space: BlockSpace, seed: u64) -> Architecture {
    space.sample(&mut Seed::new(seed).rng())
}

/// One node per cell; each part replaceable.
fn small(word: &str, normal: &str, more: &str) -> String {
    let reduce = "reduce=[('conv_1x1', 0), ('max_pool_3x3', 1)], reduce_concat=[0, 2]";
    format!("{word}(normal={normal}, normal_concat=[2]{more}, {reduce})")
}

const EDGES: &str = "[('sep_conv_3x3', 0), ('skip_connect', 1)]";

proptest! {
    #[test]
    fn cells_come_back(seed: u64) {
        for space in SPACES {
            let architecture = sample(space, seed);
            let cells = space.to_cells(&architecture).expect("a sample is valid");
            prop_assert_eq!(&space.from_cells(&cells).expect("they are a point of it"), &architecture);
            let text = cells.to_string();
            prop_assert_eq!(&Cells::parse(&text).expect("its own text"), &cells);
            let file = ArchitectureFile { blueprint: Blueprint::Cells(cells), network: None };
            let json = file.to_json().expect("valid");
            prop_assert_eq!(ArchitectureFile::from_json(&json).expect("its own file"), file);
        }
    }

    #[test]
    fn samples_build_on_both_stems(seed: u64, layers in 3_usize..8, height in 1_usize..40, classes in 2_usize..5) {
        for space in SPACES {
            for stem in [Stem::Cifar, Stem::Imagenet] {
                let mut config = NetworkConfig { stem, classes, auxiliary: true, ..NetworkConfig::cifar(8, layers) };
                (config.input.height, config.input.width, config.input.channels) = (height, 41 - height, 2);
                let graph = space.lower(&sample(space, seed), &config).expect("it builds");
                prop_assert_eq!(graph.node(graph.output()).shape.elements(), classes);
                prop_assert!(graph.auxiliary().is_some());
            }
        }
    }
}

#[test]
fn the_sizes_are_those_of_enumeration() {
    // A node has (states)^2 inputs, (operations)^2 operations and, in NASNet, two ways to join them.
    let cell = |per_node: u128| (2..7_u128).map(|states| states * states * per_node).product::<u128>();
    for (space, per_node) in [(NasNet, 13 * 13 * 2), (AmoebaNet, 8 * 8), (EnasMicro, 5 * 5)] {
        assert_eq!(space.size(), Some(cell(per_node).pow(2)));
        let options: u128 = space.decisions().iter().map(|d| d.options.len() as u128).product();
        assert_eq!(space.size(), Some(options), "every combination of options is an architecture");
    }
    assert_eq!([NasNet, AmoebaNet, EnasMicro].map(|s| s.decisions().len()), [50, 40, 40]);
}

#[test]
fn enas_cells_are_numbers() {
    let text = published("ENAS-micro").expect("it is known").text;
    let architecture = EnasMicro.parse_numbers(text).expect("valid");
    assert_eq!(EnasMicro.text(&architecture), text);
    let cells = EnasMicro.to_cells(&architecture).expect("valid").to_string();
    assert!(
        cells.starts_with("ENAS(normal=[('avg_pool_3x3', 0), ('sep_conv_3x3', 0), ('skip_connect', 0),"),
        "{cells}"
    );
    assert!(cells.contains("normal_concat=[2, 3, 4, 5, 6]") && cells.contains("reduce_concat=[2, 4, 5, 6]"), "{cells}");
    let check = |text: &str, expect: &str| {
        let message = Blueprint::from_text(text).expect_err("it must be refused").to_string();
        assert_eq!(message, expect);
    };
    check(
        "0 2 0 0",
        "cannot read an ENAS micro cell at `0 2 0 0`: it has 4 numbers; a state and an operation for both sides of 5 nodes \
         of two cells are 40",
    );
    check(
        &text.replacen('2', "two", 1),
        "cannot read an ENAS micro cell at `two`: expected the number of a state or an operation, such as 2",
    );
    check(
        &text.replacen('2', "7", 1),
        "decision `normal.node0.op0` cannot be `option 7`: after the decisions before it, it may be sep_conv_3x3, \
         sep_conv_5x5, avg_pool_3x3, max_pool_3x3, skip_connect",
    );
}

#[test]
fn bad_cells_say_what_is_wrong() {
    let check = |text: &str, expect: &str| {
        let message = Blueprint::from_text(text).expect_err("it must be refused").to_string();
        assert_eq!(message, expect);
    };
    check(
        &small("NASNet", "[('none', 0), ('skip_connect', 1)]", ""),
        "normal cell of the genotype: edge 0 is `none`, which is no operation of the form NASNet; its identity is \
         `skip_connect`",
    );
    check(
        &small("NASNet", EDGES, ", normal_joined=[1]"),
        "normal cell of the genotype: it joins the sides of node 1; its nodes are 0 to 0",
    );
    check(
        &small("NASNet", EDGES, "").replace("[0, 2]", "[0, 2, 0]"),
        "reduce cell of the genotype: its output lists state 0 twice; list each state once",
    );
    check(
        &small("ENAS", EDGES, ", normal_joined=[0, 0]"),
        "normal cell of the genotype: its joined nodes are [0, 0]; list each once, in rising order",
    );
    check(
        &small("AmoebaNet", EDGES, ", normal_join=[0]"),
        "cannot read a genotype at `normal_join=[0], reduce=`: expected one of normal, normal_concat, normal_joined, \
         reduce, reduce_concat, reduce_joined or `)`",
    );
    check(
        &small("Genotype", EDGES, ", normal_joined=[0]"),
        "cannot read a genotype at `normal_joined=[0], reduc`: expected one of normal, normal_concat, reduce, \
         reduce_concat or `)`",
    );
    let message = Cells::parse(&small("Nasnet", EDGES, "")).expect_err("it must be refused").to_string();
    assert!(
        message.ends_with("it must begin with `NASNet(` or `NASNetLarge(` or `AmoebaNet(` or `ENAS(`"),
        "{message}"
    );
}

#[test]
fn spaces_refuse_cells_that_lie_outside_them() {
    let check = |space: BlockSpace, cells: &Cells, expect: &str| {
        let message = space.from_cells(cells).expect_err("it must be refused").to_string();
        assert_eq!(message, expect);
    };
    let Blueprint::Cells(nasnet) = published("NASNet-A").expect("it is known").blueprint() else { panic!("cells") };
    check(
        NasNet,
        &nasnet,
        "normal cell of the genotype: its output lists [0, 2, 3, 4, 5, 6]; in the space `nasnet` it lists the states that \
         no node reads, here [2, 3, 4, 5, 6]",
    );
    check(
        AmoebaNet,
        &nasnet,
        "normal cell of the genotype: its network has the form NASNet, in the space `amoebanet` AmoebaNet",
    );
    let mut cells = NasNet.to_cells(&sample(NasNet, 1)).expect("a sample is valid");
    cells.form = AmoebaNet.form();
    cells.genotype.normal[0].0 = nas_space::Operation::MaxPool7x7;
    cells.normal_joined.clear();
    check(
        AmoebaNet,
        &cells,
        "normal cell of the genotype: `max_pool_7x7` is no operation of the space `amoebanet`, which has skip_connect, \
         sep_conv_3x3, sep_conv_5x5, sep_conv_7x7, avg_pool_3x3, max_pool_3x3, dil_sep_conv_3x3, conv_1x7_7x1",
    );
    cells.normal_joined = vec![2];
    check(
        AmoebaNet,
        &cells,
        "normal cell of the genotype: it joins the sides of node 2; nodes of the space `amoebanet` add",
    );
    let short = Cells::parse(&small("ENAS", EDGES, "")).expect("valid");
    check(EnasMicro, &short, "normal cell of the genotype: it has 1 nodes; a cell of the space `enas-micro` has 5");
}

#[test]
fn impossible_sizes_say_what_is_possible() {
    let check = |name: &str, config: NetworkConfig, expect: &str| {
        let blueprint = published(name).expect(name).blueprint();
        assert_eq!(blueprint.lower(&config).expect_err("refused").to_string(), expect);
    };
    let two = NetworkConfig::cifar(16, 2);
    check(
        "NASNet-A",
        two.clone(),
        "network setting `layers` = 2: two of the cells of a NASNet network are reductions, so it must be at least 3",
    );
    check(
        "NASNet-A-large",
        NetworkConfig::cifar(16, 4),
        "network setting `layers` = 4: two of the cells of a NASNetLarge network are reductions, so it must be at least 5",
    );
    check(
        "ENAS-micro",
        two,
        "network setting `layers` = 2: two of the cells of an ENAS network are reductions, so it must be at least 3",
    );
    check(
        "AmoebaNet-B",
        NetworkConfig::imagenet(7, 8),
        "network setting `channels` = 7: the cells in the ImageNet stem begin with a quarter of the channels, so it needs \
         at least 8",
    );
}

#[test]
fn drop_path_follows_every_operation_but_identity() {
    for space in SPACES {
        let architecture = sample(space, 4);
        let cells = space.to_cells(&architecture).expect("valid");
        let layers = 7;
        let graph = space.lower(&architecture, &NetworkConfig::cifar(4, layers)).expect("it builds");
        let count = |edges: &[(nas_space::Operation, usize)]| {
            edges.iter().filter(|(op, _)| *op != nas_space::Operation::SkipConnect).count()
        };
        let expect = (layers - 2) * count(&cells.genotype.normal) + 2 * count(&cells.genotype.reduce);
        assert_eq!(graph.nodes().filter(|(_, node)| node.layer == Layer::DropPath).count(), expect);
    }
}

#[test]
fn drop_path_grows_with_depth_where_it_was_released_so() {
    let shares = |name: &str, config: &NetworkConfig| {
        let graph = published(name).expect(name).blueprint().lower(config).expect("it builds");
        let drops = graph.nodes().filter(|(_, node)| node.layer == Layer::DropPath);
        let mut shares: Vec<f64> = drops.map(|(index, _)| graph.drop_path_share(index)).collect();
        shares.dedup();
        shares
    };
    let config = NetworkConfig::cifar(4, 4);
    assert_eq!(shares("NASNet-A", &config), [0.25, 0.5, 0.75, 1.0]);
    assert_eq!(shares("ENAS-micro", &config), [0.25, 0.5, 0.75, 1.0]);
    assert_eq!(shares("AmoebaNet-A", &config), [1.0]);
    assert_eq!(shares("DARTS_V2", &config), [1.0]);
    // The two cells in the stem count.
    assert_eq!(shares("NASNet-A", &NetworkConfig::imagenet(8, 3)), [0.2, 0.4, 0.6, 0.8, 1.0]);
}

#[test]
fn joined_nodes_concatenate_and_others_add() {
    let text = small("NASNet", EDGES, ", normal_joined=[0]");
    let graph = Cells::parse(&text).expect("valid").lower(&NetworkConfig::cifar(6, 3)).expect("it builds");
    let node = |name: &str| graph.nodes().find(|(_, node)| node.name == name).expect("it is there").1;
    // With one normal cell, two reductions come first, so it has four times the channels.
    assert_eq!((node("cells.2.node0").layer.kind(), node("cells.2.node0").shape.channels), ("concat", 48));
    assert_eq!((node("cells.0.node0").layer.kind(), node("cells.0.node0").shape.channels), ("add", 12));
    // Its output brings the node back to the cell's channels.
    assert_eq!(node("cells.2.output2.bn").shape.channels, 24);
}

#[test]
fn nasnet_decides_in_the_paper_s_order() {
    let names: Vec<&str> = NasNet.decisions()[..5].iter().map(|d| d.name.as_str()).collect();
    let expect = ["input0", "input1", "op0", "op1", "combine"].map(|what| format!("normal.node0.{what}"));
    assert_eq!(names, expect);
    let kinds: Vec<Chooses> = NasNet.decisions()[..5].iter().map(|d| d.chooses).collect();
    assert_eq!(kinds, [Chooses::Input, Chooses::Input, Chooses::Operation, Chooses::Operation, Chooses::Value]);
}
