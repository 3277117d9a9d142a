//! ReLU, sums, concatenation and dropped paths.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::{View, output, typed};
use crate::kernels::elementwise;
use crate::pool;

/// y = max(x, 0).
pub(crate) fn relu_forward(x: &Tensor) -> Result<Tensor> {
    let dims = x.dims();
    let x = View::tensor("relu", x)?;
    typed!("relu", [x], {
        let mut y = pool::take::<E>(x.len());
        elementwise::relu(x, &mut y);
        output(y, dims)
    })
}

/// dx from the output y and dy.
pub(crate) fn relu_gradient(y: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let dims = y.dims();
    let (y, dy) = (View::tensor("relu", y)?, View::tensor("relu", dy)?);
    typed!("relu", [y, dy], {
        let mut dx = pool::take::<E>(y.len());
        elementwise::relu_gradient(y, dy, &mut dx);
        output(dx, dims)
    })
}

/// The sum of tensors of one shape, in their order.
pub(crate) fn sum(inputs: &[&Tensor]) -> Result<Tensor> {
    let dims = inputs[0].dims();
    if let Some(other) = inputs.iter().find(|t| t.dims() != dims) {
        bail!("cannot add {:?} and {dims:?}", other.dims())
    }
    let views = inputs.iter().map(|t| View::tensor("add", t)).collect::<Result<Vec<_>>>()?;
    let first = &views[0];
    typed!("add", [first], {
        let slices = views.iter().map(View::slice::<E>).collect::<Result<Vec<_>>>()?;
        let mut y = pool::take::<E>(first.len());
        elementwise::sum(&slices, &mut y);
        output(y, dims)
    })
}

/// Concatenation along the channels.
pub(crate) fn concat(inputs: &[&Tensor]) -> Result<Tensor> {
    let (batch, _, height, width) = inputs[0].dims4()?;
    let channels: usize = inputs.iter().map(|t| t.dims()[1]).sum();
    let whole = channels * height * width;
    let views = inputs.iter().map(|t| View::tensor("concat", t)).collect::<Result<Vec<_>>>()?;
    let first = &views[0];
    typed!("concat", [first], {
        let mut y = pool::take::<E>(batch * whole);
        let mut offset = 0;
        for view in &views {
            let x = view.slice::<E>()?;
            elementwise::place(x, x.len() / batch, &mut y, whole, offset);
            offset += x.len() / batch;
        }
        output(y, (batch, channels, height, width))
    })
}

/// The gradient of one part of a concatenation: `channels` channels from `first` on.
pub(crate) fn concat_gradient(dy: &Tensor, first: usize, channels: usize) -> Result<Tensor> {
    let (batch, all, height, width) = dy.dims4()?;
    let pixels = height * width;
    let dy = View::tensor("concat", dy)?;
    typed!("concat", [dy], {
        let mut dx = pool::take::<E>(batch * channels * pixels);
        elementwise::take(dy, all * pixels, first * pixels, &mut dx, channels * pixels);
        output(dx, (batch, channels, height, width))
    })
}

/// Zeros of some shape, of the type of `like`.
pub(crate) fn zeros(like: &Tensor, dims: (usize, usize, usize, usize)) -> Result<Tensor> {
    let like = View::tensor("zero", like)?;
    typed!("zero", [like], {
        let mut y = pool::take::<E>(dims.0 * dims.1 * dims.2 * dims.3);
        y.fill(0.0);
        output(y, dims)
    })
}

/// Each sample times its own factor.
pub(crate) fn scale_samples(x: &Tensor, factors: &[f64]) -> Result<Tensor> {
    let dims = x.dims();
    let x = View::tensor("drop_path", x)?;
    typed!("drop_path", [x], {
        let factors: Vec<E> = factors.iter().map(|&f| f as E).collect();
        let mut y = pool::take::<E>(x.len());
        elementwise::scale_samples(x, &factors, &mut y);
        output(y, dims)
    })
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = View::storage("relu", x, layout)?;
        typed!("relu", [x], {
            let mut y = vec![E::default(); x.len()];
            elementwise::relu(x, &mut y);
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y), layout.shape().clone()))
        })
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        relu_gradient(y, &dy.contiguous()?).map(Some)
    }
}

/// max(x, 0), parallel and differentiable under candle's `backward()`.
///
/// # Errors
/// If the device or data type has no kernel.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Relu)
}
