//! Seeded initial weights: a `VarBuilder` whose every tensor has a random stream of its own, keyed by its path.
//!
//! candle cannot seed its CPU generator, and one stream for all tensors would make each depend on the order of creation.

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use nas_space::Seed;
use rand::RngExt;

/// A `VarBuilder` of fresh weights: `Init::Const` and `Init::Uniform` hints, which are all that networks ask for.
pub fn seeded(seed: Seed, dtype: DType, device: &Device) -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(Seeded { seed }), dtype, device.clone())
}

struct Seeded {
    seed: Seed,
}

impl SimpleBackend for Seeded {
    fn get(&self, shape: Shape, name: &str, hint: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let values: Vec<f32> = match hint {
            Init::Const(value) => vec![value as f32; shape.elem_count()],
            Init::Uniform { lo, up } => {
                let mut rng = self.seed.child(name).rng();
                let (lo, width) = (lo as f32, (up - lo) as f32);
                (0..shape.elem_count()).map(|_| lo + width * rng.random::<f32>()).collect()
            }
            other => bail!("seeded weights are constant or uniform; `{name}` asks for {other:?}"),
        };
        let tensor = Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?;
        Ok(Var::from_tensor(&tensor)?.into_inner())
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("`{name}` does not exist yet: its shape is needed to make it")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
