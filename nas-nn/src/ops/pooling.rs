//! Pooling with padding, and global average pooling.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use nas_space::{Pool, PoolKind};

use super::{View, output, typed};
use crate::kernels::plane::Geometry;
use crate::kernels::{head, pooling};
use crate::pool;

const NAME: &str = "pool2d";

fn geometry(x: &[usize], pool: &Pool) -> Result<(Geometry, [usize; 4])> {
    let [batch, channels, height, width] = x else { bail!("{NAME} reads [batch, channels, height, width], not {x:?}") };
    let Some(g) = Geometry::new(&pool.window, [*height, *width]) else {
        bail!("{NAME}: a {:?} window does not fit a {height}x{width} input", pool.window.kernel)
    };
    let dims = [*batch, *channels, g.output[0], g.output[1]];
    Ok((g, dims))
}

/// y = pool(x).
pub(crate) fn forward(x: &Tensor, pool: &Pool) -> Result<Tensor> {
    let (g, dims) = geometry(x.dims(), pool)?;
    let x = View::tensor(NAME, x)?;
    typed!(NAME, [x], {
        let mut y = pool::take::<E>(dims.iter().product());
        pooling::forward(pool.kind, &g, x, &mut y);
        output(y, &dims)
    })
}

/// dx from x and dy.
pub(crate) fn input_gradient(x: &Tensor, dy: &Tensor, pool: &Pool) -> Result<Tensor> {
    let (g, _) = geometry(x.dims(), pool)?;
    let dims = x.dims();
    let (x, dy) = (View::tensor(NAME, x)?, View::tensor(NAME, dy)?);
    typed!(NAME, [x, dy], {
        let mut dx = pool::take::<E>(dims.iter().product());
        pooling::input_gradient(pool.kind, &g, x, dy, &mut dx);
        output(dx, dims)
    })
}

/// dx of an average, which does not depend on the input's values, for an input of dims `x`.
pub(crate) fn average_gradient(x: &[usize], dy: &Tensor, pool: &Pool) -> Result<Tensor> {
    let (g, _) = geometry(x, pool)?;
    let dy = View::tensor(NAME, dy)?;
    typed!(NAME, [dy], {
        let mut dx = pool::take::<E>(x.iter().product());
        pooling::input_gradient(PoolKind::Average, &g, &[], dy, &mut dx);
        output(dx, x)
    })
}

/// The mean of every plane: `[batch, channels, 1, 1]`.
pub(crate) fn global_forward(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let x = View::tensor("global_average_pool", x)?;
    typed!("global_average_pool", [x], {
        let mut y = pool::take::<E>(batch * channels);
        head::mean_planes(x, height * width, &mut y);
        output(y, (batch, channels, 1, 1))
    })
}

/// dx of a global average pool, for an input of dims `x`.
pub(crate) fn global_gradient(x: &[usize], dy: &Tensor) -> Result<Tensor> {
    let dy = View::tensor("global_average_pool", dy)?;
    typed!("global_average_pool", [dy], {
        let mut dx = pool::take::<E>(x.iter().product());
        head::spread_planes(dy, x[2] * x[3], &mut dx);
        output(dx, x)
    })
}

struct Op(Pool);

impl CustomOp1 for Op {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (g, dims) = geometry(layout.dims(), &self.0)?;
        let x = View::storage(NAME, x, layout)?;
        typed!(NAME, [x], {
            let mut y = vec![E::default(); dims.iter().product()];
            pooling::forward(self.0.kind, &g, x, &mut y);
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y), Shape::from(&dims)))
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        input_gradient(&x.contiguous()?, &dy.contiguous()?, &self.0).map(Some)
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
