//! Words that every report uses.

/// What is counted as one operation.
pub const FLOP_CONVENTION: &str = "multiply-adds of convolutions and linear layers";
