//! A folder of images with one sub-folder a class: `ROOT/train/CLASS/*` and `ROOT/test/CLASS/*`, or `ROOT/CLASS/*`, of
//! which a seeded share becomes the test split. `val` stands for `test` where there is none, as in ImageNet.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use nas_space::{ImageShape, Seed};

use crate::decode::{decode, header};
use crate::images::checked;
use crate::raw::list;
use crate::source::LoadOptions;
use crate::split::stratify;
use crate::{Colour, DataError, DataSet, ImageFolderOptions, Images, MIN_SIDE, Pictures, Pixels};

/// Image files and their classes.
#[derive(Default)]
struct Files {
    paths: Vec<PathBuf>,
    labels: Vec<u32>,
}

/// Whether a folder has sub-folders that are not hidden.
pub(crate) fn is_here(folder: &Path) -> bool {
    list(folder).is_ok_and(|paths| paths.iter().any(|path| path.is_dir()))
}

/// Reads a folder of either layout. Hidden files and folders, and files beside the class folders, are passed over.
pub(crate) fn read(root: &Path, name: &str, options: &LoadOptions) -> Result<DataSet, DataError> {
    options.check()?;
    let second = if !root.join("test").exists() && root.join("val").is_dir() { "val" } else { "test" };
    let (classes, train, test) = match ["train", second].map(|split| root.join(split)) {
        [train, test] if is_here(&train) && test.is_dir() => both_splits(&train, &test)?,
        [train, test] if is_here(&train) || is_here(&test) => {
            let (there, not) = if is_here(&train) { ("train", "test") } else { ("test", "train") };
            let reason = format!(
                "there are class folders in `{there}`, but no folder `{not}` beside it; \
                 give the path of `{there}` itself to have a test split cut from it"
            );
            return Err(DataError::Layout { path: root.to_owned(), reason });
        }
        _ => {
            let (classes, files) = class_folders(root)?;
            let seed = Seed::new(options.test_seed).child("folder-test");
            let (train, test) = stratify("test_share", &files.labels, &classes, options.test_share, seed)?;
            let pick = |numbers: Vec<u32>| Files {
                paths: numbers.iter().map(|&number| files.paths[number as usize].clone()).collect(),
                labels: numbers.iter().map(|&number| files.labels[number as usize]).collect(),
            };
            (classes, pick(train), pick(test))
        }
    };
    let [train, test] = match options.picture_side {
        Some(side) => [train, test].map(|files| in_files(root, files, side, &options.folder)),
        None => {
            let shape = common_shape(&[&train, &test], &options.folder)?;
            [train, test].map(|files| decode_all(files, shape, &options.folder))
        }
    };
    checked(DataSet { name: name.into(), classes, train: train?, test: test? }, root)
}

/// Leaves pictures in their files, of which only the heads are read, on all cores: a file that is no picture is told now.
fn in_files(root: &Path, files: Files, side: usize, options: &ImageFolderOptions) -> Result<Images, DataError> {
    let colour = options.colour.unwrap_or(Colour::Rgb);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = files.paths.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let check = |paths: &[PathBuf]| paths.iter().try_for_each(|path| header(path).map(drop));
        let workers: Vec<_> = files.paths.chunks(share).map(|paths| scope.spawn(move || check(paths))).collect();
        workers.into_iter().try_for_each(|worker| {
            let died = |_| DataError::Worker { reason: "died while looking at pictures".into() };
            worker.join().map_err(died)?
        })
    })?;
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into();
    let names = files.paths.iter().map(name).collect();
    let shape = ImageShape { channels: colour.channels(), height: side, width: side };
    Ok(Images { shape, pixels: Pixels::Files(Pictures { root: root.to_owned(), names, colour }), labels: files.labels })
}

fn both_splits(train: &Path, test: &Path) -> Result<(Vec<String>, Files, Files), DataError> {
    let (classes, train_files) = class_folders(train)?;
    let (test_classes, test_files) = class_folders(test)?;
    let differ = |a: &[String], present: &Path, b: &[String], missing: &Path| {
        let (present, missing) = (present.to_owned(), missing.to_owned());
        let class = a.iter().find(|class| !b.contains(class)).cloned();
        class.map_or(Ok(()), |class| Err(DataError::ClassesDiffer { class, present, missing }))
    };
    differ(&classes, train, &test_classes, test)?;
    differ(&test_classes, test, &classes, train)?;
    Ok((classes, train_files, test_files))
}

/// The classes of a split, sorted by name, with their files.
fn class_folders(split: &Path) -> Result<(Vec<String>, Files), DataError> {
    let mut classes = Vec::new();
    let mut files = Files::default();
    for (label, folder) in (0..).zip(list(split)?.into_iter().filter(|path| path.is_dir())) {
        let members = list(&folder)?;
        if let Some(nested) = members.iter().find(|path| path.is_dir()) {
            let reason = "this is a folder inside a class folder, where only images belong".into();
            return Err(DataError::Layout { path: nested.clone(), reason });
        }
        if members.is_empty() {
            return Err(DataError::EmptyClass { path: folder });
        }
        classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        files.labels.resize(files.labels.len() + members.len(), label);
        files.paths.extend(members);
    }
    match classes.as_slice() {
        [] => {
            let reason = "there is no class folder; images lie in one sub-folder a class".into();
            Err(DataError::Layout { path: split.to_owned(), reason })
        }
        [class] => Err(DataError::OneClass { path: split.to_owned(), class: class.clone() }),
        _ => Ok((classes, files)),
    }
}

/// The shape that all images have, or are to be brought to. It reads the head of every file, so that a bad one is told
/// before minutes of decoding.
fn common_shape(splits: &[&Files], options: &ImageFolderOptions) -> Result<ImageShape, DataError> {
    let mut paths: Vec<&PathBuf> = splits.iter().flat_map(|files| &files.paths).collect();
    paths.sort_unstable();
    let headers = paths.iter().map(|path| header(path)).collect::<Result<Vec<_>, _>>()?;
    let usual_size = most_common(headers.iter().map(|&(height, width, _)| (height, width)));
    let usual_colour = most_common(headers.iter().map(|&(_, _, colour)| colour));
    let (usual_height, usual_width) = options.size.or(usual_size).unwrap_or((0, 0));
    let usual = options.colour.or(usual_colour).unwrap_or(Colour::Rgb);
    for (path, (height, width, colour)) in paths.into_iter().zip(headers) {
        if options.size.is_none() && (height, width) != (usual_height, usual_width) {
            return Err(DataError::MixedSizes { path: path.clone(), height, width, usual_height, usual_width });
        }
        if options.size.is_none() && (height < MIN_SIDE || width < MIN_SIDE) {
            return Err(DataError::TooSmall { path: path.clone(), height, width, least: MIN_SIDE });
        }
        if options.colour.is_none() && colour != usual {
            let (found, usual) = (colour.to_string(), usual.to_string());
            return Err(DataError::MixedColours { path: path.clone(), height, width, found, usual });
        }
    }
    Ok(ImageShape { channels: usual.channels(), height: usual_height, width: usual_width })
}

/// The value that occurs most often; of several, the smallest.
fn most_common<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0_usize) += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|&(_, count)| count == most).map(|(value, _)| value)
}

/// Decodes all files on all cores; the result does not depend on how many there are.
fn decode_all(files: Files, shape: ImageShape, options: &ImageFolderOptions) -> Result<Images, DataError> {
    let bytes = shape.channels * shape.height * shape.width;
    let mut pixels = vec![0; files.paths.len() * bytes];
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = files.paths.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parts = files.paths.chunks(share).zip(pixels.chunks_mut(share * bytes));
        let workers: Vec<_> = parts
            .map(|(paths, pixels)| {
                scope.spawn(move || {
                    let mut images = paths.iter().zip(pixels.chunks_exact_mut(bytes));
                    images.try_for_each(|(path, output)| decode(path, shape, options, output))
                })
            })
            .collect();
        // In the order of the files, so that the first bad one is told whichever thread was faster.
        workers.into_iter().try_for_each(|worker| {
            let died = |_| DataError::Worker { reason: "died while decoding images".into() };
            worker.join().map_err(died)?
        })
    })?;
    Ok(Images { shape, pixels: pixels.into(), labels: files.labels })
}
