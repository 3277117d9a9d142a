//! Trained networks for other programs: as an ONNX model, and as a PyTorch module with its weights.
//!
//! The one idea: both are written from the same `Inference`, the network as it runs when nothing is trained any more:
//! paths that never drop and the auxiliary head are gone, and on request batch norms are part of the convolutions before
//! them. What a format cannot say in one word, it says in several; nothing is left out silently.

mod fold;
mod inference;
mod onnx;
mod pytorch;

use nas_data::Normalization;
use serde_json::Value;

pub use onnx::onnx;
pub use pytorch::{PyTorch, WEIGHTS_FORMAT, pytorch};

use crate::{Network, NnError};
use inference::Inference;

/// What an exported network reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pixels {
    /// What the network itself reads, normalised images in f32.
    #[default]
    Normalized,
    /// Pixels from 0 to 1 in f32; the exported network normalises them.
    Unit(Normalization),
    /// Bytes from 0 to 255 in u8; the exported network brings them to 0 to 1 and normalises them.
    Bytes(Normalization),
}

impl Pixels {
    /// The normalisation that the exported network does, if any.
    fn normalization(&self) -> Option<&Normalization> {
        match self {
            Self::Normalized => None,
            Self::Unit(normalization) | Self::Bytes(normalization) => Some(normalization),
        }
    }
}

/// How a network is exported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportOptions {
    /// Whether batch norms are folded into the convolutions before them, where those are read by nothing else.
    pub fold_batch_norm: bool,
    /// What the exported network reads.
    pub pixels: Pixels,
    /// What else the file says of itself, by name: architecture, classes, normalisation.
    pub metadata: Vec<(String, Value)>,
}

/// The network as it is exported.
fn prepare<'a>(network: &'a Network, options: &ExportOptions) -> Result<Inference<'a>, NnError> {
    let channels = network.graph().input_shape().channels;
    if let Some(normalization) = options.pixels.normalization() {
        let Normalization { mean, std } = normalization;
        if mean.len() != channels || std.len() != channels {
            let reason = format!(
                "the normalisation has {} means and {} deviations, the network reads images of {channels} channel(s)",
                mean.len(),
                std.len()
            );
            return Err(NnError::Export { layer: network.graph().node(0).name.clone(), reason });
        }
    }
    let inference = Inference::of(network)?;
    Ok(if options.fold_batch_norm { fold::batch_norms(inference) } else { inference })
}
