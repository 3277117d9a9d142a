//! Whether two studies are equal, apart from what a clock wrote into them.

use serde_json::json;

use super::Study;
use crate::SearchError;

impl Study {
    /// The study as lines of JSON, without anything that a clock or a kill leaves behind: no seconds, dates, attempts,
    /// latencies or saved strategy states. Two runs of equal settings and seed have equal lines.
    ///
    /// # Errors
    /// What SQLite refuses, or [`SearchError::Damaged`].
    pub fn lines_without_times(&self) -> Result<Vec<String>, SearchError> {
        let info = self.info()?;
        let mut lines = vec![json!({ "seed": info.seed, "space": info.space, "lag": info.lag }).to_string()];
        for mut trial in self.all_trials()? {
            trial.seconds = None;
            if let Some(measurement) = &mut trial.measurement {
                measurement.latency = None;
            }
            lines.push(super::rows::json("a trial", &trial)?);
        }
        Ok(lines)
    }

    /// A short text that is equal for two studies with equal [`lines_without_times`](Self::lines_without_times).
    ///
    /// # Errors
    /// What SQLite refuses, or [`SearchError::Damaged`].
    pub fn fingerprint(&self) -> Result<String, SearchError> {
        // FNV-1a with 128 bits: the same on every machine and in every version, and nobody forges a study here.
        let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
        for byte in self.lines_without_times()?.iter().flat_map(|line| line.bytes().chain([b'\n'])) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        Ok(format!("{hash:032x}"))
    }
}
