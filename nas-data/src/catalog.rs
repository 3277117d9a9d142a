//! The data sets with names, where they are looked for, and how to get them.

use std::path::PathBuf;

use nas_space::ImageShape;
use serde::Serialize;

use crate::source::{DataSource, home_of};

/// What is known of a named data set without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogEntry {
    /// The name to load it by.
    pub name: &'static str,
    /// What the images show, and whose work it is.
    pub about: &'static str,
    /// The shape of every image.
    pub shape: ImageShape,
    /// Number of classes.
    pub classes: usize,
    /// Images in the training split.
    pub train: usize,
    /// Images in the test split.
    pub test: usize,
    /// Its licence.
    pub licence: &'static str,
    /// How to get it.
    pub how_to_get: &'static str,
    /// Whether it is on this machine.
    pub presence: Presence,
}

/// Where a named data set is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// In the program itself.
    Embedded,
    /// In this folder.
    Found(PathBuf),
    /// Not on this machine.
    Absent,
}

/// The named data sets, and which of them are here.
pub fn catalog() -> Vec<CatalogEntry> {
    let places = known_places();
    DataSource::NAMED.into_iter().filter_map(|source| entry(&source, &places)).collect()
}

/// The folders in which a named set is looked for, as a sub-folder of its name: `$NAS_DATA`, `~/.cache/nas` and
/// `/usr/share/datasets`, in this order.
pub fn known_places() -> Vec<PathBuf> {
    let chosen = std::env::var_os("NAS_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".cache/nas"));
    chosen.into_iter().chain(cache).chain([PathBuf::from("/usr/share/datasets")]).collect()
}

/// What is known of a named source; `None` for a path.
pub(crate) fn entry(source: &DataSource, places: &[PathBuf]) -> Option<CatalogEntry> {
    let square = |channels, side| ImageShape { channels, height: side, width: side };
    let entry = CatalogEntry {
        name: source.name()?,
        about: "",
        shape: square(3, 32),
        classes: 10,
        train: 0,
        test: 0,
        licence: "",
        how_to_get: "",
        presence: home_of(source, places).map_or(Presence::Absent, Presence::Found),
    };
    Some(match source {
        DataSource::Digits => CatalogEntry {
            about: "handwritten digits (Alpaydin & Kaynak 1998, UCI), with a test split of our own",
            shape: square(1, 8),
            train: 1438,
            test: 359,
            licence: "CC BY 4.0",
            how_to_get: "nothing to do: it is part of the program",
            presence: Presence::Embedded,
            ..entry
        },
        DataSource::FashionMnist => CatalogEntry {
            about: "articles of clothing (Xiao, Rasul & Vollgraf 2017)",
            shape: square(1, 28),
            train: 60_000,
            test: 10_000,
            licence: "MIT",
            how_to_get: "on Debian or Ubuntu, `apt-get install dataset-fashion-mnist`; elsewhere, put the four \
                         *-ubyte.gz files of https://github.com/zalandoresearch/fashion-mnist into ~/.cache/nas/fashion-mnist",
            ..entry
        },
        DataSource::Mnist => CatalogEntry {
            about: "handwritten digits (LeCun, Cortes & Burges 1998)",
            shape: square(1, 28),
            train: 60_000,
            test: 10_000,
            licence: "CC BY-SA 3.0",
            how_to_get: "put the four *-ubyte.gz files of https://ossci-datasets.s3.amazonaws.com/mnist/ \
                         (train-images-idx3, train-labels-idx1, t10k-images-idx3, t10k-labels-idx1) into ~/.cache/nas/mnist",
            ..entry
        },
        DataSource::Cifar10 => CatalogEntry {
            about: "small photographs (Krizhevsky 2009)",
            train: 50_000,
            test: 10_000,
            licence: "none stated; cite Krizhevsky 2009",
            how_to_get: "unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz into ~/.cache/nas/cifar10",
            ..entry
        },
        DataSource::Cifar100 => CatalogEntry {
            about: "small photographs in a hundred classes (Krizhevsky 2009)",
            classes: 100,
            train: 50_000,
            test: 10_000,
            licence: "none stated; cite Krizhevsky 2009",
            how_to_get: "unpack https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz into ~/.cache/nas/cifar100",
            ..entry
        },
        DataSource::Folder(_) => return None,
    })
}
