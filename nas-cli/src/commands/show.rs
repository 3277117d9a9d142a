//! `nas show`: an architecture as text, and what a network built from it costs.

use std::path::Path;

use candle_core::Device;
use nas_nn::memory::{TrainingStep, evaluation, kept, training_step};
use nas_nn::{Latency, Precision};
use nas_search::files::write_atomically;
use nas_space::spaces::{self, Darts, NasBench201};
use nas_space::{Blueprint, Drawing, Genotype, NetworkConfig, NetworkGraph, SearchSpace, Stem, published};
use serde_json::json;

use super::layers;
use crate::args::ShowArgs;
use crate::exit::usage;
use crate::output::Output;
use crate::output::table::{Align, pairs, table};
use crate::units::{bytes, count, milliseconds, plural};
use crate::{architecture, device};

/// A part of the network: stem, cell, head.
struct Part {
    name: String,
    cell: Option<usize>,
    shape: nas_space::Shape,
    parameters: usize,
    flops: u64,
    /// Bytes of activations that a training step keeps for its reverse pass.
    kept: u64,
}

/// Shows it.
pub fn run(args: &ShowArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let (blueprint, network) = architecture::resolve(&args.architecture)?;
    let usual = || published(&args.architecture).map_or_else(|| blueprint.default_config(), |cell| cell.network());
    let config = args.network.resolve(network.unwrap_or_else(usual));
    let graph = blueprint.lower(&config)?;
    if args.batch_size == 0 {
        return Err(usage("--batch-size 0: a step has at least one image"));
    }
    let step = TrainingStep { batch: args.batch_size, precision: Precision::F32, drop_path: false };
    let training = training_step(&graph, &step);
    let evaluating = evaluation(&graph, args.batch_size, device::cores());
    let parts = parts(&graph, &kept(&graph, &step));
    let write = |path: &Path, text: String| {
        write_atomically(path, text.as_bytes())?;
        out.note(&format!("wrote {}", path.display()));
        anyhow::Ok(())
    };
    if let Some(path) = &args.svg {
        write(path, Drawing::of(&blueprint)?.to_svg())?;
    }
    if let Some(path) = &args.dot {
        write(path, Drawing::of(&blueprint)?.to_dot())?;
    }
    let mut document = json!({
        "space": blueprint.space(),
        "text": blueprint.text(),
        "network": config,
        "parameters": graph.parameters(),
        "flops": graph.flops(),
        "flop_convention": crate::report::FLOP_CONVENTION,
        "activation_memory": { "batch_size": args.batch_size, "bytes": parts.iter().map(|p| p.kept).sum::<u64>() },
        "memory": { "batch_size": args.batch_size, "training_bytes": training, "evaluation_bytes": evaluating },
        "layers": graph.len(),
        "cells": parts.iter().map(|p| json!({
            "name": p.name,
            "cell": p.cell,
            "output": [p.shape.channels, p.shape.height, p.shape.width],
            "parameters": p.parameters,
            "flops": p.flops,
            "activation_bytes": p.kept,
        })).collect::<Vec<_>>(),
    });
    if args.per_layer {
        document["each_layer"] = layers::json(&graph).into();
    }
    let latency = args.latency.then(|| measure(&graph, args.threads)).transpose()?;
    if let Some(latency) = latency {
        document["latency"] = serde_json::to_value(latency)?;
    }
    out.document(&document);
    out.result(&cells(&blueprint)?);
    let form = blueprint.cells().map(|cells| format!("{} ", cells.form.word())).unwrap_or_default();
    out.result(&format!("\n{form}{}", describe(&config)));
    let head = [
        ("part", Align::Left),
        ("output", Align::Left),
        ("parameters", Align::Right),
        ("multiply-adds", Align::Right),
        ("kept by a step", Align::Right),
    ];
    let rows: Vec<Vec<String>> = parts
        .iter()
        .map(|p| vec![p.name.clone(), p.shape.to_string(), count(p.parameters as u64), count(p.flops), bytes(p.kept)])
        .collect();
    out.result(&table(&head, &rows));
    out.result("");
    if args.per_layer {
        out.result(&layers::table(&graph));
        out.result("");
    }
    let mut facts = vec![
        ("parameters", count(graph.parameters() as u64)),
        ("multiply-adds", format!("{} for one image ({})", count(graph.flops()), crate::report::FLOP_CONVENTION)),
        (
            "memory",
            format!(
                "about {} to train on {} at a time, {} to evaluate them",
                bytes(training),
                plural(args.batch_size as u64, "image"),
                bytes(evaluating)
            ),
        ),
    ];
    if let Some(Latency { seconds, fastest, slowest, passes, threads }) = latency {
        let (median, fastest, slowest) = (milliseconds(seconds), milliseconds(fastest), milliseconds(slowest));
        let threads = plural(threads as u64, "thread");
        let told = format!(
            "{median} for one image on {threads}: the median of {passes} passes, {fastest} to {slowest}; measured again it differs"
        );
        facts.push(("latency", told));
    }
    out.result(&pairs(&facts));
    Ok(())
}

/// Measures the network's latency on so many threads.
fn measure(graph: &NetworkGraph, threads: Option<usize>) -> anyhow::Result<Latency> {
    let threads = threads.unwrap_or_else(device::cores);
    if threads == 0 {
        return Err(usage("--threads 0: it must be at least 1"));
    }
    device::use_threads(threads)?;
    Ok(nas_nn::latency(graph.clone(), &Device::Cpu)?)
}

/// One line on the size of a network.
fn describe(config: &NetworkConfig) -> String {
    let stem = match config.stem {
        Stem::Cifar => "cifar",
        Stem::Imagenet => "imagenet",
    };
    let auxiliary = if config.auxiliary { ", with auxiliary head" } else { "" };
    let input = config.input;
    format!(
        "network: {} channels, {} cells, {stem} stem, {}x{}x{} images, {} classes{auxiliary}",
        config.channels, config.layers, input.channels, input.height, input.width, config.classes
    )
}

/// The network in the order of its parts; nodes of one cell belong together wherever they stand. `kept` has the
/// bytes of each node.
fn parts(graph: &NetworkGraph, kept: &[u64]) -> Vec<Part> {
    let used = graph.reachable(graph.output());
    let mut parts: Vec<Part> = Vec::new();
    for (index, node) in graph.nodes().skip(1) {
        let name = match (node.place.cell, node.place.operation.as_str()) {
            (Some(cell), _) => format!("cell {cell}"),
            (None, operation) => operation.to_owned(),
        };
        let at = parts.iter().position(|p| p.name == name).unwrap_or_else(|| {
            let cell = node.place.cell;
            parts.push(Part { name, cell, shape: node.shape, parameters: 0, flops: 0, kept: 0 });
            parts.len() - 1
        });
        let part = &mut parts[at];
        part.shape = node.shape;
        part.parameters += graph.parameters_of(index);
        part.kept += kept[index];
        // The auxiliary head does not exist at inference, which is what multiply-adds are counted for.
        part.flops += if used[index] { graph.flops_of(index) } else { 0 };
    }
    parts
}

/// The cells as text.
fn cells(blueprint: &Blueprint) -> anyhow::Result<String> {
    if let Some(cells) = blueprint.cells() {
        let normal = cell("normal", &cells.genotype, &cells.normal_joined);
        return Ok(format!("{normal}\n{}", cell("reduction", &cells.genotype, &cells.reduce_joined)));
    }
    let genotype = match blueprint {
        Blueprint::Genotype(genotype) => genotype.clone(),
        Blueprint::Cells(cells) => cells.genotype.clone(),
        Blueprint::Point(point) if point.space == Darts.name() => Darts.to_genotype(point)?,
        Blueprint::Point(point) if point.space == NasBench201.name() => {
            let operations = NasBench201.operations(point)?;
            let edges = [("1", vec![(0, 0)]), ("2", vec![(0, 1), (1, 2)]), ("out", vec![(0, 3), (1, 4), (2, 5)])];
            let mut lines = vec!["cell, three stages of it:".to_owned()];
            for (node, inputs) in edges {
                let terms = inputs.into_iter().map(|(from, edge)| {
                    let from = if from == 0 { "in".to_owned() } else { format!("node {from}") };
                    format!("{}({from})", operations[edge])
                });
                let name = if node == "out" { "out   ".to_owned() } else { format!("node {node}") };
                lines.push(format!("  {name} = {}", terms.collect::<Vec<_>>().join(" + ")));
            }
            return Ok(lines.join("\n"));
        }
        Blueprint::Point(point) => {
            let space = spaces::by_name(&point.space)?;
            return Ok(format!("{}:\n  {}", point.space, space.describe(point).join("\n  ")));
        }
    };
    Ok(format!("{}\n{}", cell("normal", &genotype, &[]), cell("reduction", &genotype, &[])))
}

/// One cell of a genotype: each node a sum of two operations on earlier states, or, where it joins them, a concatenation.
fn cell(kind: &str, genotype: &Genotype, joined: &[usize]) -> String {
    let (edges, concat) = match kind {
        "normal" => (&genotype.normal, &genotype.normal_concat),
        _ => (&genotype.reduce, &genotype.reduce_concat),
    };
    let state = |s: usize| match s {
        0 => "c_{k-2}".to_owned(),
        1 => "c_{k-1}".to_owned(),
        _ => format!("node {}", s - 2),
    };
    let width = edges.iter().step_by(2).map(|(op, s)| format!("{op}({})", state(*s)).len()).max().unwrap_or(0);
    let mut lines = vec![format!("{kind} cell:")];
    for (node, pair) in edges.chunks(2).enumerate() {
        let terms: Vec<String> = pair.iter().map(|(op, s)| format!("{op}({})", state(*s))).collect();
        let sign = if joined.contains(&node) { "|" } else { "+" };
        lines.push(format!("  node {node} = {:<width$} {sign} {}", terms[0], terms[1..].join(" + ")));
    }
    let listed: Vec<String> = concat.iter().map(|&s| state(s)).collect();
    lines.push(format!("  c_k    = concat({})", listed.join(", ")));
    lines.join("\n")
}
