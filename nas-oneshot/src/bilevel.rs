//! The gradient of a bilevel problem, one step of the lower level ahead (Liu et al. 2019, section 2.3).
//!
//! The upper level minimises the validation loss over the architecture, the lower level the training loss over the
//! weights. The gradient wanted is that of `L_val(w', a)` with respect to `a`, where `w' = w - eta * direction(w, a)` is
//! the lower level's next step. Its second part holds a product of a Hessian with a vector, which is taken as a difference
//! of two gradients. What the levels are is behind a trait, so that the mathematics can be judged where the answer is
//! known.

use candle_core::{Tensor, Var};
use nas_nn::optim::global_norm;

/// How far the difference reaches to either side, as a norm (section 2.3, footnote 2).
const REACH: f64 = 0.01;

/// A loss with its gradients.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// The loss, in nats.
    pub loss: f64,
    /// How many samples were classified right.
    pub correct: usize,
    /// With respect to the lower level's weights, in the order of [`Bilevel::weights`]; empty where they were not wanted.
    pub weights: Vec<Tensor>,
    /// With respect to the architecture.
    pub architecture: Vec<Tensor>,
}

/// Two losses over the same weights and architecture, on fixed data.
pub trait Bilevel {
    /// What can go wrong.
    type Error: From<candle_core::Error>;

    /// The lower level's weights, which [`hypergradient`] moves and puts back.
    fn weights(&self) -> Vec<Var>;

    /// The training loss with both gradients.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn training(&mut self) -> Result<Gradients, Self::Error>;

    /// The training loss with the architecture's gradient alone.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn training_architecture(&mut self) -> Result<Gradients, Self::Error>;

    /// The validation loss with both gradients.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn validation(&mut self) -> Result<Gradients, Self::Error>;

    /// Where the lower level's optimiser would go with these gradients of the weights: `w' = w - eta * direction`. With
    /// SGD that is momentum times its buffer, plus the gradient, plus the decay.
    ///
    /// # Errors
    /// If the gradients do not fit.
    fn direction(&self, gradients: &[Tensor]) -> Result<Vec<Tensor>, Self::Error>;
}

/// The validation loss one step ahead, with its gradients: for the architecture the total one through that step, for the
/// weights the one at `w'`. `eta` is the lower level's learning rate. The weights are afterwards what they were, bit for
/// bit.
///
/// # Errors
/// What the problem says; the weights are put back then, too.
pub fn hypergradient<B: Bilevel>(problem: &mut B, eta: f64) -> Result<Gradients, B::Error> {
    let weights = problem.weights();
    let start = weights.iter().map(|var| var.copy()).collect::<Result<Vec<_>, _>>()?;
    let outcome = ahead(problem, &weights, &start, eta);
    for (var, start) in weights.iter().zip(&start) {
        var.set(start)?;
    }
    outcome
}

fn ahead<B: Bilevel>(problem: &mut B, weights: &[Var], start: &[Tensor], eta: f64) -> Result<Gradients, B::Error> {
    let gradients = problem.training()?.weights;
    let direction = problem.direction(&gradients)?;
    place(weights, start, -eta, &direction)?;
    let mut outcome = problem.validation()?;
    let norm = global_norm(&outcome.weights)?;
    if norm == 0.0 {
        // The step does not matter to the validation loss, so neither does how the architecture bends it.
        return Ok(outcome);
    }
    // d w' / d a = -eta * d² L_train / (dw da), times the vector v = d L_val / dw' from the left: a derivative of the
    // training loss's architecture gradient along v, here as a central difference.
    let reach = REACH / norm;
    place(weights, start, reach, &outcome.weights)?;
    let beyond = problem.training_architecture()?.architecture;
    place(weights, start, -reach, &outcome.weights)?;
    let before = problem.training_architecture()?.architecture;
    for ((own, beyond), before) in outcome.architecture.iter_mut().zip(&beyond).zip(&before) {
        let product = ((beyond - before)? / (2.0 * reach))?;
        *own = (&*own - (product * eta)?)?;
    }
    Ok(outcome)
}

/// Sets the weights to `start + factor * direction`.
fn place(weights: &[Var], start: &[Tensor], factor: f64, direction: &[Tensor]) -> candle_core::Result<()> {
    for ((var, start), direction) in weights.iter().zip(start).zip(direction) {
        var.set(&(start + (direction * factor)?)?)?;
    }
    Ok(())
}
