//! The integration tests of the crate, one program.

mod enas;
mod golden;
mod quadratic;
mod resume;
mod shared;
