//! The shared weights of ENAS in its micro space, and of the other space whose nodes add.
//!
//! The network of the search is not the one that is trained afterwards. As released: a reduction cell works at half the
//! size already, on its input halved by a factorized reduction and on that same input prepared; every operation has
//! weights of its own for each node, side and state it may read; and what no node reads is brought back to the number of
//! channels by 1x1 convolutions, one for each state, summed, and a batch norm.

use super::{BlockSpace, NODES, unused};
use crate::operations::{Padding, Site, factorized_reduce, halve, relu_conv_bn};
use crate::parts::head::{self, Auxiliary, Second};
use crate::parts::stem;
use crate::{
    Architecture, Genotype, GraphBuilder, Layer, NetworkConfig, NetworkGraph, Operation, PathSpace, SpaceError, Stem,
    Window,
};

impl PathSpace for BlockSpace {
    /// The network that ENAS searches in. A node that joins its two sides has other channels than one that adds, so
    /// `nasnet` has no such network.
    fn path(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        network(&self.adding(architecture)?, config)
    }

    /// One network for each operation and each state, which all nodes read that have it.
    fn shared(&self, config: &NetworkConfig) -> Result<Vec<NetworkGraph>, SpaceError> {
        let mut networks = Vec::new();
        for (operation, state) in (0..self.operations().len()).flat_map(|o| (0..NODES + 1).map(move |s| (o, s))) {
            let node = |node: usize| [state.min(node + 1), state.min(node + 1), operation, operation];
            let choices = (0..2 * NODES).flat_map(|at| node(at % NODES)).collect();
            networks.push(self.path(&Architecture { space: self.title().to_owned(), choices }, config)?);
        }
        Ok(networks)
    }
}

impl BlockSpace {
    /// The cells of an architecture, in a space whose nodes only add.
    fn adding(self, architecture: &Architecture) -> Result<Genotype, SpaceError> {
        if self.combines() {
            let reason = "its nodes may join their sides, so its architectures share no weights; use `enas-micro` or \
                          `amoebanet`";
            return Err(SpaceError::Cell { space: self.title(), reason: reason.into() });
        }
        Ok(self.to_cells(architecture)?.genotype)
    }
}

fn network(genotype: &Genotype, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    config.check()?;
    if config.layers < 3 {
        let reason = "two of the cells of an ENAS network are reductions, so it must be at least 3".into();
        return Err(SpaceError::Config { setting: "layers", value: config.layers.to_string(), reason });
    }
    let mut net = GraphBuilder::new(config.input);
    let (mut before, mut previous) = match config.stem {
        Stem::Cifar => {
            let x = stem::plain(&mut net, 3 * config.channels)?;
            (x, x)
        }
        Stem::Imagenet => stem::strided(&mut net, config)?,
    };
    let third = (config.layers - 2) / 3;
    let reductions = [third, 2 * third + 1];
    let mut channels = config.channels;
    let mut auxiliary = None;
    for index in 0..config.layers {
        let edges = match reductions.contains(&index) {
            false => &genotype.normal,
            true => {
                channels *= 2;
                net.place(Some(index), "reduction");
                (before, previous) = (previous, halve(&mut net, &format!("cells.{index}.reduce"), previous, channels)?);
                &genotype.reduce
            }
        };
        let states = prepare(&mut net, index, channels, [before, previous])?;
        (before, previous) = (previous, cell(&mut net, index, channels, edges, states)?);
        if config.auxiliary && index == reductions[1] + 1 {
            let shape = Auxiliary { stride: 3, channels: [128, 768], second: Second::Padded };
            auxiliary = Some(head::auxiliary(&mut net, previous, &shape, config.classes)?);
        }
    }
    net.place(None, "head");
    let x = net.push("relu", Layer::Relu, &[previous])?;
    let logits = head::classifier_without_bias(&mut net, x, config.classes)?;
    Ok(net.finish(logits, auxiliary))
}

/// Brings a cell's inputs to its channels and to the map of the second.
fn prepare(
    net: &mut GraphBuilder,
    index: usize,
    channels: usize,
    [before, previous]: [usize; 2],
) -> Result<Vec<usize>, SpaceError> {
    net.place(Some(index), "preprocess");
    let path = |side: usize| format!("cells.{index}.preprocess{side}");
    let pointwise = Window::same(1, 1, 1);
    let map = |net: &GraphBuilder, node: usize| (net.shape(node).height, net.shape(node).width);
    let first = if map(net, before) != map(net, previous) {
        factorized_reduce(net, &path(0), before, channels)?
    } else if net.shape(before).channels != channels {
        relu_conv_bn(net, &path(0), before, channels, pointwise)?
    } else {
        before
    };
    let second = match net.shape(previous).channels == channels {
        true => previous,
        false => relu_conv_bn(net, &path(1), previous, channels, pointwise)?,
    };
    Ok(vec![first, second])
}

/// A cell of the search: five nodes, and the sum of what none of them reads.
fn cell(
    net: &mut GraphBuilder,
    index: usize,
    channels: usize,
    edges: &[(Operation, usize)],
    mut states: Vec<usize>,
) -> Result<usize, SpaceError> {
    let path = format!("cells.{index}");
    for (node, pair) in edges.chunks(2).enumerate() {
        let mut sides = Vec::with_capacity(2);
        for (side, &(operation, state)) in pair.iter().enumerate() {
            net.place(Some(index), operation.name());
            let path = format!("{path}.node{node}.side{side}.from{state}.{operation}");
            let site = Site { path: &path, input: states[state], out: channels, stride: 1, padding: Padding::Least };
            sides.push(operation.append_at(net, &site)?);
        }
        net.place(Some(index), "add");
        states.push(net.push(format!("{path}.node{node}.add"), Layer::Add, &sides)?);
    }
    net.place(Some(index), "output");
    let mut parts = Vec::new();
    for state in unused(edges) {
        let x = net.push(format!("{path}.output.relu{state}"), Layer::Relu, &[states[state]])?;
        parts.push(net.conv(format!("{path}.output.conv{state}"), x, channels, 1, Window::same(1, 1, 1))?);
    }
    let x = net.push(format!("{path}.output.add"), Layer::Add, &parts)?;
    net.batch_norm(format!("{path}.output.bn"), x)
}
