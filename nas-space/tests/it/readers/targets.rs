//! What must hold of any text at all: the bodies of the fuzz targets in `fuzz/`, which include this file. The tests beside
//! it run them, so that they compile and hold on every toolchain.
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use nas_space::spaces::{self, NasBench201};
use nas_space::{
    ArchitectureFile, Blueprint, Cells, Drawing, Genotype, NetworkConfig, SearchSpace, Seed, published_cells,
};

/// The largest text that is built, too: a network for each of thousands of edges says nothing new.
const BUILT: usize = 4096;

/// Valid texts of every form, to begin with.
pub(crate) fn seeds() -> Vec<String> {
    let mut seeds: Vec<String> = published_cells().iter().map(|cell| cell.text.to_owned()).collect();
    let mut rng = Seed::new(11).rng();
    for space in spaces::all() {
        for _ in 0..3 {
            let point = space.sample(&mut rng);
            seeds.push(space.text(&point));
            let network = Some(NetworkConfig::cifar(8, space.nearest_layers(3)));
            let file = ArchitectureFile { blueprint: Blueprint::Point(point), network };
            seeds.push(file.to_json().expect("a sample is valid"));
        }
    }
    seeds
}

/// Genotypes and cells: what is read is valid, comes back from its own text, and builds or is refused.
pub(crate) fn genotype(text: &str) {
    if let Ok(genotype) = Genotype::parse(text) {
        genotype.check().expect("what is read is valid");
        assert_eq!(Genotype::parse(&genotype.to_string()).expect("its own text"), genotype);
        architecture(text, &Blueprint::Genotype(genotype));
    }
    if let Ok(cells) = Cells::parse(text) {
        cells.check().expect("what is read is valid");
        assert_eq!(Cells::parse(&cells.to_string()).expect("its own text"), cells);
        architecture(text, &Blueprint::Cells(cells));
    }
}

/// Strings of NAS-Bench-201: what is read has an index, by which it is found again.
pub(crate) fn nasbench201(text: &str) {
    let Ok(cell) = NasBench201.parse(text) else { return };
    let index = NasBench201.index(&cell).expect("what is read is valid");
    assert_eq!(NasBench201.architecture(index).as_ref(), Some(&cell));
    assert_eq!(NasBench201.parse(&NasBench201.text(&cell)).expect("its own text"), cell);
    architecture(text, &Blueprint::Point(cell));
}

/// Any text that names an architecture: what is read comes back from its own text, and from its own file.
pub(crate) fn text_forms(text: &str) {
    let Ok(blueprint) = Blueprint::from_text(text) else { return };
    // A point of `darts` is read as a genotype, so their texts are compared.
    let own = blueprint.text();
    assert_eq!(Blueprint::from_text(&own).expect("its own text").text(), own);
    file(&ArchitectureFile { blueprint: blueprint.clone(), network: None });
    architecture(text, &blueprint);
}

/// Architecture files: what is read is written as what is read again.
pub(crate) fn architecture_json(text: &str) {
    let Ok(read) = ArchitectureFile::from_json(text) else { return };
    file(&read);
    architecture(text, &read.blueprint);
    if let Some(network) = read.network.filter(|network| network.layers <= 8 && text.len() <= BUILT) {
        let _ = read.blueprint.lower(&network);
    }
}

fn file(file: &ArchitectureFile) {
    let json = file.to_json().expect("what is read is valid");
    assert_eq!(&ArchitectureFile::from_json(&json).expect("its own file"), file, "{json}");
}

/// What every command does with an architecture: its key, its words, its drawing, its network.
fn architecture(text: &str, blueprint: &Blueprint) {
    if text.len() > BUILT {
        return;
    }
    let space = spaces::by_name(blueprint.space()).expect("a blueprint names a space that exists");
    if let Blueprint::Point(point) = blueprint {
        space.check(point).expect("what is read is valid");
        assert_eq!(space.canonical(point), space.canonical(point));
        assert!(!space.describe(point).is_empty());
    }
    let drawing = Drawing::of(blueprint).expect("what is valid is drawn");
    assert!(drawing.to_dot().ends_with("}\n"));
    // A picture of hundreds of boxes takes a second.
    if drawing.panels.iter().all(|panel| panel.edges.len() <= 40) {
        assert!(drawing.to_svg().ends_with("</svg>\n"));
    }
    let mut config = NetworkConfig::cifar(8, space.nearest_layers(3));
    (config.input.height, config.input.width) = (7, 8);
    if let Ok(graph) = blueprint.lower(&config) {
        assert_eq!(graph.node(graph.output()).shape.elements(), 10);
    }
}
