//! Run-time SIMD dispatch: kernels are plain loops over fixed-size arrays of [lanes](crate::kernels::lanes), compiled once for each
//! instruction set by `pulp` and chosen when the program runs, so that one binary is fast everywhere.
//!
//! Everything called inside [`dispatch`] must be `#[inline(always)]`, or it is compiled for the baseline only: loops are
//! `for` loops, since the closures of `for_each` and `fold` run in functions of the standard library. So each kernel
//! dispatches itself, a plane or a product at a time: what puts kernels together is compiled once, in plain code.

use std::sync::LazyLock;

static ARCH: LazyLock<pulp::Arch> = LazyLock::new(pulp::Arch::new);

/// Runs a closure compiled for the best instruction set of this machine.
#[inline(always)]
pub(crate) fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    ARCH.dispatch(work)
}

/// Whether that instruction set is AVX-512, for what is better put together in another way there. No result may depend on it.
pub(crate) fn is_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return matches!(*ARCH, pulp::Arch::V4(_));
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Work, in elements touched, below which handing a task to another thread costs more than it saves.
const GRAIN: usize = 1 << 15;

/// How many items of so much work each make a task worth handing over. It bounds how finely rayon splits; the items and
/// what is computed in each stay the same, and so do the results.
pub(crate) fn items_per_task(work: usize) -> usize {
    (GRAIN / work.max(1)).max(1)
}
