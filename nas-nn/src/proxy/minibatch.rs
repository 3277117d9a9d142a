//! The images that proxies look at: a few of the training images, drawn once for all architectures.

use std::sync::Arc;

use candle_core::Tensor;
use nas_data::{BatchPlan, Images, Normalization};
use nas_space::Seed;

use crate::NnError;

/// Images and their labels, on the CPU.
#[derive(Clone, Debug)]
pub struct Minibatch {
    /// `[batch, channels, height, width]`, normalised, f32.
    pub images: Tensor,
    /// `[batch]`, the classes as u32.
    pub labels: Tensor,
}

impl Minibatch {
    /// Draws so many of the images in `indices`, or all of them if there are fewer, without replacement and not augmented.
    ///
    /// # Errors
    /// If there are no images, or they cannot be read.
    pub fn draw(
        images: &Arc<Images>,
        indices: &Arc<Vec<u32>>,
        normalization: &Normalization,
        batch: usize,
        seed: Seed,
    ) -> Result<Self, NnError> {
        let plan = BatchPlan::train(Arc::clone(images), Arc::clone(indices), batch, normalization.clone(), seed, 0);
        match plan.spawn()?.next() {
            Some(batch) => batch.map(|batch| Self { images: batch.images, labels: batch.labels }).map_err(Into::into),
            None => Err(NnError::Unfit { reason: "there is no image to score networks on".into() }),
        }
    }
}
