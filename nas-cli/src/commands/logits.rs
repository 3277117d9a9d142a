//! `nas evaluate --logits`: what a network answers to each image, for other programs to compare with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Tensor};
use nas_data::{BatchPlan, Images, Normalization};
use nas_nn::{Mode, Network, checkpoint};

/// The format of the file, and its version.
const FORMAT: (&str, u32) = ("nas-logits", 1);

/// Writes `images` `[n, channels, height, width]` (f32, pixels from 0 to 1), `labels` `[n]` (i64) and `logits`
/// `[n, classes]` (f32), in the order of `indices`.
///
/// # Errors
/// If the images do not fit the network, or the file cannot be written.
pub fn write(
    path: &Path,
    network: &mut Network,
    images: &Arc<Images>,
    indices: &Arc<Vec<u32>>,
    normalization: &Normalization,
    batch: usize,
) -> anyhow::Result<()> {
    let plan = |normalization: &Normalization| {
        BatchPlan::evaluate(Arc::clone(images), Arc::clone(indices), batch, normalization.clone()).spawn()
    };
    let (mut pixels, mut labels, mut logits) = (Vec::new(), Vec::new(), Vec::new());
    for batch in plan(normalization)? {
        let batch = batch?;
        logits.push(network.logits(&batch.images, Mode::Evaluate)?.to_dtype(DType::F32)?);
        labels.push(batch.labels.to_dtype(DType::I64)?);
    }
    for batch in plan(&Normalization::identity(images.shape.channels))? {
        pixels.push(batch?.images);
    }
    let joined = [("images", pixels), ("labels", labels), ("logits", logits)];
    let tensors = joined.into_iter().map(|(name, parts)| Ok((name.to_owned(), Tensor::cat(&parts, 0)?)));
    let tensors = tensors.collect::<candle_core::Result<Vec<_>>>()?;
    let (format, version) = FORMAT;
    Ok(checkpoint::write(path, format, version, &tensors, &BTreeMap::new())?)
}
