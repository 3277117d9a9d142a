//! Folders of large pictures that stay in their files: any sizes and formats, the same batches always, bad files named.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use nas_data::{
    Augment, BatchPlan, Colour, DataError, DataSet, ImageFolderOptions, LoadOptions, Normalization, Pixels, describe,
    load, split, subset,
};
use nas_space::Seed;
use tempfile::{TempDir, tempdir};

use crate::check_error;

const SIDE: usize = 16;

/// Writes a picture; the format follows the name.
fn save(root: &Path, path: &str, image: &DynamicImage) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

/// A picture whose red rises from left to right, green from top to bottom.
fn slope(width: u32, height: u32, blue: u8) -> DynamicImage {
    let pixel = |x: u32, y: u32| Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, blue]);
    RgbImage::from_fn(width, height, pixel).into()
}

/// Two classes of pictures of many sizes, formats and colour modes.
fn photos() -> TempDir {
    let folder = tempdir().unwrap();
    for (class, blue) in [("cat", 0), ("dog", 255)] {
        for number in 0..6 {
            let size = (40 + 23 * number, 90 - 11 * number);
            let name = ["png", "jpg", "bmp", "gif", "webp", "png"][number as usize];
            save(folder.path(), &format!("{class}/{number}.{name}"), &slope(size.0, size.1, blue));
        }
        save(folder.path(), &format!("{class}/grey.png"), &GrayImage::from_pixel(33, 70, Luma([90])).into());
        let clear = RgbaImage::from_pixel(50, 50, Rgba([200, 200, 200, 128]));
        save(folder.path(), &format!("{class}/clear.png"), &clear.into());
    }
    folder
}

fn options() -> LoadOptions {
    LoadOptions { picture_side: Some(SIDE), ..LoadOptions::default() }
}

fn read(folder: &Path, options: &LoadOptions) -> Result<DataSet, DataError> {
    load(folder.to_str().unwrap(), options)
}

/// All batches of an epoch of training with everything that depends on chance: pixels and labels.
fn epoch(data: &DataSet, epoch: u64, skip: usize) -> Vec<(Vec<f32>, Vec<u32>)> {
    let all: Vec<u32> = (0..data.train.len() as u32).collect();
    let augment = Augment { resized_crop: 0.08, jitter: 0.4, flip: true, ..Augment::default() };
    let images = Arc::new(data.train.clone());
    let plan = BatchPlan::train(images, Arc::new(all), 4, Normalization::identity(3), Seed::new(5), epoch);
    let plan = BatchPlan { augment: Some(augment), skip, ..plan };
    let batch = |batch: Result<nas_data::Batch, DataError>| {
        let batch = batch.unwrap();
        assert_eq!(batch.images.dims(), [4, 3, SIDE, SIDE]);
        (batch.images.flatten_all().unwrap().to_vec1().unwrap(), batch.labels.to_vec1().unwrap())
    };
    plan.spawn().unwrap().map(batch).collect()
}

#[test]
fn pictures_of_any_size_and_format_become_squares() {
    let folder = photos();
    let data = read(folder.path(), &options()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!((data.train.class_counts(2), data.test.class_counts(2)), (vec![6, 6], vec![2, 2]));
    assert_eq!((data.train.shape.channels, data.train.shape.height, data.train.shape.width), (3, SIDE, SIDE));
    for images in [&data.train, &data.test] {
        let pictures = images.pictures().expect("they stay in their files");
        for index in 0..images.len() {
            let planes = images.image(index).unwrap();
            let (name, centre) = (&*pictures.names[index], SIDE / 2 * SIDE + SIDE / 2);
            let middle = [0, 1, 2].map(|plane| planes[plane * SIDE * SIDE + centre]);
            match name.split(['/', '.']).nth(1).unwrap() {
                "grey" => assert_eq!(middle, [90; 3]),
                "clear" => assert_eq!(middle, [100; 3], "half-transparent light grey over black"),
                _ => {
                    // The centre of a slope is in the middle of red and green; what is lossy is off by a little.
                    let blue = if name.starts_with("cat") { 0 } else { 255 };
                    let near = |value: u8, expect: i32| (i32::from(value) - expect).abs() <= 30;
                    assert!(
                        near(middle[0], 128) && near(middle[1], 128) && near(middle[2], blue),
                        "{name}: {middle:?}"
                    );
                }
            }
        }
    }
    let grey = LoadOptions {
        folder: ImageFolderOptions { colour: Some(Colour::Grey), ..ImageFolderOptions::default() },
        ..options()
    };
    assert_eq!(read(folder.path(), &grey).unwrap().train.shape.channels, 1);
}

#[test]
fn batches_are_the_same_always_and_no_two_epochs_alike() {
    let folder = photos();
    let data = read(folder.path(), &options()).unwrap();
    let first = epoch(&data, 0, 0);
    assert_eq!(first.len(), 3);
    assert_eq!(first, epoch(&data, 0, 0));
    assert_eq!(first[1..], epoch(&data, 0, 1), "an epoch goes on in its middle");
    assert_ne!(first, epoch(&data, 1, 0));
    // What an image becomes does not depend on those beside it.
    let alone = subset(&data.train, &(0..data.train.len() as u32).collect::<Vec<_>>()).unwrap();
    assert_eq!(alone, data.train);
}

#[test]
fn memory_holds_names_and_no_pixels() {
    let folder = photos();
    let data = read(folder.path(), &options()).unwrap();
    let (train, validation) = split(&data.train, &data.classes, 0.25, Seed::new(1)).unwrap();
    assert_eq!((train.len(), validation.len()), (8, 4));
    let one = SIDE * SIDE * 3;
    assert!(matches!(&data.train.pixels, Pixels::Files(p) if p.names.len() == data.train.len()));
    assert!(data.train.pixels.bytes() < data.train.len() * one / 4, "{}", data.train.pixels.bytes());
    let found = describe(&data).unwrap();
    assert!(found.normalization.std.iter().all(|std| *std > 0.05), "{:?}", found.normalization);
    let mean = f64::from(found.normalization.mean[2]);
    assert!((0.3..0.7).contains(&mean), "half of the slopes are blue: {mean}");
}

#[test]
fn a_train_and_a_val_folder_are_taken_as_they_are() {
    let folder = tempdir().unwrap();
    for (split, count) in [("train", 4), ("val", 2)] {
        for class in ["a", "b"] {
            (0..count).for_each(|n| save(folder.path(), &format!("{split}/{class}/{n}.png"), &slope(30, 20 + n, 9)));
        }
    }
    let data = read(folder.path(), &options()).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (8, 4));
    save(folder.path(), "val/c/0.png", &slope(30, 20, 9));
    check_error(read(folder.path(), &options()), &["the class `c` is in", "val but not in"]);
}

#[test]
fn bad_files_are_named_at_once_or_when_they_are_reached() {
    let folder = photos();
    fs::write(folder.path().join("dog/notes.txt"), "woof").unwrap();
    check_error(read(folder.path(), &options()), &["notes.txt cannot be read as an image", "remove or repair"]);
    fs::remove_file(folder.path().join("dog/notes.txt")).unwrap();
    // Its head is whole, so only decoding can tell.
    let path = folder.path().join("dog/9.png");
    slope(300, 300, 7).save_with_format(&path, ImageFormat::Png).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let data = read(folder.path(), &options()).unwrap();
    let batches = |data: &DataSet| {
        let all: Vec<u32> = (0..data.train.len() as u32).collect();
        let plan = BatchPlan::evaluate(Arc::new(data.train.clone()), Arc::new(all), 3, Normalization::identity(3));
        plan.spawn().unwrap().collect::<Result<Vec<_>, _>>()
    };
    let is_train = data.train.pictures().unwrap().names.iter().any(|name| name.ends_with("9.png"));
    let data = if is_train { data } else { DataSet { train: data.test.clone(), ..data } };
    check_error(batches(&data), &["9.png cannot be read as an image", "remove or repair"]);
    // Repaired, it can.
    fs::write(&path, &whole).unwrap();
    assert!(!batches(&data).unwrap().is_empty());
    fs::remove_file(&path).unwrap();
    check_error(batches(&data), &["9.png"]);
}

#[test]
fn folders_and_settings_that_cannot_be() {
    let one = tempdir().unwrap();
    save(one.path(), "only/1.png", &slope(20, 20, 1));
    check_error(read(one.path(), &options()), &["one class only, `only`"]);
    fs::create_dir(one.path().join("second")).unwrap();
    check_error(read(one.path(), &options()), &["second is a class folder without an image"]);
    save(one.path(), "second/1.png", &slope(20, 20, 1));
    check_error(read(one.path(), &options()), &["class `only` has 1 image(s)"]);
    let small = LoadOptions { picture_side: Some(2), ..LoadOptions::default() };
    check_error(read(one.path(), &small), &["`image_size` = 2", "at least 4"]);
    let both =
        LoadOptions { folder: ImageFolderOptions { size: Some((8, 8)), ..ImageFolderOptions::default() }, ..options() };
    check_error(read(one.path(), &both), &["`image_size` = 16", "give one"]);
    check_error(load("digits", &options()), &["`image_size` = 16", "`digits`", "leave it out"]);
}
