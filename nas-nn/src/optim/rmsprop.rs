//! RMSProp with momentum (Tieleman & Hinton 2012, lecture 6.5), as the networks of NASNet and AmoebaNet were trained on
//! ImageNet.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use super::lend::{Real, lend, read};
use super::{DecayOn, Optimizer, Rate, adopt, check, owner};
use crate::{NnError, Parameter};

/// RMSProp as TensorFlow computes it, which differs from PyTorch in three ways that matter where `epsilon` is large, as it
/// is in the papers: `epsilon` stands below the root, the mean of squares begins at 1, and the learning rate is part of what
/// the momentum keeps. So `d = g + decay * w`, `square = rho * square + (1 - rho) * d²`,
/// `buffer = momentum * buffer + lr * d / sqrt(square + epsilon)`, `w -= buffer`.
#[derive(Clone, Debug)]
pub struct RmsProp {
    /// How much of the mean of squares is kept, such as 0.9.
    pub rho: f64,
    /// How much of the last step is kept, such as 0.9; 0 for none.
    pub momentum: f64,
    /// Added to the mean of squares below the root, such as 0.1.
    pub epsilon: f64,
    /// L2 decay, added to the gradient.
    pub weight_decay: f64,
    /// Which parameters decay.
    pub decay: DecayOn,
    kept: BTreeMap<String, Kept>,
}

/// What is remembered of one parameter.
#[derive(Clone, Debug)]
struct Kept {
    square: Tensor,
    buffer: Tensor,
}

/// The factors of one update, in f64.
#[derive(Clone, Copy)]
struct Factors {
    scale: f64,
    decay: f64,
    rho: f64,
    momentum: f64,
    epsilon: f64,
    learning_rate: f64,
}

impl RmsProp {
    /// An optimiser that remembers nothing yet.
    pub fn new(rho: f64, momentum: f64, epsilon: f64, weight_decay: f64, decay: DecayOn) -> Self {
        Self { rho, momentum, epsilon, weight_decay, decay, kept: BTreeMap::new() }
    }

    fn factors(&self, parameter: &Parameter, rate: Rate) -> Factors {
        Factors {
            scale: rate.scale,
            decay: self.decay.of(parameter, self.weight_decay),
            rho: self.rho,
            momentum: self.momentum,
            epsilon: self.epsilon,
            learning_rate: rate.learning_rate,
        }
    }
}

impl Optimizer for RmsProp {
    fn step(&mut self, parameters: &[Parameter], gradients: &[Tensor], rate: Rate) -> Result<(), NnError> {
        check(parameters, gradients)?;
        for (parameter, gradient) in parameters.iter().zip(gradients) {
            let factors = self.factors(parameter, rate);
            let var = parameter.var.as_tensor();
            if !self.kept.contains_key(&parameter.name) {
                let fresh = Kept { square: var.ones_like()?, buffer: var.zeros_like()? };
                self.kept.insert(parameter.name.clone(), fresh);
            }
            let kept = self.kept.get_mut(&parameter.name).expect("inserted above");
            match (var.device(), var.dtype()) {
                (Device::Cpu, DType::F32) => fused::<f32>(var, gradient, kept, factors)?,
                (Device::Cpu, DType::F64) => fused::<f64>(var, gradient, kept, factors)?,
                _ => {
                    let (value, next) = composed(var, gradient, kept, factors)?;
                    parameter.var.set(&value)?;
                    *kept = next;
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> Result<Vec<(String, Tensor)>, NnError> {
        let mut state = Vec::with_capacity(2 * self.kept.len());
        for (name, kept) in &self.kept {
            state.push((format!("{name}.square"), kept.square.copy()?));
            state.push((format!("{name}.momentum"), kept.buffer.copy()?));
        }
        Ok(state)
    }

    fn load_state(&mut self, parameters: &[Parameter], state: &[(String, Tensor)]) -> Result<(), NnError> {
        let mut parts: BTreeMap<String, [Option<Tensor>; 2]> = BTreeMap::new();
        for (name, tensor) in state {
            let (parameter, suffix) = owner(parameters, name, &["square", "momentum"])?;
            let part = parts.entry(parameter.name.clone()).or_default();
            part[usize::from(suffix == "momentum")] = Some(adopt(parameter, name, tensor)?);
        }
        let mut kept = BTreeMap::new();
        for (name, part) in parts {
            let [Some(square), Some(buffer)] = part else {
                let reason = "the state needs `square` and `momentum` of it, and one is missing".to_owned();
                return Err(NnError::Optimizer { tensor: name, reason });
            };
            kept.insert(name, Kept { square, buffer });
        }
        self.kept = kept;
        Ok(())
    }
}

/// One pass over parameter, gradient and what is kept.
fn fused<T: Real>(var: &Tensor, gradient: &Tensor, kept: &Kept, f: Factors) -> candle_core::Result<()> {
    let [scale, decay, rho, fresh, momentum, epsilon, rate] =
        [f.scale, f.decay, f.rho, 1.0 - f.rho, f.momentum, f.epsilon, f.learning_rate]
            .map(<T as candle_core::WithDType>::from_f64);
    read(gradient, |gradient: &[T]| {
        lend(var, |weights: &mut [T]| {
            lend(&kept.square, |square: &mut [T]| {
                lend(&kept.buffer, |buffer: &mut [T]| {
                    for (((w, s), b), &g) in weights.iter_mut().zip(square).zip(buffer).zip(gradient) {
                        let direction = g * scale + decay * *w;
                        *s = rho * *s + fresh * direction * direction;
                        *b = momentum * *b + rate * direction / (*s + epsilon).root();
                        *w -= *b;
                    }
                    Ok(())
                })
            })
        })
    })
}

/// The same from tensor operations, for devices without a fused pass: the new parameter and what is kept.
fn composed(var: &Tensor, gradient: &Tensor, kept: &Kept, f: Factors) -> candle_core::Result<(Tensor, Kept)> {
    // Detached, or the parameter's history would grow with every step.
    let var = var.detach();
    let direction = ((gradient * f.scale)? + (&var * f.decay)?)?;
    let square = ((&kept.square * f.rho)? + (direction.sqr()? * (1.0 - f.rho))?)?;
    let step = ((direction * f.learning_rate)? / (&square + f.epsilon)?.sqrt()?)?;
    let buffer = ((&kept.buffer * f.momentum)? + step)?;
    Ok(((var - &buffer)?, Kept { square, buffer }))
}

/// What the composed form makes of a fused optimiser's next step, for comparing the two.
#[cfg(test)]
pub(super) fn composed_next(
    optimizer: &RmsProp,
    parameter: &Parameter,
    gradient: &Tensor,
    rate: Rate,
) -> candle_core::Result<Tensor> {
    let factors = optimizer.factors(parameter, rate);
    composed(parameter.var.as_tensor(), gradient, &optimizer.kept[&parameter.name], factors).map(|(value, _)| value)
}
