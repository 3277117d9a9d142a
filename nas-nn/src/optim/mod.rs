//! Optimisers as plain structs, with a state that has names and can be saved.
//!
//! The one idea: an optimiser is its settings and, by parameter name, what it remembers; nothing else. A step takes any
//! list of parameters with their gradients (a supernet steps only the parameters its path used), the learning rate is
//! the caller's, and the arithmetic is PyTorch's, operation by operation, or TensorFlow's where the papers used that, so
//! that published settings mean the same here.

mod adam;
mod clip;
mod lend;
mod muon;
mod orthogonal;
mod rmsprop;
mod sgd;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

pub use adam::Adam;
pub use clip::{clip_by_norm, clip_scale, global_norm};
pub use muon::Muon;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use crate::{NnError, Parameter};

/// Which parameters weight decay pulls towards zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecayOn {
    /// Those whose [`Parameter::decay`] is true: weights of convolutions and linear layers.
    #[default]
    Selected,
    /// Every parameter, batch norm and biases too, as the DARTS reference does.
    All,
}

impl DecayOn {
    /// The decay for one parameter, when `weight_decay` is what the decayed ones get.
    fn of(self, parameter: &Parameter, weight_decay: f64) -> f64 {
        if self == Self::All || parameter.decay { weight_decay } else { 0.0 }
    }
}

/// How far one step goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The learning rate.
    pub learning_rate: f64,
    /// What the gradients are multiplied by first: 1, or the factor of [`clip_scale`].
    pub scale: f64,
}

impl Rate {
    /// A step with unscaled gradients.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, scale: 1.0 }
    }
}

/// A rule that moves parameters along their gradients.
pub trait Optimizer: Send {
    /// Moves each parameter, in place. `gradients` are in the order of `parameters`, in their shapes.
    ///
    /// # Errors
    /// If the lists differ in length, or a gradient in shape or data type from its parameter.
    fn step(&mut self, parameters: &[Parameter], gradients: &[Tensor], rate: Rate) -> Result<(), NnError>;

    /// Everything remembered between steps, by name (`PARAMETER.momentum` and the like), sorted by parameter.
    ///
    /// The tensors are copies: later steps do not change them.
    ///
    /// # Errors
    /// If the device runs out of memory.
    fn state(&self) -> Result<Vec<(String, Tensor)>, NnError>;

    /// Takes over a state written by [`state`](Self::state); what was remembered before is forgotten.
    ///
    /// # Errors
    /// If a tensor belongs to no parameter, to another kind of optimiser, or has another shape.
    fn load_state(&mut self, parameters: &[Parameter], state: &[(String, Tensor)]) -> Result<(), NnError>;
}

/// Checks what every step checks: as many gradients as parameters, each of its parameter's shape and type.
fn check(parameters: &[Parameter], gradients: &[Tensor]) -> Result<(), NnError> {
    if parameters.len() != gradients.len() {
        let reason = format!("{} parameters came with {} gradients", parameters.len(), gradients.len());
        return Err(NnError::Optimizer { tensor: "all".to_owned(), reason });
    }
    for (parameter, gradient) in parameters.iter().zip(gradients) {
        let var = &parameter.var;
        if var.dims() != gradient.dims() || var.dtype() != gradient.dtype() {
            let reason = format!(
                "the parameter is {:?} {:?}, its gradient {:?} {:?}",
                var.dtype(),
                var.dims(),
                gradient.dtype(),
                gradient.dims()
            );
            return Err(NnError::Optimizer { tensor: parameter.name.clone(), reason });
        }
    }
    Ok(())
}

/// The parameter and the suffix that a state's name stands for, after checking the tensor's shape.
fn owner<'a, 'n>(
    parameters: &'a [Parameter],
    name: &'n str,
    suffixes: &[&str],
) -> Result<(&'a Parameter, &'n str), NnError> {
    let fail = |reason: String| NnError::Optimizer { tensor: name.to_owned(), reason };
    let (path, suffix) = name.rsplit_once('.').unwrap_or(("", name));
    if !suffixes.contains(&suffix) {
        let known = suffixes.join("`, `");
        return Err(fail(format!("this optimiser remembers `{known}`; the state is of another kind of optimiser")));
    }
    let parameter = parameters.iter().find(|p| p.name == path);
    Ok((parameter.ok_or_else(|| fail("the network has no such parameter".to_owned()))?, suffix))
}

/// A private copy of a saved tensor, in its parameter's type and on its device.
fn adopt(parameter: &Parameter, name: &str, tensor: &Tensor) -> Result<Tensor, NnError> {
    let var = &parameter.var;
    if var.dims() != tensor.dims() {
        let reason = format!("its shape is {:?}, the parameter's {:?}", tensor.dims(), var.dims());
        return Err(NnError::Optimizer { tensor: name.to_owned(), reason });
    }
    Ok(tensor.to_dtype(var.dtype())?.to_device(var.device())?.copy()?)
}

#[cfg(test)]
mod tests;
