//! Graph hypernetworks (Zhang, Ren & Urtasun 2019): the weights of any network of a space, without training it.
//!
//! The one idea: a graph network runs over the layers of an architecture as data would, and what it then knows of each
//! layer becomes that layer's weights ([`Ghn`]). The weights enter a [`Network`](nas_nn::Network) as its parameters,
//! and the gradient of its loss goes back through them into the hypernetwork, which so learns from a new random
//! architecture at each step.
//!
//! All of it is plain f64 on slices with a reverse pass by hand: it has the same bits on every machine, and is exact
//! enough to be checked against finite differences. The networks it makes weights for run in f32.

mod config;
mod decoder;
mod dense;
mod error;
mod file;
mod gru;
mod hypernetwork;
mod parameters;
mod products;
mod propagation;
mod rank;
mod score;
mod search;
mod sections;
mod slots;

pub use config::{GhnConfig, Propagation};
pub use error::GhnError;
pub use file::{load, save};
pub use hypernetwork::{Generated, Ghn, Plan};
pub use parameters::Gradients;
pub use rank::{Tau, kendall_tau, kendall_tau_interval};
pub use score::{Predicted, ScoreData, score};
pub use search::{Fall, GhnReport, GhnSearch, HeldBack, Scored, SearchConfig, SearchOptions, Task};
