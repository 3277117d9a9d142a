//! Recurrent controllers: an LSTM that writes an architecture decision by decision and learns from the accuracy of what it
//! wrote. The method that began the field (Zoph & Le 2017), NASNet's (Zoph et al. 2018), and the policy of ENAS (Pham et
//! al. 2018).
//!
//! The one idea: **a [`Policy`] is a distribution over the architectures of any space**, made from the space's decisions
//! alone. It draws ([`Policy::sample`]), says how likely an architecture is ([`Policy::log_prob`]) and has a gradient. A
//! [`Controller`] is a policy that learns from rewards ([`Controller::learn`]), by REINFORCE or PPO. [`PolicySearch`] is a
//! controller as a search strategy. [`preset`] has the papers' settings.
//!
//! ```
//! use std::sync::Arc;
//! use nas_controller::{Controller, Experience, preset};
//! use nas_space::{SearchSpace, Seed, spaces::Darts};
//!
//! let mut controller = Controller::new(Arc::new(Darts), preset::enas_micro(), Seed::new(1))?;
//! // Worth how many of the operations are separable convolutions, where one would ask a network.
//! let reward = |text: String| text.matches("sep_conv").count() as f64 / 16.0;
//! let mut rng = Seed::new(2).rng();
//! for _ in 0..30 {
//!     let batch: Vec<Experience> = (0..10)
//!         .map(|_| {
//!             let sample = controller.sample(&mut rng);
//!             let text = Darts.text(&controller.policy().architecture(&sample));
//!             Experience { reward: reward(text), sample }
//!         })
//!         .collect();
//!     controller.learn(&batch);
//! }
//! let best = controller.policy().greedy();
//! assert!(reward(Darts.text(&controller.policy().architecture(&best))) > 0.7);
//! # Ok::<(), nas_search::SearchError>(())
//! ```
//!
//! Nothing here knows a tensor library, a thread or a clock.

mod adam;
mod attention;
mod config;
mod controller;
mod distribution;
mod kernel;
mod layout;
mod lstm;
mod plan;
mod policy;
mod ppo;
pub mod preset;
mod reinforce;
mod reverse;
mod state;
mod strategy;
mod walk;

pub use adam::{Adam, AdamConfig};
pub use config::{
    Advantage, Algorithm, ControllerConfig, EntropyTerm, Favoured, Heads, LearningConfig, PolicyConfig, Reward,
    SkipTarget, Wiring,
};
pub use controller::{Controller, Experience, Update};
pub use policy::{Policy, Sample};
pub use reverse::Objective;
pub use strategy::PolicySearch;
