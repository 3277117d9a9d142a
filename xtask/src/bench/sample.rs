//! What one process measured, read from the JSON document it printed.

use anyhow::{Context, Result};
use serde_json::Value;

/// One process's document.
pub(crate) struct Sample(Value);

impl Sample {
    /// Reads a document.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let sample = Self(serde_json::from_str(text)?);
        sample.seconds().context("it says nothing of seconds")?;
        Ok(sample)
    }

    /// The median of the repeats.
    pub(crate) fn seconds(&self) -> Option<f64> {
        median(self.0["seconds"].as_array()?.iter().filter_map(Value::as_f64).collect())
    }

    /// The fastest of the repeats.
    pub(crate) fn fastest(&self) -> Option<f64> {
        self.0["seconds"].as_array()?.iter().filter_map(Value::as_f64).min_by(f64::total_cmp)
    }

    /// What kind of case it is, such as `step`; only ours says so.
    pub(crate) fn kind(&self) -> &str {
        self.text("kind")
    }

    /// A word of the document.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or("")
    }

    /// A count of the document.
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.0[key].as_u64()
    }
}

/// The median; of an even number, the mean of the middle two. `None` of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn a_document_without_times_is_refused() {
        assert_eq!(Sample::read(r#"{"seconds": [3, 1, 2]}"#).ok().and_then(|s| s.seconds()), Some(2.0));
        for text in [r#"{"seconds": []}"#, "{}", "error: no memory"] {
            assert!(Sample::read(text).is_err(), "{text}");
        }
    }
}
