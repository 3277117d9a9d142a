//! The accuracy of a trained network: by each image alone, and where training mirrored its images, by each and its mirror
//! image together, which usually errs less.

use std::sync::Arc;

use nas_data::{Images, Normalization};
use nas_nn::trainer::{Evaluation, evaluate, evaluate_mirrored};
use nas_nn::{Mode, Network};

use crate::config::DataConfig;
use crate::units::percent;

/// What a network makes of some images.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// By each image alone.
    pub plain: Evaluation,
    /// By the mean of the logits of each image and its mirror image, where training mirrored its images.
    pub mirrored: Option<Evaluation>,
}

/// Measures a network that was trained on `data`, `batch` images at a time.
///
/// # Errors
/// If there are no images, or they do not fit the network.
pub fn measure(
    network: &mut Network,
    data: &DataConfig,
    images: &Arc<Images>,
    indices: &Arc<Vec<u32>>,
    normalization: &Normalization,
    batch: usize,
) -> anyhow::Result<Measured> {
    if data.flip {
        let [plain, both] = evaluate_mirrored(network, images, indices, normalization, batch, Mode::Evaluate)?;
        return Ok(Measured { plain, mirrored: Some(both) });
    }
    let plain = evaluate(network, images, indices, normalization, batch, Mode::Evaluate)?;
    Ok(Measured { plain, mirrored: None })
}

/// What an accuracy by mirror images too is, in words.
pub const TOGETHER: &str = "by each image and its mirror image together";

/// An accuracy, with its images.
pub fn accuracy_of(found: Evaluation) -> String {
    format!("{} ({})", percent(found.accuracy), right(found))
}

/// How many images were classified right.
pub fn right(found: Evaluation) -> String {
    format!("{} of {}", found.correct, found.count)
}

/// The accuracy by mirror images too, as a line below the other.
pub fn mirrored(found: Evaluation) -> (&'static str, String) {
    ("and mirrored", format!("{}, {TOGETHER}", accuracy_of(found)))
}
