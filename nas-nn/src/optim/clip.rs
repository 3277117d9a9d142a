//! Clipping of gradients by their global norm (Pascanu et al. 2013).

use candle_core::{DType, Device, Result, Tensor};

use super::lend::read;
use crate::NnError;
use crate::element::Element;

/// The Euclidean norm of all gradients taken together.
///
/// Squares are summed in f64, in an order fixed by the shapes, so that every machine and thread count gets the same bits.
///
/// # Errors
/// If a gradient cannot be read.
pub fn global_norm(gradients: &[Tensor]) -> Result<f64> {
    let mut sum = 0.0;
    for gradient in gradients {
        sum += match (gradient.device(), gradient.dtype()) {
            (Device::Cpu, DType::F32) => read(gradient, |g: &[f32]| Ok(squares(g)))?,
            (Device::Cpu, DType::F64) => read(gradient, |g: &[f64]| Ok(squares(g)))?,
            _ => gradient.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?,
        };
    }
    Ok(sum.sqrt())
}

/// The sum of squares in f64: eight partial sums, so that the additions need not wait for one another.
pub(super) fn squares<T: Element>(values: &[T]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            let value = value.wide();
            *lane += value * value;
        }
    }
    let rest: f64 = rest.iter().map(|v| v.wide()).map(|v| v * v).sum();
    lanes.iter().sum::<f64>() + rest
}

/// The factor that brings gradients of this norm down to `max`: PyTorch's `max / (norm + 1e-6)`, at most 1.
pub fn clip_scale(norm: f64, max: f64) -> f64 {
    // Written so that a NaN norm gives NaN, not 1: a broken gradient must not pass as a fine one.
    let scale = max / (norm + 1e-6);
    if scale > 1.0 { 1.0 } else { scale }
}

/// Scales the gradients down such that their global norm is at most `max`, and returns the norm they had before.
///
/// A training step saves the pass over memory by handing [`clip_scale`] to the optimiser instead.
///
/// # Errors
/// If a gradient cannot be read.
pub fn clip_by_norm(gradients: &mut [Tensor], max: f64) -> std::result::Result<f64, NnError> {
    let norm = global_norm(gradients)?;
    let scale = clip_scale(norm, max);
    if scale != 1.0 {
        for gradient in gradients {
            *gradient = (&*gradient * scale)?;
        }
    }
    Ok(norm)
}
