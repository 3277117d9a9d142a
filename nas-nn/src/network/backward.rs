//! The reverse pass: from the loss back to every parameter, freeing activations on the way.

use candle_core::{Device, Tensor};
use nas_space::{Layer, Pool, PoolKind};

use super::forward::{Run, logits, pool_problem, problem, with_weights};
use super::value::{Gradient, Pending, slices};
use super::{Network, Step, StepConfig};
use super::{custom, norm};
use crate::NnError;
use crate::element::Element;
use crate::kernels::conv::{self, InputGradient, Wanted};
use crate::kernels::pad::{self, Frame};
use crate::kernels::read::Operand;
use crate::kernels::{elementwise, pooling};
use crate::layout;
use crate::ops::loss;
use crate::pool::{fresh, slices_mut};

pub(super) fn run<T: Element>(
    network: &Network,
    mut run: Run<T>,
    labels: &[u32],
    config: &StepConfig,
    weights: bool,
) -> Result<Step, NnError> {
    let plan = &network.plan;
    let mut results = Results {
        weights,
        gradients: vec![None; network.parameters.len()],
        mixtures: network.mixtures.iter().map(|table| vec![0.0; table.weights.len()]).collect(),
    };
    let mut pending = Pending::new(plan.steps.len());

    let mut seed = |node: usize, weight: f64| -> Result<(f64, usize), NnError> {
        let (outcome, gradient) =
            loss(&logits(network, &run, node)?, labels, config.label_smoothing, weight, run.batch)?;
        let step = &plan.steps[node];
        let blocks = layout::to_blocks::<T>(&gradient, run.batch, step.shape.channels * step.pixels(), 1);
        pending.close(node, blocks);
        Ok((weight * outcome.total / labels.len() as f64, outcome.correct))
    };
    let (mut loss, correct) = seed(plan.output, 1.0)?;
    if let Some(auxiliary) = plan.auxiliary {
        loss += seed(auxiliary, config.auxiliary_weight)?.0;
    }

    for index in (0..plan.steps.len()).rev() {
        if let Some(gradient) = pending.take(index) {
            node(network, &mut run, index, gradient, &mut pending, &mut results)?;
        }
        // Every reader lies behind, so nothing needs this activation any more.
        run.values[index] = None;
        run.norms[index] = None;
    }
    let Results { gradients, mixtures, .. } = results;
    let table = |(values, table): (Vec<f64>, &super::Mixture)| {
        Tensor::from_vec(values, (table.weights.len() / table.width, table.width), &Device::Cpu)
    };
    let mixtures = mixtures.into_iter().zip(&network.mixtures).map(table).collect::<Result<_, _>>()?;
    let zero = |(gradient, parameter): (Option<Tensor>, &super::Parameter)| match gradient {
        Some(gradient) => Ok(gradient),
        None => parameter.var.zeros_like(),
    };
    let gradients = if weights {
        gradients.into_iter().zip(&network.parameters).map(zero).collect::<Result<_, _>>()?
    } else {
        Vec::new()
    };
    Ok(Step { loss, correct, gradients, mixtures })
}

/// What the reverse pass works out.
struct Results {
    /// Whether gradients of the parameters are wanted.
    weights: bool,
    gradients: Vec<Option<Tensor>>,
    mixtures: Vec<Vec<f64>>,
}

impl Results {
    fn set<T: Element>(&mut self, network: &Network, parameter: usize, gradient: Vec<T>) -> candle_core::Result<()> {
        let dims = network.parameters[parameter].var.dims();
        self.gradients[parameter] = Some(Tensor::from_vec(gradient, dims, &Device::Cpu)?);
        Ok(())
    }
}

/// Sends one node's gradient on to its inputs and its parameters.
fn node<T: Element>(
    network: &Network,
    run: &mut Run<T>,
    index: usize,
    gradient: Gradient<T>,
    pending: &mut Pending<T>,
    results: &mut Results,
) -> Result<(), NnError> {
    let plan = &network.plan;
    let step = &plan.steps[index];
    let Some(&source) = step.inputs.first() else { return Ok(()) };
    let from = &plan.steps[source];
    let (blocks, len) = (from.blocks, run.batch * from.pixels());
    match &step.layer {
        Layer::Conv2d(_) | Layer::Linear { .. } => {
            return convolution(network, run, index, &gradient, pending, results);
        }
        Layer::BatchNorm { .. } => return batch_norm(network, run, index, &gradient, pending, results),
        _ if !step.learns => {}
        Layer::Relu if step.gated => pending.send(source, gradient),
        Layer::Relu | Layer::TrainingRelu => {
            let mut value = run.value(source).clone();
            // In evaluation mode a training ReLU let everything through.
            let rectified = step.layer == Layer::Relu || run.rectifies;
            if rectified {
                value.relu = true;
                let (mut dx, add) = pending.open(source, blocks, len);
                elementwise::gate(&value.operand(), &slices(&gradient.blocks), slices_mut(&mut dx), add);
                pending.close(source, dx);
            } else {
                pending.send(source, gradient);
            }
        }
        Layer::Pool(Pool { kind, window }) => {
            let problem = pool_problem(network, index, *kind, window, run.batch)?;
            let x = (*kind == PoolKind::Max).then(|| run.value(source).operand());
            let (mut dx, add) = pending.open(source, blocks, len);
            pooling::input_gradient(&problem, x.as_ref(), &slices(&gradient.blocks), slices_mut(&mut dx), add);
            pending.close(source, dx);
        }
        Layer::GlobalAveragePool => {
            let (mut dx, add) = pending.open(source, blocks, len);
            pooling::spread_planes(&slices(&gradient.blocks), from.pixels(), slices_mut(&mut dx), add);
            pending.close(source, dx);
        }
        Layer::Add => {
            for &input in step.inputs.iter().filter(|&&input| plan.steps[input].learns) {
                pending.send(input, moved(network, &gradient, index, input));
            }
        }
        Layer::WeightedSum { table, row, edges } => {
            weighted_sum(network, run, index, (*table, *row, *edges), &gradient, pending, results)?;
        }
        Layer::Concat => {
            let mut blocks = gradient.blocks.into_iter();
            for &input in &step.inputs {
                let part = blocks.by_ref().take(plan.steps[input].blocks).collect();
                if plan.steps[input].learns {
                    pending.send(input, Gradient::plain(part));
                }
            }
        }
        Layer::Narrow { channels } => {
            let dy = Operand::plain(slices(&gradient.blocks));
            let dx = layout::move_channels(&dy, &step.slots, &from.slots[..*channels], blocks);
            pending.send(source, Gradient::own(dx));
        }
        Layer::Pad { before, .. } => {
            let mut dx = fresh(blocks, len);
            pad::crop(&slices(&gradient.blocks), &Frame::new(from.shape, step.shape, *before), slices_mut(&mut dx));
            pending.send(source, Gradient::own(dx));
        }
        Layer::DropPath => match &run.factors[index] {
            Some(factors) => {
                let (mut dx, add) = pending.open(source, blocks, len);
                let dy = Operand::plain(slices(&gradient.blocks));
                elementwise::scale_samples(&dy, factors, step.pixels(), slices_mut(&mut dx), add);
                pending.close(source, dx);
            }
            None => pending.send(source, gradient),
        },
        Layer::Custom { .. } => {
            let layer = network.customs.get(&index).expect("every custom node got its layer");
            let passed = run.passed[index].take().expect("custom layers leave their output");
            let dy = Operand::plain(slices(&gradient.blocks));
            let dy = layout::from_blocks(&dy, &step.slots, run.batch, step.pixels());
            let (dx, learned) = custom::backward(layer.as_ref(), &passed, dy)?;
            if results.weights {
                for (offset, gradient) in learned.into_iter().enumerate() {
                    results.gradients[step.parameter.expect("it has parameters") + offset] = Some(gradient);
                }
            }
            if from.learns {
                let in_order: Vec<usize> = (0..from.shape.channels).collect();
                let dx = Operand::plain(dx.iter().map(|block| &block[..]).collect());
                let dx = layout::move_channels(&dx, &in_order, &from.slots, from.blocks);
                pending.send(source, Gradient::own(dx));
            }
        }
        // A zero and the image pass nothing on; another layer did not get through the forward pass.
        _ => {}
    }
    Ok(())
}

/// The gradient of a sum for one of its inputs, its channels in that input's lanes.
fn moved<T: Element>(network: &Network, gradient: &Gradient<T>, index: usize, input: usize) -> Gradient<T> {
    let (step, from) = (&network.plan.steps[index], &network.plan.steps[input]);
    if step.slots == from.slots {
        return gradient.clone();
    }
    let dy = Operand::plain(slices(&gradient.blocks));
    let blocks = layout::move_channels(&dy, &step.slots, &from.slots, from.blocks);
    Gradient::own(blocks)
}

fn convolution<T: Element>(
    network: &Network,
    run: &Run<T>,
    index: usize,
    gradient: &Gradient<T>,
    pending: &mut Pending<T>,
    results: &mut Results,
) -> Result<(), NnError> {
    let steps = &network.plan.steps;
    let step = &steps[index];
    let source = step.inputs[0];
    let problem = problem(steps, index, run.batch)?;
    let x = run.value(source).operand();
    let mut dx =
        steps[source].learns.then(|| pending.open(source, steps[source].blocks, run.batch * steps[source].pixels()));
    if !results.weights && dx.is_none() {
        return Ok(());
    }
    // A norm of few elements works its sums out in f64, from what it gets.
    let norm = step.sums_for.map(|norm| run.norms[norm].as_ref().expect("batch norms leave their statistics"));
    let sums = norm.is_some_and(|norm| !norm.is_small());
    let input = dx.as_mut().map(|(blocks, add)| InputGradient {
        blocks: slices_mut(blocks),
        add: *add,
        gate: step.gated,
        sums,
    });
    let wanted = Wanted { weights: results.weights, input };
    let found =
        with_weights(network, index, |weights| conv::backward(&problem, &x, weights, &gradient.incoming(), wanted))?;
    if let Some((blocks, _)) = dx {
        let sums = norm.filter(|_| sums).map(|norm| norm.total(&found.sums));
        pending.send(source, Gradient { sums, ..Gradient::own(blocks) });
    }
    if !results.weights {
        return Ok(());
    }
    let own = step.parameter.expect("a convolution has a weight");
    if let Some(first) = step.absorbs {
        results.set(network, steps[first].parameter.expect("a convolution has a weight"), found.depthwise)?;
        results.set(network, own, found.dense)?;
    } else {
        results.set(network, own, found.single())?;
    }
    if let Layer::Linear { .. } = step.layer {
        let dy = Operand::plain(slices(&gradient.blocks));
        let rows = layout::from_blocks(&dy, &step.slots, run.batch, 1);
        let classes = step.slots.len();
        let sum = |class: usize| rows.chunks(classes).map(|row| row[class]).fold(T::ZERO, |sum, v| sum + v);
        results.set(network, own + 1, (0..classes).map(sum).collect())?;
    }
    Ok(())
}

fn batch_norm<T: Element>(
    network: &Network,
    run: &Run<T>,
    index: usize,
    gradient: &Gradient<T>,
    pending: &mut Pending<T>,
    results: &mut Results,
) -> Result<(), NnError> {
    let step = &network.plan.steps[index];
    let source = step.inputs[0];
    let norm = run.norms[index].as_ref().expect("batch norms leave their statistics");
    let sums = match &gradient.sums {
        Some(sums) => sums.clone(),
        None => norm.sums(&slices(&gradient.blocks), run.batch),
    };
    if let (Some(first), true) = (step.parameter, results.weights) {
        let (weight, bias) = norm.affine_gradients(&sums, gradient.factor);
        for (parameter, lanes) in [(first, weight), (first + 1, bias)] {
            let values: Vec<T> = layout::channels(&lanes, &step.slots).into_iter().map(T::of).collect();
            results.set(network, parameter, values)?;
        }
    }
    if !network.plan.steps[source].learns {
        return Ok(());
    }
    if step.folds && !norm.is_small() {
        pending.send(source, norm.folded(gradient, &sums));
    } else {
        pending.send(source, Gradient::own(norm.computed(gradient, &sums, run.batch)));
    }
    Ok(())
}

/// A mixed edge: its weights' gradients, and each operation's share of the gradient. A batch norm that it alone reads gets
/// the gradient as it is, with the factor, and the sums that both need.
fn weighted_sum<T: Element>(
    network: &Network,
    run: &Run<T>,
    index: usize,
    (table, row, edges): (usize, usize, usize),
    gradient: &Gradient<T>,
    pending: &mut Pending<T>,
    results: &mut Results,
) -> Result<(), NnError> {
    let plan = &network.plan;
    let step = &plan.steps[index];
    let width = network.mixtures[table].width;
    let weights = network.mixtures[table].rows(row, edges);
    let dy = slices(&gradient.blocks);
    // Batch norms that this sum alone reads, their channels where its own are.
    let is_own = |input: usize| {
        let from = &plan.steps[input];
        run.norms[input].is_some() && from.readers == 1 && from.slots == step.slots
    };
    let own: Vec<usize> = (0..step.inputs.len()).filter(|&i| is_own(step.inputs[i])).collect();
    let norm = |operation: usize| run.norms[step.inputs[operation]].as_ref().expect("it is one of its own norms");
    let mut sums = norm::sums_of(&own.iter().map(|&i| norm(i)).collect::<Vec<_>>(), &dy, run.batch).into_iter();
    for (operation, &input) in step.inputs.iter().enumerate() {
        let from = &plan.steps[input];
        if matches!(from.layer, Layer::Zero { .. }) {
            continue;
        }
        let slope = &mut results.mixtures[table][row * width + operation];
        if is_own(input) {
            let sums = sums.next().expect("there are sums for each of them");
            *slope += norm(operation).dot(&sums);
            let factor = weights[operation];
            pending.send(input, Gradient { factor, sums: Some(sums), ..Gradient::plain(gradient.blocks.clone()) });
        } else {
            let moved = moved(network, gradient, index, input);
            *slope += elementwise::dot(&run.value(input).operand(), &slices(&moved.blocks));
            if from.learns {
                pending.add(input, &moved.blocks, weights[operation]);
            }
        }
    }
    Ok(())
}
