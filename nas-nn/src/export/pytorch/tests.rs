//! What can be seen of a Python file without Python: names are made before they are used, and tensors have a place.
//! `cargo xtask export-check` runs such files.

use std::collections::BTreeSet;

use candle_core::DType;
use nas_data::Normalization;
use nas_space::{NetworkConfig, NetworkGraph, Seed, published, published_cells, spaces};
use serde_json::json;

use super::{PyTorch, pytorch};
use crate::checkpoint::tensors_of;
use crate::export::{ExportOptions, Pixels};
use crate::testing::trained_like;

fn graphs() -> Vec<(String, NetworkGraph)> {
    let config = |layers| NetworkConfig { auxiliary: false, ..NetworkConfig::cifar(8, layers) };
    let sampled = spaces::all().into_iter().map(|space| {
        let graph = space.lower(&space.sample(&mut Seed::new(3).rng()), &config(space.nearest_layers(5)));
        (space.name().to_owned(), graph.unwrap())
    });
    let cells = published_cells().iter().map(|cell| {
        let layers = if cell.name == "ENAS-macro" { cell.network().layers } else { 5 };
        (cell.name.to_owned(), cell.blueprint().lower(&config(layers)).unwrap())
    });
    sampled.chain(cells).collect()
}

/// The quoted paths behind each occurrence of `call`.
fn paths<'a>(python: &'a str, call: &str) -> Vec<&'a str> {
    let after = python.split(call).skip(1);
    after.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// The names that an expression reads: no attributes, no texts, no names of arguments.
fn reads(expression: &str) -> Vec<String> {
    let unquoted: String = expression.split('"').step_by(2).collect();
    let mut names = Vec::new();
    let mut rest = unquoted.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let attribute = rest[..start].ends_with(['.', '_']) || rest[..start].ends_with(|c: char| c.is_ascii_digit());
        let word = &rest[start..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len());
        let argument = word[end..].starts_with('=');
        if !attribute && !argument {
            names.push(word[..end].to_owned());
        }
        rest = &word[end..];
    }
    names
}

/// Checks that every name in every method is an argument or was assigned before, and returns how many were looked at.
fn check_names(what: &str, python: &str) -> usize {
    let known = ["F", "torch", "layer", "True", "False", "float", "mean_inside", "self"];
    let mut defined = BTreeSet::new();
    let mut looked_at = 0;
    for line in python.lines().skip_while(|line| !line.contains("def forward")) {
        let text = line.trim();
        if let Some(method) = text.strip_prefix("def ") {
            if !line.starts_with(' ') {
                break;
            }
            let arguments = method.split(['(', ')']).nth(1).unwrap();
            defined = arguments.split(", ").map(str::to_owned).collect();
            continue;
        }
        let (left, right) = match text.split_once(" = ") {
            Some((left, right)) => (left, right),
            None => ("", text.strip_prefix("return ").unwrap_or("")),
        };
        for name in reads(right) {
            let found = defined.contains(&name) || known.contains(&name.as_str());
            assert!(found, "{what}: `{name}` is read before it is there: {text}");
            looked_at += 1;
        }
        defined.extend(left.split(", ").map(str::to_owned));
    }
    looked_at
}

#[test]
fn reading_names() {
    assert_eq!(reads("torch.cat([a_1, x], 1).flatten(1)"), ["torch", "a_1", "x"]);
    assert_eq!(reads("layer(\"cells.0.op\")(F.pad(b, (1, -1), value=float(\"-inf\")))"), ["layer", "F", "b", "float"]);
}

#[test]
fn every_layer_has_its_tensors_and_every_name_is_there_before_it_is_read() {
    for (name, graph) in graphs() {
        let network = trained_like(graph, DType::F32);
        let PyTorch { source, tensors } = pytorch(&network, &ExportOptions::default(), "w.safetensors").unwrap();
        let expected = tensors_of(&network).into_iter().map(|(path, tensor)| (path, tensor.dims().to_vec()));
        let found = tensors.iter().map(|(path, tensor)| (path.clone(), tensor.dims().to_vec()));
        assert_eq!(found.collect::<BTreeSet<_>>(), expected.collect::<BTreeSet<_>>(), "{name}");
        let made = paths(&source, "self.put(\"");
        let used = paths(&source, "layer(\"");
        let owners: BTreeSet<&str> = tensors.iter().map(|(path, _)| path.rsplit_once('.').unwrap().0).collect();
        assert_eq!(made.iter().copied().collect::<BTreeSet<_>>().len(), made.len(), "{name}: a layer is made twice");
        assert_eq!(used.iter().copied().collect::<BTreeSet<_>>(), made.iter().copied().collect(), "{name}");
        // A batch norm that learned nothing has tensors, too: its statistics. So every layer that is made has some.
        assert_eq!(made.into_iter().collect::<BTreeSet<_>>(), owners, "{name}");
        assert!(check_names(&name, &source) > 50, "{name}");
    }
}

#[test]
fn a_folded_network_has_biases_and_no_batch_norms() {
    let graph = published("DARTS_V2").unwrap().blueprint().lower(&NetworkConfig::cifar(8, 5)).unwrap();
    let network = trained_like(graph, DType::F32);
    let options = ExportOptions { fold_batch_norm: true, ..Default::default() };
    let PyTorch { source, tensors } = pytorch(&network, &options, "w.safetensors").unwrap();
    assert!(!source.contains("BatchNorm2d") && tensors.iter().all(|(path, _)| !path.contains("running")), "{source}");
    let biases = tensors.iter().filter(|(path, _)| path.ends_with(".bias")).count();
    assert!(biases > 20 && source.contains("nn.Conv2d(3, 24, 3, padding=1)"), "{biases} biases: {source}");
    check_names("folded", &source);
}

#[test]
fn the_file_says_what_it_reads_and_what_it_is() {
    let graph = published("DARTS_V1").unwrap().blueprint().lower(&NetworkConfig::cifar(4, 3)).unwrap();
    let network = trained_like(graph, DType::F32);
    let normalization = Normalization { mean: vec![0.5, 0.25, 0.125], std: vec![0.5; 3] };
    let metadata = vec![("classes".to_owned(), json!(["cat", "dog"])), ("odd".to_owned(), json!({"a": [true, null]}))];
    let said = |pixels| {
        let options = ExportOptions { pixels, metadata: metadata.clone(), ..Default::default() };
        pytorch(&network, &options, "cat's.safetensors").unwrap().source
    };
    let python = said(Pixels::Bytes(normalization.clone()));
    for part in [
        "It reads bytes from 0 to 255.",
        "WEIGHTS = \"cat's.safetensors\"",
        "    \"classes\": [\"cat\", \"dog\"],\n    \"odd\": {\"a\": [True, None]},\n",
        "self.register_buffer(\"mean\", torch.tensor([0.5, 0.25, 0.125]).view(1, -1, 1, 1), persistent=False)",
        "        images = (images.float() / 255 - self.mean) / self.std\n        ",
    ] {
        assert!(python.contains(part), "{part} is missing: {python}");
    }
    assert!(said(Pixels::Unit(normalization)).contains("        images = (images - self.mean) / self.std\n"));
    assert!(!said(Pixels::Normalized).contains("self.mean"));
}
