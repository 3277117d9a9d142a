//! Canonical keys: equal for all ways to write a network, and for nothing else.

use nas_space::spaces::{AmoebaNet, Darts, EnasMicro, NasNet};
use nas_space::{Architecture, SearchSpace, Seed};
use petgraph::algo::is_isomorphic_matching;
use petgraph::graph::DiGraph;
use proptest::prelude::*;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A node: two (state, operation) and how they are combined.
#[derive(Clone, Copy)]
struct Node {
    sides: [(usize, usize); 2],
    combine: usize,
}

/// Where the space keeps the choices of a node: inputs, operations, and how many there are.
struct Layout {
    space: &'static dyn SearchSpace,
    nodes: usize,
    inputs: [usize; 2],
    operations: [usize; 2],
    per_node: usize,
}

const LAYOUTS: [Layout; 4] = [
    Layout { space: &Darts, nodes: 4, inputs: [0, 2], operations: [1, 3], per_node: 4 },
    Layout { space: &NasNet, nodes: 5, inputs: [0, 1], operations: [2, 3], per_node: 5 },
    Layout { space: &AmoebaNet, nodes: 5, inputs: [0, 1], operations: [2, 3], per_node: 4 },
    Layout { space: &EnasMicro, nodes: 5, inputs: [0, 1], operations: [2, 3], per_node: 4 },
];

impl Layout {
    fn cells(&self, architecture: &Architecture) -> Vec<Vec<Node>> {
        let node = |c: &[usize]| Node {
            sides: [0, 1].map(|side| (c[self.inputs[side]], c[self.operations[side]])),
            combine: c.get(4).copied().unwrap_or(0),
        };
        let nodes: Vec<Node> = architecture.choices.chunks(self.per_node).map(node).collect();
        nodes.chunks(self.nodes).map(<[Node]>::to_vec).collect()
    }

    fn architecture(&self, cells: &[Vec<Node>]) -> Architecture {
        let mut choices = Vec::new();
        for node in cells.iter().flatten() {
            let mut own = vec![0; self.per_node];
            for side in 0..2 {
                (own[self.inputs[side]], own[self.operations[side]]) = node.sides[side];
            }
            if self.per_node == 5 {
                own[4] = node.combine;
            }
            choices.extend(own);
        }
        Architecture { space: self.space.name().to_owned(), choices }
    }
}

/// The same cell with its nodes in another order that is possible, and sides swapped at random.
fn rewritten(cell: &[Node], rng: &mut ChaCha8Rng) -> Vec<Node> {
    let mut place: Vec<Option<usize>> = vec![Some(0), Some(1)];
    place.resize(cell.len() + 2, None);
    let mut written = Vec::new();
    while written.len() < cell.len() {
        let known = |state: usize| place[state].is_some();
        let mut ready: Vec<usize> = (0..cell.len())
            .filter(|&n| !known(n + 2) && cell[n].sides.iter().all(|&(state, _)| known(state)))
            .collect();
        ready.shuffle(rng);
        let Node { sides, combine } = cell[ready[0]];
        let mut sides = sides.map(|(state, op)| (place[state].expect("it is placed"), op));
        if rng.random_bool(0.5) {
            sides.swap(0, 1);
        }
        place[ready[0] + 2] = Some(written.len() + 2);
        written.push(Node { sides, combine });
    }
    written
}

/// The cell as a labelled graph: a vertex a state and, so that no two edges run side by side, a vertex a side.
fn graph(cell: &[Node]) -> DiGraph<(usize, usize), ()> {
    let mut graph = DiGraph::new();
    let mut states = vec![graph.add_node((0, 0)), graph.add_node((0, 1))];
    for node in cell {
        let vertex = graph.add_node((1, node.combine));
        for (state, operation) in node.sides {
            let side = graph.add_node((2, operation));
            graph.add_edge(states[state], side, ());
            graph.add_edge(side, vertex, ());
        }
        states.push(vertex);
    }
    graph
}

proptest! {
    #[test]
    fn keys_ignore_the_order_of_nodes_and_sides(seed: u64) {
        for layout in LAYOUTS {
            let mut rng = Seed::new(seed).rng();
            let architecture = layout.space.sample(&mut rng);
            let cells: Vec<Vec<Node>> =
                layout.cells(&architecture).iter().map(|cell| rewritten(cell, &mut rng)).collect();
            let twin = layout.architecture(&cells);
            prop_assert!(layout.space.check(&twin).is_ok());
            prop_assert_eq!(layout.space.canonical(&twin), layout.space.canonical(&architecture));
        }
    }
}

#[test]
fn keys_are_equal_for_isomorphic_cells_only() {
    // One operation everywhere, so that a change of wiring often leads to a cell of the same form.
    for layout in LAYOUTS {
        let mut rng = Seed::new(3).rng();
        let (mut equal, mut different) = (0, 0);
        for _ in 0..400 {
            let mut cells = layout.cells(&layout.space.sample(&mut rng));
            cells.iter_mut().flatten().for_each(|node| {
                node.sides.iter_mut().for_each(|side| side.1 = 4);
                node.combine = 0;
            });
            let mut other = cells.clone();
            let node = rng.random_range(0..layout.nodes);
            other[0][node].sides[0].0 = rng.random_range(0..node + 2);
            other[0] = rewritten(&other[0], &mut rng);
            let isomorphic = is_isomorphic_matching(&graph(&cells[0]), &graph(&other[0]), |a, b| a == b, |_, _| true);
            let keys = [cells, other].map(|cells| layout.architecture(&cells));
            if keys.iter().any(|architecture| layout.space.check(architecture).is_err()) {
                continue;
            }
            let [one, two] = keys.map(|architecture| layout.space.canonical(&architecture));
            assert_eq!(one == two, isomorphic, "{one} {two}");
            if isomorphic { equal += 1 } else { different += 1 }
        }
        assert!(equal > 20 && different > 20, "{}: {equal} {different}", layout.space.name());
    }
}

#[test]
fn what_a_none_reads_does_not_matter_in_darts() {
    let architecture = Darts.sample(&mut Seed::new(9).rng());
    let with = |input: usize, operation: usize| {
        let mut changed = architecture.clone();
        changed.choices[8..12].copy_from_slice(&[0, 4, input, operation]);
        assert!(Darts.check(&changed).is_ok());
        Darts.canonical(&changed)
    };
    assert_eq!(with(1, 0), with(2, 0));
    assert_ne!(with(1, 3), with(2, 3));
    assert_ne!(with(1, 0), with(1, 3));
}
