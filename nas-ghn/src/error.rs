//! What can go wrong with a hypernetwork.

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GhnError {
    /// An error of candle: shapes, devices, data types.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// A network cannot be run, or a checkpoint not be read or written, or is of something else.
    #[error(transparent)]
    Nn(#[from] nas_nn::NnError),
    /// A network cannot be built.
    #[error(transparent)]
    Space(#[from] nas_space::SpaceError),
    /// The images cannot be used.
    #[error(transparent)]
    Data(#[from] nas_data::DataError),
    /// A setting that is impossible.
    #[error("hypernetwork setting `{setting}` = {value}: {reason}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        reason: String,
    },
    /// A loss or a gradient became NaN or infinite.
    #[error("the {what} of the hypernetwork became {value} at epoch {epoch}, step {step}; a lower learning rate helps")]
    NotFinite {
        /// What it was.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The epoch, from 1.
        epoch: usize,
        /// The step in it, from 1.
        step: usize,
    },
}
