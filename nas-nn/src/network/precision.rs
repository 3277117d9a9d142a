//! What activations are kept in.

use serde::{Deserialize, Serialize};

/// What a network in f32 keeps activations and their gradients in. Arithmetic, sums, parameters and their gradients are
/// f32 with either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// f32: nothing is rounded.
    #[default]
    F32,
    /// bf16, the upper half of an f32 (8 bits of exponent, 8 of precision): half the memory and half the traffic, for
    /// activations that are rounded to three digits each time they are written.
    Bf16,
}
