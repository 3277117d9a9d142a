//! From six operations, or from a mixture of all of them, to the network that NAS-Bench-201 trained.

use super::EDGES;
use crate::operations::relu_conv_bn;
use crate::partial::Partial;
use crate::parts::head;
use crate::spaces::sizes::check_three_stages;
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, Operation, Pool, PoolKind, SpaceError, Stem, Window};

/// What the edges of a searched cell do.
#[derive(Clone, Copy)]
pub(super) enum Wiring {
    /// One operation each.
    Chosen([Operation; 6]),
    /// All operations, weighted by the rows of table 0.
    Mixed(Partial),
}

/// The whole network. Searched cells and the residual blocks between the stages are numbered together, as in the
/// reference.
pub(super) fn network(wiring: Wiring, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    check(config)?;
    let mut net = GraphBuilder::new(config.input);
    net.place(None, "stem");
    let x = net.conv("stem.0", net.input(), config.channels, 1, Window::same(3, 1, 1))?;
    let mut x = net.batch_norm("stem.1", x)?;
    let per_stage = config.layers / 3;
    for stage in 0..3 {
        let first = stage * (per_stage + 1);
        if stage > 0 {
            x = residual_block(&mut net, first - 1, x, config.channels << stage)?;
        }
        for index in first..first + per_stage {
            x = match wiring {
                Wiring::Chosen(operations) => cell(&mut net, index, x, operations)?,
                Wiring::Mixed(partial) => mixed_cell(&mut net, index, x, partial)?,
            };
        }
    }
    net.place(None, "head");
    let x = net.batch_norm("lastact.0", x)?;
    let x = net.push("lastact.1", Layer::Relu, &[x])?;
    let logits = head::classifier(&mut net, x, config.classes)?;
    Ok(net.finish(logits, None))
}

fn check(config: &NetworkConfig) -> Result<(), SpaceError> {
    check_three_stages("NAS-Bench-201", config)?;
    if config.stem != Stem::Cifar {
        let reason = "a NAS-Bench-201 network has the 3x3 stem only; use `cifar`".into();
        return Err(SpaceError::Config { setting: "stem", value: "imagenet".into(), reason });
    }
    Ok(())
}

/// A searched cell: each node is the sum of the operations on all nodes before it.
fn cell(net: &mut GraphBuilder, index: usize, input: usize, operations: [Operation; 6]) -> Result<usize, SpaceError> {
    let mut nodes = vec![input];
    for to in 1..4 {
        let mut ends = Vec::with_capacity(to);
        for (k, (operation, edge)) in operations.into_iter().zip(EDGES).enumerate() {
            if edge.1 == to {
                net.place(Some(index), operation.name());
                ends.push(operation.append(net, &edge_path(index, k, operation), nodes[edge.0], 1)?);
            }
        }
        net.place(Some(index), "add");
        nodes.push(match ends[..] {
            [only] => only,
            _ => net.push(format!("cells.{index}.node{to}"), Layer::Add, &ends)?,
        });
    }
    Ok(nodes[3])
}

/// A cell of the supernet (Dong & Yang 2020, section 4; the reference's `NAS201SearchCell`): each edge mixes the five
/// operations. Their batch norms learn no scale and shift, and unlike in the DARTS supernet none follows the pool.
fn mixed_cell(net: &mut GraphBuilder, index: usize, input: usize, partial: Partial) -> Result<usize, SpaceError> {
    net.affine(false);
    let mut last = input;
    let mut splits = Vec::with_capacity(3);
    let mut row = 0;
    for to in 1..4 {
        net.place(Some(index), "split");
        splits.push((partial.split(net, &format!("cells.{index}.state{}", to - 1), last)?, 1));
        let mut ends = Vec::with_capacity(to * Operation::NASBENCH201.len());
        for (from, (split, _)) in splits.iter().enumerate() {
            for (number, operation) in Operation::NASBENCH201.into_iter().enumerate() {
                net.place(Some(index), operation.name());
                let path = format!("cells.{index}.edges.{to}<-{from}.{number}");
                ends.push(operation.append(net, &path, split.front, 1)?);
            }
        }
        net.place(Some(index), "mix");
        let sum = Layer::WeightedSum { table: 0, row, edges: to };
        let path = format!("cells.{index}.node{to}");
        let mixed = net.push(&path, sum, &ends)?;
        last = partial.join(net, &path, mixed, &splits, row)?;
        row += to;
    }
    net.affine(true);
    Ok(last)
}

fn edge_path(cell: usize, edge: usize, operation: Operation) -> String {
    match operation {
        Operation::AvgPool3x3 => format!("cells.{cell}.layers.{edge}.op"),
        _ => format!("cells.{cell}.layers.{edge}"),
    }
}

/// The block between two stages: two 3x3 convolutions, the first with stride 2, beside a shortcut of 2x2 average
/// pooling and a 1x1 convolution. Where a size is odd, the last window of the pooling holds what is left of the
/// image, so that both branches round up.
fn residual_block(net: &mut GraphBuilder, index: usize, input: usize, out: usize) -> Result<usize, SpaceError> {
    let path = format!("cells.{index}");
    net.place(Some(index), "residual");
    let x = relu_conv_bn(net, &format!("{path}.conv_a"), input, out, Window::same(3, 2, 1))?;
    let x = relu_conv_bn(net, &format!("{path}.conv_b"), x, out, Window::same(3, 1, 1))?;
    let pool = Layer::Pool(Pool { kind: PoolKind::Average, window: Window::halving(net.shape(input)) });
    let shortcut = net.push(format!("{path}.downsample.0"), pool, &[input])?;
    let shortcut = net.conv(format!("{path}.downsample.1"), shortcut, out, 1, Window::valid(1, 1))?;
    net.push(format!("{path}.add"), Layer::Add, &[shortcut, x])
}
