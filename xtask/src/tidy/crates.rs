//! Which crate may use which: the layers of the workspace, checked against what cargo sees.

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use crate::shell;

/// A crate's place in the layers.
struct Layer {
    name: &'static str,
    /// The crates of ours it may depend on, for its code, its tests and its build alike.
    may_use: &'static [&'static str],
    /// Whether candle must not appear anywhere below it.
    no_candle: bool,
}

/// The layers from the ground up. A new crate and a new edge start with a line here and one in ARCHITECTURE.md.
const LAYERS: [Layer; 11] = [
    Layer { name: "nas-space", may_use: &[], no_candle: true },
    Layer { name: "nas-search", may_use: &["nas-space"], no_candle: true },
    Layer { name: "nas-evolution", may_use: &["nas-space", "nas-search"], no_candle: true },
    Layer { name: "nas-controller", may_use: &["nas-space", "nas-search"], no_candle: true },
    Layer { name: "nas-bench", may_use: &["nas-space", "nas-search"], no_candle: true },
    // One seed tree and one image shape for all.
    Layer { name: "nas-data", may_use: &["nas-space"], no_candle: false },
    // Training from scratch is an evaluator, so it implements nas-search's trait.
    Layer { name: "nas-nn", may_use: &["nas-space", "nas-search", "nas-data"], no_candle: false },
    Layer { name: "nas-oneshot", may_use: &["nas-space", "nas-search", "nas-data", "nas-nn"], no_candle: false },
    Layer { name: "nas-ghn", may_use: &["nas-space", "nas-search", "nas-data", "nas-nn"], no_candle: false },
    Layer {
        name: "nas-cli",
        may_use: &[
            "nas-space",
            "nas-search",
            "nas-evolution",
            "nas-controller",
            "nas-bench",
            "nas-data",
            "nas-nn",
            "nas-oneshot",
            "nas-ghn",
        ],
        no_candle: false,
    },
    Layer { name: "xtask", may_use: &[], no_candle: true },
];

/// Checks the workspace's crates and what lies below them.
pub(crate) fn check() -> Result<Vec<String>> {
    let metadata = MetadataCommand::new()
        .current_dir(shell::root())
        .no_deps()
        .exec()
        .context("`cargo metadata` cannot read the workspace")?;
    let mut edges = Vec::new();
    for package in &metadata.packages {
        edges.push((package.name.to_string(), package.dependencies.iter().map(|d| d.name.clone()).collect()));
    }
    let mut findings = wrong_edges(&edges);
    for layer in LAYERS.iter().filter(|layer| layer.no_candle) {
        let arguments = format!("tree --package {} --all-features --target all --edges all --prefix none", layer.name);
        findings.extend(candle_below(layer.name, &shell::read(shell::cargo(&arguments))?));
    }
    Ok(findings)
}

/// The edges between our crates that the layers do not allow, and the crates that have no layer.
fn wrong_edges(edges: &[(String, Vec<String>)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, dependencies) in edges {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            findings.push(format!("{name}: has no place in the layers; give it one in xtask/src/tidy/crates.rs"));
            continue;
        };
        for dependency in dependencies {
            let ours = LAYERS.iter().any(|layer| layer.name == dependency);
            if ours && !layer.may_use.contains(&dependency.as_str()) {
                findings.push(format!("{name}: must not depend on {dependency}"));
            }
        }
    }
    findings
}

/// The crates of candle in a crate's dependency tree, as `cargo tree --prefix none` prints it.
fn candle_below(name: &str, tree: &str) -> Vec<String> {
    let mut found: Vec<&str> = tree.lines().filter(|l| l.starts_with("candle")).map(first_word).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|candle| format!("{name}: must know nothing of candle, but {candle} lies below it")).collect()
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(name: &str, dependencies: &[&str], expect: &[&str]) {
        let edges = [(name.to_owned(), dependencies.iter().map(|d| (*d).to_owned()).collect())];
        assert_eq!(wrong_edges(&edges), expect, "{name} -> {dependencies:?}");
    }

    #[test]
    fn only_edges_of_the_table_are_allowed() {
        edges("nas-search", &["serde", "nas-space"], &[]);
        edges("nas-space", &["nas-search"], &["nas-space: must not depend on nas-search"]);
        edges("nas-nn", &["nas-data", "nas-evolution"], &["nas-nn: must not depend on nas-evolution"]);
        edges("nas-new", &[], &["nas-new: has no place in the layers; give it one in xtask/src/tidy/crates.rs"]);
    }

    #[test]
    fn every_layer_uses_only_layers_before_it() {
        for (i, layer) in LAYERS.iter().enumerate() {
            for used in layer.may_use {
                assert!(LAYERS[..i].iter().any(|below| below.name == *used), "{} -> {used}", layer.name);
            }
        }
    }

    #[test]
    fn candle_is_found_at_any_depth() {
        let tree = "nas-search v0.1.0 (/nas)\nserde v1.0.1\ncandle-core v0.11.1\nrayon v1.0.0\ncandle-core v0.11.1 (*)";
        assert_eq!(
            candle_below("nas-search", tree),
            ["nas-search: must know nothing of candle, but candle-core lies below it"]
        );
        assert!(candle_below("nas-search", "nas-search v0.1.0\nserde v1.0.1").is_empty());
    }
}
