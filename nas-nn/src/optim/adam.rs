//! Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019).

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, WithDType};

use super::lend::{Real, lend, read};
use super::{DecayOn, Optimizer, Rate, adopt, check, owner};
use crate::{NnError, Parameter};

/// Adam as PyTorch computes it, bias corrections included.
#[derive(Clone, Debug)]
pub struct Adam {
    /// Decay of the mean of the gradients, such as 0.9 (0.5 for DARTS's architecture weights).
    pub beta1: f64,
    /// Decay of the mean of their squares, such as 0.999.
    pub beta2: f64,
    /// Added to the root of the mean square, such as 1e-8.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Whether the decay shrinks the parameter by `lr * decay` beside the update (AdamW), or is added to the gradient as
    /// an L2 penalty (plain Adam).
    pub decoupled: bool,
    /// Which parameters decay.
    pub decay: DecayOn,
    moments: BTreeMap<String, Moments>,
}

/// What Adam remembers of one parameter.
#[derive(Clone, Debug)]
struct Moments {
    mean: Tensor,
    square: Tensor,
    /// Steps this parameter has taken: it counts in the bias corrections.
    steps: i64,
}

/// [`Moments`] while they are read: mean, square, steps.
type Parts = (Option<Tensor>, Option<Tensor>, Option<i64>);

/// The factors of one update, in f64.
#[derive(Clone, Copy)]
struct Factors {
    scale: f64,
    /// Added to the gradient per unit of weight.
    penalty: f64,
    /// What the weight is multiplied by first.
    shrink: f64,
    mean: f64,
    square: f64,
    epsilon: f64,
    /// The learning rate over the mean's bias correction.
    step: f64,
    /// The root of the square's bias correction.
    root: f64,
}

impl Adam {
    /// AdamW with the usual betas (0.9, 0.999) and epsilon 1e-8.
    pub fn adamw(weight_decay: f64, decay: DecayOn) -> Self {
        let moments = BTreeMap::new();
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay, decoupled: true, decay, moments }
    }

    /// Plain Adam with an L2 penalty, the usual betas (0.9, 0.999) and epsilon 1e-8.
    pub fn with_penalty(weight_decay: f64, decay: DecayOn) -> Self {
        Self { decoupled: false, ..Self::adamw(weight_decay, decay) }
    }

    /// The same with other betas.
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        Self { beta1, beta2, ..self }
    }

    fn factors(&self, parameter: &Parameter, steps: i64, rate: Rate) -> Factors {
        let decay = self.decay.of(parameter, self.weight_decay);
        // As a real power: a training has far fewer than 2^53 steps.
        let correction = |beta: f64| 1.0 - beta.powf(steps as f64);
        Factors {
            scale: rate.scale,
            penalty: if self.decoupled { 0.0 } else { decay },
            shrink: if self.decoupled { 1.0 - rate.learning_rate * decay } else { 1.0 },
            mean: 1.0 - self.beta1,
            square: self.beta2,
            epsilon: self.epsilon,
            step: rate.learning_rate / correction(self.beta1),
            root: correction(self.beta2).sqrt(),
        }
    }
}

impl Optimizer for Adam {
    fn step(&mut self, parameters: &[Parameter], gradients: &[Tensor], rate: Rate) -> Result<(), NnError> {
        check(parameters, gradients)?;
        for (parameter, gradient) in parameters.iter().zip(gradients) {
            let var = parameter.var.as_tensor();
            if !self.moments.contains_key(&parameter.name) {
                let fresh = Moments { mean: var.zeros_like()?, square: var.zeros_like()?, steps: 0 };
                self.moments.insert(parameter.name.clone(), fresh);
            }
            let steps = self.moments[&parameter.name].steps + 1;
            let factors = self.factors(parameter, steps, rate);
            let moments = self.moments.get_mut(&parameter.name).expect("inserted above");
            moments.steps = steps;
            match (var.device(), var.dtype()) {
                (Device::Cpu, DType::F32) => fused::<f32>(var, gradient, moments, factors)?,
                (Device::Cpu, DType::F64) => fused::<f64>(var, gradient, moments, factors)?,
                _ => {
                    let (value, mean, square) = composed(var, gradient, moments, factors)?;
                    parameter.var.set(&value)?;
                    (moments.mean, moments.square) = (mean, square);
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> Result<Vec<(String, Tensor)>, NnError> {
        let mut state = Vec::with_capacity(3 * self.moments.len());
        for (name, moments) in &self.moments {
            state.push((format!("{name}.mean"), moments.mean.copy()?));
            state.push((format!("{name}.square"), moments.square.copy()?));
            state.push((format!("{name}.steps"), Tensor::from_slice(&[moments.steps], (), &Device::Cpu)?));
        }
        Ok(state)
    }

    fn load_state(&mut self, parameters: &[Parameter], state: &[(String, Tensor)]) -> Result<(), NnError> {
        let mut parts: BTreeMap<String, Parts> = BTreeMap::new();
        for (name, tensor) in state {
            let (parameter, suffix) = owner(parameters, name, &["mean", "square", "steps"])?;
            let part = parts.entry(parameter.name.clone()).or_default();
            match suffix {
                "mean" => part.0 = Some(adopt(parameter, name, tensor)?),
                "square" => part.1 = Some(adopt(parameter, name, tensor)?),
                _ => part.2 = Some(tensor.to_device(&Device::Cpu)?.to_scalar()?),
            }
        }
        let mut moments = BTreeMap::new();
        for (name, part) in parts {
            let (Some(mean), Some(square), Some(steps)) = part else {
                let reason = "the state needs `mean`, `square` and `steps` of it, and one is missing".to_owned();
                return Err(NnError::Optimizer { tensor: name, reason });
            };
            moments.insert(name, Moments { mean, square, steps });
        }
        self.moments = moments;
        Ok(())
    }
}

/// One pass over parameter, gradient and both moments.
fn fused<T: Real>(var: &Tensor, gradient: &Tensor, moments: &Moments, f: Factors) -> candle_core::Result<()> {
    let [scale, penalty, shrink, mean_rate, square_rate, fresh, epsilon, step, root] =
        [f.scale, f.penalty, f.shrink, f.mean, f.square, 1.0 - f.square, f.epsilon, -f.step, f.root]
            .map(<T as WithDType>::from_f64);
    read(gradient, |gradient: &[T]| {
        lend(var, |weights: &mut [T]| {
            lend(&moments.mean, |mean: &mut [T]| {
                lend(&moments.square, |square: &mut [T]| {
                    for (((w, m), v), &g) in weights.iter_mut().zip(mean).zip(square).zip(gradient) {
                        let g = g * scale + penalty * *w;
                        *w *= shrink;
                        *m += (g - *m) * mean_rate;
                        *v = *v * square_rate + fresh * g * g;
                        *w += step * (*m / (v.root() / root + epsilon));
                    }
                    Ok(())
                })
            })
        })
    })
}

/// The same from tensor operations, for devices without a fused pass: parameter, mean and square.
fn composed(
    var: &Tensor,
    gradient: &Tensor,
    moments: &Moments,
    f: Factors,
) -> candle_core::Result<(Tensor, Tensor, Tensor)> {
    // Detached, or the parameter's history would grow with every step.
    let var = var.detach();
    let gradient = ((gradient * f.scale)? + (&var * f.penalty)?)?;
    let mean = (&moments.mean + ((&gradient - &moments.mean)? * f.mean)?)?;
    let square = ((&moments.square * f.square)? + (gradient.sqr()? * (1.0 - f.square))?)?;
    let denominator = ((square.sqrt()? / f.root)? + f.epsilon)?;
    let value = ((var * f.shrink)? - ((&mean / denominator)? * f.step)?)?;
    Ok((value, mean, square))
}

/// What the composed form makes of a fused optimiser's next step, for comparing the two.
#[cfg(test)]
pub(super) fn composed_next(
    adam: &Adam,
    parameter: &Parameter,
    gradient: &Tensor,
    rate: Rate,
) -> candle_core::Result<Tensor> {
    let moments = &adam.moments[&parameter.name];
    let factors = adam.factors(parameter, moments.steps + 1, rate);
    composed(parameter.var.as_tensor(), gradient, moments, factors).map(|(value, ..)| value)
}
