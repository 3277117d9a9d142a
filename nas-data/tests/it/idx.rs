//! IDX files, plain and compressed, whole and damaged.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::{TempDir, tempdir};

use crate::{check_error, load_path};

fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(bytes);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Random-looking bytes that gzip cannot shorten much.
fn noise(count: usize) -> Vec<u8> {
    (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Six training images of 4x5 pixels in classes 0 to 2, and three test images.
fn write(folder: &Path, dot: char) {
    let images = |n: u32| idx(&[n, 4, 5], &noise(n as usize * 20));
    fs::write(folder.join(format!("train-images{dot}idx3-ubyte")), images(6)).unwrap();
    fs::write(folder.join(format!("train-labels{dot}idx1-ubyte")), idx(&[6], &[2, 1, 0, 0, 1, 2])).unwrap();
    fs::write(folder.join(format!("t10k-images{dot}idx3-ubyte")), images(3)).unwrap();
    fs::write(folder.join(format!("t10k-labels{dot}idx1-ubyte")), idx(&[3], &[0, 1, 2])).unwrap();
}

/// A good folder with one file replaced.
fn with(file: &str, bytes: &[u8]) -> TempDir {
    let folder = tempdir().unwrap();
    write(folder.path(), '-');
    fs::write(folder.path().join(file), bytes).unwrap();
    folder
}

#[test]
fn plain_packed_and_dotted_files_are_read_alike() {
    let (plain, dotted, packed) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    write(plain.path(), '-');
    write(dotted.path(), '.');
    for entry in fs::read_dir(plain.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let bytes = gzip(&fs::read(plain.path().join(&name)).unwrap());
        fs::write(packed.path().join(format!("{name}.gz")), bytes).unwrap();
    }
    let data = load_path(plain.path()).unwrap();
    assert_eq!(data.classes, ["0", "1", "2"]);
    assert_eq!(data.train.labels, [2, 1, 0, 0, 1, 2]);
    assert_eq!(data.train.pixels, noise(120).into());
    assert_eq!((data.train.shape.channels, data.train.shape.height, data.train.shape.width), (1, 4, 5));
    assert_eq!(data.test.labels, [0, 1, 2]);
    for other in [dotted, packed] {
        let other = load_path(other.path()).unwrap();
        assert_eq!((other.train, other.test), (data.train.clone(), data.test.clone()));
    }
}

#[test]
fn files_that_are_cut_short_are_named() {
    let whole = idx(&[6, 4, 5], &noise(120));
    let check = |bytes: &[u8], parts: &[&str]| {
        check_error(
            load_path(with("train-images-idx3-ubyte", bytes).path()),
            &[&["train-images-idx3-ubyte"], parts].concat(),
        );
    };
    check(&whole[..100], &["cut short", "sizes [6, 4, 5], bytes 16 to 136", "the end after byte 100"]);
    check(&whole[..10], &["cut short", "sizes in the header", "the end after byte 10"]);
    check(&[], &["cut short", "magic number"]);
    let packed = gzip(&whole);
    check(&packed[..packed.len() / 2], &["cut short", "gzip stream that breaks off"]);
    check(&packed[..packed.len() - 3], &["cut short", "check sum"]);
}

#[test]
fn files_that_are_something_else_are_named() {
    let check = |bytes: &[u8], parts: &[&str]| {
        check_error(
            load_path(with("train-images-idx3-ubyte", bytes).path()),
            &[&["train-images-idx3-ubyte"], parts].concat(),
        );
    };
    check(&idx(&[6], &[0; 6]), &["expected the magic number 00000803", "found 00000801"]);
    check(b"<html>not found</html>", &["expected the magic number 00000803", "found 3c68746d"]);
    check(&idx(&[6, 4, 5], &noise(121)), &["expected the end after byte 136", "more bytes"]);
    check(&idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), &["sizes that fit into memory"]);
    // Sizes that a broken header claims cost no memory.
    check(&idx(&[u32::MAX, 1000, 1000], &[1]), &["cut short"]);
    let mut damaged = gzip(&idx(&[6, 4, 5], &noise(120)));
    damaged[12] ^= 0xff;
    damaged[13] ^= 0xff;
    let damaged = with("train-images-idx3-ubyte", &damaged);
    check_error(load_path(damaged.path()), &["train-images-idx3-ubyte", "gzip"]);
}

#[test]
fn files_that_do_not_belong_together_are_named() {
    let folder = with("train-labels-idx1-ubyte", &idx(&[5], &[0, 1, 2, 0, 1]));
    check_error(load_path(folder.path()), &["images-idx3-ubyte holds 6 images", "labels-idx1-ubyte 5 labels"]);
    let folder = with("t10k-labels-idx1-ubyte", &idx(&[3], &[0, 3, 2]));
    check_error(load_path(folder.path()), &["t10k-labels-idx1-ubyte", "label 3 of image 1", "expected 0 to 2"]);
    let folder = with("t10k-images-idx3-ubyte", &idx(&[3, 5, 4], &noise(60)));
    check_error(
        load_path(folder.path()),
        &["t10k-images-idx3-ubyte", "4x5 pixels as in the training", "found images of 5x4"],
    );
    let folder = with("train-labels-idx1-ubyte", &idx(&[6], &[0, 2, 0, 2, 0, 2]));
    check_error(load_path(folder.path()), &["no training image of class `1`"]);
    let folder = with("train-labels-idx1-ubyte", &idx(&[6], &[0; 6]));
    fs::write(folder.path().join("t10k-labels-idx1-ubyte"), idx(&[3], &[0; 3])).unwrap();
    check_error(load_path(folder.path()), &["one class only, `0`"]);
}

#[test]
fn missing_and_empty_parts_are_errors() {
    let folder = with("README", b"");
    fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte")).unwrap();
    check_error(load_path(folder.path()), &["has no file `t10k-labels-idx1-ubyte` or `t10k-labels-idx1-ubyte.gz`"]);
    let folder = with("t10k-images-idx3-ubyte", &idx(&[0, 4, 5], &[]));
    fs::write(folder.path().join("t10k-labels-idx1-ubyte"), idx(&[0], &[])).unwrap();
    check_error(load_path(folder.path()), &["the test split has no image"]);
    let folder = with("train-images-idx3-ubyte", &idx(&[6, 1, 1], &noise(6)));
    fs::write(folder.path().join("t10k-images-idx3-ubyte"), idx(&[3, 1, 1], &noise(3))).unwrap();
    check_error(load_path(folder.path()), &["1x1 pixels are too small; each side needs at least 4"]);
}
