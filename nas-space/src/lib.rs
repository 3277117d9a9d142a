//! Search spaces of neural architectures, without a tensor library.
//!
//! The one idea: a search space is **a list of categorical decisions** and **a lowering** from one choice per
//! decision to **a network graph** of primitive layers. Strategies see decisions only; training, counting, drawing
//! and export see the graph only. So every strategy works on every space.
//!
//! ```
//! use nas_space::{NetworkConfig, Seed, SearchSpace, spaces::Darts};
//!
//! let space = Darts;
//! let architecture = space.sample(&mut Seed::new(7).rng());
//! let graph = space.lower(&architecture, &NetworkConfig::cifar(16, 8))?;
//! println!("{} parameters", graph.parameters());
//! # Ok::<(), nas_space::SpaceError>(())
//! ```

mod architecture;
mod blueprint;
mod builder;
mod cells;
mod config;
mod count;
mod decision;
mod dot;
pub mod draw;
mod error;
pub mod genotype;
mod graph;
mod layer;
mod limited;
mod mixed;
pub mod operations;
mod partial;
mod parts;
mod paths;
mod published;
mod reader;
mod seed;
mod space;
pub mod spaces;
mod suggest;

pub use architecture::Architecture;
pub use blueprint::{ArchitectureFile, Blueprint};
pub use builder::GraphBuilder;
pub use cells::{Cells, Form};
pub use config::{ImageShape, NetworkConfig, Stem};
pub use decision::{Chooses, Decision};
pub use draw::{Drawing, cells_dot, cells_svg};
pub use error::SpaceError;
pub use genotype::Genotype;
pub use graph::{NetworkGraph, Node, Place, Shape};
pub use layer::{Conv2d, Layer, Pool, PoolKind, Window};
pub use limited::{Limited, Limits};
pub use mixed::{Chosen, MixedSpace, MixedTable};
pub use operations::Operation;
pub use paths::{PathSpace, one_an_edge};
pub use published::{PublishedCell, published, published_cells};
pub use seed::Seed;
pub use space::SearchSpace;
