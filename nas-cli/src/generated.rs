//! A hypernetwork that has learned, as it is named on the command line: `ghn:DIR`, the folder of a search by `ghn`.

use std::path::{Path, PathBuf};

use nas_ghn::{Ghn, Predicted, ScoreData, SearchConfig};
use nas_nn::Network;
use nas_space::Seed;

use crate::config::Config;
use crate::exit::usage;
use crate::folder::Folder;
use crate::images::Data;
use crate::{hypernet, recipe};

/// Checks that a text names a hypernetwork that is there.
///
/// # Errors
/// Says how one is named, or that there is none, and how to make it.
pub fn check(text: &str) -> anyhow::Result<PathBuf> {
    let Some(folder) = text.strip_prefix("ghn:").filter(|folder| !folder.is_empty()) else {
        return Err(usage(format!(
            "`{text}` names no weights; generated ones are named ghn:DIR, where DIR is the folder of a search by ghn"
        )));
    };
    let path = Folder::at(Path::new(folder)).hypernet();
    if path.is_file() {
        return Ok(path);
    }
    Err(usage(format!(
        "there is no hypernetwork {}; `nas search --strategy ghn --out {folder}` makes one",
        path.display()
    )))
}

/// The same with the folder's full path: a study must find it from wherever it is resumed.
pub fn full_name(text: &str) -> anyhow::Result<String> {
    let path = check(text)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    Ok(folder.canonicalize().map_or_else(|_| text.to_owned(), |full| format!("ghn:{}", full.display())))
}

fn load(text: &str) -> anyhow::Result<Ghn> {
    Ok(nas_ghn::load(&check(text)?)?.0)
}

/// Sets a network to generated weights, from which it is then trained.
///
/// # Errors
/// If there is no such hypernetwork, or it cannot be read.
pub fn begin(text: &str, network: &mut Network, seed: Seed) -> anyhow::Result<()> {
    let mut ghn = load(text)?;
    let plan = ghn.plan(network.graph().clone())?;
    Ok(plan.begin(network, &ghn.generate(&plan), seed.child("generated"))?)
}

/// What measures trials by generated weights instead of training them.
///
/// # Errors
/// If there is no such hypernetwork, or it cannot be read.
pub fn evaluator(text: &str, config: &Config, data: &Data) -> anyhow::Result<Predicted> {
    let network = recipe::trial_network(config, data);
    Ok(Predicted {
        ghn: load(text)?,
        space: recipe::space(&config.space.name)?,
        network,
        data: ScoreData {
            images: std::sync::Arc::clone(&data.images),
            indices: hypernet::scored_on(data),
            normalization: data.normalization.clone(),
            batch_size: SearchConfig::default().score_batch_size,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hypernetwork_is_said() {
        let message = |text: &str| check(text).unwrap_err().to_string();
        assert!(message("runs/a").contains("ghn:DIR"));
        let folder = tempfile::tempdir().unwrap();
        let name = format!("ghn:{}", folder.path().display());
        assert!(message(&name).contains("nas search --strategy ghn"));
        std::fs::write(folder.path().join("ghn.safetensors"), "x").unwrap();
        assert!(check(&name).is_ok() && full_name(&name).unwrap().starts_with("ghn:/"));
    }
}
