//! The tables this crate reads, by name: where their files come from, and what is in them.

pub(crate) mod hardware;
mod nasbench101;
mod nasbench201;
mod nasbench_macro;
pub(crate) mod synthetic;

use std::path::{Path, PathBuf};

use crate::{BenchError, Costs, Table};

/// A table that can be opened by name.
pub struct KnownTable {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub summary: &'static str,
    /// The data sets its architectures were trained on, the usual one first.
    pub data: &'static [&'static str],
    /// The name of its file in the folder of tables; `None` where it needs none.
    pub file: Option<&'static str>,
    /// Where to get the file.
    pub source: &'static str,
    read: fn(&Path, &str) -> Result<Table, BenchError>,
}

/// Every table, by name.
pub const TABLES: &[KnownTable] = &[
    KnownTable {
        name: "nasbench201",
        summary: "NAS-Bench-201: all 15,625 cells after 12 and 200 epochs (Dong & Yang 2020)",
        data: &["cifar10", "cifar100", "imagenet16"],
        file: Some("nasbench201.csv"),
        source: "docs/bench.md says what it holds and where the official files are",
        read: nasbench201::read,
    },
    KnownTable {
        name: "nasbench101",
        summary: "NAS-Bench-101: a part of its 423,624 cells, after 4, 12, 36 and 108 epochs (Ying et al. 2019)",
        data: &["cifar10"],
        file: Some("nb101_11k.csv"),
        source: "docs/bench.md says what it holds and where the official file is",
        read: nasbench101::read,
    },
    KnownTable {
        name: "nasbench-macro",
        summary: "NAS-Bench-Macro: all 6,561 networks of eight layers, three seeds each (Su et al. 2021)",
        data: &["cifar10"],
        file: Some("nasbench_macro.csv"),
        source: "the authors' nas-bench-macro_cifar10.json can be read as it is: see docs/bench.md",
        read: nasbench_macro::read,
    },
    KnownTable {
        name: "synthetic",
        summary: "the cells of NAS-Bench-201 with made-up accuracies: a formula, no file, no measurement",
        data: &["made-up"],
        file: None,
        source: "it is made by a formula",
        read: |_, _| Ok(synthetic::synthetic()),
    },
];

/// The table of a name.
///
/// # Errors
/// [`BenchError::UnknownTable`] lists the names.
pub fn known(name: &str) -> Result<&'static KnownTable, BenchError> {
    TABLES.iter().find(|table| table.name == name).ok_or_else(|| {
        let known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        BenchError::UnknownTable { name: name.to_owned(), known: known.join(", ") }
    })
}

impl Table {
    /// Opens a table by name, trained on `data` (its usual data set where nothing is said), from `file`, or from the
    /// file of its usual name in `folder`.
    ///
    /// # Errors
    /// If there is no such table or data set, or the file is missing, incomplete or wrong.
    pub fn open(
        name: &str,
        data: Option<&str>,
        file: Option<&Path>,
        folder: Option<&Path>,
    ) -> Result<Self, BenchError> {
        let known = known(name)?;
        let data = data.unwrap_or(known.data[0]);
        if !known.data.contains(&data) {
            let (what, list) = (format!("results on `{data}`"), known.data.join(", "));
            return Err(BenchError::Lacks { table: name.to_owned(), what, known: format!("it has {list}") });
        }
        let path = match known.file {
            Some(usual) => locate(known.name, "--table FILE", usual, known.source, file, folder)?,
            None => PathBuf::new(),
        };
        (known.read)(&path, data)
    }
}

impl Costs {
    /// Opens the measurements of HW-NAS-Bench on a device ([`DEVICES`](crate::DEVICES)), from `file`, or from the file of
    /// their usual name in `folder`. For the synthetic table they are synthetic too.
    ///
    /// # Errors
    /// If there is no such device, or the file is missing, incomplete or wrong.
    pub fn open(table: &str, device: &str, file: Option<&Path>, folder: Option<&Path>) -> Result<Self, BenchError> {
        hardware::check(device)?;
        if table == "synthetic" {
            return Ok(synthetic::costs(device));
        }
        let source = "docs/bench.md says what it holds and where the official file is";
        let path = locate("hw-nas-bench", "--cost-table FILE", hardware::FILE, source, file, folder)?;
        hardware::read(&path, device)
    }
}

fn locate(
    table: &'static str,
    option: &'static str,
    usual: &'static str,
    source_note: &'static str,
    file: Option<&Path>,
    folder: Option<&Path>,
) -> Result<PathBuf, BenchError> {
    match (file, folder) {
        (Some(file), _) => Ok(file.to_owned()),
        (None, Some(folder)) => Ok(folder.join(usual)),
        (None, None) => Err(BenchError::NoFile { table, option, file: usual, source_note }),
    }
}
