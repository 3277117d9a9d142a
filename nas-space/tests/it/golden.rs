//! The lowered graph has exactly the parameters of the reference network, by name and shape.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nas_space::{Genotype, ImageShape, NetworkConfig, Stem};
use serde_json::Value;

/// The header of a safetensors file: 8 bytes of length, then JSON.
fn header(path: &Path) -> serde_json::Map<String, Value> {
    let bytes = std::fs::read(path).expect("the file is readable");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    serde_json::from_slice(&bytes[8..8 + length]).expect("the header is a JSON object")
}

fn shape(tensor: &Value) -> Vec<usize> {
    serde_json::from_value(tensor["shape"].clone()).expect("every tensor has a shape")
}

/// The learned tensors of a golden file, and the network it says it holds.
fn read(header: &serde_json::Map<String, Value>) -> (BTreeMap<String, Vec<usize>>, Genotype, NetworkConfig) {
    let metadata = |key: &str| header["__metadata__"][key].as_str().expect(key).to_owned();
    let number = |key: &str| metadata(key).parse::<usize>().expect(key);
    let image = shape(&header["x"]);
    let config = NetworkConfig {
        input: ImageShape { channels: image[1], height: image[2], width: image[3] },
        classes: number("classes"),
        channels: number("C"),
        layers: number("layers"),
        stem: if metadata("stem") == "imagenet" { Stem::Imagenet } else { Stem::Cifar },
        auxiliary: metadata("auxiliary").eq_ignore_ascii_case("true"),
    };
    let learned = header
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("param.")?.to_owned(), shape(tensor))))
        .filter(|(name, _)| !name.contains(".running_") && !name.ends_with("num_batches_tracked"))
        .collect();
    (learned, Genotype::parse(&metadata("genotype")).expect("the genotype is valid"), config)
}

#[test]
fn parameters_carry_the_names_and_shapes_of_the_reference() {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../nas-nn/tests/golden");
    let folder = std::env::var_os("NAS_GOLDEN").map_or(default, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        crate::skipped(&format!("there are no golden files at {}", folder.display()));
        return;
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    paths.sort();
    let mut networks = 0;
    for path in paths {
        let header = header(&path);
        if header["__metadata__"]["kind"] != "darts_network" {
            continue;
        }
        networks += 1;
        let (expected, genotype, config) = read(&header);
        let graph = genotype.lower(&config).expect("the reference could build it");
        let mut found = BTreeMap::new();
        for (index, node) in graph.nodes() {
            for (name, shape) in graph.parameter_shapes(index) {
                found.insert(format!("{}.{name}", node.name), shape);
            }
        }
        assert_eq!(found, expected, "{}", path.display());
    }
    if networks == 0 {
        crate::skipped(&format!("there is no `darts_network` file in {}", folder.display()));
    }
}
