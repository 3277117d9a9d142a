//! What one run came to, read from its folder.

use nas_search::Study;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exit::file;
use crate::folder::Folder;
use crate::run::{TIME_KEY, TimePlan};

/// What a complete run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Error on the test images, in %.
    pub test_error: f64,
    /// The same by each image and its mirror image together, where networks are trained on mirrored images.
    #[serde(default)]
    pub mirrored_error: Option<f64>,
    /// Test images.
    pub test_images: u64,
    /// Seconds of the search.
    pub search_seconds: f64,
    /// Seconds in all.
    pub total_seconds: f64,
    /// Networks trained in the search.
    pub trials: u64,
    /// Passes of the supernet or the hypernetwork, where there was one.
    pub epochs: Option<u64>,
    /// Passes of the final training.
    pub final_epochs: u64,
    /// Learned parameters of the final network.
    pub params: u64,
    /// Its multiply-adds for one image.
    pub flops: u64,
    /// Its architecture, in its text form.
    pub architecture: String,
}

impl Outcome {
    /// Reads `metrics.json`, and from the study what passed before the search. `seconds` are those that the run's processes
    /// took as far as they were seen, which count what is between its phases too.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn read(folder: &Folder, seconds: f64) -> anyhow::Result<Self> {
        let path = folder.metrics();
        let damaged = |what: &str| file(format!("{} is damaged ({what}); remove it and resume", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|e| damaged(&e.to_string()))?;
        let metrics: Value = serde_json::from_str(&text).map_err(|e| damaged(&e.to_string()))?;
        let number = |pointer: &str| {
            metrics.pointer(pointer).and_then(Value::as_f64).ok_or_else(|| damaged(&format!("no number at {pointer}")))
        };
        let setup = match Study::open(folder.study())?.get(TIME_KEY)? {
            Some(text) => serde_json::from_str::<TimePlan>(&text)?.setup,
            None => 0.0,
        };
        let error = |accuracy: f64| 100.0 * (1.0 - accuracy);
        let search_seconds = number("/seconds/search")?;
        let once = ["/search/supernet/epochs", "/search/hypernetwork/epochs"];
        let architecture = metrics["architecture"].as_str().ok_or_else(|| damaged("no architecture"))?;
        Ok(Self {
            test_error: error(number("/test/accuracy")?),
            mirrored_error: metrics.pointer("/test_mirrored/accuracy").and_then(Value::as_f64).map(error),
            test_images: number("/data/test_images")? as u64,
            search_seconds,
            total_seconds: seconds.max(setup + search_seconds + number("/seconds/final")?),
            // A twin took over what was measured before.
            trials: (number("/search/arms/0/complete")? - number("/search/arms/0/twins")?) as u64,
            epochs: once.iter().find_map(|pointer| metrics.pointer(pointer)?.as_u64()),
            final_epochs: number("/training/epochs")? as u64,
            params: number("/parameters")? as u64,
            flops: number("/flops")? as u64,
            architecture: architecture.to_owned(),
        })
    }
}
