//! What can go wrong between a graph and a trained network.

use std::path::PathBuf;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// An error of candle: shapes, devices, data types.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The network cannot be built.
    #[error(transparent)]
    Space(#[from] nas_space::SpaceError),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] nas_data::DataError),
    /// A file cannot be read or written.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was being done, such as "cannot write checkpoint".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is of another kind, a newer version, cut short, or does not fit the network.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The loss became NaN or infinite.
    #[error("the loss became {loss} at epoch {epoch}, step {step}; a lower learning rate or gradient clipping helps")]
    NotFinite {
        /// The loss.
        loss: f64,
        /// The epoch, from 1.
        epoch: usize,
        /// The step in it, from 1.
        step: usize,
    },
    /// A setting that is impossible.
    #[error("training setting `{setting}` = {value}: {reason}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        reason: String,
    },
}
