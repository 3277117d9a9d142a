//! The inside of a cell, alike in all forms: blocks of two operations, and the states that the output lists.

use super::Half;
use crate::operations::{Padding, Site, conv_bn, halve};
use crate::{GraphBuilder, Layer, Operation, Shape, SpaceError};

/// Where a cell stands.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) half: Half<'a>,
    /// Its number among all cells of the network.
    pub(super) index: usize,
    /// Channels of its nodes.
    pub(super) channels: usize,
    /// What an identity is where a stride or other channels forbid it to do nothing.
    pub(super) identity: fn(&mut GraphBuilder, &Site<'_>) -> Result<usize, SpaceError>,
}

/// Appends the blocks of a cell whose inputs, states 0 and 1, are prepared, and returns its output.
pub(super) fn blocks(net: &mut GraphBuilder, frame: &Frame<'_>, inputs: [usize; 2]) -> Result<usize, SpaceError> {
    let path = format!("cells.{}", frame.index);
    let mut states = inputs.to_vec();
    for (node, pair) in frame.half.edges.chunks(2).enumerate() {
        let mut sides = Vec::with_capacity(2);
        for (side, &(operation, state)) in pair.iter().enumerate() {
            let path = format!("{path}._ops.{}", 2 * node + side);
            let stride = if frame.half.reduction && state < 2 { 2 } else { 1 };
            sides.push(edge(net, frame, &path, operation, states[state], stride)?);
        }
        let (layer, place) = match frame.half.joined.contains(&node) {
            false => (Layer::Add, "add"),
            true => (Layer::Concat, "join"),
        };
        net.place(Some(frame.index), place);
        states.push(net.push(format!("{path}.node{node}"), layer, &sides)?);
    }
    output(net, frame, &path, &states)
}

/// One operation, brought to the channels of the nodes, with drop-path behind it unless it is the identity.
fn edge(
    net: &mut GraphBuilder,
    frame: &Frame<'_>,
    path: &str,
    operation: Operation,
    input: usize,
    stride: usize,
) -> Result<usize, SpaceError> {
    net.place(Some(frame.index), operation.name());
    let site = Site { path, input, out: frame.channels, stride, padding: Padding::Least };
    if operation == Operation::SkipConnect {
        let nothing = stride == 1 && net.shape(input).channels == frame.channels;
        return if nothing { Ok(input) } else { (frame.identity)(net, &site) };
    }
    let mut x = operation.append_at(net, &site)?;
    if net.shape(x).channels != frame.channels {
        x = conv_bn(net, &format!("{path}.match"), x, frame.channels)?;
    }
    net.push(format!("{path}.drop_path"), Layer::DropPath, &[x])
}

/// Concatenates the states that the output lists. Those that are larger than the last node are halved without losing
/// pixels; those that have other channels than the nodes go through a 1x1 convolution.
fn output(net: &mut GraphBuilder, frame: &Frame<'_>, path: &str, states: &[usize]) -> Result<usize, SpaceError> {
    net.place(Some(frame.index), "concat");
    let last = net.shape(states[states.len() - 1]);
    let mut parts = Vec::with_capacity(frame.half.concat.len());
    for &state in frame.half.concat {
        let (node, path) = (states[state], format!("{path}.output{state}"));
        parts.push(match net.shape(node) {
            shape if !same_map(shape, last) => halve(net, &path, node, frame.channels)?,
            shape if shape.channels != frame.channels => conv_bn(net, &path, node, frame.channels)?,
            _ => node,
        });
    }
    match parts[..] {
        [only] => Ok(only),
        _ => net.push(format!("{path}.concat"), Layer::Concat, &parts),
    }
}

/// Whether two maps have the same rows and columns.
pub(super) fn same_map(a: Shape, b: Shape) -> bool {
    (a.height, a.width) == (b.height, b.width)
}
