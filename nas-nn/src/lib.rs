//! From a network graph to a trained network: fast ops, layers, the trainer, checkpoints.
//!
//! The one idea: a [`NetworkGraph`](nas_space::NetworkGraph) is run by a forward and a reverse pass of our own over its
//! nodes, on kernels with hand-written forward and backward; the outside stays candle (`Tensor`, `Var`, `VarBuilder`), and
//! every op is also a candle `CustomOp`, for layers written in plain candle code.

pub mod checkpoint;
mod element;
mod error;
mod evaluator;
pub mod export;
mod init;
mod latency;
// Unsafe code: loads whose bounds are checked once for a whole product, not once a register.
#[allow(unsafe_code)]
mod kernels;
mod layout;
mod network;
pub mod ops;
pub mod optim;
// Buffers are cache lines that are seen as lanes of one number type or another.
#[allow(unsafe_code)]
pub mod pool;
pub mod proxy;
pub mod schedule;
mod simd;
#[cfg(test)]
mod testing;
pub mod trainer;

pub use error::NnError;
pub use evaluator::TrainFromScratch;
pub use init::seeded;
pub use latency::{Latency, WithLatency, latency};
pub use network::memory;
pub use network::{CustomLayer, MakeLayer, Mode, Network, Parameter, Precision, Step, StepConfig};
pub use trainer::{EpochReport, TrainConfig, Trainer, evaluate, evaluate_mirrored};
