//! What can go wrong in a search on a supernet.

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OneShotError {
    /// An error of candle: shapes, devices, data types.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The supernet cannot be run, or a checkpoint not be read or written, or is of another search.
    #[error(transparent)]
    Nn(#[from] nas_nn::NnError),
    /// The supernet cannot be built.
    #[error(transparent)]
    Space(#[from] nas_space::SpaceError),
    /// The images cannot be used.
    #[error(transparent)]
    Data(#[from] nas_data::DataError),
    /// The strategy that proposes paths refuses something.
    #[error(transparent)]
    Search(Box<nas_search::SearchError>),
    /// A setting that is impossible.
    #[error("supernet setting `{setting}` = {value}: {reason}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        reason: String,
    },
    /// A loss or a gradient became NaN or infinite.
    #[error("the {what} of the supernet became {value} at epoch {epoch}, step {step}; a lower learning rate helps")]
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

impl From<nas_search::SearchError> for OneShotError {
    fn from(error: nas_search::SearchError) -> Self {
        // Boxed, for it is larger than all the others.
        Self::Search(Box::new(error))
    }
}
