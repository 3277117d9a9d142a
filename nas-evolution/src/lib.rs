//! Evolution of architectures: regularized evolution, which found AmoebaNet, and its relatives.
//!
//! The one idea: an evolution is **who becomes a parent** ([`tournament`]), **who survives** ([`survive`]) and **how a
//! child differs** ([`SearchSpace::mutate`](nas_space::SearchSpace::mutate)). The first two are functions here that a
//! relative of this method can recombine; the third belongs to the space. So the crate holds nothing about networks, and
//! needs no tensor library.
//!
//! ```
//! use std::sync::Arc;
//! use nas_evolution::{EvolutionConfig, RegularizedEvolution};
//! use nas_search::{Budget, Event, Failure, InProcess, Job, Measurement, Progress, Settings, Study, StudyInfo, run};
//! use nas_space::{SearchSpace, Seed, spaces::Darts};
//!
//! // Measures how many of the choices are separable convolutions, where one would train a network.
//! struct Toy;
//! impl nas_search::Evaluator for Toy {
//!     fn evaluate(&mut self, job: &Job, _: &mut Progress<'_>) -> Result<Measurement, Failure> {
//!         let text = Darts.text(&job.architecture);
//!         let accuracy = text.matches("sep_conv").count() as f64 / 16.0;
//!         let extra = serde_json::Value::Null;
//!         Ok(Measurement { accuracy, loss: 1.0 - accuracy, parameters: 0, flops: 0, epochs: 0, latency: None, extra })
//!     }
//! }
//!
//! let (space, trials) = (Arc::new(Darts), 400);
//! let info = StudyInfo {
//!     seed: 1,
//!     space: space.name().into(),
//!     lag: StudyInfo::DEFAULT_LAG,
//!     config: String::new(),
//!     program: "example".into(),
//! };
//! let study = Study::in_memory(&info)?;
//! let mut evolution =
//!     RegularizedEvolution::new(space.clone(), EvolutionConfig::for_budget(trials), Seed::new(info.seed))?;
//! let settings = Settings::new("evolution", Budget::trials(trials), "trials");
//! let outcome =
//!     run(&study, space.as_ref(), &mut evolution, &mut InProcess::new(Toy), &settings, &mut |_: &Event| {})?;
//! let best = outcome.best.expect("no trial fails here");
//! assert!(best.measurement.is_some_and(|m| m.accuracy > 0.7)); // a random one has about 0.3
//! # Ok::<(), nas_search::SearchError>(())
//! ```

mod config;
mod local;
mod nsga2;
mod population;
mod regularized;

pub use config::EvolutionConfig;
pub use local::LocalSearch;
pub use nsga2::{Nsga2, Nsga2Config};
pub use population::{Individual, survive, tournament};
pub use regularized::RegularizedEvolution;
