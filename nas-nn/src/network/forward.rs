//! The forward pass.

use std::sync::Arc;

use candle_core::{DType, Tensor, bail};
use nas_space::{Layer, Pool, Seed, Window};
use rand::RngExt;

use super::custom::{self, Passed};
use super::norm::{self, Norm};
use super::plan::{Convolution, Step};
use super::value::Value;
use super::{Mode, Network};
use crate::NnError;
use crate::element::Element;
use crate::kernels::conv::{self, Problem, Weights};
use crate::kernels::lanes::Lanes;
use crate::kernels::norm::{Tally, moments};
use crate::kernels::pad::{self, Frame};
use crate::kernels::plane::Geometry;
use crate::kernels::read::Affine;
use crate::kernels::{elementwise, pooling};
use crate::layout;
use crate::ops::View;
use crate::pool::{self, fresh, slices_mut};

/// How much of the batch's statistics enters the running ones (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// What a forward pass leaves for the reverse pass.
pub(super) struct Run<T: Element> {
    pub(super) batch: usize,
    /// Whether training ReLUs rectified.
    pub(super) rectifies: bool,
    /// The output of each node that is still needed.
    pub(super) values: Vec<Option<Value<T>>>,
    /// The batch norms.
    pub(super) norms: Vec<Option<Norm<T>>>,
    /// The factor of each sample at each dropped path.
    pub(super) factors: Vec<Option<Vec<T>>>,
    /// The inputs and outputs of custom layers.
    pub(super) passed: Vec<Option<Passed>>,
    /// The moments that convolutions took of their outputs.
    tallies: Vec<Vec<Tally>>,
}

impl<T: Element> Run<T> {
    pub(super) fn value(&self, node: usize) -> &Value<T> {
        self.values[node].as_ref().expect("the plan keeps what is read")
    }
}

/// Runs all nodes, or those the main output needs when nothing is to be learned.
pub(super) fn run<T: Element>(
    network: &mut Network,
    images: &Tensor,
    mode: Mode,
    learn: bool,
) -> Result<Run<T>, NnError> {
    let shape = network.graph.input_shape();
    let expected = [shape.channels, shape.height, shape.width];
    if images.rank() != 4 || images.dims()[1..] != expected {
        return Err(NnError::Images { found: images.dims().to_vec(), expected });
    }
    let count = network.plan.steps.len();
    let mut run = Run {
        batch: images.dims()[0],
        rectifies: matches!(mode, Mode::Train { .. }),
        values: vec![None; count],
        norms: (0..count).map(|_| None).collect(),
        factors: vec![None; count],
        passed: (0..count).map(|_| None).collect(),
        tallies: vec![Vec::new(); count],
    };
    let images = images.contiguous()?;
    for index in 0..count {
        if network.plan.steps[index].absorbed || (!learn && !network.plan.main[index]) {
            continue;
        }
        let value = node(network, &mut run, index, &images, mode)?;
        run.values[index] = Some(value);
        release(network, &mut run, index, learn);
        if !learn {
            (run.norms[index], run.passed[index]) = (None, None);
        }
    }
    Ok(run)
}

/// Lets go of the inputs that nobody reads after this node.
fn release<T: Element>(network: &Network, run: &mut Run<T>, index: usize, learn: bool) {
    let plan = &network.plan;
    let heads = [Some(plan.output), plan.auxiliary];
    for &input in &plan.steps[index].inputs {
        let step = &plan.steps[input];
        // Without the auxiliary head the last reader may never come; what it would read is small enough to wait.
        if step.last_reader == index && !(learn && step.keep) && !heads.contains(&Some(input)) {
            run.values[input] = None;
        }
    }
}

/// The sizes of a convolution or linear layer of the graph.
pub(super) fn problem<'a>(steps: &'a [Step], index: usize, batch: usize) -> Result<Problem<'a>, NnError> {
    let step = &steps[index];
    let source = &steps[step.inputs[0]];
    let impossible = NnError::Layer { kind: step.layer.kind() };
    let Some(Convolution { window, stages, out }) = step.convolution else { return Err(impossible) };
    let Some(geometry) = Geometry::new(&window, [source.shape.height, source.shape.width]) else {
        return Err(impossible);
    };
    Ok(Problem { geometry, batch, stages, slots: &source.slots, out })
}

/// Calls `f` with the weights of a convolution or linear layer.
pub(super) fn with_weights<T: Element, R>(
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

fn node<T: Element>(
    network: &mut Network,
    run: &mut Run<T>,
    index: usize,
    images: &Tensor,
    mode: Mode,
) -> Result<Value<T>, NnError> {
    let step = &network.plan.steps[index];
    let batch = run.batch;
    let len = batch * step.pixels();
    let value = |i: usize| run.value(step.inputs[i]);
    let result = match &step.layer {
        Layer::Input => {
            let images = View::tensor(step.layer.kind(), images)?;
            return Ok(Value::own(layout::to_blocks(images.slice()?, batch, step.shape.channels, step.pixels())));
        }
        Layer::Conv2d(_) | Layer::Linear { .. } => {
            let problem = problem(&network.plan.steps, index, batch)?;
            let tally = step.tallies && mode != Mode::Evaluate;
            let mut y = fresh(step.blocks, len);
            let x = value(0).operand();
            let tallies = with_weights(network, index, |weights| {
                conv::forward(&problem, &x, weights, slices_mut(&mut y), tally)
            })?;
            run.tallies[index] = tallies;
            let mut y = Value::own(y);
            if let Layer::Linear { .. } = step.layer {
                y.affine = Some(Arc::new(bias(network, step)?));
            }
            return Ok(y);
        }
        Layer::Relu => return Ok(Value { relu: true, ..value(0).clone() }),
        Layer::TrainingRelu if run.rectifies => return Ok(Value { relu: true, ..value(0).clone() }),
        Layer::TrainingRelu => return Ok(value(0).clone()),
        Layer::Pool(Pool { kind, window }) => {
            let problem = pool_problem(network, index, *kind, window, batch)?;
            let mut y = fresh(step.blocks, len);
            pooling::forward(&problem, &value(0).operand(), slices_mut(&mut y));
            y
        }
        Layer::GlobalAveragePool => {
            let mut y = fresh(step.blocks, len);
            let pixels = network.plan.steps[step.inputs[0]].pixels();
            pooling::mean_planes(&value(0).operand(), pixels, slices_mut(&mut y));
            y
        }
        Layer::Add | Layer::Concat if step.inputs.len() == 1 => return Ok(value(0).clone()),
        Layer::Add => {
            let inputs = aligned(network, run, index);
            let operands: Vec<_> = inputs.iter().map(Value::operand).collect();
            let mut y = fresh(step.blocks, len);
            elementwise::sum(&operands, slices_mut(&mut y));
            y
        }
        Layer::WeightedSum { table, row, edges } => {
            let weights = network.mixtures[*table].rows(*row, *edges);
            let inputs = aligned(network, run, index);
            // An operation that yields zeros costs nothing.
            let counts = |i: &usize| !matches!(network.plan.steps[step.inputs[*i]].layer, Layer::Zero { .. });
            let (operands, weights): (Vec<_>, Vec<_>) =
                (0..inputs.len()).filter(counts).map(|i| (inputs[i].operand(), T::of(weights[i]))).unzip();
            let mut y = fresh(step.blocks, len);
            elementwise::weighted_sum(&operands, &weights, slices_mut(&mut y));
            y
        }
        Layer::Concat => return Ok(concat(&step.inputs.iter().map(|&i| run.value(i).clone()).collect::<Vec<_>>())),
        Layer::Narrow { channels } => {
            let from = &network.plan.steps[step.inputs[0]].slots[..*channels];
            layout::move_channels(&value(0).operand(), from, &step.slots, step.blocks)
        }
        Layer::Pad { before, .. } => {
            let mut y = fresh(step.blocks, len);
            let inner = network.plan.steps[step.inputs[0]].shape;
            pad::frame(&value(0).operand(), &Frame::new(inner, step.shape, *before), slices_mut(&mut y));
            y
        }
        Layer::Zero { .. } => {
            let mut zeros = pool::take::<T>(len);
            zeros.fill(Lanes::ZERO);
            let zeros = Arc::new(zeros);
            return Ok(Value::plain((0..step.blocks).map(|_| zeros.clone()).collect()));
        }
        Layer::DropPath => match mode {
            Mode::Train { drop_path, seed } if drop_path > 0.0 => {
                let drop_path = drop_path * network.graph.drop_path_share(index);
                let factors: Vec<T> = drop(batch, drop_path, seed.index(index as u64));
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
                custom::forward(&network.graph.node(index).name, layer.as_ref(), x, &dims(from), &dims(step))?;
            run.passed[index] = Some(passed);
            y
        }
        other => return Err(NnError::Layer { kind: other.kind() }),
    };
    Ok(Value::own(result))
}

pub(super) fn pool_problem(
    network: &Network,
    index: usize,
    kind: nas_space::PoolKind,
    window: &Window,
    batch: usize,
) -> Result<pooling::Problem, NnError> {
    let step = &network.plan.steps[index];
    let source = &network.plan.steps[step.inputs[0]];
    let geometry = Geometry::new(window, [source.shape.height, source.shape.width])
        .ok_or(NnError::Layer { kind: step.layer.kind() })?;
    Ok(pooling::Problem { kind, geometry, batch })
}

/// A linear layer's bias as what readers of its output have to add.
fn bias<T: Element>(network: &Network, step: &Step) -> candle_core::Result<Vec<Affine<T>>> {
    let bias = wide(&network.parameters[step.parameter.expect("a linear layer has a bias") + 1].var)?;
    let shift = layout::per_channel(&step.slots, step.blocks, 0.0, |channel| bias[channel]);
    Ok(shift.into_iter().map(|shift| Affine { shift: Lanes::of(shift), ..Affine::identity() }).collect())
}

/// The inputs of a sum, their channels in the same lanes.
fn aligned<T: Element>(network: &Network, run: &Run<T>, index: usize) -> Vec<Value<T>> {
    let step = &network.plan.steps[index];
    let align = |&input: &usize| {
        let (value, slots) = (run.value(input), &network.plan.steps[input].slots);
        if *slots == step.slots {
            return value.clone();
        }
        Value::own(layout::move_channels(&value.operand(), slots, &step.slots, step.blocks))
    };
    step.inputs.iter().map(align).collect()
}

/// The blocks of all parts, one after another; nothing is copied unless some parts are read through a ReLU and others not.
fn concat<T: Element>(parts: &[Value<T>]) -> Value<T> {
    let relu = parts[0].relu;
    let same = parts.iter().all(|part| part.relu == relu);
    let parts: Vec<Value<T>> = parts.iter().map(|part| if same { part.clone() } else { part.computed() }).collect();
    let affine = parts.iter().any(|part| part.affine.is_some()).then(|| {
        let maps = |part: &Value<T>| match &part.affine {
            Some(affine) => affine.to_vec(),
            None => vec![Affine::identity(); part.blocks.len()],
        };
        Arc::new(parts.iter().flat_map(maps).collect())
    });
    let blocks = parts.iter().flat_map(|part| part.blocks.iter().cloned()).collect();
    Value { blocks, affine, relu: relu && same }
}

fn batch_norm<T: Element>(
    network: &mut Network,
    run: &mut Run<T>,
    index: usize,
    mode: Mode,
) -> Result<Value<T>, NnError> {
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
        if matches!(mode, Mode::Train { .. }) {
            update(&mut buffers[first..first + 2], &tallies, &step.slots)?;
        }
        Norm::of_batch(input.blocks, &tallies, affine)
    };
    let output = norm.output();
    run.norms[index] = Some(norm);
    Ok(output)
}

/// The factor of each sample: 0 with the probability given, otherwise what keeps the expectation.
fn drop<T: Element>(batch: usize, probability: f64, seed: Seed) -> Vec<T> {
    let mut rng = seed.rng();
    let kept = 1.0 / (1.0 - probability);
    (0..batch).map(|_| T::of(if rng.random::<f64>() < probability { 0.0 } else { kept })).collect()
}

pub(super) fn wide(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
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
pub(super) fn logits<T: Element>(network: &Network, run: &Run<T>, node: usize) -> candle_core::Result<Vec<T>> {
    let step = &network.plan.steps[node];
    let Some(value) = &run.values[node] else { bail!("the head was not run") };
    Ok(layout::from_blocks(&value.operand(), &step.slots, run.batch, step.pixels()))
}
