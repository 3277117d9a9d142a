//! One-shot search: a supernet holds every architecture of a space, and one training searches them all.
//!
//! The one idea: a space with a [`MixedSpace`](nas_space::MixedSpace) lowers to one network whose edges mix all operations
//! ([`Supernet`]); what weighs them is learned beside the weights. [`DartsSearch`] does that by gradients, first or second
//! order, or on weights that are drawn for each pass ([`DirichletSample`]), or on one operation an edge ([`EdgeSample`]); the mathematics of the second order is
//! [`hypergradient`], behind a trait that knows nothing of networks. A [`Guard`] watches for the collapse that the method is known for.
//!
//! The other way: the architectures of a [`PathSpace`](nas_space::PathSpace) are paths through [`SharedWeights`], each a
//! network of its own on tensors that are lent to it. [`EnasSearch`] trains the weights on paths that a strategy proposes,
//! and the strategy on the weights; [`OnSharedWeights`] measures architectures for every other strategy.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::sync::atomic::AtomicBool;
//! use nas_data::{LoadOptions, Normalization, load, split};
//! use nas_oneshot::{DartsConfig, DartsSearch, SearchData, SearchOptions};
//! use nas_search::Event;
//! use nas_space::{NetworkConfig, SearchSpace, Seed, spaces::Darts};
//!
//! let digits = load("digits", &LoadOptions::default())?;
//! let (weights, architecture) = split(&digits.train, &digits.classes, 0.5, Seed::new(1))?;
//! let network = NetworkConfig { input: digits.train.shape, classes: 10, ..NetworkConfig::cifar(8, 5) };
//! let data = SearchData {
//!     normalization: Normalization::of(&digits.train, &weights)?,
//!     images: Arc::new(digits.train),
//!     weights: Arc::new(weights),
//!     architecture: Arc::new(architecture),
//! };
//! let mut search = DartsSearch::new(Arc::new(Darts), network, data, DartsConfig::default(), Seed::new(1))?;
//! let stop = AtomicBool::new(false);
//! let options = SearchOptions { checkpoint: None, checkpoint_every: std::time::Duration::MAX, stop: &stop, deadline: None };
//! search.run(&options, &mut |event: &Event| {
//!     if let Event::SupernetEpoch { report, .. } = event {
//!         println!("epoch {}: {}", report.epoch, Darts.text(&report.architecture));
//!     }
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alphas;
mod bilevel;
mod curvature;
mod darts;
mod data;
mod dirichlet;
mod enas;
mod error;
mod found;
mod guard;
mod measure;
mod sample;
mod shared;
mod supernet;

pub use alphas::{Alphas, Mixing};
pub use bilevel::{Bilevel, Gradients, hypergradient};
pub use curvature::{Eigen, largest_eigenvalue};
pub use darts::{DartsConfig, DartsReport, DartsSearch, Order};
pub use data::{SearchData, SearchOptions};
pub use dirichlet::DirichletSample;
pub use enas::{Candidate, EnasConfig, EnasReport, EnasSearch, Idle};
pub use error::OneShotError;
pub use found::Found;
pub use guard::{Guard, collapse, read_off, skips, stop_at};
pub use measure::OnSharedWeights;
pub use sample::EdgeSample;
pub use shared::SharedWeights;
pub use supernet::{OnBatches, Supernet};
