//! A network as the graph network sees it: its layers in sections, one a cell.
//!
//! The one idea: what a network computes is a list of sections, and messages stay within one. A section that reads
//! another has a node for it, which begins with the mean of that one's states: so cells are chained (Zhang, Ren &
//! Urtasun 2019, section 4.3), and a network that is one graph is the case of a single section. Layers that are the
//! same everywhere, such as rectifiers, are no nodes; who reads them reads what they read.

use std::collections::{BTreeMap, VecDeque};

use nas_space::{Conv2d, Layer, NetworkGraph};

/// A node of the graph network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vertex {
    /// What kind of layer it is, kernel included.
    pub(crate) layer: String,
    /// The operation that the layer is part of.
    pub(crate) operation: String,
    /// The section whose states it begins with, where it stands for one.
    pub(crate) reads: Option<usize>,
    /// How many nodes before it do the same to the same inputs, as the first half of a factorized reduction does before the
    /// second. Nothing else may tell them apart, and they would have equal weights.
    pub(crate) twins: usize,
}

/// Whom a node hears, and from how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Heard {
    /// The node that sends.
    pub(crate) from: usize,
    /// Its distance; more than 1 over a virtual edge.
    pub(crate) distance: usize,
}

/// Nodes that exchange messages: a range of all nodes, in topological order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) begin: usize,
    pub(crate) end: usize,
}

/// A whole network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sections {
    pub(crate) vertices: Vec<Vertex>,
    pub(crate) sections: Vec<Section>,
    /// Whom each node hears on the way forward: its inputs, and over virtual edges theirs.
    pub(crate) before: Vec<Vec<Heard>>,
    /// Whom each node hears on the way back: its readers.
    pub(crate) after: Vec<Vec<Heard>>,
    /// The node of each layer of the graph; of one that is no node, that which it reads.
    pub(crate) of_layer: Vec<usize>,
}

impl Sections {
    /// The sections of a graph: one for each run of layers of the same cell if `stacked`, else one. Virtual edges are
    /// at most `reach` long; 0 or 1 for none.
    pub(crate) fn of(graph: &NetworkGraph, stacked: bool, reach: usize) -> Self {
        let mut made = Self {
            vertices: Vec::new(),
            sections: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            of_layer: vec![0; graph.len()],
        };
        for run in runs(graph, stacked) {
            made.append(graph, run);
        }
        let edges: Vec<Vec<usize>> = made.before.iter().map(|heard| heard.iter().map(|h| h.from).collect()).collect();
        let mut reversed = vec![Vec::new(); edges.len()];
        for (vertex, inputs) in edges.iter().enumerate() {
            inputs.iter().for_each(|&input| reversed[input].push(vertex));
        }
        (made.before, made.after) = (hearing(&edges, reach), hearing(&reversed, reach));
        made.count_twins();
        made
    }

    /// Tells nodes apart that do the same to the same inputs.
    fn count_twins(&mut self) {
        let Self { vertices, sections, before, .. } = self;
        for Section { begin, end } in sections {
            let mut seen = BTreeMap::new();
            for (at, vertex) in vertices[*begin..*end].iter_mut().enumerate() {
                let Vertex { layer, operation, reads, twins } = vertex;
                let count = seen.entry((&*layer, &*operation, *reads, &before[*begin + at])).or_insert(0);
                *twins = *count;
                *count += 1;
            }
        }
    }

    /// Appends the layers of a range as a section.
    fn append(&mut self, graph: &NetworkGraph, layers: std::ops::Range<usize>) {
        let begin = self.vertices.len();
        let is_node = |layer: usize| !is_transparent(&graph.node(layer).layer);
        // A node for each earlier section that is read, in the order of sections.
        let mut outside = BTreeMap::new();
        for layer in layers.clone() {
            for input in graph.inputs(layer).into_iter().filter(|&input| input < layers.start) {
                outside.insert(self.section_of(self.of_layer[input]), 0);
            }
        }
        for (&section, vertex) in &mut outside {
            *vertex = self.push("cell".into(), "input".into(), Some(section), Vec::new());
        }
        for layer in layers.clone() {
            let inputs: Vec<usize> = graph
                .inputs(layer)
                .into_iter()
                .map(|input| match input < layers.start {
                    true => outside[&self.section_of(self.of_layer[input])],
                    false => self.of_layer[input],
                })
                .collect();
            let node = graph.node(layer);
            self.of_layer[layer] = match (is_node(layer), inputs.first()) {
                (false, Some(&input)) => input,
                _ => {
                    let heard = inputs.into_iter().map(|from| Heard { from, distance: 1 }).collect();
                    self.push(kind(graph, layer), node.place.operation.clone(), None, heard)
                }
            };
        }
        self.sections.push(Section { begin, end: self.vertices.len() });
    }

    fn push(&mut self, layer: String, operation: String, reads: Option<usize>, before: Vec<Heard>) -> usize {
        self.vertices.push(Vertex { layer, operation, reads, twins: 0 });
        self.before.push(before);
        self.vertices.len() - 1
    }

    fn section_of(&self, vertex: usize) -> usize {
        self.sections.partition_point(|section| section.end <= vertex)
    }
}

/// The layers cut into runs of the same cell; all of them as one where they are not to be cut.
fn runs(graph: &NetworkGraph, stacked: bool) -> Vec<std::ops::Range<usize>> {
    let place = |layer: usize| {
        let place = &graph.node(layer).place;
        (place.cell, place.cell.is_none() && place.operation == "auxiliary")
    };
    let mut starts = vec![0];
    if stacked {
        // The image belongs to what reads it first.
        starts.extend((2..graph.len()).filter(|&layer| place(layer) != place(layer - 1)));
    }
    starts.push(graph.len());
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Whether a layer is no node of its own.
fn is_transparent(layer: &Layer) -> bool {
    matches!(layer, Layer::Relu | Layer::TrainingRelu | Layer::DropPath)
}

/// A layer's kind, without its channels: `conv2d 3x3 s2`, `depthwise 5x5 d2`, `max_pool 3x3`.
fn kind(graph: &NetworkGraph, layer: usize) -> String {
    let node = graph.node(layer);
    match &node.layer {
        Layer::Conv2d(conv) if is_depthwise(graph, layer, conv) => format!("depthwise {}", conv.window),
        Layer::Conv2d(conv) if conv.groups > 1 => format!("grouped {}", conv.window),
        Layer::Conv2d(conv) => format!("conv2d {}", conv.window),
        other => other.describe(),
    }
}

/// Whether a convolution looks at each channel alone.
pub(crate) fn is_depthwise(graph: &NetworkGraph, layer: usize, conv: &Conv2d) -> bool {
    let channels = graph.node(graph.inputs(layer)[0]).shape.channels;
    conv.groups > 1 && conv.groups == channels
}

/// Whom each node hears: along each edge once, and from farther away over the shortest way.
fn hearing(edges: &[Vec<usize>], reach: usize) -> Vec<Vec<Heard>> {
    let one = |vertex: usize| {
        let mut heard: Vec<Heard> = edges[vertex].iter().map(|&from| Heard { from, distance: 1 }).collect();
        if reach > 1 {
            heard.extend(farther(edges, vertex, reach));
        }
        heard
    };
    (0..edges.len()).map(one).collect()
}

/// What lies 2 to `reach` edges away, by number.
fn farther(edges: &[Vec<usize>], vertex: usize, reach: usize) -> Vec<Heard> {
    let mut distance = BTreeMap::from([(vertex, 0)]);
    let mut queue = VecDeque::from([vertex]);
    while let Some(at) = queue.pop_front() {
        let next = distance[&at] + 1;
        if next > reach {
            continue;
        }
        for &neighbour in &edges[at] {
            distance.entry(neighbour).or_insert_with(|| {
                queue.push_back(neighbour);
                next
            });
        }
    }
    let far = distance.into_iter().filter(|(_, distance)| *distance > 1);
    far.map(|(from, distance)| Heard { from, distance }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_space::spaces::Darts;
    use nas_space::{NetworkConfig, SearchSpace, Seed};

    fn graph(layers: usize) -> NetworkGraph {
        let architecture = Darts.sample(&mut Seed::new(3).rng());
        Darts.lower(&architecture, &NetworkConfig::cifar(4, layers)).unwrap()
    }

    #[test]
    fn cells_are_sections_that_begin_with_the_two_before() {
        let found = Sections::of(&graph(4), true, 0);
        // Stem, four cells, head.
        assert_eq!(found.sections.len(), 6);
        let reads = |section: usize| {
            let Section { begin, end } = found.sections[section];
            found.vertices[begin..end].iter().filter_map(|v| v.reads).collect::<Vec<_>>()
        };
        assert_eq!(
            [reads(0), reads(1), reads(2), reads(3), reads(5)],
            [vec![], vec![0], vec![0, 1], vec![1, 2], vec![4]]
        );
    }

    #[test]
    fn messages_stay_within_a_section_and_go_forward() {
        let found = Sections::of(&graph(3), true, 50);
        for Section { begin, end } in &found.sections {
            for vertex in *begin..*end {
                assert!(found.before[vertex].iter().all(|h| (*begin..vertex).contains(&h.from)));
                assert!(found.after[vertex].iter().all(|h| (vertex + 1..*end).contains(&h.from)));
            }
        }
    }

    #[test]
    fn one_graph_has_one_section_and_no_rectifiers() {
        let graph = graph(2);
        let found = Sections::of(&graph, false, 0);
        assert_eq!(found.sections.len(), 1);
        let kept = graph.nodes().filter(|(_, node)| !is_transparent(&node.layer)).count();
        assert_eq!(found.vertices.len(), kept);
        assert!(found.vertices.iter().any(|v| v.layer == "conv2d 1x1" && v.operation == "preprocess"));
        assert!(found.vertices.iter().all(|v| v.layer != "relu"));
    }

    #[test]
    fn what_does_the_same_to_the_same_inputs_is_told_apart() {
        for stacked in [false, true] {
            let found = Sections::of(&graph(3), stacked, 0);
            let twins = |operation: &str| {
                let of = |v: &&Vertex| v.operation == operation && v.layer == "conv2d 1x1 s2";
                found.vertices.iter().filter(of).map(|v| v.twins).collect::<Vec<_>>()
            };
            // The third cell reads the first through a factorized reduction, of two halves.
            assert_eq!(twins("preprocess"), [0, 1], "stacked: {stacked}");
            let key = |at: usize| (&found.vertices[at], &found.before[at]);
            for Section { begin, end } in &found.sections {
                for at in *begin..*end {
                    assert!((*begin..at).all(|other| key(other) != key(at)), "nodes {at}, stacked: {stacked}");
                }
            }
        }
    }

    #[test]
    fn virtual_edges_take_the_shortest_way() {
        // 0 -> 1 -> 2 -> 3, and 0 -> 2.
        let edges = [vec![], vec![0], vec![1, 0], vec![2]];
        let far = |reach| farther(&edges, 3, reach).into_iter().map(|h| (h.from, h.distance)).collect::<Vec<_>>();
        assert_eq!(far(50), [(0, 2), (1, 2)]);
        assert_eq!(farther(&edges, 2, 50), []);
        assert_eq!(far(1), []);
    }
}
