//! Folders of images: layouts, options, and everything that can be wrong with them.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use nas_data::{Colour, Fit, ImageFolderOptions, LoadOptions, load};
use tempfile::{TempDir, tempdir};

use crate::{check_error, load_path};

fn rgb(width: u32, height: u32, pixel: [u8; 3]) -> DynamicImage {
    RgbImage::from_pixel(width, height, Rgb(pixel)).into()
}

fn grey(width: u32, height: u32, pixel: u8) -> DynamicImage {
    GrayImage::from_pixel(width, height, Luma([pixel])).into()
}

fn save(root: &Path, path: &str, image: &DynamicImage) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

/// Ten cats and five dogs of 6x5 pixels (width x height); the red plane holds the image's number.
fn pets() -> TempDir {
    let folder = tempdir().unwrap();
    for number in 0..10 {
        save(folder.path(), &format!("cat/{number}.png"), &rgb(6, 5, [number, 1, 2]));
    }
    for number in 10..15 {
        save(folder.path(), &format!("dog/{number}.bmp"), &rgb(6, 5, [number, 1, 2]));
    }
    folder
}

fn options(size: Option<(usize, usize)>, colour: Option<Colour>, fit: Fit) -> LoadOptions {
    LoadOptions { folder: ImageFolderOptions { size, colour, fit }, ..LoadOptions::default() }
}

#[test]
fn a_stratified_share_becomes_the_test_split_and_stays_so() {
    let folder = pets();
    fs::write(folder.path().join("LICENCE"), "free").unwrap();
    fs::write(folder.path().join("cat/.hidden"), "no image").unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    let data = load_path(folder.path()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!((data.train.class_counts(2), data.test.class_counts(2)), (vec![8, 4], vec![2, 1]));
    assert_eq!((data.train.shape.channels, data.train.shape.height, data.train.shape.width), (3, 5, 6));
    // Every image is in one split, with its planes and its label.
    let mut seen: Vec<u8> = Vec::new();
    for images in [&data.train, &data.test] {
        for index in 0..images.len() {
            let planes = images.image(index).unwrap();
            assert_eq!(images.labels[index], u32::from(planes[0] >= 10));
            assert_eq!(planes, [[planes[0]; 30], [1; 30], [2; 30]].concat());
            seen.push(planes[0]);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..15).collect::<Vec<u8>>());
    assert_eq!(load_path(folder.path()).unwrap(), data);
    let other = LoadOptions { test_seed: 1, ..LoadOptions::default() };
    assert_ne!(load(folder.path().to_str().unwrap(), &other).unwrap().test, data.test);
    let none = LoadOptions { test_share: 0.0, ..LoadOptions::default() };
    check_error(load(folder.path().to_str().unwrap(), &none), &["`test_share` = 0", "between 0 and 1"]);
}

#[test]
fn train_and_test_folders_are_taken_as_they_are() {
    let folder = tempdir().unwrap();
    for class in ["b", "a"] {
        save(folder.path(), &format!("train/{class}/1.png"), &grey(4, 4, 10));
        save(folder.path(), &format!("test/{class}/1.png"), &grey(4, 4, 20));
    }
    let data = load_path(folder.path()).unwrap();
    assert_eq!(data.classes, ["a", "b"]);
    assert_eq!((data.train.pixels, data.test.pixels), (vec![10; 32].into(), vec![20; 32].into()));
    assert_eq!((data.train.labels, data.test.labels), (vec![0, 1], vec![0, 1]));

    save(folder.path(), "test/c/1.png", &grey(4, 4, 20));
    check_error(load_path(folder.path()), &["the class `c` is in", "test but not in", "train"]);
    save(folder.path(), "train/c/1.png", &grey(4, 4, 20));
    save(folder.path(), "train/d/1.png", &grey(4, 4, 20));
    check_error(load_path(folder.path()), &["the class `d` is in", "train but not in", "test"]);
    fs::remove_dir_all(folder.path().join("test")).unwrap();
    check_error(load_path(folder.path()), &["class folders in `train`, but no folder `test` beside it"]);
}

#[test]
fn images_that_differ_are_an_error_that_names_them() {
    let folder = pets();
    save(folder.path(), "dog/odd.png", &rgb(7, 9, [0; 3]));
    check_error(load_path(folder.path()), &["odd.png is 9x7 pixels", "most images are 5x6", "`size`"]);
    save(folder.path(), "dog/odd.png", &grey(6, 5, 0));
    check_error(load_path(folder.path()), &["odd.png is grey (5x6)", "most images are rgb", "`colour`"]);
    let clear = |alpha| RgbaImage::from_pixel(6, 5, Rgba([100, 50, 20, alpha])).into();
    save(folder.path(), "dog/odd.png", &clear(128));
    check_error(load_path(folder.path()), &["odd.png has transparent pixels", "`colour`"]);
    // An alpha channel that hides nothing is no difference.
    save(folder.path(), "dog/odd.png", &clear(255));
    assert_eq!(load_path(folder.path()).unwrap().train.shape.channels, 3);
}

#[test]
fn options_bring_images_to_one_shape() {
    let folder = pets();
    let path = folder.path().to_str().unwrap();
    // Wide: black, white, black in thirds. A crop keeps the white middle, stretching all three.
    let mut wide = RgbImage::from_pixel(24, 8, Rgb([0; 3]));
    for x in 8..16 {
        (0..8).for_each(|y| wide.put_pixel(x, y, Rgb([255; 3])));
    }
    save(folder.path(), "dog/wide.png", &wide.into());
    let clear = RgbaImage::from_pixel(8, 8, Rgba([200, 200, 200, 128]));
    save(folder.path(), "cat/clear.png", &clear.into());
    let find = |fit, label, mark: fn(&[u8]) -> bool| {
        let data = load(path, &options(Some((8, 8)), Some(Colour::Grey), fit)).unwrap();
        assert_eq!((data.train.shape.channels, data.train.shape.height, data.train.shape.width), (1, 8, 8));
        let splits = [&data.train, &data.test];
        let images =
            splits.iter().flat_map(|images| (0..images.len()).map(|i| (images.labels[i], images.image(i).unwrap())));
        images.filter(|(class, image)| *class == label && mark(image)).count()
    };
    assert_eq!(find(Fit::Crop, 1, |image| image.iter().all(|&pixel| pixel > 250)), 1);
    assert_eq!(find(Fit::Stretch, 1, |image| image[0] < 5 && image[4] > 200 && image[7] < 5), 1);
    // Half-transparent light grey over black.
    assert_eq!(find(Fit::Crop, 0, |image| image.iter().all(|&pixel| pixel == 100)), 1);
    check_error(load(path, &options(Some((3, 8)), None, Fit::Crop)), &["`size` = 3x8", "at least 4"]);
}

#[test]
fn sixteen_bits_become_eight() {
    let folder = tempdir().unwrap();
    for class in ["a", "b"] {
        for number in 0..2 {
            let image = image::ImageBuffer::from_pixel(4, 4, Luma([0x8080_u16]));
            save(folder.path(), &format!("{class}/{number}.png"), &DynamicImage::ImageLuma16(image));
        }
    }
    let data = load_path(folder.path()).unwrap();
    assert_eq!((data.train.shape.channels, data.train.image(0).unwrap()[0]), (1, 128));
}

#[test]
fn files_that_are_no_images_are_named() {
    let folder = pets();
    fs::write(folder.path().join("cat/notes.txt"), "meow").unwrap();
    check_error(load_path(folder.path()), &["notes.txt cannot be read as an image", "remove or repair"]);
    fs::remove_file(folder.path().join("cat/notes.txt")).unwrap();
    // A picture that breaks off.
    let whole = fs::read(folder.path().join("cat/3.png")).unwrap();
    fs::write(folder.path().join("cat/3.png"), &whole[..whole.len() - 25]).unwrap();
    check_error(load_path(folder.path()), &["3.png cannot be read as an image"]);
    fs::write(folder.path().join("cat/3.png"), "").unwrap();
    check_error(load_path(folder.path()), &["3.png cannot be read as an image"]);
}

#[test]
fn folders_that_are_no_data_set_are_told_why() {
    check_error(load("no-such-set", &LoadOptions::default()), &["`no-such-set`", "digits, fashion-mnist, mnist"]);
    let folder = tempdir().unwrap();
    check_error(load_path(folder.path()), &["no known layout", "train-images-idx3-ubyte", "data_batch_1.bin"]);
    save(folder.path(), "only/1.png", &grey(4, 4, 0));
    check_error(load_path(folder.path()), &["one class only, `only`"]);
    check_error(load_path(&folder.path().join("only/1.png")), &["1.png", "this is a file"]);
    fs::create_dir(folder.path().join("second")).unwrap();
    check_error(load_path(folder.path()), &["second is a class folder without an image"]);
    save(folder.path(), "second/1.png", &grey(4, 4, 0));
    check_error(load_path(folder.path()), &["class `only` has 1 image(s)"]);
    save(folder.path(), "second/deeper/1.png", &grey(4, 4, 0));
    check_error(load_path(folder.path()), &["deeper: this is a folder inside a class folder"]);
    let tiny = tempdir().unwrap();
    for path in ["a/1.png", "a/2.png", "b/1.png", "b/2.png"] {
        save(tiny.path(), path, &grey(1, 1, 0));
    }
    check_error(load_path(tiny.path()), &["1.png: images of 1x1 pixels are too small"]);
}
