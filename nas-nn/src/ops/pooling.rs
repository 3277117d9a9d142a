//! Pooling with padding, and global average pooling.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use nas_space::Pool;

use super::{Blocks, View, output, typed};
use crate::kernels::plane::Geometry;
use crate::kernels::pooling::{self, Pooling};
use crate::kernels::read::Incoming;
use crate::kernels::siblings::{self, Backward, Forward, Sibling};

const NAME: &str = "pool2d";

/// The geometry of a plane, and the output's dims.
fn geometry(x: &[usize], pool: &Pool) -> Result<(Geometry, [usize; 4])> {
    let [batch, channels, height, width] = x else { bail!("{NAME} reads [batch, channels, height, width], not {x:?}") };
    let Some(geometry) = Geometry::new(&pool.window, [*height, *width]) else {
        bail!("{NAME}: a {:?} window does not fit a {height}x{width} input", pool.window.kernel)
    };
    let dims = [*batch, *channels, geometry.output[0], geometry.output[1]];
    Ok((geometry, dims))
}

struct Op(Pool);

impl CustomOp1 for Op {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (geometry, dims) = geometry(layout.dims(), &self.0)?;
        let x = View::storage(NAME, x, layout)?;
        typed!(NAME, [x], {
            let (x, mut y) = (Blocks::<E>::of(x, layout.dims()), Blocks::<E>::fresh(&dims));
            let pooling = Pooling::new(self.0.kind, geometry);
            let op = Forward::Pooling(Box::new(pooling::Forward { pooling: &pooling, x: x.operand() }));
            siblings::forward(dims[0], vec![Sibling { op, y: Some(y.slices_mut()), tally: false }]);
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y.data()), Shape::from(&dims)))
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (x, dy) = (x.contiguous()?, dy.contiguous()?);
        let (dims, dy_dims) = (x.dims(), dy.dims());
        let (geometry, _) = geometry(dims, &self.0)?;
        let (x, dy) = (View::tensor(NAME, &x)?, View::tensor(NAME, &dy)?);
        typed!(NAME, [x, dy], {
            let (x, dy, mut dx) = (Blocks::<E>::of(x, dims), Blocks::<E>::of(dy, dy_dims), Blocks::<E>::fresh(dims));
            let pooling = Pooling::new(self.0.kind, geometry);
            let incoming = Incoming { blocks: dy.slices(), norm: None };
            let op = Backward::Pooling(Box::new(pooling::Backward::new(&pooling, Some(x.operand()), vec![incoming])));
            siblings::backward(dims[0], vec![op], Some(dx.slices_mut()), false);
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
