//! Batch normalization with batch or given statistics.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{View, output, typed};
use crate::element::Element;
use crate::kernels::norm::{self, Affine, Extent, Moments};
use crate::pool;

const NAME: &str = "batch_norm";

/// The constant added to every variance (PyTorch's default, which all six methods use).
pub(crate) const EPSILON: f64 = 1e-5;

fn extent(dims: &[usize]) -> Extent {
    Extent { batch: dims[0], channels: dims[1], pixels: dims[2..].iter().product() }
}

/// Mean and biased variance per channel.
pub(crate) fn moments(x: &Tensor) -> Result<Moments> {
    let extent = extent(x.dims());
    let x = View::tensor(NAME, x)?;
    typed!(NAME, [x], Ok(norm::moments::<E>(extent, x)))
}

/// Learned scale and shift, or 1 and 0.
fn learned(tensors: Option<(&Tensor, &Tensor)>, channels: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let wide = |t: &Tensor| t.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>();
    match tensors {
        Some((weight, bias)) => Ok((wide(weight)?, wide(bias)?)),
        None => Ok((vec![1.0; channels], vec![0.0; channels])),
    }
}

/// y = (x - mean) / sqrt(variance + eps) · weight + bias.
pub(crate) fn forward(x: &Tensor, moments: &Moments, affine: Option<(&Tensor, &Tensor)>) -> Result<Tensor> {
    let dims = x.dims();
    let (weight, bias) = learned(affine, dims[1])?;
    let x = View::tensor(NAME, x)?;
    typed!(NAME, [x], {
        let mut y = pool::take::<E>(x.len());
        norm::normalize(extent(dims), x, &scales::<E>(moments, &weight, &bias), &mut y);
        output(y, dims)
    })
}

fn scales<T: Element>(moments: &Moments, weight: &[f64], bias: &[f64]) -> Vec<Affine<T>> {
    let scale = |c: usize| weight[c] / (moments.variance[c] + EPSILON).sqrt();
    let channel = |c: usize| Affine::new(moments.mean[c], scale(c), bias[c]);
    (0..weight.len()).map(channel).collect()
}

/// The gradients of a normalization with batch statistics.
pub(crate) struct Gradients {
    pub(crate) input: Tensor,
    /// Of the learned scale and shift, `[channels]` each.
    pub(crate) affine: (Tensor, Tensor),
}

/// All gradients; `moments` are those of `x`.
pub(crate) fn backward(
    x: &Tensor,
    dy: &Tensor,
    moments: &Moments,
    affine: Option<(&Tensor, &Tensor)>,
) -> Result<Gradients> {
    let dims = x.dims();
    let extent = extent(dims);
    let (weight, _) = learned(affine, extent.channels)?;
    let (x, dy) = (View::tensor(NAME, x)?, View::tensor(NAME, dy)?);
    typed!(NAME, [x, dy], {
        let mut dx = pool::take::<E>(x.len());
        let sums = if moments.count <= FEW {
            let mut wide = vec![0.0; x.len()];
            let sums = input_gradient(extent, &widened(x), &widened(dy), moments, &weight, &mut wide);
            dx.iter_mut().zip(wide).for_each(|(dx, wide)| *dx = wide as E);
            sums
        } else {
            input_gradient::<E>(extent, x, dy, moments, &weight, &mut dx)
        };
        let d_bias: Vec<E> = sums.iter().map(|s| s.0 as E).collect();
        let d_weight = sums.iter().zip(&moments.variance).map(|(s, v)| (s.1 / (v + EPSILON).sqrt()) as E);
        let d_weight = output(d_weight.collect::<Vec<E>>(), extent.channels)?;
        let affine = (d_weight, output(d_bias, extent.channels)?);
        Ok(Gradients { input: output(dx, dims)?, affine })
    })
}

/// Up to this many elements a channel, the gradient is worked out in f64: it is then a small difference of large terms
/// (of two elements it all but vanishes), and so few cost nothing.
const FEW: usize = 64;

fn widened<T: Element>(values: &[T]) -> Vec<f64> {
    values.iter().map(|v| v.wide()).collect()
}

/// Writes dx, and returns each channel's Σ dy and Σ dy · (x - mean).
fn input_gradient<T: Element>(
    extent: Extent,
    x: &[T],
    dy: &[T],
    moments: &Moments,
    weight: &[f64],
    dx: &mut [T],
) -> Vec<(f64, f64)> {
    let count = moments.count as f64;
    let sums = norm::gradient_sums(extent, x, dy, &moments.mean);
    let inverse: Vec<f64> = moments.variance.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect();
    let gains: Vec<T> = weight.iter().zip(&inverse).map(|(w, i)| T::of(w * i)).collect();
    let slope = |c: usize| -inverse[c] * inverse[c] * sums[c].1 / count;
    let pull = |c: usize| Affine::new(moments.mean[c], slope(c), -sums[c].0 / count);
    let pulls: Vec<Affine<T>> = (0..extent.channels).map(pull).collect();
    norm::input_gradient(extent, x, dy, &gains, &pulls, dx);
    sums
}

struct Op(Moments);

impl CustomOp3 for Op {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        weight: &CpuStorage,
        lw: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let extent = extent(lx.dims());
        let (x, weight, bias) =
            (View::storage(NAME, x, lx)?, View::storage(NAME, weight, lw)?, View::storage(NAME, bias, lb)?);
        typed!(NAME, [x, weight, bias], {
            let (weight, bias) = (widened(weight), widened(bias));
            let mut y = vec![E::default(); x.len()];
            norm::normalize(extent, x, &scales::<E>(&self.0, &weight, &bias), &mut y);
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y), lx.shape().clone()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Gradients { input, affine } = backward(&x.contiguous()?, &dy.contiguous()?, &self.0, Some((weight, bias)))?;
        Ok((Some(input), Some(affine.0), Some(affine.1)))
    }
}

/// Batch normalization of `[batch, channels, height, width]` with the batch's own statistics and learned `weight` and
/// `bias` `[channels]` (Ioffe & Szegedy 2015, eps 1e-5). Differentiable in all three under candle's `backward()`.
///
/// # Errors
/// If the shapes do not fit, or the device or data type has no kernel.
pub fn batch_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let x = x.contiguous()?;
    let moments = moments(&x)?;
    x.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Op(moments))
}
