//! The binary layout of CIFAR: records of one label byte (CIFAR-10) or two (CIFAR-100, coarse and fine), then the red,
//! green and blue planes of 32x32 pixels.

use std::path::{Path, PathBuf};

use nas_space::ImageShape;

use crate::images::checked;
use crate::names::{CIFAR10, CIFAR100};
use crate::raw::{io_error, list};
use crate::{DataError, DataSet, Images};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const PLANES: usize = 3 * 32 * 32;

/// Whether a folder holds files of CIFAR-10.
pub(crate) fn is_cifar10(folder: &Path) -> bool {
    folder.join("test_batch.bin").is_file() || batches(folder).is_ok_and(|batches| !batches.is_empty())
}

/// Whether a folder holds files of CIFAR-100.
pub(crate) fn is_cifar100(folder: &Path) -> bool {
    ["train.bin", "test.bin"].iter().any(|file| folder.join(file).is_file())
}

/// Reads `data_batch_1.bin`, `data_batch_2.bin` and so on (as many as there are, without a gap) and `test_batch.bin`.
pub(crate) fn read_cifar10(folder: &Path, name: &str) -> Result<DataSet, DataError> {
    const LAYOUT: &str = "the binary layout of CIFAR-10";
    let missing = |file: String| DataError::MissingFile { folder: folder.to_owned(), file, layout: LAYOUT };
    let batches = batches(folder)?;
    let last = batches.last().map_or(1, |&(number, _)| number);
    if let Some(number) = (1..=last).find(|number| !batches.iter().any(|(found, _)| found == number)) {
        return Err(missing(format!("data_batch_{number}.bin")));
    }
    let test = folder.join("test_batch.bin");
    if !test.is_file() {
        return Err(missing("test_batch.bin".into()));
    }
    let train: Vec<PathBuf> = batches.into_iter().map(|(_, path)| path).collect();
    read(folder, name, &CIFAR10, 1, [&train, &[test]])
}

/// Reads `train.bin` and `test.bin` with their fine labels.
pub(crate) fn read_cifar100(folder: &Path, name: &str) -> Result<DataSet, DataError> {
    let layout = "the binary layout of CIFAR-100";
    let files = ["train.bin", "test.bin"].map(|file| folder.join(file));
    for (path, file) in files.iter().zip(["train.bin", "test.bin"]) {
        if !path.is_file() {
            return Err(DataError::MissingFile { folder: folder.to_owned(), file: file.into(), layout });
        }
    }
    let [train, test] = files;
    read(folder, name, &CIFAR100, 2, [&[train], &[test]])
}

/// The training files of CIFAR-10 with their numbers, in ascending order.
fn batches(folder: &Path) -> Result<Vec<(u32, PathBuf)>, DataError> {
    let mut batches: Vec<(u32, PathBuf)> = Vec::new();
    for path in list(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix("data_batch_").and_then(|rest| rest.strip_suffix(".bin"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            batches.push((number, path));
        }
    }
    batches.sort_unstable();
    Ok(batches)
}

/// Reads the files of both splits, training first.
fn read(
    folder: &Path,
    name: &str,
    classes: &[&str],
    label_bytes: usize,
    files: [&[PathBuf]; 2],
) -> Result<DataSet, DataError> {
    let [train, test] = files.map(|paths| {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        paths.iter().try_for_each(|path| append((&mut pixels, &mut labels), path, label_bytes, classes.len()))?;
        Ok::<_, DataError>(Images { shape: SHAPE, pixels: pixels.into(), labels })
    });
    let classes = classes.iter().map(|&class| class.into()).collect();
    checked(DataSet { name: name.into(), classes, train: train?, test: test? }, folder)
}

fn append(
    (pixels, labels): (&mut Vec<u8>, &mut Vec<u32>),
    path: &Path,
    label_bytes: usize,
    classes: usize,
) -> Result<(), DataError> {
    let bytes = std::fs::read(path).map_err(io_error(path))?;
    let record = label_bytes + PLANES;
    if bytes.is_empty() || bytes.len() % record != 0 {
        return Err(DataError::CutShort {
            path: path.to_owned(),
            expected: format!("one or more records of {record} bytes"),
            found: format!(
                "{} bytes, {} whole record(s) and {} more",
                bytes.len(),
                bytes.len() / record,
                bytes.len() % record
            ),
        });
    }
    pixels.reserve(bytes.len());
    for (position, record) in bytes.chunks_exact(record).enumerate() {
        // The fine label of CIFAR-100 follows the coarse one.
        let label = record[label_bytes - 1];
        if usize::from(label) >= classes {
            let (path, label) = (path.to_owned(), label.into());
            return Err(DataError::Label { path, position, label, last: classes - 1 });
        }
        labels.push(label.into());
        pixels.extend_from_slice(&record[label_bytes..]);
    }
    Ok(())
}
