//! Propagation against a plain reference: the formulas of the paper, node by node, with a loop for every sum.

use std::collections::{BTreeMap, BTreeSet};

use nas_ghn::{Ghn, GhnConfig, Propagation};
use nas_space::spaces::Darts;
use nas_space::{Layer, NetworkConfig, NetworkGraph, SearchSpace, Seed};

use crate::tiny;

/// The arrays of a hypernetwork: shape and values by name.
struct Arrays(BTreeMap<String, (Vec<usize>, Vec<f64>)>);

impl Arrays {
    fn of(ghn: &Ghn) -> Self {
        let array = |(name, tensor): (String, candle_core::Tensor)| {
            (name, (tensor.dims().to_vec(), tensor.flatten_all().unwrap().to_vec1().unwrap()))
        };
        Self(ghn.tensors().into_iter().map(array).collect())
    }

    fn row(&self, name: &str) -> &[f64] {
        &self.0[name].1
    }

    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let (shape, weight) = &self.0[&format!("{name}.weight")];
        let bias = self.row(&format!("{name}.bias"));
        let row = |o: usize| (0..shape[1]).map(|i| x[i] * weight[o * shape[1] + i]).sum::<f64>();
        (0..shape[0]).map(|o| bias[o] + row(o)).collect()
    }

    fn message(&self, name: &str, state: &[f64]) -> Vec<f64> {
        let units: Vec<f64> = self.linear(&format!("{name}.0"), state).into_iter().map(|x| x.max(0.0)).collect();
        self.linear(&format!("{name}.1"), &units)
    }

    fn update(&self, message: &[f64], state: &[f64]) -> Vec<f64> {
        let (a, b) = (self.linear("update.message", message), self.linear("update.state", state));
        let (d, sigmoid) = (state.len(), |x: f64| 1.0 / (1.0 + (-x).exp()));
        (0..d)
            .map(|i| {
                let (r, z) = (sigmoid(a[i] + b[i]), sigmoid(a[d + i] + b[d + i]));
                let n = (a[2 * d + i] + r * b[2 * d + i]).tanh();
                (1.0 - z) * n + z * state[i]
            })
            .collect()
    }
}

/// A node of the reference: a layer, or what a cell reads of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Of { cell: usize },
    Layer(usize),
}

/// The last state of every layer that is a node.
fn reference(graph: &NetworkGraph, config: &GhnConfig, arrays: &Arrays) -> BTreeMap<usize, Vec<f64>> {
    let cells = 1 + graph.nodes().filter_map(|(_, n)| n.place.cell).max().unwrap();
    // The stem, the cells, the head.
    let cell_of = |layer: usize| match (config.stacked, graph.node(layer).place.cell) {
        (false, _) => 0,
        (true, Some(cell)) => 1 + cell,
        (true, None) => {
            if layer > graph.len() / 2 {
                1 + cells
            } else {
                0
            }
        }
    };
    let rectifies = |layer: usize| graph.node(layer).layer == Layer::Relu;
    let mut done: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    let mut means: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for cell in 0..=cells + 1 {
        let own: Vec<usize> = (0..graph.len()).filter(|&l| cell_of(l) == cell).collect();
        if own.is_empty() {
            continue;
        }
        // Through rectifiers, to what is read in truth.
        let source = |mut layer: usize| loop {
            match (cell_of(layer) == cell, rectifies(layer)) {
                (true, true) => layer = graph.inputs(layer)[0],
                (true, false) => return Node::Layer(layer),
                (false, _) => return Node::Of { cell: cell_of(layer) },
            }
        };
        let mut edges: Vec<(Node, Node)> = Vec::new();
        let mut nodes = BTreeSet::new();
        for &layer in own.iter().filter(|&&layer| !rectifies(layer)) {
            nodes.insert(Node::Layer(layer));
            for input in graph.inputs(layer) {
                nodes.insert(source(input));
                edges.push((source(input), Node::Layer(layer)));
            }
        }
        let nodes: Vec<Node> = nodes.into_iter().collect();
        let mut state: BTreeMap<Node, Vec<f64>> = BTreeMap::new();
        let inputs = |node: Node| edges.iter().filter(|(_, to)| *to == node).map(|(from, _)| *from).collect::<Vec<_>>();
        for (at, &node) in nodes.iter().enumerate() {
            let (layer, operation, mean) = match node {
                Node::Of { cell } => ("cell".to_owned(), "input".to_owned(), Some(&means[&cell])),
                Node::Layer(layer) => (kind(graph, layer), graph.node(layer).place.operation.clone(), None),
            };
            let is_twin = |other: &&Node| match (**other, node) {
                (Node::Layer(one), Node::Layer(two)) => {
                    let place = |layer: usize| &graph.node(layer).place.operation;
                    kind(graph, one) == kind(graph, two) && place(one) == place(two) && inputs(**other) == inputs(node)
                }
                _ => false,
            };
            let mut parts = vec![format!("embedding.layer {layer}"), format!("embedding.operation {operation}")];
            match nodes[..at].iter().filter(is_twin).count() {
                0 => {}
                twins => parts.push(format!("embedding.twin {twins}")),
            }
            let begun: Vec<f64> = (0..config.hidden)
                .map(|i| parts.iter().map(|part| arrays.row(part)[i]).sum::<f64>() + mean.map_or(0.0, |m| m[i]))
                .collect();
            state.insert(node, begun);
        }
        let turned: Vec<(Node, Node)> = edges.iter().map(|&(a, b)| (b, a)).collect();
        for _ in 0..config.passes {
            match config.propagation {
                Propagation::ForwardBackward => {
                    for &node in &nodes {
                        let new = arrays.update(&heard(&state, &[&edges], node, config, arrays), &state[&node]);
                        state.insert(node, new);
                    }
                    for &node in nodes.iter().rev().skip(1) {
                        let new = arrays.update(&heard(&state, &[&turned], node, config, arrays), &state[&node]);
                        state.insert(node, new);
                    }
                }
                Propagation::Synchronous => {
                    let before = state.clone();
                    for &node in &nodes {
                        let sum = heard(&before, &[&edges, &turned], node, config, arrays);
                        state.insert(node, arrays.update(&sum, &before[&node]));
                    }
                }
            }
        }
        let mean = |i: usize| state.values().map(|s| s[i]).sum::<f64>() / state.len() as f64;
        means.insert(cell, (0..config.hidden).map(mean).collect());
        for (node, state) in state {
            if let Node::Layer(layer) = node {
                done.insert(layer, state);
            }
        }
    }
    done
}

/// The sum of the messages that a node hears.
fn heard(
    state: &BTreeMap<Node, Vec<f64>>,
    directions: &[&Vec<(Node, Node)>],
    node: Node,
    config: &GhnConfig,
    arrays: &Arrays,
) -> Vec<f64> {
    let mut sum = vec![0.0; config.hidden];
    for edges in directions {
        let mut add = |from: Node, name: &str, share: f64| {
            for (sum, part) in sum.iter_mut().zip(arrays.message(name, &state[&from])) {
                *sum += share * part;
            }
        };
        let into = |nodes: &BTreeSet<Node>| -> BTreeSet<Node> {
            edges.iter().filter(|(_, to)| nodes.contains(to)).map(|(from, _)| *from).collect()
        };
        edges.iter().filter(|(_, to)| *to == node).for_each(|(from, _)| add(*from, "message", 1.0));
        let mut seen = BTreeSet::from([node]);
        let mut ring = into(&seen);
        for distance in 2..=config.virtual_edges {
            seen.extend(&ring);
            ring = into(&ring).difference(&seen).copied().collect();
            ring.iter().for_each(|from| add(*from, "virtual", 1.0 / distance as f64));
        }
    }
    sum
}

/// What the embedding of a layer of these networks is called.
fn kind(graph: &NetworkGraph, layer: usize) -> String {
    match &graph.node(layer).layer {
        Layer::Conv2d(conv) if conv.groups > 1 => format!("depthwise {}", conv.window),
        Layer::Conv2d(conv) => format!("conv2d {}", conv.window),
        other => other.describe(),
    }
}

#[test]
fn it_is_that_of_the_reference_on_a_hundred_random_graphs() {
    for seed in 0..100 {
        let graph = tiny::network(seed, 1 + seed as usize % 3, 1 + seed as usize % 5);
        for config in tiny::configs() {
            let mut ghn = Ghn::new(config.clone(), Seed::new(seed)).unwrap();
            let plan = ghn.plan(graph.clone()).unwrap();
            let (states, expected) = (ghn.states(&plan), reference(&graph, &config, &Arrays::of(&ghn)));
            let nodes = graph.nodes().filter(|(_, node)| node.layer != Layer::Relu).count();
            assert_eq!(expected.len(), nodes);
            for (layer, expected) in expected {
                let found = &states[plan.node_of(layer) * config.hidden..][..config.hidden];
                for (a, b) in found.iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-12, "graph {seed}, {config:?}, layer {layer}: {found:?}, {expected:?}");
                }
            }
        }
    }
}

#[test]
fn no_two_kernels_of_a_network_are_equal() {
    let config = NetworkConfig::cifar(4, 3);
    let graph = Darts.lower(&Darts.sample(&mut Seed::new(3).rng()), &config).unwrap();
    let halves = graph.nodes().filter(|(_, node)| node.name.starts_with("cells.2.preprocess0.conv")).count();
    assert_eq!(halves, 2, "a factorized reduction has two");
    let mut ghn = Ghn::new(GhnConfig::default(), Seed::new(1)).unwrap();
    let plan = ghn.plan(graph).unwrap();
    let tensors = ghn.generate(&plan).tensors;
    let kernels: Vec<_> = plan.tensors().zip(&tensors).filter(|((_, shape), _)| shape.len() == 4).collect();
    for (at, ((name, _), values)) in kernels.iter().enumerate() {
        for ((other, _), others) in &kernels[..at] {
            assert!(values != others, "{other} and {name} are equal");
        }
    }
}

#[test]
fn together_they_are_what_they_are_alone_at_any_number_of_threads() {
    for config in tiny::configs() {
        let mut ghn = Ghn::new(config, Seed::new(1)).unwrap();
        let plans: Vec<_> = (0..6).map(|i| ghn.plan(tiny::network(i, 1 + i as usize % 3, 3)).unwrap()).collect();
        let alone: Vec<_> = plans.iter().map(|plan| ghn.generate(plan).tensors).collect();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let together = pool.install(|| ghn.generate_all(&plans));
            for (one, other) in alone.iter().zip(together) {
                assert!(*one == other.tensors, "{threads} threads");
            }
        }
    }
}

#[test]
fn which_network_came_first_changes_nothing() {
    let config = &tiny::configs()[0];
    let (one, other) = (tiny::network(1, 2, 3), tiny::network(2, 2, 4));
    let mut first = Ghn::new(config.clone(), Seed::new(1)).unwrap();
    let plan = first.plan(one.clone()).unwrap();
    let mut second = Ghn::new(config.clone(), Seed::new(1)).unwrap();
    second.plan(other).unwrap();
    let again = second.plan(one).unwrap();
    assert!(first.generate(&plan).tensors == second.generate(&again).tensors);
    // Every tensor has the size that its network wants.
    for ((name, shape), values) in plan.tensors().zip(first.generate(&plan).tensors) {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
    }
}
