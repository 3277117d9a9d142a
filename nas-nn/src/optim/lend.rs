//! The values of tensors on the CPU as slices, several at once, so that one pass updates a parameter and its state.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, WithDType};

use crate::element::Element;

/// A floating-point type that the fused updates exist for.
pub(super) trait Real: Element {
    /// The values, if the storage is of this type.
    fn values(storage: &mut CpuStorage) -> Option<&mut [Self]>;
    /// The square root.
    fn root(self) -> Self;
}

impl Real for f32 {
    fn values(storage: &mut CpuStorage) -> Option<&mut [Self]> {
        if let CpuStorage::F32(values) = storage { Some(values) } else { None }
    }

    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Real for f64 {
    fn values(storage: &mut CpuStorage) -> Option<&mut [Self]> {
        if let CpuStorage::F64(values) = storage { Some(values) } else { None }
    }

    fn root(self) -> Self {
        self.sqrt()
    }
}

/// Calls `body` with the values of a contiguous CPU tensor, writable. Calls nest: distinct tensors can be lent together.
pub(super) fn lend<T: Real, F: FnOnce(&mut [T]) -> Result<()>>(tensor: &Tensor, body: F) -> Result<()> {
    struct Lend<F>(RefCell<Option<F>>);

    impl<F: FnOnce(&mut CpuStorage, &Layout) -> Result<()>> InplaceOp1 for Lend<F> {
        fn name(&self) -> &'static str {
            "optimizer-step"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
            match self.0.borrow_mut().take() {
                Some(body) => body(storage, layout),
                None => candle_core::bail!("an optimiser step ran twice"),
            }
        }
    }

    tensor.inplace_op1(&Lend(RefCell::new(Some(|storage: &mut CpuStorage, layout: &Layout| {
        let Some((start, end)) = layout.contiguous_offsets() else {
            candle_core::bail!(
                "an optimiser needs contiguous parameters; call .contiguous() before making the variable"
            )
        };
        match T::values(storage) {
            Some(values) => body(&mut values[start..end]),
            None => candle_core::bail!("an optimiser's state is of another data type than its parameter"),
        }
    }))))
}

/// Calls `body` with the values of a CPU tensor, read only.
pub(super) fn read<T: WithDType, R>(tensor: &Tensor, body: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(storage), Some((start, end))) => body(&storage.as_slice::<T>()?[start..end]),
        _ => candle_core::bail!("the values are not contiguous on the CPU"),
    }
}
