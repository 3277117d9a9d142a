//! From operations and skip connections to a network, in each of the three forms.

use super::{Chosen, EnasMacroForm, Operation};
use crate::operations::halve;
use crate::parts::{head, stem};
use crate::{Conv2d, GraphBuilder, Layer, NetworkConfig, NetworkGraph, Pool, PoolKind, SpaceError, Stem, Window};

/// The whole network.
pub(super) fn network(
    layers: &[Chosen],
    form: EnasMacroForm,
    config: &NetworkConfig,
) -> Result<NetworkGraph, SpaceError> {
    let mut net = GraphBuilder::new(config.input);
    let mut filters = config.channels;
    let mut states = vec![stem(&mut net, config)?];
    let third = layers.len() / 3;
    for (index, layer) in layers.iter().enumerate() {
        states.push(append(&mut net, layer, index, form, &states, filters)?);
        let reduces = third > 0 && (index + 1 == third || index + 1 == 2 * third);
        if !reduces {
            continue;
        }
        if form != EnasMacroForm::Search {
            filters *= 2;
        }
        // The last state is read by the next layer, or by the classifier.
        let read = |state: usize| state == index + 1 || layers[index + 1..].iter().any(|l| l.skips.contains(&state));
        for (state, node) in states.iter_mut().enumerate().filter(|(state, _)| read(*state)) {
            net.place(Some(index), "reduction");
            let path = format!("layers.{index}.reduce.from_{state}");
            *node = halve(&mut net, &path, *node, filters)?;
        }
    }
    let logits = head::classifier_without_bias(&mut net, states[layers.len()], config.classes)?;
    Ok(net.finish(logits, None))
}

fn stem(net: &mut GraphBuilder, config: &NetworkConfig) -> Result<usize, SpaceError> {
    match config.stem {
        Stem::Cifar => stem::plain(net, config.channels),
        Stem::Imagenet => Ok(stem::strided(net, config)?.1),
    }
}

/// One layer and its skip connections.
fn append(
    net: &mut GraphBuilder,
    layer: &Chosen,
    index: usize,
    form: EnasMacroForm,
    states: &[usize],
    filters: usize,
) -> Result<usize, SpaceError> {
    let path = format!("layers.{index}");
    net.place(Some(index), layer.name);
    let input = states[index];
    let x = match form {
        // Named by the operation, so that each has weights of its own where architectures share them.
        EnasMacroForm::Search => searched(net, &format!("{path}.{}", layer.name), layer.operation, input, filters)?,
        EnasMacroForm::Retrained => retrained(net, &path, layer.operation, input, filters)?,
        EnasMacroForm::Released => match layer.operation {
            Operation::Convolution { kernel, .. } => {
                let dense = Operation::Convolution { kernel, separable: false };
                retrained(net, &path, dense, input, filters)?
            }
            Operation::AveragePool | Operation::MaxPool => input,
        },
    };
    // The first layer has nothing to be joined with.
    if index == 0 {
        return Ok(x);
    }
    net.place(Some(index), "skip");
    let mut joined: Vec<usize> = layer.skips.iter().map(|&state| states[state]).collect();
    joined.push(x);
    if form == EnasMacroForm::Search {
        let x = net.push(format!("{path}.skip.add"), Layer::Add, &joined)?;
        return net.batch_norm(format!("{path}.skip.bn"), x);
    }
    let x = net.push(format!("{path}.skip.concat"), Layer::Concat, &joined)?;
    let x = net.push(format!("{path}.skip.relu"), Layer::Relu, &[x])?;
    let x = net.conv(format!("{path}.skip.conv"), x, filters, 1, Window::same(1, 1, 1))?;
    net.batch_norm(format!("{path}.skip.bn"), x)
}

/// 1x1 convolution, batch norm, ReLU; then a pool, or a convolution, batch norm, ReLU.
fn searched(
    net: &mut GraphBuilder,
    path: &str,
    operation: Operation,
    input: usize,
    filters: usize,
) -> Result<usize, SpaceError> {
    let x = net.conv(format!("{path}.input.conv"), input, filters, 1, Window::same(1, 1, 1))?;
    let x = net.batch_norm(format!("{path}.input.bn"), x)?;
    let x = net.push(format!("{path}.input.relu"), Layer::Relu, &[x])?;
    let Operation::Convolution { .. } = operation else {
        return pool(net, path, operation, x);
    };
    let x = convolution(net, path, operation, x, filters)?;
    let x = net.batch_norm(format!("{path}.op.bn"), x)?;
    net.push(format!("{path}.op.relu"), Layer::Relu, &[x])
}

/// ReLU, 1x1 convolution, batch norm, ReLU; then a pool, or a convolution and batch norm.
fn retrained(
    net: &mut GraphBuilder,
    path: &str,
    operation: Operation,
    input: usize,
    filters: usize,
) -> Result<usize, SpaceError> {
    let x = net.push(format!("{path}.input.relu"), Layer::Relu, &[input])?;
    let x = net.conv(format!("{path}.input.conv"), x, filters, 1, Window::same(1, 1, 1))?;
    let x = net.batch_norm(format!("{path}.input.bn"), x)?;
    let x = net.push(format!("{path}.op.relu"), Layer::Relu, &[x])?;
    let Operation::Convolution { .. } = operation else {
        return pool(net, path, operation, x);
    };
    let x = convolution(net, path, operation, x, filters)?;
    net.batch_norm(format!("{path}.op.bn"), x)
}

fn convolution(
    net: &mut GraphBuilder,
    path: &str,
    operation: Operation,
    input: usize,
    filters: usize,
) -> Result<usize, SpaceError> {
    let Operation::Convolution { kernel, separable } = operation else { return Ok(input) };
    let window = Window::same(kernel, 1, 1);
    if !separable {
        return net.conv(format!("{path}.op.conv"), input, filters, 1, window);
    }
    let depthwise = Layer::Conv2d(Conv2d { out: filters, groups: filters, window });
    let x = net.push(format!("{path}.op.depthwise"), depthwise, &[input])?;
    net.conv(format!("{path}.op.pointwise"), x, filters, 1, Window::same(1, 1, 1))
}

fn pool(net: &mut GraphBuilder, path: &str, operation: Operation, input: usize) -> Result<usize, SpaceError> {
    let kind = if operation == Operation::AveragePool { PoolKind::Average } else { PoolKind::Max };
    net.push(format!("{path}.op.pool"), Layer::Pool(Pool { kind, window: Window::same(3, 1, 1) }), &[input])
}
