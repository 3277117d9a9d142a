//! The forward pass.

use candle_core::{Tensor, bail};
use nas_space::{Layer, Seed};
use rand::RngExt;

use super::value::Value;
use super::{Mode, Network};
use crate::NnError;
use crate::kernels::norm::Moments;
use crate::ops::{conv, elementwise, head, norm, pooling};

/// How much of the batch's statistics enters the running ones (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// What a forward pass leaves for the reverse pass.
pub(super) struct Run {
    /// The output of each node that is still needed.
    pub(super) values: Vec<Option<Value>>,
    /// The statistics each batch norm used.
    pub(super) moments: Vec<Option<Moments>>,
    /// The factor of each sample at each dropped path.
    pub(super) factors: Vec<Option<Vec<f64>>>,
    /// The dims of each node's output.
    pub(super) dims: Vec<Vec<usize>>,
}

/// Runs all nodes, or those the main output needs when nothing is to be learned.
pub(super) fn run(network: &mut Network, images: &Tensor, mode: Mode, learn: bool) -> Result<Run, NnError> {
    let shape = network.graph.input_shape();
    let expected = [shape.channels, shape.height, shape.width];
    if images.rank() != 4 || images.dims()[1..] != expected {
        return Err(NnError::Images { found: images.dims().to_vec(), expected });
    }
    let count = network.plan.steps.len();
    let mut run = Run {
        values: vec![None; count],
        moments: vec![None; count],
        factors: vec![None; count],
        dims: vec![Vec::new(); count],
    };
    let images = images.contiguous()?;
    for index in 0..count {
        if !learn && !network.plan.main[index] {
            continue;
        }
        let value = node(network, &mut run, index, &images, mode)?;
        run.dims[index] = value.tensor().dims().to_vec();
        run.values[index] = Some(value);
        release(network, &mut run, index, learn);
    }
    Ok(run)
}

/// Lets go of the inputs that nobody reads after this node.
fn release(network: &Network, run: &mut Run, index: usize, learn: bool) {
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

fn node(network: &mut Network, run: &mut Run, index: usize, images: &Tensor, mode: Mode) -> Result<Value, NnError> {
    let Network { plan, parameters, buffers, .. } = network;
    let step = &plan.steps[index];
    let value = |i: usize| run.values[step.inputs[i]].as_ref().expect("inputs come first and are kept until read");
    let x = |i: usize| value(i).tensor();
    let learned = |offset: usize| -> &Tensor { &parameters[step.parameter.expect("the layer has it") + offset].var };
    let result = match &step.layer {
        Layer::Input => return Ok(Value::borrowed(images.clone())),
        Layer::Conv2d(spec) => conv::forward(x(0), learned(0), spec, step.folded)?,
        Layer::Relu if step.folded => return Ok(value(0).clone()),
        Layer::Relu => elementwise::relu_forward(x(0))?,
        Layer::TrainingRelu if matches!(mode, Mode::Train { .. }) => elementwise::relu_forward(x(0))?,
        Layer::TrainingRelu => return Ok(value(0).clone()),
        Layer::Pool(spec) => pooling::forward(x(0), spec)?,
        Layer::GlobalAveragePool => pooling::global_forward(x(0))?,
        Layer::Add if step.inputs.len() == 1 => return Ok(value(0).clone()),
        Layer::Concat if step.inputs.len() == 1 => return Ok(value(0).clone()),
        Layer::Add => elementwise::sum(&(0..step.inputs.len()).map(x).collect::<Vec<_>>())?,
        Layer::Concat => elementwise::concat(&(0..step.inputs.len()).map(x).collect::<Vec<_>>())?,
        Layer::Zero { stride } => {
            let (batch, channels, height, width) = x(0).dims4()?;
            elementwise::zeros(x(0), (batch, channels, height.div_ceil(*stride), width.div_ceil(*stride)))?
        }
        Layer::DropPath => match mode {
            Mode::Train { drop_path, seed } if drop_path > 0.0 => {
                let factors = drop(x(0).dims()[0], drop_path, seed.index(index as u64));
                let y = elementwise::scale_samples(x(0), &factors)?;
                run.factors[index] = Some(factors);
                y
            }
            _ => return Ok(value(0).clone()),
        },
        Layer::Linear { .. } => head::linear_forward(x(0), learned(0), learned(1))?,
        Layer::BatchNorm { affine } => {
            let first = step.buffer.expect("batch norms have running statistics");
            let affine = affine.then(|| (learned(0), learned(1)));
            let moments = match mode {
                Mode::Evaluate => running(&buffers[first].1, &buffers[first + 1].1)?,
                Mode::Train { .. } | Mode::BatchStatistics => norm::moments(x(0))?,
            };
            let y = norm::forward(x(0), &moments, affine)?;
            if matches!(mode, Mode::Train { .. }) {
                update(&mut buffers[first..first + 2], &moments)?;
            }
            run.moments[index] = Some(moments);
            y
        }
        other => bail_layer(other)?,
    };
    Ok(Value::own(result))
}

fn bail_layer(layer: &Layer) -> candle_core::Result<Tensor> {
    bail!("a {} layer cannot be run by this version", layer.kind())
}

/// The factor of each sample: 0 with the probability given, otherwise what keeps the expectation.
fn drop(batch: usize, probability: f64, seed: Seed) -> Vec<f64> {
    let mut rng = seed.rng();
    let kept = 1.0 / (1.0 - probability);
    (0..batch).map(|_| if rng.random::<f64>() < probability { 0.0 } else { kept }).collect()
}

fn running(mean: &Tensor, variance: &Tensor) -> candle_core::Result<Moments> {
    let wide = |t: &Tensor| t.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>();
    Ok(Moments { mean: wide(mean)?, variance: wide(variance)?, count: 0 })
}

/// running ← 0.9 · running + 0.1 · batch; the variance enters unbiased.
fn update(buffers: &mut [(String, Tensor)], moments: &Moments) -> candle_core::Result<()> {
    // A single element has no unbiased variance; its biased one, zero, is the honest value.
    let unbiased = moments.count as f64 / (moments.count.max(2) - 1) as f64;
    let fresh = [moments.mean.clone(), moments.variance.iter().map(|v| v * unbiased).collect()];
    for ((_, buffer), fresh) in buffers.iter_mut().zip(fresh) {
        let old = buffer.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?;
        let new: Vec<f64> = old.iter().zip(fresh).map(|(o, f)| (1.0 - MOMENTUM) * o + MOMENTUM * f).collect();
        *buffer = Tensor::from_vec(new, buffer.dims(), buffer.device())?.to_dtype(buffer.dtype())?;
    }
    Ok(())
}
