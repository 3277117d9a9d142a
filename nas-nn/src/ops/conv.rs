//! Convolution without bias.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use nas_space::Conv2d;

use super::{Blocks, View, output, typed};
use crate::kernels::conv::{self, Problem, Stages, Weights};
use crate::kernels::plane::Geometry;
use crate::kernels::read::Incoming;
use crate::kernels::siblings::{self, Backward, Forward, Sibling};

const NAME: &str = "conv2d";

/// The sizes, and the output's dims.
fn problem<'a>(x: &[usize], w: &[usize], conv: &Conv2d, slots: &'a [usize]) -> Result<(Problem<'a>, [usize; 4])> {
    let [batch, channels, height, width] = x else { bail!("{NAME} reads [batch, channels, height, width], not {x:?}") };
    let Conv2d { out, groups, window } = *conv;
    if groups == 0 || !channels.is_multiple_of(groups) || !out.is_multiple_of(groups) {
        bail!("{NAME}: {groups} groups do not divide {channels} input and {out} output channels")
    }
    let Some(geometry) = Geometry::new(&window, [*height, *width]) else {
        bail!("{NAME}: a {:?} kernel does not fit a {height}x{width} input", window.kernel)
    };
    let expected = [out, channels / groups, window.kernel[0], window.kernel[1]];
    if w != expected {
        bail!("{NAME}: the weight is {w:?}, expected {expected:?}")
    }
    let dims = [*batch, out, geometry.output[0], geometry.output[1]];
    Ok((Problem { geometry, batch: *batch, stages: Stages::of(conv, *channels), slots, out }, dims))
}

struct Op(Conv2d);

impl CustomOp2 for Op {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let slots: Vec<usize> = (0..lx.dims().get(1).copied().unwrap_or(0)).collect();
        let (p, dims) = problem(lx.dims(), lw.dims(), &self.0, &slots)?;
        let (x, w) = (View::storage(NAME, x, lx)?, View::storage(NAME, w, lw)?);
        typed!(NAME, [x, w], {
            let (x, mut y) = (Blocks::<E>::of(x, lx.dims()), Blocks::<E>::fresh(&dims));
            let (batch, weights) = (p.batch, Weights::of(p.stages, w));
            let op = Forward::Convolution(Box::new(conv::Forward::new(p, x.operand(), weights)));
            siblings::forward(batch, vec![Sibling { op, y: Some(y.slices_mut()), tally: false }]);
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y.data()), Shape::from(&dims)))
        })
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (x, w, dy) = (x.contiguous()?, w.contiguous()?, dy.contiguous()?);
        let (dims, w_dims, dy_dims) = (x.dims(), w.dims(), dy.dims());
        let slots: Vec<usize> = (0..dims[1]).collect();
        let (p, _) = problem(dims, w_dims, &self.0, &slots)?;
        let (x, w, dy) = (View::tensor(NAME, &x)?, View::tensor(NAME, &w)?, View::tensor(NAME, &dy)?);
        typed!(NAME, [x, w, dy], {
            let (x, dy, mut dx) = (Blocks::<E>::of(x, dims), Blocks::<E>::of(dy, dy_dims), Blocks::<E>::fresh(dims));
            let incoming = Incoming { blocks: dy.slices(), norm: None };
            let (batch, weights) = (p.batch, Weights::of(p.stages, w));
            let op = Backward::Convolution(Box::new(conv::Backward::new(p, x.operand(), weights, incoming)));
            let found = siblings::backward(batch, vec![op], Some(dx.slices_mut()), false).remove(0);
            Ok((Some(output(dx.data(), dims)?), Some(output(found.single(), w_dims)?)))
        })
    }
}

/// Convolution without bias: images `[batch, in, height, width]`, weight `[out, in / groups, rows, columns]`.
/// Differentiable in both under candle's `backward()`.
///
/// # Errors
/// If the shapes do not fit, or the device or data type has no kernel.
pub fn conv2d(x: &Tensor, weight: &Tensor, conv: &Conv2d) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&weight.contiguous()?, Op(*conv))
}
