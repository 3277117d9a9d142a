//! The architecture file, and drawings.

use nas_space::spaces::NasBench201;
use nas_space::{ArchitectureFile, Blueprint, NetworkConfig, Seed, cells_dot, spaces};

use crate::cell;

#[test]
fn a_file_is_readable_and_comes_back() {
    let architecture = NasBench201.architecture(0).expect("it exists");
    let file =
        ArchitectureFile { blueprint: Blueprint::Point(architecture), network: Some(NetworkConfig::cifar(16, 15)) };
    let json = file.to_json().expect("it is valid");
    let expect = r#"{
  "format": "nas-architecture",
  "version": 1,
  "space": "nasbench201",
  "choices": {
    "edge01": "avg_pool_3x3",
    "edge02": "nor_conv_1x1",
    "edge12": "skip_connect",
    "edge03": "nor_conv_1x1",
    "edge13": "skip_connect",
    "edge23": "skip_connect"
  },
  "network": {
    "input": {
      "channels": 3,
      "height": 32,
      "width": 32
    },
    "classes": 10,
    "channels": 16,
    "layers": 15,
    "stem": "cifar",
    "auxiliary": false
  }
}
"#;
    assert_eq!(json, expect);
    assert_eq!(ArchitectureFile::from_json(&json).expect("it was just written"), file);
    assert_eq!(Blueprint::from_text(&json).expect("a file's contents are accepted"), file.blueprint);
}

#[test]
fn genotypes_beyond_the_space_are_kept_as_text() {
    let blueprint = Blueprint::from_text("AmoebaNet").expect("valid");
    let file = ArchitectureFile { blueprint, network: None };
    let json = file.to_json().expect("it is valid");
    assert!(json.contains("\"genotype\": \"Genotype("), "{json}");
    assert_eq!(ArchitectureFile::from_json(&json).expect("it was just written"), file);
}

#[test]
fn bad_files_say_what_is_wrong() {
    let architecture = NasBench201.architecture(0).expect("it exists");
    let json = ArchitectureFile { blueprint: Blueprint::Point(architecture), network: None }.to_json().expect("valid");
    let check = |text: &str, expect: &str| {
        let message = ArchitectureFile::from_json(text).expect_err("it must be refused").to_string();
        assert!(message.contains(expect), "{message}");
    };
    for end in 1..json.len() - 2 {
        check(&json[..end], "architecture file: it is cut short");
    }
    check("", "architecture file: it is cut short");
    check("no json", "architecture file: it is not JSON");
    check("{\"version\": 1}", "it is of another kind, for it lacks `\"format\": \"nas-architecture\"`");
    check("[1]", "it is of another kind");
    check(&json.replace("\"version\": 1", "\"version\": 2"), "it has version 2, this program reads up to 1");
    check(&json.replace("\"version\": 1", "\"version\": \"1\""), "`version` must be 1");
    check(&json.replace("\"space\"", "\"spice\""), "unknown field `spice`");
    check(&json.replace("\"edge01\"", "\"egde01\""), "no decision `egde01` (did you mean `edge01`?)");
    check(&json.replace("    \"edge01\": \"avg_pool_3x3\",\n", ""), "the choice for `edge01` is missing");
    check(
        &json.replace("\"edge01\": \"avg_pool_3x3\"", "\"edge01\": \"max_pool_3x3\""),
        "decision `edge01` cannot be `max_pool_3x3`: it may be none, skip_connect,",
    );
    check(&json.replace("\"edge01\": \"avg_pool_3x3\"", "\"edge01\": 4"), "decision `edge01` cannot be `4`");
    check(&json.replace("nasbench201", "nasbench301"), "there is no search space `nasbench301` (did you mean");
    check(&json.replace("\"space\"", "\"genotype\""), "either `space` and `choices`, or `genotype`");
    let mut network = NetworkConfig::cifar(0, 3);
    let blueprint = Blueprint::Genotype(cell("DARTS_V1"));
    let bad = ArchitectureFile { blueprint: blueprint.clone(), network: Some(network.clone()) };
    check(&bad.to_json().expect("it is written as it is"), "network setting `channels` = 0");
    network.channels = 4;
    let good = ArchitectureFile { blueprint, network: Some(network) }.to_json().expect("valid");
    check(&good.replace("\"layers\"", "\"depth\""), "unknown field `depth`");
}

#[test]
fn cells_are_drawn_with_every_edge() {
    let dot = cells_dot(&Blueprint::Genotype(cell("DARTS_V2"))).expect("valid");
    // Box 2 of the normal cell is node 0, box 5 of the reduction cell node 3.
    let arrow = "    \"0.0\" -> \"0.2\" [label=\"sep_conv_3x3\",";
    assert!(dot.contains(arrow), "{dot}");
    assert!(dot.contains("    \"1.5\" -> \"1.6\";\n"), "{dot}");
    assert_eq!(dot.matches("[label=\"skip_connect\",").count(), 5);
    assert_eq!(dot.matches(" -> ").count(), 2 * (8 + 4));
    for space in spaces::all() {
        let architecture = space.sample(&mut Seed::new(3).rng());
        let dot = cells_dot(&Blueprint::Point(architecture)).expect("a sample is valid");
        assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    }
}

#[test]
fn graphs_are_drawn_with_every_layer() {
    let graph = cell("DARTS_V2").lower(&NetworkConfig::cifar(4, 3)).expect("it builds");
    let dot = graph.to_dot();
    assert_eq!(dot.matches(" [label=").count(), graph.len());
    let edges: usize = (0..graph.len()).map(|index| graph.inputs(index).len()).sum();
    assert_eq!(dot.matches(" -> ").count(), edges);
    assert_eq!(dot.matches("subgraph").count(), 3);
    assert!(dot.contains("cells.0._ops.0.op.1\\nconv2d 3x3, 4 groups\\n4x32x32"), "{dot}");
}
