//! Image data sets for training and search: reading them, splitting them, and turning them into batches.
//!
//! The one idea: pixels stay `u8` in memory, in one block per split ([`Images`]), or in the files of large pictures
//! ([`Pictures`]), which are read batch by batch; and everything that depends on chance
//! (a split, the order of an epoch, an augmentation) is a pure function of a [`Seed`](nas_space::Seed), the epoch and
//! the number of the image. So a batch is the same whoever prepares it, and training can go on from any step of any epoch.
//!
//! ```
//! use std::sync::Arc;
//! use nas_data::{Augment, BatchPlan, LoadOptions, Normalization, load, split};
//! use nas_space::Seed;
//!
//! let data = load("digits", &LoadOptions::default())?;
//! let (train, validation) = split(&data.train, &data.classes, 0.2, Seed::new(1))?;
//! let normalization = Normalization::of(&data.train, &train)?;
//! let plan = BatchPlan {
//!     augment: Some(Augment { crop_padding: 1, ..Augment::default() }),
//!     ..BatchPlan::train(Arc::new(data.train), Arc::new(train), 64, normalization, Seed::new(1), 0)
//! };
//! for batch in plan.spawn()? {
//!     assert_eq!(batch?.images.dims(), [64, 1, 8, 8]);
//! }
//! # assert_eq!(validation.len(), 287);
//! # Ok::<(), nas_data::DataError>(())
//! ```

mod augment;
mod batch;
mod catalog;
mod cifar;
mod crop;
mod decode;
mod describe;
mod digits;
mod error;
mod folder;
mod idx;
mod images;
mod jitter;
mod names;
mod normalize;
mod pictures;
mod raw;
mod source;
mod split;

pub use augment::Augment;
pub use batch::{Batch, BatchPlan, Batches};
pub use catalog::{CatalogEntry, Presence, catalog, known_places};
pub use decode::{Colour, Fit, ImageFolderOptions};
pub use describe::{ClassCount, Description, describe};
pub use error::DataError;
pub use images::{DataSet, Images, MIN_SIDE, Pixels};
pub use normalize::Normalization;
pub use pictures::Pictures;
pub use source::{DataSource, LoadOptions, load};
pub use split::{split, subset};
