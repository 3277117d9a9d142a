//! HW-NAS-Bench (Li et al. 2021): what the cells of NAS-Bench-201 cost on six devices, for searches of two objectives.

use std::path::Path;

use nas_space::spaces::NasBench201;
use nas_space::{Architecture, SearchSpace};

use super::nasbench201::{cells, complete};
use crate::BenchError;
use crate::csv::Csv;
use crate::table::Index;

/// The file's usual name.
pub(super) const FILE: &str = "hw_nas_bench_cifar10.csv";

/// The columns that can be an objective: latencies in milliseconds, energies in millijoules.
pub const DEVICES: [&str; 9] = [
    "edgegpu_latency",
    "edgegpu_energy",
    "raspi4_latency",
    "edgetpu_latency",
    "pixel3_latency",
    "eyeriss_latency",
    "eyeriss_energy",
    "fpga_latency",
    "fpga_energy",
];

/// What the architectures of a space cost on a device.
pub struct Costs {
    device: String,
    space: &'static dyn SearchSpace,
    index: Index,
    /// In seconds or joules; `NaN` where the device could not run the network.
    values: Vec<f64>,
}

impl Costs {
    /// Costs of architectures, or the two rows that are of one.
    pub(crate) fn new(
        device: &str,
        space: &'static dyn SearchSpace,
        rows: Vec<Architecture>,
        values: Vec<f64>,
    ) -> Result<Self, (usize, usize)> {
        let index = Index::build(space, &rows)?;
        Ok(Self { device: device.to_owned(), space, index, values })
    }

    /// What was measured, such as `raspi4_latency`.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The unit that people read: `ms` or `mJ`.
    pub fn unit(&self) -> &'static str {
        if self.device.ends_with("energy") { "mJ" } else { "ms" }
    }

    /// The space of the architectures.
    pub fn space(&self) -> &'static dyn SearchSpace {
        self.space
    }

    /// The cost of an architecture, in seconds or joules; `None` where the device could not run the network.
    pub fn of(&self, architecture: &Architecture) -> Option<f64> {
        let row = self.index.find(self.space, architecture)?;
        self.values.get(row).copied().filter(|value| value.is_finite())
    }
}

/// Checks a device's name.
pub(super) fn check(device: &str) -> Result<(), BenchError> {
    if DEVICES.contains(&device) {
        return Ok(());
    }
    let known = format!("it has {}", DEVICES.join(", "));
    Err(BenchError::Lacks { table: "hw-nas-bench".into(), what: format!("column `{device}`"), known })
}

/// Reads the file.
pub(super) fn read(path: &Path, device: &str) -> Result<Costs, BenchError> {
    let csv = Csv::read(path)?;
    let column = csv.column(device)?;
    let (mut values, mut lines) = (Vec::with_capacity(15_625), Vec::with_capacity(15_625));
    let rows = cells(&csv, |row| {
        let value = row.known_number(column)?;
        // -1 is the benchmark's mark for a network that the device could not run.
        values.push(if value < 0.0 { f64::NAN } else { value / 1000.0 });
        lines.push(row.line);
        Ok(())
    })?;
    let index = complete(&csv, &rows, &lines)?;
    Ok(Costs { device: device.to_owned(), space: &NasBench201, index, values })
}
