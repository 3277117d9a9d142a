//! `nas show` and the lists: published counts, and JSON that is nothing but JSON.

use std::path::Path;

use crate::nas;

fn show(args: &[&str]) -> serde_json::Value {
    let all: Vec<&str> = ["show"].iter().chain(args).chain(&["--json"]).copied().collect();
    nas(Path::new("."), &all).ok().json()
}

fn check(args: &[&str], parameters: u64) {
    let found = show(args);
    assert_eq!(found["parameters"], parameters, "{args:?}");
    let cells = found["cells"].as_array().unwrap();
    let sum = |key: &str| cells.iter().map(|c| c[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("parameters"), parameters, "the parts add up: {args:?}");
    assert_eq!(sum("flops"), found["flops"].as_u64().unwrap(), "the parts add up: {args:?}");
    let kept = found["activation_memory"]["bytes"].as_u64().unwrap();
    assert_eq!(sum("activation_bytes"), kept, "the parts add up: {args:?}");
    assert!(kept > 0 && kept < found["memory"]["training_bytes"].as_u64().unwrap(), "a step needs more: {found}");
}

#[test]
fn published_networks_have_their_published_parameters() {
    let cifar = ["--channels", "36", "--layers", "20"];
    let with = |name, more: &[&'static str]| [&[name], &cifar[..], more].concat();
    check(&with("DARTS_V2", &[]), 3_349_342);
    check(&with("DARTS_V1", &[]), 3_169_414);
    check(&with("darts_v2", &["--auxiliary"]), 3_825_768);
    check(&with("DARTS_V1", &["--auxiliary"]), 3_645_840);
    let imagenet = ["--stem", "imagenet", "--channels", "48", "--layers", "14", "--classes", "1000"];
    check(&[&["DARTS_V2"], &imagenet[..]].concat(), 4_718_752);
    check(&[&["DARTS_V1"], &imagenet[..]].concat(), 4_510_432);
}

#[test]
fn released_networks_are_shown_at_their_own_size() {
    check(&["NASNet-A"], 3_346_538);
    check(&["nasnet-a-mobile"], 5_289_978);
    check(&["NASNet-A-large"], 88_753_150);
    check(&["AmoebaNet-A"], 3_218_266);
    check(&["AmoebaNet-A", "--channels", "32"], 2_567_754);
    check(&["ENAS-micro"], 3_894_372);
}

#[test]
fn every_layer_is_listed_on_request() {
    let layers = show(&["NASNet-A", "--channels", "8", "--layers", "5", "--per-layer"]);
    let each = layers["each_layer"].as_array().unwrap();
    let sum = |key: &str| each.iter().map(|layer| layer[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(each.len() as u64, layers["layers"].as_u64().unwrap());
    assert_eq!(
        (sum("parameters"), sum("flops")),
        (layers["parameters"].as_u64().unwrap(), layers["flops"].as_u64().unwrap())
    );
    let plain =
        nas(Path::new("."), &["show", "ENAS-micro", "--channels", "4", "--layers", "5", "--per-layer"]).ok().stdout;
    assert!(plain.contains("node 0 = avg_pool_3x3(c_{k-2}) + sep_conv_3x3(c_{k-2})"), "{plain}");
    assert!(plain.contains("cells.0._ops.1.op.1  ") && plain.contains("conv2d 3x3, 4 groups"), "{plain}");
    assert!(show(&["ENAS-micro"]).get("each_layer").is_none());
}

#[test]
fn nasbench_strings_have_their_measured_parameters() {
    for (operation, parameters) in [("skip_connect", 73_306), ("nor_conv_1x1", 241_306), ("nor_conv_3x3", 1_531_546)] {
        let o = operation;
        check(&[&format!("|{o}~0|+|{o}~0|{o}~1|+|{o}~0|{o}~1|{o}~2|")], parameters);
    }
}

#[test]
fn an_architecture_file_and_its_text_show_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let shown = show(&["DARTS_V2"]);
    let path = folder.path().join("cell.txt");
    std::fs::write(&path, shown["text"].as_str().unwrap()).unwrap();
    assert_eq!(show(&[path.to_str().unwrap()]), shown);
    assert_eq!(show(&[shown["text"].as_str().unwrap()]), shown);
}

#[test]
fn the_drawing_is_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let ran = nas(folder.path(), &["show", "DARTS_V1", "--dot", "cells.dot", "--svg", "cells.svg"]).ok();
    assert!(ran.stdout.contains("c_k    = concat(node 0, node 1, node 2, node 3)"), "{}", ran.stdout);
    let dot = std::fs::read_to_string(folder.path().join("cells.dot")).unwrap();
    assert!(dot.starts_with("digraph"), "{dot}");
    let svg = std::fs::read_to_string(folder.path().join("cells.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains(">avg_pool_3x3<"), "{svg}");
    nas(folder.path(), &["show", "DARTS_V1", "--svg", "new/folder/cells.svg", "--dot", "new/too/cells.dot"]).ok();
    assert_eq!(std::fs::read_to_string(folder.path().join("new/folder/cells.svg")).unwrap(), svg);
    assert_eq!(std::fs::read_to_string(folder.path().join("new/too/cells.dot")).unwrap(), dot);
    let failed = nas(folder.path(), &["show", "DARTS_V1", "--svg", "cells.dot/cells.svg"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("cannot make the folder cells.dot"), "{}", failed.stderr);
}

#[test]
fn lists_are_json_too() {
    let here = Path::new(".");
    let spaces = nas(here, &["spaces", "--json"]).ok().json();
    let spaces = spaces["spaces"].as_array().unwrap();
    let architectures = |name: &str| &spaces.iter().find(|space| space["name"] == name).unwrap()["architectures"];
    assert_eq!(architectures("nasbench201"), "15625");
    assert_eq!(architectures("nasbench-macro"), "6561");
    // 64^15 · 2^105 architectures are more than JSON or 128 bits hold.
    assert_eq!(architectures("zoph"), &serde_json::Value::Null);
    let plain = nas(here, &["spaces"]).ok().stdout;
    assert!(plain.contains("5.0e58") && plain.contains("2.1e21"), "{plain}");
    let strategies = nas(here, &["strategies", "--json"]).ok().json();
    assert_eq!(strategies["strategies"][0]["name"], "evolution");
    let sets = nas(here, &["data", "list", "--json"]).ok().json();
    assert_eq!(sets["data_sets"][0]["presence"], "embedded");
    let digits = nas(here, &["data", "info", "digits", "--json"]).ok().json();
    assert_eq!(digits["classes"].as_array().unwrap().len(), 10);
    for plain in [&["spaces"][..], &["strategies"], &["data", "list"], &["data", "info", "digits"]] {
        assert!(nas(here, plain).ok().stdout.lines().count() > 4, "{plain:?}");
    }
}

#[test]
fn help_teaches_by_example_and_lists_exit_codes() {
    let help = nas(Path::new("."), &["--help"]).ok().stdout;
    assert!(help.contains("nas search --data photos/ --time 30m") && help.contains("130"), "{help}");
    for command in ["search", "resume", "train", "evaluate", "export", "show", "init", "completions"] {
        let help = nas(Path::new("."), &[command, "--help"]).ok().stdout;
        assert!(help.contains("Examples:\n  nas "), "{command}: {help}");
    }
    let rule = nas(Path::new("."), &["search", "--explain"]).ok().stdout;
    assert!(rule.contains("speed probe"), "{rule}");
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = nas(Path::new("."), &["completions", shell]).ok().stdout;
        assert!(script.contains("evaluate"), "{shell}");
    }
}

#[test]
fn networks_of_benchmarks_have_their_measured_parameters() {
    check(&["22212220"], 1_985_514);
    check(&["001a6fcc8b38cbc515be788a86bdc804"], 1_756_298);
    let notebook = "ModelSpec(matrix=[[0, 1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], \
        [0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]], ops=['input', \
        'conv1x1-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'maxpool3x3', 'output'])";
    check(&[notebook], 2_694_282);
}

#[test]
fn layers_are_shown_one_by_one() {
    let text = "zoph-2: 3x5x24 | 7x1x36 1";
    check(&[text], 3 * 15 * 24 + 48 + 24 * 7 * 36 + 72 + 360 + 10);
    let plain = nas(Path::new("."), &["show", text]).ok().stdout;
    assert!(plain.contains("layer 1 = 7x1 convolution, 36 filters (layer 0)"), "{plain}");
}
