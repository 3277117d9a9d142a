//! Benchmarks with a known truth: tables in which every architecture of a space was measured, once and for all.
//!
//! The one idea: a [`Table`] answers in a microsecond what training would answer in an hour, so a strategy can be run
//! hundreds of times ([`repeat`]) and judged by statistics ([`stats`]) instead of by one lucky run. The search sees the
//! validation accuracy after a short training; what it chose is judged by the test accuracy after the full one.
//!
//! The tables are files of others and not part of this crate; [`Table::open`] reads them. [`synthetic`] makes one by a
//! formula, so that everything here runs without a file:
//!
//! ```
//! use std::sync::Arc;
//! use nas_bench::{Contestant, Plan, repeat, synthetic};
//! use nas_search::RandomSearch;
//!
//! let table = Arc::new(synthetic());
//! let space = table.space();
//! let random = Contestant::new("random", move |seed| Ok(Box::new(RandomSearch::new(Arc::clone(&space), seed))));
//! let curves = repeat(&table, &[random], &Plan { queries: 50, runs: 20, ..Plan::default() })?;
//! let last = curves[0].test_at(50);
//! assert!(last.mean > 0.85 && last.mean < table.optimum().test);
//! # Ok::<(), nas_bench::BenchError>(())
//! ```

pub mod chart;
mod csv;
mod curves;
mod error;
mod evaluator;
mod repeat;
pub mod stats;
mod table;
mod tables;

pub use curves::Curves;
pub use error::BenchError;
pub use evaluator::TableEvaluator;
pub use repeat::{Contestant, Plan, repeat};
pub use table::{Optimum, Table};
pub use tables::hardware::{Costs, DEVICES};
pub use tables::synthetic::synthetic;
pub use tables::{KnownTable, TABLES, known};
