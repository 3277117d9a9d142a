//! ReLU.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{View, output, typed};

const NAME: &str = "relu";

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = View::storage(NAME, x, layout)?;
        typed!(NAME, [x], {
            // A NaN stays one.
            let y: Vec<E> = x.iter().map(|&v| if v < 0.0 { 0.0 } else { v }).collect();
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y), layout.shape().clone()))
        })
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dy = dy.contiguous()?;
        let dims = y.dims();
        let (y, dy) = (View::tensor(NAME, y)?, View::tensor(NAME, &dy)?);
        typed!(NAME, [y, dy], {
            let dx: Vec<E> = y.iter().zip(dy).map(|(&y, &dy)| if y > 0.0 { dy } else { 0.0 }).collect();
            output(dx, dims).map(Some)
        })
    }
}

/// max(x, 0), differentiable under candle's `backward()`.
///
/// # Errors
/// If the device or data type has no kernel.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Relu)
}
