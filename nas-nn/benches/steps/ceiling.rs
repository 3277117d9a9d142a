//! What the machine can do at best: one large matrix product, and one copy of a buffer that no cache holds.

use candle_core::{Device, Tensor};
use nas_space::Seed;
use rand::RngExt;
use rayon::prelude::*;
use serde_json::Value;

use crate::measure::{Counts, document, repeat};

/// Rows, columns and depth of the product: large enough that packing and the ends of blocks do not count.
const SIDE: usize = 2048;
/// Elements of the buffer that is copied, 256 MiB of f32: several times the caches of large servers.
const COPIED: usize = 64 << 20;

/// An f32 product by the crate `gemm`, which candle's product on the CPU is a call of.
pub(crate) fn gemm(seconds: f64) -> Result<Value, String> {
    let mut rng = Seed::new(4).rng();
    let mut matrix = || -> candle_core::Result<Tensor> {
        let values: Vec<f32> = (0..SIDE * SIDE).map(|_| rng.random::<f32>()).collect();
        Tensor::from_vec(values, (SIDE, SIDE), &Device::Cpu)
    };
    let mut measure = || {
        let (a, b) = (matrix()?, matrix()?);
        repeat(seconds, || a.matmul(&b).map(drop))
    };
    let times = measure().map_err(|error| error.to_string())?;
    let multiply_adds = (SIDE * SIDE * SIDE) as u64;
    let counts =
        Counts { kind: "ceiling", multiply_adds, operations: 2 * multiply_adds, copies: 1, ..Counts::default() };
    Ok(document(&times, &counts))
}

/// A copy, one piece a thread: pieces this large go past the caches, as the system's own copy does it best. What is read
/// and what is written both count.
pub(crate) fn copy(seconds: f64) -> Value {
    let (from, mut to) = (vec![1.0_f32; COPIED], vec![0.0_f32; COPIED]);
    let piece = COPIED.div_ceil(rayon::current_num_threads());
    let Ok(times) = repeat(seconds, || {
        to.par_chunks_mut(piece).zip(from.par_chunks(piece)).for_each(|(to, from)| to.copy_from_slice(from));
        Ok::<(), std::convert::Infallible>(())
    });
    let bytes_moved = Some((2 * COPIED * size_of::<f32>()) as u64);
    document(&times, &Counts { kind: "ceiling", bytes_moved, copies: 1, ..Counts::default() })
}
