//! The weighted sum of a mixed edge (Liu et al. 2019, equation 2).

use super::elementwise::{summed_beside, write};
use super::lanes::{Lanes, carve};
use super::pieces::each_part;
use super::pooling::Pooling;
use super::read::{Affine, Operand, Read};
use crate::element::{Element, Stored};
use crate::pool;

/// Pixels of a part: whole planes, about 16 KiB of f32.
const PART: usize = 512;
/// Pixels of the parts that make a task worth handing over.
const GRAIN: usize = 8 * PART;

/// One operation's output.
pub(crate) struct Term<'a, S: Stored> {
    /// The output as it is read, or what a pooling reads.
    pub(crate) x: Operand<'a, S>,
    /// The pooling whose output is worked out here, if it is one.
    pub(crate) pooled: Option<Pooled<'a, S::Real>>,
}

/// A pooling, and the batch norm behind it.
#[derive(Clone, Copy)]
pub(crate) struct Pooled<'a, T> {
    pub(crate) pooling: &'a Pooling<T>,
    pub(crate) affine: &'a [Affine<T>],
}

/// y = Σ weights[i] · terms[i], in their order, for planes of `pixels` pixels.
pub(crate) fn weighted_sum<S: Stored>(
    terms: &[Term<'_, S>],
    weights: &[S::Real],
    pixels: usize,
    y: Vec<&mut [Lanes<S>]>,
) {
    let samples = (PART / pixels.max(1)).max(1);
    let part = samples * pixels;
    let packed = terms.iter().filter_map(|term| term.pooled).map(|pooled| pooled.pooling.packed_len()).max();
    let scratch = packed.map_or(0, |packed| packed + pixels);
    each_part(y, part, GRAIN.div_ceil(part), |block, index, y| {
        let mut scratch = pool::take(scratch);
        let first = index * samples;
        if S::ROUNDS {
            summed_beside(y, |y| sum_part(terms, weights, pixels, block, first, &mut scratch, y));
        } else {
            sum_part(terms, weights, pixels, block, first, &mut scratch, y);
        }
    });
}

/// The sum of one block of some samples from `first` on.
fn sum_part<S: Stored, Y: Stored<Real = S::Real>>(
    terms: &[Term<'_, S>],
    weights: &[S::Real],
    pixels: usize,
    block: usize,
    first: usize,
    scratch: &mut [Lanes<S::Real>],
    y: &mut [Lanes<Y>],
) {
    for (number, (Term { x, pooled }, weight)) in terms.iter().zip(weights).enumerate() {
        let weight = Lanes::splat(*weight);
        let Some(Pooled { pooling, affine }) = pooled else {
            let x_part = &x.blocks[block][first * pixels..first * pixels + y.len()];
            write_weighted(x_part, x.read(block), weight, y, number > 0);
            continue;
        };
        let [plane, packed] = carve(scratch, [pixels, pooling.packed_len()]);
        let input = pooling.input_len();
        for (x_plane, y) in x.blocks[block][first * input..].chunks_exact(input).zip(y.chunks_exact_mut(pixels)) {
            pooling.plane(x_plane, x.read(block), packed, plane);
            let read = Read { affine: Some(affine[block]), relu: false };
            write_weighted(plane, read, weight, y, number > 0);
        }
    }
}

/// `y (+)= read(x) · weight`; without a ReLU in between the weight enters the affine map, so that it costs nothing.
fn write_weighted<X: Stored<Real = T>, Y: Stored<Real = T>, T: Element>(
    x: &[Lanes<X>],
    read: Read<T>,
    weight: Lanes<T>,
    y: &mut [Lanes<Y>],
    add: bool,
) {
    T::dispatch(
        #[inline(always)]
        || {
            if read.relu {
                write(
                    x,
                    y,
                    add,
                    #[inline(always)]
                    |x| read.apply(x) * weight,
                );
                return;
            }
            let Affine { center, scale, shift } = read.affine.unwrap_or(Affine::identity());
            let weighted = Affine { center, scale: scale * weight, shift: shift * weight };
            write(
                x,
                y,
                add,
                #[inline(always)]
                |x| weighted.apply(x),
            );
        },
    );
}
