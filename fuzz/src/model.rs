//! A model folder as one input: the architecture file, a byte 0, the tensor file.
#![allow(dead_code, reason = "the fuzz target uses one of them, the seeds the other")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{DType, Device};
use nas_nn::{Network, checkpoint};
use nas_space::{ArchitectureFile, NetworkConfig, Seed, published, spaces};

/// Reads both files as `nas evaluate` does: each is read or refused, and weights that are read fit.
pub(crate) fn folder(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let model = scratch();
    std::fs::write(&model, data.get(end + 1..).unwrap_or_default()).expect("the temporary folder takes files");
    let _ = checkpoint::read(&model, checkpoint::MODEL_FORMAT, checkpoint::MODEL_VERSION);
    let Some(mut network) = std::str::from_utf8(&data[..end]).ok().and_then(network) else { return };
    if checkpoint::load_model(&model, &mut network).is_ok() {
        assert!(!checkpoint::tensors_of(&network).is_empty());
    }
}

/// The network of an architecture file, where it is a small one.
fn network(text: &str) -> Option<Network> {
    let file = ArchitectureFile::from_json(text).ok()?;
    let config = file.network.filter(|config| config.layers <= 4 && config.channels <= 8 && text.len() <= 8192)?;
    let graph = file.blueprint.lower(&config).ok().filter(|graph| graph.parameters() <= 50_000)?;
    Some(Network::init(graph, Seed::new(0), DType::F32, &Device::Cpu).expect("what lowers can be built"))
}

/// Folders of small networks, with our metadata and, as other programs write them, without.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut config = NetworkConfig::cifar(2, 3);
    (config.input.height, config.input.width, config.classes) = (6, 6, 2);
    let genotype = published("DARTS_V2").expect("it is published").blueprint();
    let cell = spaces::NasBench201.architecture(1234).expect("it exists");
    let mut seeds = Vec::new();
    for blueprint in [genotype, nas_space::Blueprint::Point(cell)] {
        let graph = blueprint.lower(&config).expect("it builds");
        let network = Network::init(graph, Seed::new(0), DType::F32, &Device::Cpu).expect("it builds");
        let file = ArchitectureFile { blueprint, network: Some(config.clone()) };
        let json = file.to_json().expect("it is valid").into_bytes();
        let path = scratch();
        let extra = BTreeMap::from([("classes".to_owned(), "[\"a\", \"b\"]".to_owned())]);
        checkpoint::save_model(&path, &network, &extra).expect("the temporary folder takes files");
        let model = std::fs::read(&path).expect("it was just written");
        let foreign = safetensors::serialize(checkpoint::tensors_of(&network), None).expect("they can be written");
        seeds.extend([model, foreign].map(|model| [&json[..], &[0], &model].concat()));
    }
    seeds
}

fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("nas-fuzz-{}.safetensors", std::process::id()))
}
