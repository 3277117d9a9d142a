//! The forward pass.

use std::sync::Arc;

use candle_core::{DType, Tensor, bail};
use nas_space::{Layer, Seed};
use rand::RngExt;

use super::custom::{self, Passed};
use super::norm::{self, Norm};
use super::plan::Step;
use super::value::Value;
use super::{Mode, Network, mixture, siblings};
use crate::NnError;
use crate::element::{Element, Stored};
use crate::kernels::elementwise;
use crate::kernels::lanes::Lanes;
use crate::kernels::norm::{Tally, moments};
use crate::kernels::pad::{self, Frame};
use crate::kernels::pooling::{self, Pooling};
use crate::kernels::read::Affine;
use crate::layout;
use crate::ops::View;
use crate::pool::{self, fresh, slices_mut};

/// How much of the batch's statistics enters the running ones (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// What a forward pass leaves for the reverse pass.
pub(super) struct Run<S: Stored> {
    pub(super) batch: usize,
    /// Whether training ReLUs rectified.
    pub(super) rectifies: bool,
    /// The output of each node that is still needed.
    pub(super) values: Vec<Option<Value<S>>>,
    /// The batch norms.
    pub(super) norms: Vec<Option<Norm<S>>>,
    /// The factor of each sample at each dropped path.
    pub(super) factors: Vec<Option<Vec<S::Real>>>,
    /// The inputs and outputs of custom layers.
    pub(super) passed: Vec<Option<Passed>>,
    /// The poolings, with what each needs.
    pub(super) poolings: Vec<Option<Arc<Pooling<S::Real>>>>,
    /// The moments that convolutions and poolings took of their outputs.
    pub(super) tallies: Vec<Vec<Tally>>,
    /// The moments by which batch norms normalized, where running statistics are to follow them.
    measured: Vec<(usize, Vec<Tally>)>,
}

impl<S: Stored> Run<S> {
    pub(super) fn value(&self, node: usize) -> &Value<S> {
        self.values[node].as_ref().expect("the plan keeps what is read")
    }
}

/// Runs all nodes, or those the main output needs when nothing is to be learned.
pub(super) fn run<S: Stored>(network: &Network, images: &Tensor, mode: Mode, learn: bool) -> Result<Run<S>, NnError> {
    let count = network.plan.steps.len();
    let mut run = Run {
        batch: images.dims()[0],
        rectifies: matches!(mode, Mode::Train { .. }),
        values: vec![None; count],
        norms: (0..count).map(|_| None).collect(),
        factors: vec![None; count],
        passed: (0..count).map(|_| None).collect(),
        poolings: vec![None; count],
        tallies: vec![Vec::new(); count],
        measured: Vec::new(),
    };
    let images = images.contiguous()?;
    for index in 0..count {
        if !network.plan.runs(index, learn) {
            continue;
        }
        if network.plan.steps[index].lead.is_none() {
            let value = node(network, &mut run, index, &images, mode)?;
            run.values[index] = Some(value);
        } else if run.values[index].is_none() {
            siblings::forward(network, &mut run, index, mode, learn)?;
        }
        network.plan.released(index, learn).for_each(|input| run.values[input] = None);
        if !learn {
            (run.norms[index], run.passed[index]) = (None, None);
        }
    }
    Ok(run)
}

fn node<S: Stored>(
    network: &Network,
    run: &mut Run<S>,
    index: usize,
    images: &Tensor,
    mode: Mode,
) -> Result<Value<S>, NnError> {
    let step = &network.plan.steps[index];
    let batch = run.batch;
    let len = batch * step.pixels();
    let value = |i: usize| run.value(step.inputs[i]);
    let result = match &step.layer {
        Layer::Input => {
            let images = View::tensor(step.layer.kind(), images)?;
            return Ok(Value::own(layout::to_blocks(images.slice()?, batch, step.shape.channels, step.pixels())));
        }
        Layer::Relu => return Ok(Value { relu: true, ..value(0).clone() }),
        Layer::TrainingRelu if run.rectifies => return Ok(Value { relu: true, ..value(0).clone() }),
        Layer::TrainingRelu => return Ok(value(0).clone()),
        Layer::GlobalAveragePool => {
            let mut y = fresh(step.blocks, len);
            let pixels = network.plan.steps[step.inputs[0]].pixels();
            pooling::mean_planes(&value(0).operand(), pixels, slices_mut(&mut y));
            y
        }
        Layer::Add | Layer::Concat if step.inputs.len() == 1 => return Ok(value(0).clone()),
        Layer::Add => {
            let inputs: Vec<_> = step.inputs.iter().map(|&input| aligned(network, run, index, input)).collect();
            let operands: Vec<_> = inputs.iter().map(Value::operand).collect();
            let mut y = fresh(step.blocks, len);
            elementwise::sum(&operands, slices_mut(&mut y));
            y
        }
        Layer::WeightedSum { table, row, edges } => mixture::forward(network, run, index, (*table, *row, *edges)),
        Layer::Concat => return Ok(concat(&step.inputs.iter().map(|&i| run.value(i).clone()).collect::<Vec<_>>())),
        Layer::Narrow { channels } => {
            let from = &network.plan.steps[step.inputs[0]].slots[..*channels];
            layout::move_channels(&value(0).operand(), from, &step.slots, step.blocks)
        }
        Layer::Select { channels } => {
            let all = &network.plan.steps[step.inputs[0]].slots;
            let from: Vec<usize> = channels.iter().map(|&channel| all[channel]).collect();
            layout::move_channels(&value(0).operand(), &from, &step.slots, step.blocks)
        }
        Layer::Pad { before, .. } => {
            let mut y = fresh(step.blocks, len);
            let inner = network.plan.steps[step.inputs[0]].shape;
            pad::frame(&value(0).operand(), &Frame::new(inner, step.shape, *before), slices_mut(&mut y));
            y
        }
        Layer::Zero { .. } => {
            let mut zeros = pool::take::<S>(len);
            zeros.fill(Lanes::ZERO);
            let zeros = Arc::new(zeros);
            return Ok(Value::plain((0..step.blocks).map(|_| zeros.clone()).collect()));
        }
        Layer::DropPath => match mode {
            Mode::Train { drop_path, seed } if drop_path > 0.0 => {
                let drop_path = drop_path * network.graph.drop_path_share(index);
                let factors: Vec<S::Real> = drop::<S>(batch, drop_path, seed.index(index as u64));
                let mut y = fresh(step.blocks, len);
                let x = value(0).operand();
                elementwise::scale_samples(&x, &factors, step.pixels(), slices_mut(&mut y), false);
                run.factors[index] = Some(factors);
                y
            }
            _ => return Ok(value(0).clone()),
        },
        Layer::BatchNorm { .. } => return batch_norm(network, run, index, mode),
        Layer::Custom { .. } => {
            let layer = network.customs.get(&index).expect("every custom node got its layer");
            let from = &network.plan.steps[step.inputs[0]];
            let dims = |step: &Step| [batch, step.shape.channels, step.shape.height, step.shape.width];
            let x = layout::from_blocks(&value(0).operand(), &from.slots, batch, from.pixels());
            let (y, passed) =
                custom::forward::<S>(&network.graph.node(index).name, layer.as_ref(), x, &dims(from), &dims(step))?;
            run.passed[index] = Some(passed);
            y
        }
        other => return Err(NnError::Layer { kind: other.kind() }),
    };
    Ok(Value::own(result))
}

/// An input of a sum, its channels in the lanes of the sum's.
pub(super) fn aligned<S: Stored>(network: &Network, run: &Run<S>, index: usize, input: usize) -> Value<S> {
    let (step, from) = (&network.plan.steps[index], &network.plan.steps[input]);
    if from.slots == step.slots {
        return run.value(input).clone();
    }
    Value::own(layout::move_channels(&run.value(input).operand(), &from.slots, &step.slots, step.blocks))
}

/// The blocks of all parts, one after another; nothing is copied unless some parts are read through a ReLU and others not.
fn concat<S: Stored>(parts: &[Value<S>]) -> Value<S> {
    let relu = parts[0].relu;
    let same = parts.iter().all(|part| part.relu == relu);
    let parts: Vec<Value<S>> = parts.iter().map(|part| if same { part.clone() } else { part.computed() }).collect();
    let affine = parts.iter().any(|part| part.affine.is_some()).then(|| {
        let maps = |part: &Value<S>| match &part.affine {
            Some(affine) => affine.to_vec(),
            None => vec![Affine::identity(); part.blocks.len()],
        };
        Arc::new(parts.iter().flat_map(maps).collect())
    });
    let blocks = parts.iter().flat_map(|part| part.blocks.iter().cloned()).collect();
    Value { blocks, affine, relu: relu && same }
}

fn batch_norm<S: Stored>(network: &Network, run: &mut Run<S>, index: usize, mode: Mode) -> Result<Value<S>, NnError> {
    let Network { plan, parameters, buffers, .. } = network;
    let step = &plan.steps[index];
    let source = step.inputs[0];
    let input = run.value(source).computed();
    let first = step.buffer.expect("batch norms have running statistics");
    let lanes = |values: Vec<f64>, gap: f64| layout::per_channel(&step.slots, step.blocks, gap, |c| values[c]);
    let affine = match (&step.layer, step.parameter) {
        (Layer::BatchNorm { affine: true }, Some(first)) => {
            (lanes(wide(&parameters[first].var)?, 0.0), lanes(wide(&parameters[first + 1].var)?, 0.0))
        }
        _ => (norm::ones(&step.slots, step.blocks), norm::zeros(step.blocks)),
    };
    let norm = if mode == Mode::Evaluate {
        let mean = lanes(wide(&buffers[first].1)?, 0.0);
        let variance = lanes(wide(&buffers[first + 1].1)?, 1.0);
        Norm::given(input.blocks, mean, &variance, affine)
    } else {
        let tallies = match std::mem::take(&mut run.tallies[source]) {
            empty if empty.is_empty() => moments(&input.operand(), run.batch, step.pixels()),
            tallies => tallies,
        };
        let norm = Norm::of_batch(input.blocks, &tallies, affine);
        if matches!(mode, Mode::Train { .. }) {
            run.measured.push((index, tallies));
        }
        norm
    };
    let output = norm.output();
    run.norms[index] = Some(norm);
    Ok(output)
}

/// The factor of each sample: 0 with the probability given, otherwise what keeps the expectation.
fn drop<S: Stored>(batch: usize, probability: f64, seed: Seed) -> Vec<S::Real> {
    let mut rng = seed.rng();
    let kept = 1.0 / (1.0 - probability);
    (0..batch).map(|_| S::Real::of(if rng.random::<f64>() < probability { 0.0 } else { kept })).collect()
}

pub(super) fn wide(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// Lets the running statistics of every batch norm follow those of the pass.
pub(super) fn follow<S: Stored>(network: &mut Network, run: &Run<S>) -> candle_core::Result<()> {
    let Network { plan, buffers, .. } = network;
    for (index, tallies) in &run.measured {
        let step = &plan.steps[*index];
        let first = step.buffer.expect("batch norms have running statistics");
        update(&mut buffers[first..first + 2], tallies, &step.slots)?;
    }
    Ok(())
}

/// running ← 0.9 · running + 0.1 · batch; the variance enters unbiased.
fn update(buffers: &mut [(String, Tensor)], tallies: &[Tally], slots: &[usize]) -> candle_core::Result<()> {
    let count = tallies.first().map_or(0.0, |tally| tally.count);
    // A single element has no unbiased variance; its biased one, zero, is the honest value.
    let unbiased = count / (count.max(2.0) - 1.0);
    let mean: Vec<Lanes<f64>> = tallies.iter().map(|tally| tally.mean).collect();
    let variance: Vec<Lanes<f64>> = tallies.iter().map(|tally| tally.variance().map(|v| v * unbiased)).collect();
    for ((_, buffer), fresh) in buffers.iter_mut().zip([mean, variance]) {
        let fresh = layout::channels(&fresh, slots);
        let new: Vec<f64> =
            wide(buffer)?.iter().zip(fresh).map(|(old, fresh)| (1.0 - MOMENTUM) * old + MOMENTUM * fresh).collect();
        *buffer = Tensor::from_vec(new, buffer.dims(), buffer.device())?.to_dtype(buffer.dtype())?;
    }
    Ok(())
}

/// The logits `[batch · classes]` a head yields.
pub(super) fn logits<S: Stored>(network: &Network, run: &Run<S>, node: usize) -> candle_core::Result<Vec<S::Real>> {
    let step = &network.plan.steps[node];
    let Some(value) = &run.values[node] else { bail!("the head was not run") };
    Ok(layout::from_blocks(&value.operand(), &step.slots, run.batch, step.pixels()))
}
