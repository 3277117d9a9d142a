//! A hypernetwork on disk.

use std::collections::BTreeMap;
use std::path::Path;

use nas_nn::{NnError, checkpoint};
use nas_space::Seed;

use crate::{Ghn, GhnConfig, GhnError};

/// The `format` of the file.
const FORMAT: &str = "nas-ghn";
/// The newest version that is written and read.
const VERSION: u32 = 1;
/// Metadata keys: the settings, and the seed of what layers not yet met begin with.
const CONFIG: &str = "config";
const SEED: &str = "seed";

/// Writes a hypernetwork, settings and all. `extra` is metadata to go with it.
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: &Path, ghn: &Ghn, extra: &BTreeMap<String, String>) -> Result<(), GhnError> {
    let mut metadata = extra.clone();
    metadata.insert(CONFIG.into(), serde_json::to_string(ghn.config()).expect("settings have a JSON form"));
    metadata.insert(SEED.into(), ghn.seed().value().to_string());
    Ok(checkpoint::write(path, FORMAT, VERSION, &ghn.tensors(), &metadata)?)
}

/// Reads a hypernetwork, and the metadata that went with it.
///
/// # Errors
/// If the file cannot be read, is of another kind or newer, cut short or damaged.
pub fn load(path: &Path) -> Result<(Ghn, BTreeMap<String, String>), GhnError> {
    let mut file = checkpoint::read(path, FORMAT, VERSION)?;
    let mut take = |key: &str| {
        let missing = || NnError::File { path: path.to_owned(), reason: format!("its metadata lacks `{key}`") };
        file.metadata.remove(key).ok_or_else(missing)
    };
    let unreadable = |key: &str, error: String| NnError::File {
        path: path.to_owned(),
        reason: format!("its `{key}` cannot be read ({error}); train the hypernetwork again"),
    };
    let config: GhnConfig = serde_json::from_str(&take(CONFIG)?).map_err(|e| unreadable(CONFIG, e.to_string()))?;
    let seed: u64 = take(SEED)?.parse().map_err(|e: std::num::ParseIntError| unreadable(SEED, e.to_string()))?;
    let mut ghn = Ghn::new(config, Seed::new(seed))?;
    ghn.load(&file.tensors)?;
    Ok((ghn, file.metadata))
}
