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
    let needed = needed(supernet, &read);
    let mut graph = DiGraph::new();
    let mut place = vec![NodeIndex::end(); supernet.len()];
    for index in (0..supernet.len()).filter(|&index| needed[index]) {
        let mut node = supernet.node(index).clone();
        if let Layer::WeightedSum { .. } = node.layer {
            node.layer = Layer::Add;
        }
        place[index] = graph.add_node(node);
        for (position, &input) in read[index].iter().enumerate() {
            graph.add_edge(place[input], place[index], position);
        }
    }
    let auxiliary = supernet.auxiliary().map(|node| place[node]);
    Ok(NetworkGraph { graph, output: place[supernet.output()], auxiliary, growing: supernet.growing })
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
