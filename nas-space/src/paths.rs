//! Spaces whose architectures share weights: each is a path through one set of tensors, from which its network takes those
//! of its own operations and leaves the others alone.

use petgraph::graph::{DiGraph, NodeIndex};

use crate::{Architecture, Chosen, Layer, MixedSpace, NetworkConfig, NetworkGraph, SearchSpace, SpaceError};

/// A space with shared weights (Pham et al. 2018, section 2): whatever two architectures have in common has the same name
/// in both networks, so that one tensor can serve both.
pub trait PathSpace: SearchSpace {
    /// The network of an architecture as a path through the shared weights. It computes the operations chosen and nothing
    /// else. Its layers may differ from those of [`lower`](SearchSpace::lower), which is trained on its own.
    ///
    /// # Errors
    /// As [`lower`](SearchSpace::lower).
    fn path(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError>;

    /// Networks that have, taken together, every tensor that any path has.
    ///
    /// # Errors
    /// If the settings are impossible or the cells do not fit the images.
    fn shared(&self, config: &NetworkConfig) -> Result<Vec<NetworkGraph>, SpaceError>;
}

/// The path of an architecture through the supernet of its space: every mixed edge keeps what was chosen.
///
/// # Errors
/// As [`MixedSpace::supernet`] and [`MixedSpace::chosen`].
pub(crate) fn through(
    space: &dyn MixedSpace,
    architecture: &Architecture,
    config: &NetworkConfig,
) -> Result<NetworkGraph, SpaceError> {
    let chosen = space.chosen(architecture)?;
    kept(&space.supernet(config)?, &chosen)
}

/// A supernet whose weighted sums are plain sums of what was chosen; what nobody reads any more is gone.
fn kept(supernet: &NetworkGraph, chosen: &[Chosen]) -> Result<NetworkGraph, SpaceError> {
    let read: Vec<Vec<usize>> = (0..supernet.len()).map(|node| inputs(supernet, node, chosen)).collect();
    if let Some(node) = (1..supernet.len()).find(|&node| read[node].is_empty()) {
        let reason = "no operation was chosen for it; choose at least one".into();
        return Err(SpaceError::Shape { layer: supernet.node(node).name.clone(), reason });
    }
    Ok(rebuilt(supernet, &read, &vec![false; supernet.len()]))
}

/// A supernet of which every mixed edge has one operation, `choices[table][row]` being its column (Dong & Yang 2019, section
/// 3.2): it computes these operations and nothing else. Its weighted sums stay, with one weight an edge, so that a pass
/// still yields the weight's gradient; a sum of zeros alone has no weights. What is shared has its name in the supernet.
///
/// # Errors
/// If there is no choice for an edge, or none that the edge has.
pub fn one_an_edge(supernet: &NetworkGraph, choices: &[Vec<usize>]) -> Result<NetworkGraph, SpaceError> {
    let (mut read, mut stays) = (Vec::with_capacity(supernet.len()), vec![false; supernet.len()]);
    for node in 0..supernet.len() {
        let all = supernet.inputs(node);
        let Layer::WeightedSum { table, row, edges } = supernet.node(node).layer else {
            read.push(all);
            continue;
        };
        let width = all.len() / edges;
        let chosen = choices.get(table).and_then(|rows| rows.get(row..row + edges));
        let Some(chosen) = chosen.filter(|rows| rows.iter().all(|choice| *choice < width)) else {
            let reason = format!("choose one of {width} operations for each of its {edges} edges");
            return Err(SpaceError::Shape { layer: supernet.node(node).name.clone(), reason });
        };
        let kept: Vec<usize> = chosen.iter().enumerate().map(|(edge, choice)| all[edge * width + choice]).collect();
        stays[node] = kept.iter().any(|&input| !matches!(supernet.node(input).layer, Layer::Zero { .. }));
        read.push(if stays[node] { kept } else { kept[..1].to_vec() });
    }
    Ok(rebuilt(supernet, &read, &stays))
}

/// A supernet whose nodes read what is said of each. Its weighted sums are plain ones but for those that stay; what nobody
/// reads any more is gone.
fn rebuilt(supernet: &NetworkGraph, read: &[Vec<usize>], stays: &[bool]) -> NetworkGraph {
    let needed = needed(supernet, read);
    let mut graph = DiGraph::new();
    let mut place = vec![NodeIndex::end(); supernet.len()];
    for index in (0..supernet.len()).filter(|&index| needed[index]) {
        let mut node = supernet.node(index).clone();
        if matches!(node.layer, Layer::WeightedSum { .. }) && !stays[index] {
            node.layer = Layer::Add;
        }
        place[index] = graph.add_node(node);
        for (position, &input) in read[index].iter().enumerate() {
            graph.add_edge(place[input], place[index], position);
        }
    }
    let auxiliary = supernet.auxiliary().map(|node| place[node]);
    NetworkGraph { graph, output: place[supernet.output()], auxiliary, growing: supernet.growing }
}

/// The image, the heads, and what these need, at any distance.
fn needed(supernet: &NetworkGraph, read: &[Vec<usize>]) -> Vec<bool> {
    let mut needed = vec![false; supernet.len()];
    let mut waiting = vec![0, supernet.output()];
    waiting.extend(supernet.auxiliary());
    while let Some(node) = waiting.pop() {
        if !std::mem::replace(&mut needed[node], true) {
            waiting.extend(&read[node]);
        }
    }
    needed
}

/// What a node of the path reads: of a mixed sum what was chosen. A zero adds nothing, so it stays only where nothing else
/// is there.
fn inputs(supernet: &NetworkGraph, node: usize, chosen: &[Chosen]) -> Vec<usize> {
    let all = supernet.inputs(node);
    let Layer::WeightedSum { table, row, edges } = supernet.node(node).layer else { return all };
    let width = all.len() / edges;
    let is_kept = |at: &usize| {
        let own = Chosen { table, row: row + at / width, operation: at % width };
        chosen.contains(&own)
    };
    let kept: Vec<usize> = (0..all.len()).filter(is_kept).map(|at| all[at]).collect();
    let is_zero = |input: &usize| matches!(supernet.node(*input).layer, Layer::Zero { .. });
    let mut counting: Vec<usize> = kept.iter().copied().filter(|input| !is_zero(input)).collect();
    if counting.is_empty() {
        counting.extend(kept.first());
    }
    counting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::spaces::{Darts, NasBench201};

    /// Rows of one choice for every edge of the DARTS cells.
    fn all(choice: usize) -> Vec<Vec<usize>> {
        vec![vec![choice; 14]; 2]
    }

    fn place_of(operation: Operation) -> usize {
        Operation::DARTS.iter().position(|known| *known == operation).unwrap()
    }

    #[test]
    fn an_edge_has_the_one_operation_that_was_chosen() {
        let config = NetworkConfig::cifar(4, 3);
        let supernet = MixedSpace::supernet(&Darts, &config).unwrap();
        let skip = one_an_edge(&supernet, &all(place_of(Operation::SkipConnect))).unwrap();
        let mut choices = all(place_of(Operation::SkipConnect));
        choices[0][13] = place_of(Operation::SepConv3x3);
        let other = one_an_edge(&supernet, &choices).unwrap();
        // The first cell of the three is the normal one: twice a depthwise 3x3 and a pointwise convolution of 4 channels,
        // and batch norms without weights.
        assert_eq!(other.parameters() - skip.parameters(), 2 * (9 * 4 + 4 * 4));
        let sums = other.nodes().filter(|(_, node)| matches!(node.layer, Layer::WeightedSum { .. }));
        let sums: Vec<usize> = sums.map(|(index, _)| other.inputs(index).len()).collect();
        assert_eq!(sums, [2, 3, 4, 5].repeat(3));
        let names: Vec<&str> = supernet.nodes().map(|(_, node)| node.name.as_str()).collect();
        assert!(other.nodes().all(|(_, node)| names.contains(&node.name.as_str())));
    }

    #[test]
    fn a_node_of_zeros_alone_has_no_weights() {
        let config = NetworkConfig::cifar(4, 3);
        let supernet = MixedSpace::supernet(&Darts, &config).unwrap();
        let nothing = one_an_edge(&supernet, &all(place_of(Operation::None))).unwrap();
        assert!(nothing.nodes().all(|(_, node)| !matches!(node.layer, Layer::WeightedSum { .. })));
        // The path of an architecture of zeros is the same network.
        let space = NasBench201;
        let cell = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|").unwrap();
        let supernet = space.supernet(&config).unwrap();
        let sampled = one_an_edge(&supernet, std::slice::from_ref(&cell.choices)).unwrap();
        assert_eq!(sampled.len(), space.path(&cell, &config).unwrap().len());
    }

    #[test]
    fn an_edge_without_a_choice_is_named() {
        let supernet = MixedSpace::supernet(&Darts, &NetworkConfig::cifar(4, 3)).unwrap();
        let mut choices = all(1);
        choices[1][13] = 8;
        for choices in [all(1)[..1].to_vec(), choices] {
            let message = one_an_edge(&supernet, &choices).unwrap_err().to_string();
            assert!(message.contains("cells.1.node") && message.contains("one of 8 operations"), "{message}");
        }
    }
}
