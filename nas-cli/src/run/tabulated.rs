//! What NAS-Bench-201 measured of the cell that was found, where its table is at hand: trained in full, by others.

use std::path::Path;

use nas_bench::Table;
use nas_space::{Blueprint, SearchSpace, spaces::NasBench201};
use serde::{Deserialize, Serialize};

use crate::units::percent;

/// A cell in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tabulated {
    /// The images it was trained on.
    pub data: String,
    /// Its test accuracy, from 0 to 1.
    pub test: f64,
    /// The mean over all cells, and the best.
    pub mean: f64,
    pub optimum: f64,
}

/// The folder with tables, where `nas bench` looks for them.
const FOLDER: &str = "NAS_TABLES";

/// Looks a cell up; nothing for other spaces, and where there is no table.
pub fn look_up(blueprint: &Blueprint, data: &str) -> Option<Tabulated> {
    let folder = std::env::var_os(FOLDER)?;
    in_folder(blueprint, data, Path::new(&folder))
}

fn in_folder(blueprint: &Blueprint, data: &str, folder: &Path) -> Option<Tabulated> {
    let Blueprint::Point(architecture) = blueprint else { return None };
    if architecture.space != NasBench201.name() {
        return None;
    }
    // Of images that the benchmark does not know, CIFAR-10 says most.
    let known = if data == "cifar100" { "cifar100" } else { "cifar10" };
    // A table that is not there is none; `nas bench` says what is wrong with one.
    let table = Table::open(NasBench201.name(), Some(known), None, Some(folder)).ok()?;
    let row = table.row(architecture).ok()?;
    let (test, mean, optimum) = (table.test(row), table.mean_test(), table.optimum().test);
    Some(Tabulated { data: known.into(), test, mean, optimum })
}

impl Tabulated {
    /// What a results file says of it; nothing where it says nothing.
    pub fn read(value: &serde_json::Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    /// It in words.
    pub fn sentence(&self) -> String {
        format!(
            "NAS-Bench-201 trained this cell in full on {}: {} on the test images (mean of all cells {}, best {}).",
            self.data,
            percent(self.test),
            percent(self.mean),
            percent(self.optimum)
        )
    }
}
