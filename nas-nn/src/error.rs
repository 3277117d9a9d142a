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
    /// A file could not be put in its place.
    #[error(transparent)]
    Write(#[from] nas_search::SearchError),
    /// A tensor of a model does not fit its network.
    #[error("tensor `{path}` {reason}")]
    Tensor {
        /// The tensor's path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A layer this version has no pass for, or whose window does not fit.
    #[error("a {kind} layer cannot be run by this version")]
    Layer {
        /// The layer's kind.
        kind: &'static str,
    },
    /// Images of another shape than the network's.
    #[error("the network reads images of {expected:?} (channels, height, width), the batch is {found:?}")]
    Images {
        /// The dims of the batch.
        found: Vec<usize>,
        /// Channels, height and width of the network's input.
        expected: [usize; 3],
    },
    /// A loss or a gradient became NaN or infinite.
    #[error(
        "the {what} became {value} at epoch {epoch}, step {step}; a lower learning rate or gradient clipping helps"
    )]
    NotFinite {
        /// What it was: `loss`, `validation loss` or `gradient's norm`.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The epoch, from 1.
        epoch: usize,
        /// The step in it, from 1.
        step: usize,
    },
    /// A network that another program's format cannot hold.
    #[error("layer `{layer}` cannot be exported: {reason}")]
    Export {
        /// The layer at fault.
        layer: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A network that a proxy cannot score.
    #[error("a zero-cost proxy cannot score this network: {reason}")]
    Proxy {
        /// What it lacks.
        reason: &'static str,
    },
    /// The training data does not fit the network or the settings.
    #[error("training data: {reason}")]
    Unfit {
        /// What does not fit, and what would.
        reason: String,
    },
    /// An optimiser got a tensor that does not fit its parameters.
    #[error("optimiser state or gradient `{tensor}`: {reason}")]
    Optimizer {
        /// The tensor's name.
        tensor: String,
        /// What does not fit.
        reason: String,
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

impl NnError {
    /// An impossible setting: its name, its value, and what would be right.
    pub(crate) fn setting(setting: &'static str, value: impl std::fmt::Display, reason: impl Into<String>) -> Self {
        Self::Setting { setting, value: value.to_string(), reason: reason.into() }
    }

    /// A file that is not what it should be: which, and why.
    pub(crate) fn file(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: reason.into() }
    }
}
