//! The linear layer and the loss.

use candle_core::{Result, Tensor, bail};

use crate::element::Element;
use crate::kernels::loss::{self, CrossEntropy};

/// Loss and hits of logits `[batch, classes]`, and the gradient of `weight` times the mean loss.
pub(crate) fn loss<T: Element>(
    logits: &[T],
    labels: &[u32],
    smoothing: f64,
    weight: f64,
    batch: usize,
) -> Result<(CrossEntropy, Vec<T>)> {
    let classes = logits.len() / batch.max(1);
    if labels.len() != batch {
        bail!("cross_entropy: {} labels for a batch of {batch}", labels.len())
    }
    if let Some(label) = labels.iter().find(|&&l| l as usize >= classes) {
        bail!("cross_entropy: label {label}, but the network has {classes} classes (0 to {})", classes - 1)
    }
    let mut gradient = vec![T::ZERO; logits.len()];
    let outcome = loss::cross_entropy(logits, labels, smoothing, weight, Some(&mut gradient));
    Ok((outcome, gradient))
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
