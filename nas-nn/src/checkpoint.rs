//! Tensors on disk: safetensors files that say what they are, whole or refused.
//!
//! The one idea: every file of ours is a plain safetensors file that any tool reads, whose `__metadata__` names its
//! `format`, its `version` and a `checksum` of the tensors' bytes. Files are written as one indivisible step, byte for
//! byte the same for the same content, and a file of another kind, of a newer version, cut short or damaged gets an
//! error that says so. A safetensors file without our metadata (exported from another framework) is taken as a model.

mod file;
mod origin;
mod parts;
mod progress;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;

use file::fold;
pub use file::{TensorFile, read, write};
pub use origin::fingerprint;
pub use parts::{part, take_apart};
pub use progress::{Kind, SaveClock, resume, standing};

use crate::{Network, NnError};

/// The `format` of a model: learned parameters and running statistics under their paths.
pub const MODEL_FORMAT: &str = "nas-model";

/// The newest version of [`MODEL_FORMAT`] that this crate writes and reads.
pub const MODEL_VERSION: u32 = 1;

/// Every tensor of a network by its path: learned parameters, then running statistics.
pub fn tensors_of(network: &Network) -> Vec<(String, Tensor)> {
    let learned = network.parameters().iter().map(|p| (p.name.clone(), p.var.as_detached_tensor()));
    learned.chain(network.buffers().iter().cloned()).collect()
}

/// Writes a network's weights and running statistics, in the network's own data type. `extra` is metadata to go with
/// it, such as the architecture; it must not use the keys `format`, `version` and `checksum`.
///
/// # Errors
/// If the file cannot be written.
pub fn save_model(path: &Path, network: &Network, extra: &BTreeMap<String, String>) -> Result<(), NnError> {
    write(path, MODEL_FORMAT, MODEL_VERSION, &tensors_of(network), extra)
}

/// Fills a network with the weights and running statistics of a model file, converted to the network's data type and
/// device, and returns the file's metadata.
///
/// # Errors
/// If the file cannot be read, is of another kind or newer, cut short or damaged, or does not fit the network: a tensor
/// missing, one too many, or one of another shape. The network is then unchanged.
pub fn load_model(path: &Path, network: &mut Network) -> Result<BTreeMap<String, String>, NnError> {
    let file = read(path, MODEL_FORMAT, MODEL_VERSION)?;
    fill(path, network, &file.tensors)?;
    Ok(file.metadata)
}

/// Puts tensors into a network, all or none: the names must be the network's own, no more, no less. `path` is the file
/// that an error names.
///
/// # Errors
/// As [`load_model`], for what does not fit.
pub fn fill(path: &Path, network: &mut Network, tensors: &[(String, Tensor)]) -> Result<(), NnError> {
    let mut found: BTreeMap<&str, &Tensor> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut values = Vec::with_capacity(found.len());
    for (name, own) in tensors_of(network) {
        let Some(tensor) = found.remove(name.as_str()) else {
            let reason =
                format!("the tensor `{name}` is missing; the file belongs to another network, or was made without it");
            return Err(NnError::file(path, reason));
        };
        if tensor.dims() != own.dims() {
            let reason = format!(
                "the tensor `{name}` has shape {:?}, the network needs {:?}; the file belongs to another network",
                tensor.dims(),
                own.dims()
            );
            return Err(NnError::file(path, reason));
        }
        values.push((name, tensor.to_dtype(own.dtype())?.to_device(own.device())?));
    }
    if let Some(name) = found.keys().next() {
        let reason = format!("the tensor `{name}` has no place in the network; the file belongs to another network");
        return Err(NnError::file(path, reason));
    }
    for (name, value) in values {
        network.set(&name, &value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
