//! Convolution without bias.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use nas_space::Conv2d;

use super::{View, output, typed};
use crate::kernels::conv::{self, Problem};
use crate::kernels::plane::Geometry;
use crate::pool;

const NAME: &str = "conv2d";

fn problem(x: &[usize], conv: &Conv2d, rectify: bool) -> Result<Problem> {
    let [batch, channels, height, width] = x else { bail!("{NAME} reads [batch, channels, height, width], not {x:?}") };
    if conv.groups == 0 || !channels.is_multiple_of(conv.groups) || !conv.out.is_multiple_of(conv.groups) {
        bail!("{NAME}: {} groups do not divide {channels} input and {} output channels", conv.groups, conv.out)
    }
    let Some(geometry) = Geometry::new(&conv.window, [*height, *width]) else {
        bail!("{NAME}: a {:?} kernel does not fit a {height}x{width} input", conv.window.kernel)
    };
    let (fan_in, fan_out) = (channels / conv.groups, conv.out / conv.groups);
    Ok(Problem { geometry, batch: *batch, groups: conv.groups, fan_in, fan_out, rectify })
}

fn check_weight(weight: &[usize], p: &Problem, conv: &Conv2d) -> Result<()> {
    let expected = [conv.out, p.fan_in, conv.window.kernel[0], conv.window.kernel[1]];
    if weight != expected {
        bail!("{NAME}: the weight is {weight:?}, expected {expected:?}")
    }
    Ok(())
}

fn output_dims(p: &Problem, conv: &Conv2d) -> [usize; 4] {
    [p.batch, conv.out, p.geometry.output[0], p.geometry.output[1]]
}

/// y = conv(x, w), or conv(relu(x), w) with `rectify`.
pub(crate) fn forward(x: &Tensor, w: &Tensor, conv: &Conv2d, rectify: bool) -> Result<Tensor> {
    let p = problem(x.dims(), conv, rectify)?;
    check_weight(w.dims(), &p, conv)?;
    let dims = output_dims(&p, conv);
    let (x, w) = (View::tensor(NAME, x)?, View::tensor(NAME, w)?);
    typed!(NAME, [x, w], {
        let mut y = pool::take::<E>(dims.iter().product());
        conv::forward(&p, x, w, &mut y);
        output(y, &dims)
    })
}

/// The gradient of the input `x`.
pub(crate) fn input_gradient(x: &Tensor, w: &Tensor, dy: &Tensor, conv: &Conv2d, rectify: bool) -> Result<Tensor> {
    let dims = x.dims();
    let p = problem(dims, conv, rectify)?;
    let (x, w, dy) = (View::tensor(NAME, x)?, View::tensor(NAME, w)?, View::tensor(NAME, dy)?);
    typed!(NAME, [x, w, dy], {
        let mut dx = pool::take::<E>(x.len());
        conv::input_gradient(&p, x, dy, w, &mut dx);
        output(dx, dims)
    })
}

/// The gradient of the weight, whose dims are `w`.
pub(crate) fn weight_gradient(x: &Tensor, w: &[usize], dy: &Tensor, conv: &Conv2d, rectify: bool) -> Result<Tensor> {
    let p = problem(x.dims(), conv, rectify)?;
    let (x, dy) = (View::tensor(NAME, x)?, View::tensor(NAME, dy)?);
    typed!(NAME, [x, dy], {
        let mut dw = vec![E::default(); w.iter().product()];
        conv::weight_gradient(&p, dy, x, &mut dw);
        output(dw, w)
    })
}

struct Op(Conv2d);

impl CustomOp2 for Op {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let p = problem(lx.dims(), &self.0, false)?;
        check_weight(lw.dims(), &p, &self.0)?;
        let dims = output_dims(&p, &self.0);
        let (x, w) = (View::storage(NAME, x, lx)?, View::storage(NAME, w, lw)?);
        typed!(NAME, [x, w], {
            let mut y = vec![E::default(); dims.iter().product()];
            conv::forward(&p, x, w, &mut y);
            Ok((<E as candle_core::WithDType>::to_cpu_storage_owned(y), Shape::from(&dims)))
        })
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (x, w, dy) = (x.contiguous()?, w.contiguous()?, dy.contiguous()?);
        let dx = input_gradient(&x, &w, &dy, &self.0, false)?;
        let dw = weight_gradient(&x, w.dims(), &dy, &self.0, false)?;
        Ok((Some(dx), Some(dw)))
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
