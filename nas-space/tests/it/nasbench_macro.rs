//! NAS-Bench-Macro against its table.

use std::collections::{BTreeMap, BTreeSet};

use nas_space::spaces::NasBenchMacro;
use nas_space::{Blueprint, NetworkConfig, SearchSpace};

use crate::tables::table;

#[test]
fn every_network_has_the_parameters_and_the_multiply_adds_of_the_table() {
    let Some(table) = table("nasbench_macro.csv") else { return };
    let [name, params, flops] = ["arch", "params", "flops"].map(|name| table.column(name));
    let config = NasBenchMacro.default_config();
    for row in &table.rows {
        let architecture = NasBenchMacro.parse(&row[name]).expect("the table's names are valid");
        assert_eq!(NasBenchMacro.text(&architecture), row[name]);
        let graph = NasBenchMacro.lower(&architecture, &config).expect("it builds");
        assert_eq!(graph.parameters().to_string(), row[params], "{row:?}");
        // The table does not count the additions of the classifier's bias.
        assert_eq!((graph.flops() - config.classes as u64).to_string(), row[flops], "{row:?}");
    }
    assert_eq!(Some(table.rows.len() as u128), NasBenchMacro.size());
    // Networks that are the same were trained once: their accuracies are.
    let columns = [params, flops, table.column("acc_0"), table.column("acc_1"), table.column("acc_2")];
    let mut measured: BTreeMap<String, BTreeSet<Vec<&str>>> = BTreeMap::new();
    for row in &table.rows {
        let key = NasBenchMacro.canonical(&NasBenchMacro.parse(&row[name]).expect("valid"));
        measured.entry(key).or_default().insert(columns.iter().map(|&c| row[c].as_str()).collect());
    }
    assert!(measured.values().all(|rows| rows.len() == 1));
    // A stage of 2 has 3 x 3 networks; one of 3 has 3 x (4 + 2 + 1).
    assert_eq!(measured.len(), 9 * 21 * 21);
}

#[test]
fn identities_within_a_stage_may_stand_anywhere() {
    let key = |text: &str| NasBenchMacro.canonical(&NasBenchMacro.parse(text).expect(text));
    assert_eq!(key("12102021"), key("12120021"));
    assert_eq!(key("12001001"), key("12010010"));
    assert_ne!(key("12001001"), key("12101001"));
    assert_ne!(key("02001001"), key("20001001"));
}

#[test]
fn digits_are_read_and_others_refused() {
    let best = Blueprint::from_text(" 22212220 ").expect("a network of the benchmark");
    assert_eq!((best.space(), best.text()), ("nasbench-macro", "22212220".to_owned()));
    let message = Blueprint::from_text("22312220").expect_err("there is no block 3").to_string();
    let expect = "cannot read a NAS-Bench-Macro network at `22312220`: it has 8 digits: 0 identity, 1 mb3_k3, 2 mb6_k5";
    assert_eq!(message, expect);
}

#[test]
fn other_sizes_are_refused_or_built() {
    let architecture = NasBenchMacro.parse("22212220").expect("valid");
    let refused = |config: NetworkConfig| NasBenchMacro.lower(&architecture, &config).expect_err("refused").to_string();
    let expect =
        "network setting `layers` = 9: the space `nasbench-macro` decides each layer by itself, so it must be 8";
    assert_eq!(refused(NetworkConfig::cifar(32, 9)), expect);
    assert!(refused(NetworkConfig { auxiliary: true, ..NetworkConfig::cifar(32, 8) }).contains("no auxiliary"));
    let graph = NasBenchMacro.lower(&architecture, &NetworkConfig::imagenet(16, 8)).expect("it builds");
    let shape = graph.nodes().find(|(_, node)| node.name == "out.0").expect("the head").1.shape;
    assert_eq!((shape.channels, shape.height, shape.width), (1280, 4, 4));
}
