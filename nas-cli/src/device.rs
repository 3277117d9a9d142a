//! The devices a network can be trained on, and the threads of this process.

use candle_core::Device;

use crate::exit::{failure, usage};

/// CPU cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Gives kernels so many threads. No result depends on it.
pub fn use_threads(threads: usize) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build_global()
        .map_err(|e| failure(format!("cannot start {threads} threads: {e}")))
}

/// Checks a device's name without touching the device.
///
/// # Errors
/// If it is neither `cpu` nor `cuda:N`, or this program was built without CUDA.
pub fn check(name: &str) -> anyhow::Result<()> {
    match parse(name)? {
        Some(_) if !cfg!(feature = "cuda") => Err(usage(format!(
            "this nas was built without CUDA, so it cannot use --device {name}; build it with \
             `cargo build --release --features cuda`, or use --device cpu"
        ))),
        _ => Ok(()),
    }
}

/// Opens a device.
///
/// # Errors
/// As [`check`], or if there is no such device.
pub fn open(name: &str) -> anyhow::Result<Device> {
    check(name)?;
    match parse(name)? {
        None => Ok(Device::Cpu),
        Some(ordinal) => Device::new_cuda(ordinal)
            .map_err(|e| failure(format!("cannot use --device {name}: {e}; `nvidia-smi` lists the GPUs"))),
    }
}

/// `None` for the CPU, else the number of the GPU.
fn parse(name: &str) -> anyhow::Result<Option<usize>> {
    let ordinal = match name {
        "cpu" => return Ok(None),
        "cuda" => Some(0),
        _ => name.strip_prefix("cuda:").and_then(|n| n.parse().ok()),
    };
    ordinal
        .map(Some)
        .ok_or_else(|| usage(format!("there is no device `{name}`; a device is cpu, or cuda:N such as cuda:0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names() {
        let found = |name| parse(name).map_err(|e| e.to_string());
        assert_eq!(found("cpu"), Ok(None));
        assert_eq!(found("cuda:3"), Ok(Some(3)));
        assert!(found("gpu").unwrap_err().contains("cuda:N"));
    }
}
