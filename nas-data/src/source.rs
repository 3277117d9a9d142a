//! One way in: a name or a folder becomes a data set, whatever the format.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::catalog::entry;
use crate::names::{DIGITS, FASHION};
use crate::{DataError, DataSet, ImageFolderOptions, MIN_SIDE, cifar, digits, folder, idx, known_places};

/// Where a data set comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSource {
    /// The embedded digits.
    Digits,
    /// Fashion-MNIST.
    FashionMnist,
    /// MNIST.
    Mnist,
    /// CIFAR-10.
    Cifar10,
    /// CIFAR-100 with its fine labels.
    Cifar100,
    /// A folder of IDX files, of CIFAR's binary files, or of images with one sub-folder a class.
    Folder(PathBuf),
}

impl DataSource {
    /// The sources with names.
    pub const NAMED: [Self; 5] = [Self::Digits, Self::FashionMnist, Self::Mnist, Self::Cifar10, Self::Cifar100];

    /// The name, where it is not a folder.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Digits => Some("digits"),
            Self::FashionMnist => Some("fashion-mnist"),
            Self::Mnist => Some("mnist"),
            Self::Cifar10 => Some("cifar10"),
            Self::Cifar100 => Some("cifar100"),
            Self::Folder(_) => None,
        }
    }

    /// A name, or else a path. (A folder that is called like a data set is reached as `./digits`.)
    pub fn parse(text: &str) -> Self {
        let named = Self::NAMED.into_iter().find(|source| source.name() == Some(text));
        named.unwrap_or_else(|| Self::Folder(text.into()))
    }
}

/// How a data set is read. All of it concerns folders of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadOptions {
    /// How images that differ are brought to one shape.
    pub folder: ImageFolderOptions,
    /// The side, in pixels, of the squares that networks see of pictures of any sizes. They stay in their files, each read
    /// when it is wanted; without it all images are decoded at once.
    pub picture_side: Option<usize>,
    /// The share of each class that becomes the test split, where a folder has none; 0.2 by default.
    pub test_share: f64,
    /// The seed of that split. It is no part of a search's seed: results of different searches are compared on the same
    /// test images.
    pub test_seed: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { folder: ImageFolderOptions::default(), picture_side: None, test_share: 0.2, test_seed: 0 }
    }
}

impl LoadOptions {
    pub(crate) fn check(&self) -> Result<(), DataError> {
        self.folder.check()?;
        let fault = |side: usize, reason: String| {
            Err(DataError::Setting { setting: "image_size", value: side.to_string(), reason })
        };
        match self.picture_side {
            Some(side) if side < MIN_SIDE => fault(side, format!("each side needs at least {MIN_SIDE} pixels")),
            Some(side) if self.folder.size.is_some() => {
                let reason =
                    "`size` brings all images to one size at once, `image_size` each when it is wanted; give one";
                fault(side, reason.into())
            }
            _ => Ok(()),
        }
    }
}

/// Loads a data set by name (see [`catalog`](crate::catalog)) or from a folder, whose layout is told by its files.
///
/// # Errors
/// Where nothing is found, with the places looked in and how to get the set; or where a file is not what it should be,
/// with its path, what was expected and what was found.
pub fn load(source: &str, options: &LoadOptions) -> Result<DataSet, DataError> {
    load_from(&DataSource::parse(source), options, &known_places())
}

pub(crate) fn load_from(source: &DataSource, options: &LoadOptions, places: &[PathBuf]) -> Result<DataSet, DataError> {
    let data = load_any(source, options, places)?;
    if let Some(side) = options.picture_side.filter(|_| data.train.pictures().is_none()) {
        let reason =
            format!("the images of `{}` are no picture files, but of one size already; leave it out", data.name);
        return Err(DataError::Setting { setting: "image_size", value: side.to_string(), reason });
    }
    Ok(data)
}

fn load_any(source: &DataSource, options: &LoadOptions, places: &[PathBuf]) -> Result<DataSet, DataError> {
    let (path, entry) = match (source, entry(source, places)) {
        (DataSource::Digits, _) => return digits::read(),
        (DataSource::Folder(path), _) => return load_folder(path, options),
        (_, None) => unreachable!("every source but a folder has an entry"),
        (_, Some(entry)) => match home_of(source, places) {
            Some(path) => (path, entry),
            None => {
                let places = places.iter().map(|place| place.join(entry.name).display().to_string());
                let looked = places.collect::<Vec<_>>().join(", ");
                return Err(DataError::NotHere { name: entry.name, looked, how: entry.how_to_get.into() });
            }
        },
    };
    let data = match source {
        DataSource::FashionMnist => idx::read(&path, entry.name, Some(&FASHION))?,
        DataSource::Mnist => idx::read(&path, entry.name, Some(&DIGITS))?,
        DataSource::Cifar10 => cifar::read_cifar10(&path, entry.name)?,
        _ => cifar::read_cifar100(&path, entry.name)?,
    };
    // A result under a well-known name must be a result on the whole set.
    let splits = [("training", entry.train, data.train.len()), ("test", entry.test, data.test.len())];
    match splits.into_iter().find(|(_, expected, found)| expected != found) {
        None => Ok(data),
        Some((split, expected, found)) => Err(DataError::Partial { name: entry.name, path, split, expected, found }),
    }
}

/// The folder of a named set: the first of the known places that has files of its format.
pub(crate) fn home_of(source: &DataSource, places: &[PathBuf]) -> Option<PathBuf> {
    let name = source.name()?;
    let is_here: fn(&Path) -> bool = match source {
        DataSource::FashionMnist | DataSource::Mnist => idx::is_here,
        DataSource::Cifar10 => cifar::is_cifar10,
        DataSource::Cifar100 => cifar::is_cifar100,
        DataSource::Digits | DataSource::Folder(_) => return None,
    };
    places.iter().flat_map(|place| unpacked(&place.join(name))).find(|folder| is_here(folder))
}

/// A folder, and those that the official archives unpack to inside it.
fn unpacked(folder: &Path) -> [PathBuf; 3] {
    [folder.to_owned(), folder.join("cifar-10-batches-bin"), folder.join("cifar-100-binary")]
}

fn load_folder(path: &Path, options: &LoadOptions) -> Result<DataSet, DataError> {
    if !path.exists() {
        let known = DataSource::NAMED.iter().filter_map(DataSource::name).collect::<Vec<_>>().join(", ");
        return Err(DataError::UnknownSource { name: path.display().to_string(), known });
    }
    if !path.is_dir() {
        let reason = "this is a file; a data set is the folder that holds its files".into();
        return Err(DataError::Layout { path: path.to_owned(), reason });
    }
    let name = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let name = name.unwrap_or_else(|| path.display().to_string());
    for folder in unpacked(path) {
        if idx::is_here(&folder) {
            return idx::read(&folder, &name, None);
        }
        if cifar::is_cifar10(&folder) {
            return cifar::read_cifar10(&folder, &name);
        }
        if cifar::is_cifar100(&folder) {
            return cifar::read_cifar100(&folder, &name);
        }
    }
    if folder::is_here(path) {
        return folder::read(path, &name, options);
    }
    let reason =
        "no known layout; expected the four IDX files (train-images-idx3-ubyte and so on), the binary files of \
                  CIFAR (data_batch_1.bin and so on, or train.bin and test.bin), or one sub-folder of images a class"
            .into();
    Err(DataError::Layout { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests;
