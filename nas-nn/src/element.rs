//! The number types: what kernels compute in, f32 to train and f64 to judge gradients, and what activations and their
//! gradients are stored in, which may be half as large.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Sub};

use candle_core::WithDType;
use half::bf16;

use crate::simd;

/// What activations are stored in.
pub(crate) trait Stored: Copy + Debug + Default + PartialEq + Send + Sync + 'static {
    /// What is computed with them.
    type Real: Element;

    const ZERO: Self;
    /// Whether storing rounds, so that sums are better taken before it.
    const ROUNDS: bool;

    fn load(self) -> Self::Real;
    fn store<const N: usize>(values: [Self::Real; N]) -> [Self; N];
}

/// The upper half of an f32.
impl Stored for bf16 {
    type Real = f32;

    const ZERO: Self = bf16::ZERO;
    const ROUNDS: bool = true;

    #[inline(always)]
    fn load(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    /// The nearest, of two equally near ones the even one; a NaN stays one. All are rounded before the first is cut: a loop
    /// that did both would not become vector instructions.
    #[inline(always)]
    fn store<const N: usize>(values: [f32; N]) -> [Self; N] {
        let (mut upper, mut result) = ([0; N], [Self::ZERO; N]);
        for i in 0..N {
            let bits = values[i].to_bits();
            let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
            upper[i] = if values[i].is_nan() { bits | 0x40_0000 } else { rounded } >> 16;
        }
        for i in 0..N {
            result[i] = Self::from_bits(upper[i] as u16);
        }
        result
    }
}

/// A floating-point element of a tensor.
pub(crate) trait Element:
    Stored<Real = Self>
    + WithDType
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + MulAssign
{
    const ONE: Self;
    const LOWEST: Self;

    /// `self * a + b`, rounded once. Contraction is spelled out, so that results do not depend on the compiler's mood.
    fn fma(self, a: Self, b: Self) -> Self;
    fn of(value: f64) -> Self;
    fn wide(self) -> f64;
    fn is_nan(self) -> bool;

    /// Runs a kernel, compiled for the best instruction set of this machine where that matters.
    fn dispatch<R>(kernel: impl FnOnce() -> R) -> R;
}

macro_rules! element {
    ($type:ty, |$kernel:ident| $dispatch:expr) => {
        impl Stored for $type {
            type Real = Self;

            const ZERO: Self = 0.0;
            const ROUNDS: bool = false;

            #[inline(always)]
            fn load(self) -> Self {
                self
            }
            #[inline(always)]
            fn store<const N: usize>(values: [Self; N]) -> [Self; N] {
                values
            }
        }

        impl Element for $type {
            const ONE: Self = 1.0;
            const LOWEST: Self = <$type>::NEG_INFINITY;

            #[inline(always)]
            fn fma(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }
            #[inline(always)]
            fn dispatch<R>($kernel: impl FnOnce() -> R) -> R {
                $dispatch
            }
        }
    };
}

element!(f32, |kernel| simd::dispatch(kernel));
// What judges gradients need not be fast; compiling it once spares minutes.
element!(f64, |kernel| kernel());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_the_nearest_ones() {
        let mut bits = 1_u32;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(bits);
            let ([own], known) = (<bf16 as Stored>::store([value]), bf16::from_f32(value));
            assert!(own == known || (own.is_nan() && known.is_nan()), "{value}: {own}, {known}");
            assert_eq!(own.load().to_bits(), own.to_f32().to_bits());
        }
        assert_eq!(<bf16 as Stored>::store([f32::MAX]), [bf16::INFINITY]);
    }
}
