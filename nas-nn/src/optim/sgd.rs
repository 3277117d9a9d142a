//! Stochastic gradient descent with momentum, plain or Nesterov's.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use super::lend::{Real, lend, read};
use super::{DecayOn, Optimizer, Rate, adopt, check, owner};
use crate::{NnError, Parameter};

/// SGD as PyTorch computes it: `d = g + decay * w`, `buffer = momentum * buffer + d`, then `w -= lr * buffer`, or with
/// Nesterov's momentum (Sutskever et al. 2013) `w -= lr * (d + momentum * buffer)`.
#[derive(Clone, Debug)]
pub struct Sgd {
    /// How much of the last step's direction is kept, such as 0.9; 0 for none.
    pub momentum: f64,
    /// Whether the gradient is taken ahead of the momentum.
    pub nesterov: bool,
    /// L2 decay, added to the gradient.
    pub weight_decay: f64,
    /// Which parameters decay.
    pub decay: DecayOn,
    buffers: BTreeMap<String, Tensor>,
}

/// The factors of one update, in f64.
#[derive(Clone, Copy)]
struct Factors {
    scale: f64,
    decay: f64,
    momentum: f64,
    nesterov: bool,
    learning_rate: f64,
}

impl Sgd {
    /// An optimiser that remembers nothing yet.
    pub fn new(momentum: f64, nesterov: bool, weight_decay: f64, decay: DecayOn) -> Self {
        Self { momentum, nesterov, weight_decay, decay, buffers: BTreeMap::new() }
    }

    /// The momentum buffer of a parameter, in its shape; `None` before its first step and without momentum.
    pub fn buffer(&self, parameter: &str) -> Option<&Tensor> {
        self.buffers.get(parameter)
    }

    /// The direction in which the next step with an unscaled gradient would move a parameter, `w -= lr * direction`; the
    /// step is not taken.
    ///
    /// # Errors
    /// If the gradient has another shape or type than the parameter.
    pub fn direction(&self, parameter: &Parameter, gradient: &Tensor) -> Result<Tensor, NnError> {
        let factors = self.factors(parameter, Rate::new(1.0));
        let var = parameter.var.as_tensor().detach();
        let direction = (gradient + (var * factors.decay)?)?;
        let Some(buffer) = self.buffer(&parameter.name).filter(|_| self.momentum != 0.0) else {
            // A first step fills the buffer with its own direction.
            let ahead = if self.nesterov { 1.0 + self.momentum } else { 1.0 };
            return Ok((direction * ahead)?);
        };
        let buffer = ((buffer * self.momentum)? + &direction)?;
        Ok(if self.nesterov { (direction + (buffer * self.momentum)?)? } else { buffer })
    }

    fn factors(&self, parameter: &Parameter, rate: Rate) -> Factors {
        Factors {
            scale: rate.scale,
            decay: self.decay.of(parameter, self.weight_decay),
            momentum: self.momentum,
            nesterov: self.nesterov,
            learning_rate: rate.learning_rate,
        }
    }
}

impl Optimizer for Sgd {
    fn step(&mut self, parameters: &[Parameter], gradients: &[Tensor], rate: Rate) -> Result<(), NnError> {
        check(parameters, gradients)?;
        for (parameter, gradient) in parameters.iter().zip(gradients) {
            let factors = self.factors(parameter, rate);
            let var = parameter.var.as_tensor();
            if self.momentum != 0.0 && !self.buffers.contains_key(&parameter.name) {
                self.buffers.insert(parameter.name.clone(), var.zeros_like()?);
            }
            let buffer = self.buffers.get(&parameter.name).filter(|_| self.momentum != 0.0);
            match (var.device(), var.dtype()) {
                (Device::Cpu, DType::F32) => fused::<f32>(var, gradient, buffer, factors)?,
                (Device::Cpu, DType::F64) => fused::<f64>(var, gradient, buffer, factors)?,
                _ => {
                    let (value, buffer) = composed(var, gradient, buffer, factors)?;
                    parameter.var.set(&value)?;
                    if let Some(buffer) = buffer {
                        self.buffers.insert(parameter.name.clone(), buffer);
                    }
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> Result<Vec<(String, Tensor)>, NnError> {
        self.buffers.iter().map(|(name, buffer)| Ok((format!("{name}.momentum"), buffer.copy()?))).collect()
    }

    fn load_state(&mut self, parameters: &[Parameter], state: &[(String, Tensor)]) -> Result<(), NnError> {
        let mut buffers = BTreeMap::new();
        for (name, tensor) in state {
            let (parameter, _) = owner(parameters, name, &["momentum"])?;
            buffers.insert(parameter.name.clone(), adopt(parameter, name, tensor)?);
        }
        self.buffers = buffers;
        Ok(())
    }
}

/// One pass over parameter, gradient and buffer.
fn fused<T: Real>(var: &Tensor, gradient: &Tensor, buffer: Option<&Tensor>, f: Factors) -> candle_core::Result<()> {
    let [scale, decay, momentum, step] =
        [f.scale, f.decay, f.momentum, -f.learning_rate].map(<T as candle_core::WithDType>::from_f64);
    read(gradient, |gradient: &[T]| {
        lend(var, |weights: &mut [T]| match buffer {
            None => {
                for (w, &g) in weights.iter_mut().zip(gradient) {
                    *w += step * (g * scale + decay * *w);
                }
                Ok(())
            }
            Some(buffer) => lend(buffer, |buffer: &mut [T]| {
                for ((w, b), &g) in weights.iter_mut().zip(buffer).zip(gradient) {
                    let direction = g * scale + decay * *w;
                    *b = momentum * *b + direction;
                    *w += step * if f.nesterov { direction + momentum * *b } else { *b };
                }
                Ok(())
            }),
        })
    })
}

/// The same from tensor operations, for devices without a fused pass: the new parameter and the new buffer.
fn composed(
    var: &Tensor,
    gradient: &Tensor,
    buffer: Option<&Tensor>,
    f: Factors,
) -> candle_core::Result<(Tensor, Option<Tensor>)> {
    // Detached, or the parameter's history would grow with every step.
    let var = var.detach();
    let direction = ((gradient * f.scale)? + (&var * f.decay)?)?;
    let Some(buffer) = buffer else { return Ok(((var - (direction * f.learning_rate)?)?, None)) };
    let buffer = ((buffer * f.momentum)? + &direction)?;
    let step = if f.nesterov { (direction + (&buffer * f.momentum)?)? } else { buffer.clone() };
    Ok(((var - (step * f.learning_rate)?)?, Some(buffer)))
}

/// What the composed form makes of a fused optimiser's next step, for comparing the two.
#[cfg(test)]
pub(super) fn composed_next(
    sgd: &Sgd,
    parameter: &Parameter,
    gradient: &Tensor,
    rate: Rate,
) -> candle_core::Result<Tensor> {
    let factors = sgd.factors(parameter, rate);
    composed(parameter.var.as_tensor(), gradient, sgd.buffer(&parameter.name), factors).map(|(value, _)| value)
}
