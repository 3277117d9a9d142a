//! The number types the kernels run in: f32 to train, f64 to judge gradients.

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Sub};

use candle_core::WithDType;

/// A floating-point element of a tensor.
pub(crate) trait Element:
    WithDType
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + MulAssign
{
    const ZERO: Self;
    const ONE: Self;
    const LOWEST: Self;

    /// `self * a + b`, rounded once. Contraction is spelled out, so that results do not depend on the compiler's mood.
    fn fma(self, a: Self, b: Self) -> Self;
    fn of(value: f64) -> Self;
    fn wide(self) -> f64;
    fn is_nan(self) -> bool;
}

macro_rules! element {
    ($type:ty) => {
        impl Element for $type {
            const ZERO: Self = 0.0;
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
        }
    };
}

element!(f32);
element!(f64);
