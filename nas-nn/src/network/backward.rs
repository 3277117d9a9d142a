//! The reverse pass: from the loss back to every parameter, freeing activations on the way.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use nas_space::Layer;

use super::forward::{Run, logits};
use super::value::{Gradient, Pending, slices};
use super::{Network, Step, StepConfig, custom, mixture, siblings};
use crate::NnError;
use crate::element::{Element, Stored};
use crate::kernels::pad::{self, Frame};
use crate::kernels::read::Operand;
use crate::kernels::{elementwise, pooling};
use crate::layout;
use crate::ops::loss;
use crate::pool::{fresh, slices_mut};

pub(super) fn run<S: Stored>(
    network: &Network,
    mut run: Run<S>,
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
        let blocks = layout::to_blocks::<S>(&gradient, run.batch, step.shape.channels * step.pixels(), 1);
        pending.close(node, blocks);
        Ok((weight * outcome.total / labels.len() as f64, outcome.correct))
    };
    let (mut loss, correct) = seed(plan.output, 1.0)?;
    if let Some(auxiliary) = plan.auxiliary {
        loss += seed(auxiliary, config.auxiliary_weight)?.0;
    }

    // Siblings wait for the first of them: all have their gradients then.
    let mut waiting: Vec<Vec<(usize, Gradient<S>)>> = vec![Vec::new(); plan.steps.len()];
    for index in (0..plan.steps.len()).rev() {
        let gradient = pending.take(index);
        match (plan.steps[index].lead, gradient) {
            (Some(lead), Some(gradient)) => waiting[lead].push((index, gradient)),
            (None, Some(gradient)) => node(network, &mut run, index, gradient, &mut pending, &mut results)?,
            _ => {}
        }
        let siblings = std::mem::take(&mut waiting[index]);
        siblings::backward(network, &run, &siblings, &mut pending, &mut results)?;
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
pub(super) struct Results {
    /// Whether gradients of the parameters are wanted.
    pub(super) weights: bool,
    gradients: Vec<Option<Tensor>>,
    pub(super) mixtures: Vec<Vec<f64>>,
}

impl Results {
    pub(super) fn set<T: Element>(
        &mut self,
        network: &Network,
        parameter: usize,
        gradient: Vec<T>,
    ) -> candle_core::Result<()> {
        let dims = network.parameters[parameter].var.dims();
        self.gradients[parameter] = Some(Tensor::from_vec(gradient, dims, &Device::Cpu)?);
        Ok(())
    }
}

/// Sends one node's gradient on to its inputs and its parameters.
fn node<S: Stored>(
    network: &Network,
    run: &mut Run<S>,
    index: usize,
    gradient: Gradient<S>,
    pending: &mut Pending<S>,
    results: &mut Results,
) -> Result<(), NnError> {
    let plan = &network.plan;
    let step = &plan.steps[index];
    let Some(&source) = step.inputs.first() else { return Ok(()) };
    let from = &plan.steps[source];
    let (blocks, len) = (from.blocks, run.batch * from.pixels());
    match &step.layer {
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
            mixture::backward(network, run, index, (*table, *row, *edges), &gradient, pending, results)?;
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
        Layer::Select { channels } => {
            let dy = Operand::plain(slices(&gradient.blocks));
            let to: Vec<usize> = channels.iter().map(|&channel| from.slots[channel]).collect();
            pending.send(source, Gradient::own(layout::move_channels(&dy, &step.slots, &to, blocks)));
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
            let (dx, learned) = custom::backward::<S>(layer.as_ref(), &passed, dy)?;
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
pub(super) fn moved<S: Stored>(network: &Network, gradient: &Gradient<S>, index: usize, input: usize) -> Gradient<S> {
    let (step, from) = (&network.plan.steps[index], &network.plan.steps[input]);
    if step.slots == from.slots {
        return gradient.clone();
    }
    let dy = Operand::plain(slices(&gradient.blocks));
    let blocks = layout::move_channels(&dy, &step.slots, &from.slots, from.blocks);
    Gradient::own(blocks)
}

fn batch_norm<S: Stored>(
    network: &Network,
    run: &Run<S>,
    index: usize,
    gradient: &Gradient<S>,
    pending: &mut Pending<S>,
    results: &mut Results,
) -> Result<(), NnError> {
    let step = &network.plan.steps[index];
    let source = step.inputs[0];
    let mut norm = run.norms[index].as_ref().expect("batch norms leave their statistics");
    let whole;
    if let (Some(pool), true) = (network.plan.spared(index), norm.is_small()) {
        let pooled = siblings::pooled(network, run, pool)?;
        whole = norm.with_input(pooled.into_iter().map(Arc::new).collect());
        norm = &whole;
    }
    let sums = match &gradient.sums {
        Some(sums) => sums.clone(),
        None => norm.sums(&slices(&gradient.blocks), run.batch),
    };
    if let (Some(first), true) = (step.parameter, results.weights) {
        let (weight, bias) = norm.affine_gradients(&sums, gradient.factor);
        for (parameter, lanes) in [(first, weight), (first + 1, bias)] {
            let values: Vec<S::Real> = layout::channels(&lanes, &step.slots).into_iter().map(S::Real::of).collect();
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
