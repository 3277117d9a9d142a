//! NASWOT: how differently the ReLUs answer to different images.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use nas_space::{Layer, NetworkGraph, Seed};

use super::Minibatch;
use super::linear_algebra::log_determinant;
use super::rewrite::{Change, rewrite};
use crate::{CustomLayer, Mode, Network, NnError};

/// For each pair of images, in how many ReLUs they agree so far.
type Agreements = Arc<Mutex<Vec<Vec<u64>>>>;

/// Counts what comes out of a ReLU, and passes it.
struct Watch(Agreements);

impl CustomLayer for Watch {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let values = x.flatten_from(1)?.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        let codes: Vec<Vec<u64>> = values.iter().map(|row| code(row)).collect();
        let units = values.first().map_or(0, Vec::len) as u64;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, a) in all.iter_mut().zip(&codes) {
            for (entry, b) in row.iter_mut().zip(&codes) {
                let differ: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
                *entry += units - u64::from(differ);
            }
        }
        Ok(x.clone())
    }
}

/// Which of the values are above zero, a bit each.
fn code(values: &[f32]) -> Vec<u64> {
    let word = |values: &[f32]| values.iter().enumerate().fold(0, |word, (bit, v)| word | u64::from(*v > 0.0) << bit);
    values.chunks(64).map(word).collect()
}

/// See [`Proxy::Naswot`](super::Proxy::Naswot).
pub(super) fn score(graph: &NetworkGraph, minibatch: &Minibatch, seed: Seed) -> Result<f64, NnError> {
    Ok(log_determinant(&kernel(graph, minibatch, seed)?))
}

/// For each pair of images, in how many ReLUs they agree: N less the Hamming distance of their codes.
pub(super) fn kernel(graph: &NetworkGraph, minibatch: &Minibatch, seed: Seed) -> Result<Vec<Vec<f64>>, NnError> {
    let watched = rewrite(graph, None, |_, node| match node.layer {
        Layer::Relu => Change::Watch("signs"),
        _ => Change::Keep,
    })?;
    let batch = minibatch.images.dim(0)?;
    let agreements: Agreements = Arc::new(Mutex::new(vec![vec![0; batch]; batch]));
    let make = |_: &str, _: VarBuilder<'_>| -> candle_core::Result<Box<dyn CustomLayer>> {
        Ok(Box::new(Watch(Arc::clone(&agreements))))
    };
    let tensors = crate::seeded(seed, DType::F32, &Device::Cpu);
    Network::with_layers(watched, tensors, &make)?.logits(&minibatch.images, Mode::BatchStatistics)?;
    let all = agreements.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(all.iter().map(|row| row.iter().map(|&count| count as f64).collect()).collect())
}
