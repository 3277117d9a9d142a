//! From a cell to the network that NAS-Bench-101 trained.

use super::cell::{Cell, VertexOperation};
use crate::parts::{head, stem};
use crate::spaces::sizes::check_three_stages;
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, Pool, PoolKind, SpaceError, Stem, Window};

/// The whole network.
pub(super) fn network(cell: &Cell, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    check(cell, config)?;
    let mut net = GraphBuilder::new(config.input);
    let mut x = stem(&mut net, config)?;
    let per_stack = config.layers / 3;
    for stack in 0..3 {
        if stack > 0 {
            net.place(Some(stack * per_stack), "downsample");
            x = downsample(&mut net, stack, x)?;
        }
        let channels = config.channels << stack;
        for module in 0..per_stack {
            let module =
                Module { index: stack * per_stack + module, path: format!("stack{stack}.module{module}"), channels };
            x = module.append(&mut net, cell, x)?;
        }
    }
    let logits = head::classifier(&mut net, x, config.classes)?;
    Ok(net.finish(logits, None))
}

fn check(cell: &Cell, config: &NetworkConfig) -> Result<(), SpaceError> {
    check_three_stages("NAS-Bench-101", config)?;
    let shares = cell.inputs(cell.vertices() - 1).into_iter().filter(|&v| v > 0).count();
    if config.channels < shares {
        return Err(SpaceError::Config {
            setting: "channels",
            value: config.channels.to_string(),
            reason: format!("{shares} vertices of this cell share them out, so it needs at least {shares}"),
        });
    }
    Ok(())
}

fn stem(net: &mut GraphBuilder, config: &NetworkConfig) -> Result<usize, SpaceError> {
    match config.stem {
        Stem::Cifar => {
            net.place(None, "stem");
            let image = net.input();
            conv_bn_relu(net, "stem", image, 3, config.channels)
        }
        Stem::Imagenet => {
            let (_, x) = stem::strided(net, config)?;
            net.push("stem1.3", Layer::Relu, &[x])
        }
    }
}

/// 2x2 max pooling; where a size is odd, the last window holds what is left, as padding does in the reference.
fn downsample(net: &mut GraphBuilder, stack: usize, input: usize) -> Result<usize, SpaceError> {
    let shape = net.shape(input);
    let after = [shape.height % 2, shape.width % 2].map(|odd| odd as isize);
    let pool = Pool { kind: PoolKind::Max, window: Window { after, ..Window::valid(2, 2) } };
    net.push(format!("stack{stack}.downsample"), Layer::Pool(pool), &[input])
}

/// Convolution, batch norm, ReLU.
fn conv_bn_relu(
    net: &mut GraphBuilder,
    path: &str,
    input: usize,
    kernel: usize,
    out: usize,
) -> Result<usize, SpaceError> {
    let x = net.conv(format!("{path}.conv"), input, out, 1, Window::same(kernel, 1, 1))?;
    let x = net.batch_norm(format!("{path}.bn"), x)?;
    net.push(format!("{path}.relu"), Layer::Relu, &[x])
}

/// One cell of the network; the benchmark calls it a module.
struct Module {
    index: usize,
    path: String,
    /// Channels of its output.
    channels: usize,
}

impl Module {
    fn append(&self, net: &mut GraphBuilder, cell: &Cell, input: usize) -> Result<usize, SpaceError> {
        let channels = vertex_channels(cell, self.channels);
        let last = cell.vertices() - 1;
        let mut outputs = vec![input];
        for vertex in 1..last {
            let path = format!("{}.vertex_{vertex}", self.path);
            let mut ends = Vec::new();
            for from in cell.inputs(vertex).into_iter().filter(|&from| from > 0) {
                ends.push(self.narrowed(net, &format!("{path}.from_{from}"), outputs[from], channels[vertex])?);
            }
            if cell.has_edge(0, vertex) {
                ends.push(self.projected(net, &path, input, channels[vertex])?);
            }
            let operation = cell.operations()[vertex - 1];
            net.place(Some(self.index), operation.name());
            let x = self.joined(net, Layer::Add, &format!("{path}.add"), &ends)?;
            outputs.push(match operation {
                VertexOperation::Conv3x3 => conv_bn_relu(net, &path, x, 3, channels[vertex])?,
                VertexOperation::Conv1x1 => conv_bn_relu(net, &path, x, 1, channels[vertex])?,
                VertexOperation::MaxPool3x3 => {
                    let pool = Pool { kind: PoolKind::Max, window: Window::same(3, 1, 1) };
                    net.push(format!("{path}.pool"), Layer::Pool(pool), &[x])?
                }
            });
        }
        let path = format!("{}.output", self.path);
        let parts: Vec<usize> = cell.inputs(last).into_iter().filter(|&v| v > 0).map(|v| outputs[v]).collect();
        let mut ends = Vec::new();
        if !parts.is_empty() {
            net.place(Some(self.index), "concat");
            ends.push(self.joined(net, Layer::Concat, &format!("{path}.concat"), &parts)?);
        }
        if cell.has_edge(0, last) {
            ends.push(self.projected(net, &path, input, self.channels)?);
        }
        net.place(Some(self.index), "add");
        self.joined(net, Layer::Add, &format!("{path}.add"), &ends)
    }

    /// Several nodes as one; a single one as it is.
    fn joined(&self, net: &mut GraphBuilder, layer: Layer, name: &str, ends: &[usize]) -> Result<usize, SpaceError> {
        match ends {
            [only] => Ok(*only),
            _ => net.push(name, layer, ends),
        }
    }

    /// The input of the cell, by a 1x1 convolution of the reader's own.
    fn projected(&self, net: &mut GraphBuilder, path: &str, input: usize, out: usize) -> Result<usize, SpaceError> {
        net.place(Some(self.index), "projection");
        conv_bn_relu(net, &format!("{path}.projection"), input, 1, out)
    }

    /// A vertex's output without the channel that its reader may not have.
    fn narrowed(&self, net: &mut GraphBuilder, name: &str, input: usize, channels: usize) -> Result<usize, SpaceError> {
        if net.shape(input).channels == channels {
            return Ok(input);
        }
        net.place(Some(self.index), "truncate");
        net.push(name, Layer::Narrow { channels }, &[input])
    }
}

/// The channels of each vertex between input and output (the others' are left 0). Those that the output concatenates
/// share its channels out, the first ones taking what division leaves; each other has as many as the widest of its
/// readers.
fn vertex_channels(cell: &Cell, out: usize) -> Vec<usize> {
    let last = cell.vertices() - 1;
    let mut channels = vec![0; cell.vertices()];
    let shares: Vec<usize> = cell.inputs(last).into_iter().filter(|&v| v > 0).collect();
    for (place, &vertex) in shares.iter().enumerate() {
        channels[vertex] = out / shares.len() + usize::from(place < out % shares.len());
    }
    for vertex in (1..last).rev().filter(|v| !shares.contains(v)) {
        let readers = (vertex + 1..last).filter(|&to| cell.has_edge(vertex, to));
        channels[vertex] = readers.map(|to| channels[to]).max().expect("a pruned cell's vertices all have readers");
    }
    channels
}
