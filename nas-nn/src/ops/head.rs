//! The linear layer and the loss.

use candle_core::{Result, Tensor, bail};

use super::{View, output, typed};
use crate::kernels::head as kernels;
use crate::kernels::loss::{self, CrossEntropy};

/// y `[batch, out, 1, 1]` of x `[batch, …]`, weight `[out, features]` and bias `[out]`.
pub(crate) fn linear_forward(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (out, features) = weight.dims2()?;
    let batch = x.dims()[0];
    if x.elem_count() != batch * features {
        bail!("linear: the weight reads {features} features, the input has {:?}", x.dims())
    }
    let (x, weight, bias) =
        (View::tensor("linear", x)?, View::tensor("linear", weight)?, View::tensor("linear", bias)?);
    typed!("linear", [x, weight, bias], {
        let mut y = crate::pool::take::<E>(batch * out);
        kernels::linear(x, weight, bias, features, &mut y);
        output(y, (batch, out, 1, 1))
    })
}

/// dx for an input of dims `x`.
pub(crate) fn linear_input_gradient(x: &[usize], weight: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let (out, features) = weight.dims2()?;
    let (weight, dy) = (View::tensor("linear", weight)?, View::tensor("linear", dy)?);
    typed!("linear", [weight, dy], {
        let mut dx = crate::pool::take::<E>(x.iter().product());
        kernels::linear_input_gradient(dy, weight, features, out, &mut dx);
        output(dx, x)
    })
}

/// dweight `[out, features]` and dbias `[out]`.
pub(crate) fn linear_weight_gradient(x: &Tensor, dy: &Tensor) -> Result<(Tensor, Tensor)> {
    let batch = x.dims()[0];
    let (features, out) = (x.elem_count() / batch, dy.elem_count() / batch);
    let (x, dy) = (View::tensor("linear", x)?, View::tensor("linear", dy)?);
    typed!("linear", [x, dy], {
        let (mut dw, mut dbias) = (vec![E::default(); out * features], vec![E::default(); out]);
        kernels::linear_weight_gradient(dy, x, features, &mut dw, &mut dbias);
        Ok((output(dw, (out, features))?, output(dbias, out)?))
    })
}

/// Loss and hits of logits `[batch, classes, …]`, and the gradient of `weight` times the mean loss.
pub(crate) fn loss(logits: &Tensor, labels: &[u32], smoothing: f64, weight: f64) -> Result<(CrossEntropy, Tensor)> {
    let dims = logits.dims();
    let classes = logits.elem_count() / dims[0].max(1);
    if labels.len() != dims[0] {
        bail!("cross_entropy: {} labels for a batch of {}", labels.len(), dims[0])
    }
    if let Some(label) = labels.iter().find(|&&l| l as usize >= classes) {
        bail!("cross_entropy: label {label}, but the network has {classes} classes (0 to {})", classes - 1)
    }
    let logits = View::tensor("cross_entropy", logits)?;
    typed!("cross_entropy", [logits], {
        let mut gradient = crate::pool::take::<E>(logits.len());
        let outcome = loss::cross_entropy(logits, labels, smoothing, weight, Some(&mut gradient));
        Ok((outcome, output(gradient, dims)?))
    })
}

/// x · weightᵀ + bias: x `[batch, features]`, weight `[out, features]`, bias `[out]`; plain candle, so differentiable.
///
/// # Errors
/// If the shapes do not fit.
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)?.broadcast_add(bias)
}

/// Mean cross-entropy, in nats, of logits `[batch, classes]` against labels `[batch]` (u32), with label smoothing
/// (Szegedy et al. 2016); plain candle, so differentiable.
///
/// # Errors
/// If the shapes do not fit.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor, smoothing: f64) -> Result<Tensor> {
    let log_p = candle_nn::ops::log_softmax(logits, 1)?;
    let hit = log_p.gather(&labels.unsqueeze(1)?, 1)?.mean_all()?;
    let all = log_p.mean_all()?;
    ((hit * (smoothing - 1.0))? - (all * smoothing)?)?.contiguous()
}
