//! The IDX format of MNIST and its successors: big-endian header, then bytes; one file for the images of a split and
//! one for its labels.

use std::path::{Path, PathBuf};

use nas_space::ImageShape;

use crate::images::checked;
use crate::raw::RawFile;
use crate::{DataError, DataSet, Images};

const LAYOUT: &str = "a data set in IDX files";

/// The file of a split and kind (`train`, `images`, 3), in whichever of its usual names is there.
fn find(folder: &Path, split: &str, kind: &str, rank: usize) -> Option<PathBuf> {
    let names = ["-", "."].map(|dot| format!("{split}-{kind}{dot}idx{rank}-ubyte"));
    let names = names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]);
    names.map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Whether a folder holds any of the four files.
pub(crate) fn is_here(folder: &Path) -> bool {
    ["train", "t10k"]
        .iter()
        .any(|split| find(folder, split, "images", 3).is_some() || find(folder, split, "labels", 1).is_some())
}

/// Reads the four files of a folder. Without class names, the classes are the numbers up to the largest training label.
pub(crate) fn read(folder: &Path, name: &str, classes: Option<&[&str]>) -> Result<DataSet, DataError> {
    let train = read_split(folder, "train", classes.map(<[_]>::len))?;
    let classes: Vec<String> = match classes {
        Some(names) => names.iter().map(|&name| name.into()).collect(),
        None => (0..=train.labels.iter().copied().max().unwrap_or(0)).map(|class| class.to_string()).collect(),
    };
    let test = read_split(folder, "t10k", Some(classes.len()))?;
    if test.shape != train.shape {
        let size = |images: &Images| format!("images of {}x{} pixels", images.shape.height, images.shape.width);
        let path = find(folder, "t10k", "images", 3).unwrap_or_else(|| folder.to_owned());
        return Err(DataError::Format {
            path,
            expected: format!("{} as in the training split", size(&train)),
            found: size(&test),
        });
    }
    checked(DataSet { name: name.into(), classes, train, test }, folder)
}

fn read_split(folder: &Path, split: &str, classes: Option<usize>) -> Result<Images, DataError> {
    let missing = |kind: &str, rank: usize| DataError::MissingFile {
        folder: folder.to_owned(),
        file: format!("{split}-{kind}-idx{rank}-ubyte` or `{split}-{kind}-idx{rank}-ubyte.gz"),
        layout: LAYOUT,
    };
    let image_path = find(folder, split, "images", 3).ok_or_else(|| missing("images", 3))?;
    let label_path = find(folder, split, "labels", 1).ok_or_else(|| missing("labels", 1))?;
    let (size, pixels) = read_file::<3>(&image_path)?;
    let [image_count, height, width] = size;
    let ([label_count], labels) = read_file::<1>(&label_path)?;
    if image_count != label_count {
        return Err(DataError::CountMismatch { images: image_path, image_count, labels: label_path, label_count });
    }
    if let Some(classes) = classes {
        check_labels(&label_path, &labels, classes)?;
    }
    let labels = labels.into_iter().map(u32::from).collect();
    Ok(Images { shape: ImageShape { channels: 1, height, width }, pixels: pixels.into(), labels })
}

fn check_labels(path: &Path, labels: &[u8], classes: usize) -> Result<(), DataError> {
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(()),
        Some(position) => {
            let label = labels[position].into();
            Err(DataError::Label { path: path.to_owned(), position, label, last: classes.saturating_sub(1) })
        }
    }
}

/// The sizes and the bytes of a file of `RANK` dimensions.
fn read_file<const RANK: usize>(path: &Path) -> Result<([usize; RANK], Vec<u8>), DataError> {
    let mut file = RawFile::open(path)?;
    // The magic number: two zeros, the element type (8 is unsigned bytes), the number of dimensions.
    let magic = file.take(4, "the magic number of an IDX file")?;
    let expected = [0, 0, 8, RANK as u8];
    if magic != expected {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        return Err(DataError::Format {
            path: path.to_owned(),
            expected: format!("the magic number {} (IDX, bytes, {RANK} dimension(s))", hex(&expected)),
            found: hex(&magic),
        });
    }
    let header = file.take(4 * RANK, "the sizes in the header of an IDX file")?;
    let mut sizes = [0; RANK];
    for (size, bytes) in sizes.iter_mut().zip(header.chunks_exact(4)) {
        *size = bytes.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
    }
    let Some(count) = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size)) else {
        return Err(DataError::Format {
            path: path.to_owned(),
            expected: "sizes that fit into memory".into(),
            found: format!("{sizes:?}"),
        });
    };
    let bytes = file.take(count, &format!("data of sizes {sizes:?}"))?;
    file.end()?;
    Ok((sizes, bytes))
}
