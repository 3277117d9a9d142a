//! From candle tensors to slices and back, in one place: device, data type and layout are checked here.

use std::ops::Deref;

use candle_core::{CpuStorage, DType, Error, Layout, Result, Shape, Storage, Tensor, bail};

use crate::element::Element;

/// A contiguous operand on the CPU.
pub(crate) enum View<'a> {
    /// The guard's type belongs to a lock that candle does not export.
    Tensor {
        guard: Box<dyn Deref<Target = Storage> + 'a>,
        from: usize,
        to: usize,
    },
    Storage {
        storage: &'a CpuStorage,
        from: usize,
        to: usize,
    },
}

impl<'a> View<'a> {
    /// The data of a tensor.
    pub(crate) fn tensor(name: &str, tensor: &'a Tensor) -> Result<Self> {
        let (guard, layout) = tensor.storage_and_layout();
        if !matches!(&*guard, Storage::Cpu(_)) {
            return Err(not_on_cpu(name));
        }
        let (from, to) = range(name, layout)?;
        Ok(Self::Tensor { guard: Box::new(guard), from, to })
    }

    /// The data a custom op was called with.
    pub(crate) fn storage(name: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        let (from, to) = range(name, layout)?;
        Ok(Self::Storage { storage, from, to })
    }

    fn cpu(&self) -> (&CpuStorage, usize, usize) {
        match self {
            Self::Storage { storage, from, to } => (storage, *from, *to),
            Self::Tensor { guard, from, to } => match &***guard {
                Storage::Cpu(storage) => (storage, *from, *to),
                _ => unreachable!("checked when the view was made"),
            },
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        match self.cpu().0 {
            CpuStorage::F64(_) => DType::F64,
            CpuStorage::F32(_) => DType::F32,
            CpuStorage::BF16(_) => DType::BF16,
            CpuStorage::F16(_) => DType::F16,
            _ => DType::U32,
        }
    }

    pub(crate) fn slice<T: Element>(&self) -> Result<&[T]> {
        let (storage, from, to) = self.cpu();
        Ok(&T::cpu_storage_as_slice(storage)?[from..to])
    }
}

fn range(name: &str, layout: &Layout) -> Result<(usize, usize)> {
    match layout.contiguous_offsets() {
        Some(range) => Ok(range),
        None => bail!("{name} needs contiguous tensors: call contiguous() on what is a view"),
    }
}

/// Why an op does not run where its tensors are.
pub(crate) fn not_on_cpu(name: &str) -> Error {
    Error::Msg(format!("no CUDA kernel for {name} yet: run it on the CPU (--device cpu)"))
}

/// Why an op does not run on elements of a type.
pub(crate) fn unknown_type(name: &str, dtype: DType) -> Error {
    Error::Msg(format!("{name} runs in f32 and f64, not in {dtype:?}"))
}

/// A tensor around a kernel's output.
pub(crate) fn output<T: Element>(data: Vec<T>, dims: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(data, dims, &candle_core::Device::Cpu)
}

/// Runs a body once the views named before it are slices of one element type `E`.
macro_rules! typed {
    ($name:expr, [$($slice:ident),+], $body:expr) => {{
        let dtypes = [$($slice.dtype()),+];
        // A body may use the views behind their slices as well.
        #[allow(unused_variables)]
        match dtypes[0] {
            candle_core::DType::F32 => {
                type E = f32;
                $(let $slice = $slice.slice::<E>()?;)+
                $body
            }
            candle_core::DType::F64 => {
                type E = f64;
                $(let $slice = $slice.slice::<E>()?;)+
                $body
            }
            other => return Err($crate::ops::unknown_type($name, other)),
        }
    }};
}
pub(crate) use typed;
