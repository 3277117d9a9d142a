//! The reverse pass: from the loss back to every parameter, freeing activations on the way.

use candle_core::Tensor;
use nas_space::{Layer, Pool, PoolKind};

use super::forward::Run;
use super::value::Value;
use super::{Network, Step, StepConfig};
use crate::NnError;
use crate::ops::{conv, elementwise, head, norm, pooling};

pub(super) fn run(network: &Network, mut run: Run, labels: &[u32], config: &StepConfig) -> Result<Step, NnError> {
    let plan = &network.plan;
    let mut gradients: Vec<Option<Tensor>> = vec![None; network.parameters.len()];
    let mut pending: Vec<Option<Value>> = (0..plan.steps.len()).map(|_| None).collect();

    let seed = |node: usize, weight: f64, pending: &mut [Option<Value>]| -> Result<(f64, usize), NnError> {
        let logits = run.values[node].as_ref().expect("heads are kept").tensor();
        let (outcome, gradient) = head::loss(logits, labels, config.label_smoothing, weight)?;
        pending[node] = Some(Value::own(gradient));
        Ok((weight * outcome.total / labels.len() as f64, outcome.correct))
    };
    let (mut loss, correct) = seed(plan.output, 1.0, &mut pending)?;
    if let Some(auxiliary) = plan.auxiliary {
        loss += seed(auxiliary, config.auxiliary_weight, &mut pending)?.0;
    }

    for index in (0..plan.steps.len()).rev() {
        if let Some(dy) = pending[index].take() {
            node(network, &mut run, index, &dy, &mut pending, &mut gradients)?;
        }
        // Every reader lies behind, so nothing needs this activation any more.
        run.values[index] = None;
    }
    let zero = |(gradient, parameter): (Option<Tensor>, &super::Parameter)| match gradient {
        Some(gradient) => Ok(gradient),
        None => parameter.var.zeros_like(),
    };
    let gradients = gradients.into_iter().zip(&network.parameters).map(zero).collect::<Result<_, _>>()?;
    Ok(Step { loss, correct, gradients })
}

/// Sends one node's gradient on to its inputs and its parameters.
fn node(
    network: &Network,
    run: &mut Run,
    index: usize,
    gradient: &Value,
    pending: &mut [Option<Value>],
    gradients: &mut [Option<Tensor>],
) -> Result<(), NnError> {
    let Network { plan, parameters, .. } = network;
    let step = &plan.steps[index];
    let dy = gradient.tensor();
    let Some(&source) = step.inputs.first() else { return Ok(()) };
    let wanted = plan.steps[source].learns;
    let x = || run.values[source].as_ref().expect("the plan keeps what the reverse pass reads").tensor();
    let first = step.parameter;
    let weight = |offset: usize| -> &Tensor { &parameters[first.expect("the layer has it") + offset].var };
    let mut send = |to: usize, value: Value| -> Result<(), NnError> {
        pending[to] = Some(match pending[to].take() {
            None => value,
            Some(earlier) => Value::own(elementwise::sum(&[earlier.tensor(), value.tensor()])?),
        });
        Ok(())
    };
    match &step.layer {
        Layer::Conv2d(spec) => {
            let first = first.expect("a convolution has a weight");
            let dims = parameters[first].var.dims();
            gradients[first] = Some(conv::weight_gradient(x(), dims, dy, spec, step.folded)?);
            if wanted {
                send(source, Value::own(conv::input_gradient(x(), weight(0), dy, spec, step.folded)?))?;
            }
        }
        Layer::Linear { .. } => {
            let first = first.expect("a linear layer has a weight");
            let (dw, dbias) = head::linear_weight_gradient(x(), dy)?;
            gradients[first] = Some(dw);
            gradients[first + 1] = Some(dbias);
            if wanted {
                send(source, Value::own(head::linear_input_gradient(&run.dims[source], weight(0), dy)?))?;
            }
        }
        Layer::BatchNorm { affine } => {
            let moments = run.moments[index].as_ref().expect("batch norms leave their statistics");
            let affine = affine.then(|| (weight(0), weight(1)));
            let result = norm::backward(x(), dy, moments, affine)?;
            if let Some(first) = first {
                (gradients[first], gradients[first + 1]) = (Some(result.affine.0), Some(result.affine.1));
            }
            if wanted {
                send(source, Value::own(result.input))?;
            }
        }
        _ if !step.learns => {}
        Layer::Relu if step.folded => send(source, gradient.clone())?,
        Layer::Relu | Layer::TrainingRelu => {
            let y = run.values[index].as_ref().expect("a ReLU's output is kept").tensor();
            send(source, Value::own(elementwise::relu_gradient(y, dy)?))?;
        }
        Layer::Pool(spec @ Pool { kind: PoolKind::Max, .. }) => {
            send(source, Value::own(pooling::input_gradient(x(), dy, spec)?))?;
        }
        Layer::Pool(spec) => send(source, Value::own(pooling::average_gradient(&run.dims[source], dy, spec)?))?,
        Layer::GlobalAveragePool => {
            send(source, Value::own(pooling::global_gradient(&run.dims[source], dy)?))?;
        }
        Layer::Add => {
            for &input in &step.inputs {
                if plan.steps[input].learns {
                    send(input, gradient.clone())?;
                }
            }
        }
        Layer::Concat => {
            let mut from = 0;
            for &input in &step.inputs {
                let channels = run.dims[input][1];
                if plan.steps[input].learns {
                    send(input, Value::own(elementwise::concat_gradient(dy, from, channels)?))?;
                }
                from += channels;
            }
        }
        Layer::DropPath => match &run.factors[index] {
            Some(factors) => send(source, Value::own(elementwise::scale_samples(dy, factors)?))?,
            None => send(source, gradient.clone())?,
        },
        // A zero and the image pass nothing on; another layer did not get through the forward pass.
        _ => {}
    }
    Ok(())
}
