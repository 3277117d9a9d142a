//! The binary layouts of CIFAR-10 and CIFAR-100, whole and damaged.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::{check_error, load_path};

/// One record per label; the planes hold the label, 100 and 200.
fn records(prefix: &[u8], labels: &[u8]) -> Vec<u8> {
    let record = |&label: &u8| [prefix, &[label], &[label; 1024], &[100; 1024], &[200; 1024]].concat();
    labels.iter().flat_map(record).collect()
}

fn write_cifar10(folder: &Path) {
    fs::write(folder.join("data_batch_1.bin"), records(&[], &[0, 1, 2, 3, 4])).unwrap();
    fs::write(folder.join("data_batch_2.bin"), records(&[], &[9, 8, 7, 6, 5])).unwrap();
    fs::write(folder.join("test_batch.bin"), records(&[], &[3, 3])).unwrap();
}

#[test]
fn the_batches_of_cifar_10_are_joined_in_order() {
    let folder = tempdir().unwrap();
    write_cifar10(folder.path());
    let data = load_path(folder.path()).unwrap();
    assert_eq!(data.train.labels, [0, 1, 2, 3, 4, 9, 8, 7, 6, 5]);
    assert_eq!((data.classes[0].as_str(), data.classes[9].as_str()), ("airplane", "truck"));
    assert_eq!(data.train.image(5).unwrap(), records(&[], &[9])[1..].to_vec());
    assert_eq!(data.test.len(), 2);
}

#[test]
fn cifar_100_gives_its_fine_labels() {
    let folder = tempdir().unwrap();
    let all: Vec<u8> = (0..100).collect();
    fs::write(folder.path().join("train.bin"), records(&[13], &all)).unwrap();
    fs::write(folder.path().join("test.bin"), records(&[13], &[99])).unwrap();
    let data = load_path(folder.path()).unwrap();
    assert_eq!(data.train.labels, (0..100).collect::<Vec<u32>>());
    assert_eq!(data.test.labels, [99]);
    assert_eq!(data.train.image(42).unwrap()[0], 42);
    assert_eq!((data.classes[0].as_str(), data.classes[42].as_str()), ("apple", "leopard"));
    assert!(data.classes.is_sorted(), "the names of CIFAR-100 are in alphabetical order");
}

#[test]
fn bad_files_are_named() {
    let check = |file: &str, bytes: Option<&[u8]>, parts: &[&str]| {
        let folder = tempdir().unwrap();
        write_cifar10(folder.path());
        match bytes {
            Some(bytes) => fs::write(folder.path().join(file), bytes).unwrap(),
            None => fs::remove_file(folder.path().join(file)).unwrap(),
        }
        check_error(load_path(folder.path()), parts);
    };
    let good = records(&[], &[9, 8, 7, 6, 5]);
    check(
        "data_batch_2.bin",
        Some(&good[..4000]),
        &["data_batch_2.bin is cut short", "records of 3073", "1 whole record(s) and 927 more"],
    );
    check("data_batch_2.bin", Some(&[]), &["data_batch_2.bin is cut short", "found 0 bytes"]);
    check("test_batch.bin", Some(&records(&[], &[1, 10])), &["test_batch.bin", "label 10 of image 1", "0 to 9"]);
    check("data_batch_2.bin", None, &["no training image of class `dog`"]);
    check("data_batch_1.bin", None, &["has no file `data_batch_1.bin`"]);
    check("data_batch_4.bin", Some(&good), &["has no file `data_batch_3.bin`"]);
    check("test_batch.bin", None, &["has no file `test_batch.bin`"]);
}
