//! The integration tests of the crate, one program.

mod golden;
mod quadratic;
mod resume;
