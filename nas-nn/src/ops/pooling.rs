//! Pooling with padding, and global average pooling.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use nas_space::Pool;

use super::{Blocks, View, output, typed};
use crate::kernels::plane::Geometry;
use crate::kernels::pooling::{self, Problem};

const NAME: &str = "pool2d";

/// The sizes, and the output's dims.
fn problem(x: &[usize], pool: &Pool) -> Result<(Problem, [usize; 4])> {
    let [batch, channels, height, width] = x else { bail!("{NAME} reads [batch, channels, height, width], not {x:?}") };
    let Some(geometry) = Geometry::new(&pool.window, [*height, *width]) else {
        bail!("{NAME}: a {:?} window does not fit a {height}x{width} input", pool.window.kernel)
    };
    let dims = [*batch, *channels, geometry.output[0], geometry.output[1]];
    Ok((Problem { kind: pool.kind, geometry, batch: *batch }, dims))
}

struct Op(Pool);

impl CustomOp1 for Op {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (problem, dims) = problem(layout.dims(), &self.0)?;
        let x = View::storage(NAME, x, layout)?;
        typed!(NAME, [x], {
            let (x, mut y) = (Blocks::<E>::of(x, layout.dims()), Blocks::<E>::fresh(&dims));
            pooling::forward(&problem, &x.operand(), y.slices_mut());
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y.data()), Shape::from(&dims)))
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (x, dy) = (x.contiguous()?, dy.contiguous()?);
        let (dims, dy_dims) = (x.dims(), dy.dims());
        let (problem, _) = problem(dims, &self.0)?;
        let (x, dy) = (View::tensor(NAME, &x)?, View::tensor(NAME, &dy)?);
        typed!(NAME, [x, dy], {
            let (x, dy, mut dx) = (Blocks::<E>::of(x, dims), Blocks::<E>::of(dy, dy_dims), Blocks::<E>::fresh(dims));
            pooling::input_gradient(&problem, Some(&x.operand()), &dy.slices(), dx.slices_mut(), false);
            output(dx.data(), dims).map(Some)
        })
    }
}

/// Maximum or average pooling of `[batch, channels, height, width]`; the average counts pixels inside the image only.
/// Differentiable under candle's `backward()`; of equal maxima the first receives the gradient.
///
/// # Errors
/// If the window does not fit, or the device or data type has no kernel.
pub fn pool2d(x: &Tensor, pool: &Pool) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Op(*pool))
}

/// The mean over rows and columns, `[batch, channels, 1, 1]`; plain candle, so differentiable.
///
/// # Errors
/// If `x` does not have four dimensions.
pub fn global_average_pool(x: &Tensor) -> Result<Tensor> {
    x.mean_keepdim((2, 3))
}
