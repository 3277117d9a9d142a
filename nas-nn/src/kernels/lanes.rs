//! Eight channels of one pixel: what every kernel loads, computes with and stores.
//!
//! An activation lies in memory as blocks of eight channels, each block `[batch, rows, columns]` of [`Lanes`]. A window
//! that slides over pixels then moves whole registers, whatever its stride, dilation or the width of the image; a sum over
//! pixels needs no folding of lanes; and channels are joined and split by listing blocks, without a copy.

use std::ops::{Add, AddAssign, Mul, Sub};

use crate::element::{Element, Stored};

/// Channels of one block: one AVX2 register of f32, half of AVX-512, two of NEON.
pub(crate) const LANES: usize = 8;

/// The values of [`LANES`] channels at one pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Lanes<T>(pub(crate) [T; LANES]);

impl<S: Stored> Lanes<S> {
    pub(crate) const ZERO: Self = Self([S::ZERO; LANES]);

    /// The values to compute with.
    #[inline(always)]
    pub(crate) fn load(self) -> Lanes<S::Real> {
        let mut result = [S::Real::ZERO; LANES];
        for lane in 0..LANES {
            result[lane] = self.0[lane].load();
        }
        Lanes(result)
    }

    /// The nearest values that can be stored.
    #[inline(always)]
    pub(crate) fn store(values: Lanes<S::Real>) -> Self {
        Self(S::store(values.0))
    }
}

impl<T: Element> Lanes<T> {
    #[inline(always)]
    pub(crate) fn splat(value: T) -> Self {
        Self([value; LANES])
    }

    /// `self * a + b`, rounded once.
    #[inline(always)]
    pub(crate) fn fma(self, a: Self, b: Self) -> Self {
        let mut result = b.0;
        for lane in 0..LANES {
            result[lane] = self.0[lane].fma(a.0[lane], b.0[lane]);
        }
        Self(result)
    }

    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(T) -> T) -> Self {
        let mut result = self.0;
        for lane in 0..LANES {
            result[lane] = f(self.0[lane]);
        }
        Self(result)
    }

    #[inline(always)]
    pub(crate) fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut result = self.0;
        for lane in 0..LANES {
            result[lane] = f(self.0[lane], other.0[lane]);
        }
        Self(result)
    }

    /// max(self, 0). A NaN stays one.
    #[inline(always)]
    pub(crate) fn rectified(self) -> Self {
        self.map(|v| if v < T::ZERO { T::ZERO } else { v })
    }

    /// `self` where `gate` is positive, zero elsewhere: the gradient of a ReLU.
    #[inline(always)]
    pub(crate) fn gated(self, gate: Self) -> Self {
        self.zip(gate, |v, gate| if gate > T::ZERO { v } else { T::ZERO })
    }

    #[inline(always)]
    pub(crate) fn wide(self) -> Lanes<f64> {
        let mut result = [0.0; LANES];
        for lane in 0..LANES {
            result[lane] = self.0[lane].wide();
        }
        Lanes(result)
    }

    /// The nearest values of type `T`.
    #[inline(always)]
    pub(crate) fn of(wide: Lanes<f64>) -> Self {
        let mut result = [T::ZERO; LANES];
        for lane in 0..LANES {
            result[lane] = T::of(wide.0[lane]);
        }
        Self(result)
    }
}

impl<T: Element> Add for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl<T: Element> Sub for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl<T: Element> Mul for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl<T: Element> AddAssign for Lanes<T> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The first parts of a buffer, of the lengths given.
#[inline(always)]
pub(crate) fn carve<T, const N: usize>(mut buffer: &mut [Lanes<T>], lengths: [usize; N]) -> [&mut [Lanes<T>]; N] {
    lengths.map(|length| {
        let (part, rest) = std::mem::take(&mut buffer).split_at_mut(length);
        buffer = rest;
        part
    })
}

/// Pixels that a loop handles at once.
const TOGETHER: usize = 4;

/// Nothing at all, but the optimizer does not know. Loops over pixels need no help of its loop vectorizer, which would
/// make registers of several pixels' equal lanes, and spend ten times more on moving them there than on the arithmetic.
#[inline(always)]
fn stay_in_lanes() {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: no instruction is executed.
    unsafe {
        std::arch::asm!("", options(nomem, nostack, preserves_flags));
    }
}

/// `y[i] = f(y[i], x[i])`.
#[inline(always)]
pub(crate) fn update<Y: Copy, X: Copy>(y: &mut [Lanes<Y>], x: &[Lanes<X>], f: impl Fn(Lanes<Y>, Lanes<X>) -> Lanes<Y>) {
    let x = &x[..y.len()];
    let ((y, y_rest), (x, x_rest)) = (y.as_chunks_mut::<TOGETHER>(), x.as_chunks::<TOGETHER>());
    for (y, x) in y.iter_mut().zip(x) {
        stay_in_lanes();
        for i in 0..TOGETHER {
            y[i] = f(y[i], x[i]);
        }
    }
    for (y, x) in y_rest.iter_mut().zip(x_rest) {
        stay_in_lanes();
        *y = f(*y, *x);
    }
}

/// `y[i] = f(y[i], a[i], b[i])`.
#[inline(always)]
pub(crate) fn update_from<Y: Copy, A: Copy, B: Copy>(
    y: &mut [Lanes<Y>],
    a: &[Lanes<A>],
    b: &[Lanes<B>],
    f: impl Fn(Lanes<Y>, Lanes<A>, Lanes<B>) -> Lanes<Y>,
) {
    let (a, b) = (&a[..y.len()], &b[..y.len()]);
    let (y, y_rest) = y.as_chunks_mut::<TOGETHER>();
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<TOGETHER>(), b.as_chunks::<TOGETHER>());
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        stay_in_lanes();
        for i in 0..TOGETHER {
            y[i] = f(y[i], a[i], b[i]);
        }
    }
    for ((y, a), b) in y_rest.iter_mut().zip(a_rest).zip(b_rest) {
        stay_in_lanes();
        *y = f(*y, *a, *b);
    }
}

/// Some pixels' values, one after another.
#[inline(always)]
pub(crate) fn scalars<T: Element>(lanes: &[Lanes<T>]) -> &[T] {
    // SAFETY: `Lanes<T>` is `repr(C)` around `[T; LANES]` and nothing else.
    unsafe { std::slice::from_raw_parts(lanes.as_ptr().cast(), lanes.len() * LANES) }
}
