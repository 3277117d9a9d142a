//! Muon (Jordan et al. 2024): the step of a matrix is its momentum made orthogonal.
//!
//! A gradient's few large singular values would make up nearly all of an ordinary step. Here every direction gets one of
//! about the same length, so that rare ones are learned too. It is meant for the matrices inside a network: whatever is
//! none (batch norms, biases, depthwise kernels, the classifier) is moved by [`Sgd`] beside it.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor};
use rayon::prelude::*;

use super::lend::{Real, lend, read};
use super::orthogonal::{COEFFICIENTS, EPSILON, STEPS, orthogonalize};
use super::{Optimizer, Rate, Sgd, adopt, check, owner};
use crate::{NnError, Parameter};

/// Muon as PyTorch has it: `buffer = momentum * buffer + g`, the direction is the buffer, or with Nesterov's momentum
/// `g + momentum * buffer`, and `w -= rate * (decay * w + sqrt(max(1, rows / columns)) * orthogonal(direction))`. Its `rate`
/// is a share of the learning rate, which as a whole is that of the parameters beside the matrices.
#[derive(Clone, Debug)]
pub struct Muon {
    /// What part of the learning rate the steps of matrices have, such as [`SHARE`](Self::SHARE).
    pub share: f64,
    /// Weight decay of the matrices, beside the step as AdamW's is, such as [`WEIGHT_DECAY`](Self::WEIGHT_DECAY).
    pub weight_decay: f64,
    /// What moves the other parameters; its momentum, and which parameters decay, hold for the matrices too.
    pub others: Sgd,
    buffers: BTreeMap<String, Tensor>,
}

/// The factors of one update, in f64.
#[derive(Clone, Copy)]
struct Factors {
    scale: f64,
    momentum: f64,
    nesterov: bool,
    /// What the matrix is multiplied by first.
    shrink: f64,
    step: f64,
    columns: usize,
}

/// The rows and columns of a parameter that is a matrix to Muon: the kernels `[out, in, height, width]` of a convolution
/// that joins input channels, with a row for each output.
fn matrix(parameter: &Parameter) -> Option<(usize, usize)> {
    match *parameter.var.dims() {
        [out, inputs, height, width] if out > 1 && inputs > 1 => Some((out, inputs * height * width)),
        _ => None,
    }
}

impl Muon {
    /// The share that is usual here: from half to twice of it served alike where we measured.
    pub const SHARE: f64 = 0.2;
    /// The weight decay of matrices that is usual here.
    pub const WEIGHT_DECAY: f64 = 0.05;

    /// An optimiser that remembers nothing yet.
    pub fn new(share: f64, weight_decay: f64, others: Sgd) -> Self {
        Self { share, weight_decay, others, buffers: BTreeMap::new() }
    }

    fn factors(&self, parameter: &Parameter, (rows, columns): (usize, usize), rate: Rate) -> Factors {
        let own = rate.learning_rate * self.share;
        Factors {
            scale: rate.scale,
            momentum: self.others.momentum,
            nesterov: self.others.nesterov,
            shrink: 1.0 - own * self.others.decay.of(parameter, self.weight_decay),
            step: own * (rows as f64 / columns as f64).max(1.0).sqrt(),
            columns,
        }
    }
}

impl Optimizer for Muon {
    fn step(&mut self, parameters: &[Parameter], gradients: &[Tensor], rate: Rate) -> std::result::Result<(), NnError> {
        check(parameters, gradients)?;
        let (mut matrices, mut others) = (Vec::new(), (Vec::new(), Vec::new()));
        for (parameter, gradient) in parameters.iter().zip(gradients) {
            if let Some(shape) = matrix(parameter) {
                if !self.buffers.contains_key(&parameter.name) {
                    self.buffers.insert(parameter.name.clone(), parameter.var.zeros_like()?);
                }
                matrices.push((parameter, gradient, self.factors(parameter, shape, rate)));
            } else {
                others.0.push(parameter.clone());
                others.1.push(gradient.clone());
            }
        }
        // Each matrix is one task's own, so the number of threads changes nothing.
        let buffers = &self.buffers;
        let moved = matrices.into_par_iter().map(|(parameter, gradient, factors)| {
            let (var, buffer) = (parameter.var.as_tensor(), &buffers[&parameter.name]);
            match (var.device(), var.dtype()) {
                (Device::Cpu, DType::F32) => fused::<f32>(var, gradient, buffer, factors).map(|()| None),
                (Device::Cpu, DType::F64) => fused::<f64>(var, gradient, buffer, factors).map(|()| None),
                _ => {
                    let (value, buffer) = composed(var, gradient, buffer, factors)?;
                    parameter.var.set(&value)?;
                    Ok(Some((parameter.name.clone(), buffer)))
                }
            }
        });
        let moved = moved.collect::<Result<Vec<_>>>()?;
        self.buffers.extend(moved.into_iter().flatten());
        self.others.step(&others.0, &others.1, rate)
    }

    fn state(&self) -> std::result::Result<Vec<(String, Tensor)>, NnError> {
        let mut state = self.others.state()?;
        for (name, buffer) in &self.buffers {
            state.push((format!("{name}.momentum"), buffer.copy()?));
        }
        state.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(state)
    }

    fn load_state(&mut self, parameters: &[Parameter], state: &[(String, Tensor)]) -> std::result::Result<(), NnError> {
        let (mut buffers, mut others) = (BTreeMap::new(), Vec::new());
        for (name, tensor) in state {
            let (parameter, _) = owner(parameters, name, &["momentum"])?;
            if matrix(parameter).is_some() {
                buffers.insert(parameter.name.clone(), adopt(parameter, name, tensor)?);
            } else {
                others.push((name.clone(), tensor.clone()));
            }
        }
        self.others.load_state(parameters, &others)?;
        self.buffers = buffers;
        Ok(())
    }
}

/// One pass over parameter, gradient and buffer, around the iteration.
fn fused<T: Real>(var: &Tensor, gradient: &Tensor, buffer: &Tensor, f: Factors) -> Result<()> {
    let [scale, momentum, shrink, step] = [f.scale, f.momentum, f.shrink, -f.step].map(T::of);
    let mut direction = read(gradient, |gradient: &[T]| Ok(gradient.to_vec()))?;
    lend(buffer, |buffer: &mut [T]| {
        for (d, b) in direction.iter_mut().zip(buffer) {
            let g = *d * scale;
            *b = momentum * *b + g;
            *d = if f.nesterov { g + momentum * *b } else { *b };
        }
        Ok(())
    })?;
    orthogonalize(&mut direction, f.columns);
    lend(var, |weights: &mut [T]| {
        for (w, d) in weights.iter_mut().zip(direction) {
            *w = *w * shrink + step * d;
        }
        Ok(())
    })
}

/// The same from tensor operations, for devices without a fused pass: the new parameter and the new buffer.
fn composed(var: &Tensor, gradient: &Tensor, buffer: &Tensor, f: Factors) -> Result<(Tensor, Tensor)> {
    // Detached, or the parameter's history would grow with every step.
    let var = var.detach();
    let gradient = (gradient * f.scale)?;
    let buffer = ((buffer * f.momentum)? + &gradient)?;
    let direction = if f.nesterov { (gradient + (&buffer * f.momentum)?)? } else { buffer.clone() };
    let direction = direction.reshape(((), f.columns))?;
    let norm = (direction.sqr()?.sum_all()?.sqrt()? + EPSILON)?;
    let mut x = direction.broadcast_div(&norm)?;
    let [a, b, c] = COEFFICIENTS;
    for _ in 0..STEPS {
        let gram = x.matmul(&x.t()?)?;
        let factor = ((&gram * b)? + (gram.matmul(&gram)? * c)?)?;
        x = ((&x * a)? + factor.matmul(&x)?)?;
    }
    let value = ((&var * f.shrink)? - (x.reshape(var.shape())? * f.step)?)?;
    Ok((value, buffer))
}

/// What the composed form makes of a fused optimiser's next step, for comparing the two.
#[cfg(test)]
pub(super) fn composed_next(muon: &Muon, parameter: &Parameter, gradient: &Tensor, rate: Rate) -> Result<Tensor> {
    let factors = muon.factors(parameter, matrix(parameter).expect("a matrix"), rate);
    composed(parameter.var.as_tensor(), gradient, &muon.buffers[&parameter.name], factors).map(|(value, _)| value)
}
