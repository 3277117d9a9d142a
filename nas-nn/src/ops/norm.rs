//! Batch normalization with batch statistics.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{Blocks, View, output, typed};
use crate::element::Element;
use crate::kernels::norm::moments;
use crate::layout;
use crate::network::norm::Norm;

const NAME: &str = "batch_norm";

struct Op;

/// The norm of an operand's own statistics.
fn norm<T: Element>(x: Blocks<T>, weight: &[T], bias: &[T]) -> (Norm<T>, Vec<usize>, usize) {
    let Blocks { slots, batch, pixels, .. } = &x;
    let (slots, batch, pixels) = (slots.clone(), *batch, *pixels);
    let tallies = moments(&x.operand(), batch, pixels);
    let lanes = |values: &[T]| layout::per_channel(&slots, x.blocks.len(), 0.0, |channel| values[channel].wide());
    let affine = (lanes(weight), lanes(bias));
    (Norm::of_batch(x.blocks.into_iter().map(Arc::new).collect(), &tallies, affine), slots, pixels)
}

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
        let dims = lx.dims();
        let (x, weight, bias) =
            (View::storage(NAME, x, lx)?, View::storage(NAME, weight, lw)?, View::storage(NAME, bias, lb)?);
        typed!(NAME, [x, weight, bias], {
            let (norm, slots, pixels) = norm::<E>(Blocks::of(x, dims), weight, bias);
            let y = layout::from_blocks(&norm.output().operand(), &slots, dims[0], pixels);
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
        let dims = x.dims();
        let (x, weight, bias, dy) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?, dy.contiguous()?);
        let (x, weight) = (View::tensor(NAME, &x)?, View::tensor(NAME, &weight)?);
        let (bias, dy) = (View::tensor(NAME, &bias)?, View::tensor(NAME, &dy)?);
        typed!(NAME, [x, weight, bias, dy], {
            let (norm, slots, _) = norm::<E>(Blocks::of(x, dims), weight, bias);
            let dy = Blocks::<E>::of(dy, dims);
            let (dx, affine) = norm.gradients(dy.blocks.into_iter().map(Arc::new).collect(), dims[0]);
            let dx = Blocks { blocks: dx, slots: dy.slots, batch: dy.batch, pixels: dy.pixels };
            let channels = |lanes: &[_]| {
                output(
                    layout::channels(lanes, &slots).into_iter().map(|v: f64| v as E).collect::<Vec<E>>(),
                    slots.len(),
                )
            };
            Ok((Some(output(dx.data(), dims)?), Some(channels(&affine.0)?), Some(channels(&affine.1)?)))
        })
    }
}

/// Batch normalization of `[batch, channels, height, width]` with the batch's own statistics and learned `weight` and
/// `bias` `[channels]` (Ioffe & Szegedy 2015, eps 1e-5). Differentiable in all three under candle's `backward()`.
///
/// # Errors
/// If the shapes do not fit, or the device or data type has no kernel.
pub fn batch_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Op)
}
