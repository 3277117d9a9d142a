//! Linear layers on one vector, forward and back, and the two of a multilayer perceptron.

use crate::GhnError;
use crate::parameters::{Gradients, Id, Parameters};
use crate::products::{multiply, multiply_back, multiply_outer};

/// A linear layer: a matrix `[outputs, inputs]` and a bias `[outputs]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear {
    pub(crate) weight: Id,
    pub(crate) bias: Id,
    pub(crate) outputs: usize,
}

impl Linear {
    /// The layer of a name, made if it is not there: uniform within ±1/sqrt(inputs).
    pub(crate) fn ensure(p: &mut Parameters, name: &str, inputs: usize, outputs: usize) -> Result<Self, GhnError> {
        let bound = 1.0 / (inputs as f64).sqrt();
        let weight = p.ensure(&format!("{name}.weight"), &[outputs, inputs], bound)?;
        let bias = p.ensure(&format!("{name}.bias"), &[outputs], bound)?;
        Ok(Self { weight, bias, outputs })
    }

    /// `y = W x + b`.
    pub(crate) fn forward(self, p: &Parameters, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(p.of(self.bias));
        multiply(y, p.of(self.weight), x);
    }

    /// Adds to the gradients of weights, bias and input what that of the output says.
    pub(crate) fn backward(self, p: &Parameters, g: &mut Gradients, x: &[f64], dy: &[f64], dx: &mut [f64]) {
        multiply_back(dx, p.of(self.weight), dy);
        multiply_outer(g.of(self.weight, p), dy, x);
        g.of(self.bias, p).iter_mut().zip(dy).for_each(|(bias, dy)| *bias += dy);
    }
}

/// max(x, 0).
pub(crate) fn relu(values: &mut [f64]) {
    values.iter_mut().for_each(|x| *x = x.max(0.0));
}

/// Lets a gradient through where the rectified value is above zero.
pub(crate) fn relu_back(values: &[f64], gradient: &mut [f64]) {
    gradient.iter_mut().zip(values).filter(|(_, x)| **x <= 0.0).for_each(|(g, _)| *g = 0.0);
}

/// 1 / (1 + exp(-x)).
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}
