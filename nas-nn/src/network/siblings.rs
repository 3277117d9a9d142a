//! Convolutions, linear layers and poolings in a network: those that read one value run together.

use std::sync::Arc;

use nas_space::{Layer, Pool};

use super::backward::Results;
use super::forward::{Run, wide};
use super::plan::{Convolution, Step};
use super::value::{Gradient, Pending, Value, slices};
use super::{Mode, Network};
use crate::NnError;
use crate::element::{Element, Stored};
use crate::kernels::conv::{self, Gradients, Problem, Weights};
use crate::kernels::lanes::Lanes;
use crate::kernels::plane::Geometry;
use crate::kernels::pooling::{self, Pooling};
use crate::kernels::read::{Affine, Operand};
use crate::kernels::siblings::{self, Backward, Forward, Sibling};
use crate::layout;
use crate::ops::View;
use crate::pool::{Buffer, fresh, slices_mut};

/// Runs all siblings of a node, those that only training needs left out unless something is to be learned.
pub(super) fn forward<S: Stored>(
    network: &Network,
    run: &mut Run<S>,
    index: usize,
    mode: Mode,
    learn: bool,
) -> Result<(), NnError> {
    let plan = &network.plan;
    let members = plan.members(index, learn);
    let batch = run.batch;
    let mut runs = Vec::with_capacity(members.len());
    let mut twins = Vec::new();
    for (number, &member) in members.iter().enumerate() {
        let step = &plan.steps[member];
        if let Layer::Pool(Pool { kind, window }) = &step.layer {
            if let Some(&twin) = members[..number].iter().find(|&&twin| plan.is_twin(twin, member)) {
                twins.push((member, twin));
                continue;
            }
            run.poolings[member] = Some(Arc::new(Pooling::new(*kind, geometry(&plan.steps, member, window)?)));
        }
        runs.push((member, fresh::<S>(if step.spared { 0 } else { step.blocks }, batch * step.pixels())));
    }
    let mut siblings = Vec::with_capacity(runs.len());
    let tallies = |step: &Step| step.tallies && mode != Mode::Evaluate;
    for (member, y) in &mut runs {
        let step = &plan.steps[*member];
        let tally = tallies(step);
        if step.spared && !tally {
            continue;
        }
        let op = op(network, run, *member)?;
        siblings.push(Sibling { op, y: (!step.spared).then(|| slices_mut(y)), tally });
    }
    let mut found = siblings::forward(batch, siblings).into_iter();
    for (member, y) in runs {
        let step = &plan.steps[member];
        if !step.spared || tallies(step) {
            run.tallies[member] = found.next().expect("there are moments, or an empty list, for each that ran");
        }
        let mut y = Value::own(y);
        if let Layer::Linear { .. } = step.layer {
            y.affine = Some(Arc::new(bias(network, step)?));
        }
        run.values[member] = Some(y);
    }
    for (member, twin) in twins {
        run.poolings[member] = run.poolings[twin].clone();
        run.values[member] = run.values[twin].clone();
        run.tallies[member] = run.tallies[twin].clone();
    }
    Ok(())
}

/// What a convolution or pooling reads.
fn operand<'a, S: Stored>(run: &'a Run<S>, step: &Step) -> Operand<'a, S> {
    let mut operand = run.value(step.target).operand();
    operand.relu |= step.gated;
    operand
}

fn op<'a, S: Stored>(network: &'a Network, run: &'a Run<S>, index: usize) -> Result<Forward<'a, S>, NnError> {
    let x = operand(run, &network.plan.steps[index]);
    if let Some(pooling) = &run.poolings[index] {
        return Ok(Forward::Pooling(Box::new(pooling::Forward { pooling, x })));
    }
    let problem = problem(&network.plan.steps, index, run.batch)?;
    let forward = with_weights(network, index, |weights| conv::Forward::new(problem, x, weights))?;
    Ok(Forward::Convolution(Box::new(forward)))
}

/// The output of a pooling that was not kept.
pub(super) fn pooled<S: Stored>(network: &Network, run: &Run<S>, index: usize) -> Result<Vec<Buffer<S>>, NnError> {
    let step = &network.plan.steps[index];
    let mut y = fresh(step.blocks, run.batch * step.pixels());
    let op = op(network, run, index)?;
    siblings::forward(run.batch, vec![Sibling { op, y: Some(slices_mut(&mut y)), tally: false }]);
    Ok(y)
}

fn geometry(steps: &[Step], index: usize, window: &nas_space::Window) -> Result<Geometry, NnError> {
    let source = &steps[steps[index].target];
    let impossible = NnError::Layer { kind: steps[index].layer.kind() };
    Geometry::new(window, [source.shape.height, source.shape.width]).ok_or(impossible)
}

/// The sizes of a convolution or linear layer.
fn problem(steps: &[Step], index: usize, batch: usize) -> Result<Problem<'_>, NnError> {
    let step = &steps[index];
    let Some(Convolution { window, stages, out }) = step.convolution else {
        return Err(NnError::Layer { kind: step.layer.kind() });
    };
    let geometry = geometry(steps, index, &window)?;
    Ok(Problem { geometry, batch, stages, slots: &steps[step.target].slots, out })
}

/// Calls `f` with the weights of a convolution or linear layer.
fn with_weights<T: Element, R>(
    network: &Network,
    index: usize,
    f: impl FnOnce(Weights<'_, T>) -> R,
) -> candle_core::Result<R> {
    let steps = &network.plan.steps;
    let view = |node: usize| {
        let parameter = steps[node].parameter.expect("a convolution has a weight");
        View::tensor(steps[node].layer.kind(), &network.parameters[parameter].var)
    };
    let own = view(index)?;
    let first = steps[index].absorbs.map(view).transpose()?;
    let stages = steps[index].convolution.expect("it is a convolution").stages;
    let weights = match &first {
        Some(first) => Weights { depthwise: first.slice()?, dense: own.slice()? },
        None => Weights::of(stages, own.slice()?),
    };
    Ok(f(weights))
}

/// A linear layer's bias as what readers of its output have to add.
fn bias<T: Element>(network: &Network, step: &Step) -> candle_core::Result<Vec<Affine<T>>> {
    let bias = wide(&network.parameters[step.parameter.expect("a linear layer has a bias") + 1].var)?;
    let shift = layout::per_channel(&step.slots, step.blocks, 0.0, |channel| bias[channel]);
    Ok(shift.into_iter().map(|shift| Affine { shift: Lanes::of(shift), ..Affine::identity() }).collect())
}

/// The gradients of all siblings that got one, for their weights and the value they read.
pub(super) fn backward<S: Stored>(
    network: &Network,
    run: &Run<S>,
    gradients: &[(usize, Gradient<S>)],
    pending: &mut Pending<S>,
    results: &mut Results,
) -> Result<(), NnError> {
    let steps = &network.plan.steps;
    let Some(&(first, _)) = gradients.first() else { return Ok(()) };
    let target = steps[first].target;
    let from = &steps[target];
    let mut dx = from.learns.then(|| pending.open(target, from.blocks, run.batch * from.pixels()));
    if !results.weights && dx.is_none() {
        return Ok(());
    }
    // A convolution that alone reads a batch norm takes its sums; a norm of few elements works them out in f64 itself.
    let norm = steps[first].sums_for.map(|norm| run.norms[norm].as_ref().expect("batch norms leave their statistics"));
    let norm = norm.filter(|norm| !norm.is_small());
    let mut ops = Vec::with_capacity(gradients.len());
    // The sibling that each op stands for; of equal poolings, the first.
    let mut stand: Vec<usize> = Vec::with_capacity(gradients.len());
    for (member, gradient) in gradients {
        let step = &steps[*member];
        if stand.iter().any(|&twin| network.plan.is_twin(twin, *member)) {
            continue;
        }
        stand.push(*member);
        if let Some(pooling) = &run.poolings[*member] {
            let x = run.values[target].is_some().then(|| operand(run, step));
            let twins = gradients.iter().filter(|(twin, _)| network.plan.is_twin(*twin, *member));
            let incoming = twins.map(|(_, gradient)| gradient.incoming()).collect();
            ops.push(Backward::Pooling(Box::new(pooling::Backward::new(pooling, x, incoming))));
            continue;
        }
        let incoming = gradient.incoming();
        let problem = problem(steps, *member, run.batch)?;
        let x = operand(run, step);
        let backward = with_weights(network, *member, |w| conv::Backward::new(problem, x, w, incoming))?;
        let backward = backward.weights(results.weights).gate(step.gated).sums(norm.is_some() && dx.is_some());
        ops.push(Backward::Convolution(Box::new(backward)));
    }
    let (blocks, add) = match &mut dx {
        Some((blocks, add)) => (Some(slices_mut(blocks)), *add),
        None => (None, false),
    };
    let found = siblings::backward(run.batch, ops, blocks, add);
    if let Some((blocks, _)) = dx {
        let sums = norm.map(|norm| norm.total(&found[0].sums));
        pending.send(target, Gradient { sums, ..Gradient::own(blocks) });
    }
    for (member, found) in stand.into_iter().zip(found) {
        let gradient = gradients.iter().find(|(other, _)| *other == member);
        if let (true, None, Some((_, gradient))) = (results.weights, &run.poolings[member], gradient) {
            learned(network, run, member, gradient, found, results)?;
        }
    }
    Ok(())
}

/// Hands a convolution's or linear layer's gradients over.
fn learned<S: Stored>(
    network: &Network,
    run: &Run<S>,
    index: usize,
    gradient: &Gradient<S>,
    found: Gradients<S::Real>,
    results: &mut Results,
) -> candle_core::Result<()> {
    let steps = &network.plan.steps;
    let step = &steps[index];
    let own = step.parameter.expect("a convolution has a weight");
    if let Some(first) = step.absorbs {
        results.set(network, steps[first].parameter.expect("a convolution has a weight"), found.depthwise)?;
        return results.set(network, own, found.dense);
    }
    results.set(network, own, found.single())?;
    if let Layer::Linear { .. } = step.layer {
        let dy = Operand::plain(slices(&gradient.blocks));
        let rows = layout::from_blocks(&dy, &step.slots, run.batch, 1);
        let classes = step.slots.len();
        let sum = |class: usize| rows.chunks(classes).map(|row| row[class]).fold(S::Real::ZERO, |sum, v| sum + v);
        results.set(network, own + 1, (0..classes).map(sum).collect())?;
    }
    Ok(())
}
