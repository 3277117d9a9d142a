//! A trained network as it lies on disk: its weights, its architecture and what it was trained on.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use nas_data::Normalization;
use nas_nn::{Network, checkpoint};
use nas_space::{Blueprint, NetworkConfig, Seed};

use crate::architecture;
use crate::exit::file;
use crate::folder::Folder;
use crate::run::MODEL;

/// A trained network.
pub struct Trained {
    /// Its weights' file.
    pub path: PathBuf,
    /// Its architecture.
    pub blueprint: Blueprint,
    /// Its size.
    pub config: NetworkConfig,
    /// Itself, in f32.
    pub network: Network,
    /// How its images are normalised.
    pub normalization: Normalization,
    /// The names of its classes.
    pub classes: Vec<String>,
}

/// The weights' file of a finished run.
///
/// # Errors
/// If there is no such folder, or no trained network in it.
pub fn in_folder(folder: &Folder) -> anyhow::Result<PathBuf> {
    if !folder.path.is_dir() {
        return Err(file(format!("there is no folder {}; give the folder of a finished run", folder.path.display())));
    }
    let path = folder.file(MODEL);
    if !path.exists() {
        return Err(file(format!(
            "{} holds no trained network ({MODEL}); `nas resume` finishes a run that was stopped",
            folder.path.display()
        )));
    }
    Ok(path)
}

/// Loads a network from its weights' file and the architecture's file beside it.
///
/// # Errors
/// If a file cannot be read, is damaged, or the two do not belong together.
pub fn load(path: &Path, device: &Device) -> anyhow::Result<Trained> {
    let beside = path.with_file_name(architecture::FILE);
    let (blueprint, config) = architecture::resolve(&beside.display().to_string())?;
    let config = config.ok_or_else(|| file(format!("{} does not say how large its network is", beside.display())))?;
    let mut network = Network::init(blueprint.lower(&config)?, Seed::new(0), DType::F32, device)?;
    let metadata = checkpoint::load_model(path, &mut network)?;
    let known = |key: &str| {
        metadata.get(key).ok_or_else(|| file(format!("{}: `{key}` is missing from its metadata", path.display())))
    };
    let read = |key: &str, error: serde_json::Error| {
        file(format!("{}: `{key}` in its metadata cannot be read: {error}", path.display()))
    };
    let normalization = serde_json::from_str(known("normalization")?).map_err(|e| read("normalization", e))?;
    let classes = serde_json::from_str(known("classes")?).map_err(|e| read("classes", e))?;
    Ok(Trained { path: path.to_owned(), blueprint, config, network, normalization, classes })
}
