//! How a source is named, found and told from others.

use std::fs;
use std::path::Path;

use super::{DataSource, LoadOptions, load_from};
use crate::catalog::entry;
use crate::{DataError, Presence};

fn write_cifar100(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let records = (0..100).flat_map(|class| [vec![7, class], vec![class; 3072]].concat());
    let records: Vec<u8> = records.collect();
    fs::write(folder.join("train.bin"), &records).unwrap();
    fs::write(folder.join("test.bin"), &records[..3074]).unwrap();
}

#[test]
fn names_and_paths_are_told_apart() {
    assert_eq!(DataSource::parse("digits"), DataSource::Digits);
    assert_eq!(DataSource::parse("./digits"), DataSource::Folder("./digits".into()));
    for source in DataSource::NAMED {
        assert_eq!(DataSource::parse(source.name().unwrap()), source);
    }
}

#[test]
fn a_named_set_that_is_absent_says_where_it_was_looked_for_and_how_to_get_it() {
    let places = [Path::new("/nowhere/a").to_owned(), Path::new("/nowhere/b").to_owned()];
    let error = load_from(&DataSource::FashionMnist, &LoadOptions::default(), &places).unwrap_err().to_string();
    assert!(error.contains("looked in /nowhere/a/fashion-mnist, /nowhere/b/fashion-mnist"), "{error}");
    assert!(error.contains("apt-get install dataset-fashion-mnist"), "{error}");
    assert_eq!(entry(&DataSource::FashionMnist, &places).unwrap().presence, Presence::Absent);
}

#[test]
fn a_named_set_is_found_where_its_archive_unpacks_to_and_must_be_whole() {
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("cifar100/cifar-100-binary");
    write_cifar100(&home);
    let places = [Path::new("/nowhere").to_owned(), root.path().to_owned()];
    let found = entry(&DataSource::Cifar100, &places).unwrap().presence;
    assert_eq!(found, Presence::Found(home.clone()));
    let error = load_from(&DataSource::Cifar100, &LoadOptions::default(), &places).unwrap_err();
    assert!(matches!(&error, DataError::Partial { expected: 50_000, found: 100, .. }), "{error}");
    // By its path, the part is a data set like any other.
    let part = load_from(&DataSource::Folder(root.path().join("cifar100")), &LoadOptions::default(), &places).unwrap();
    assert_eq!((part.train.len(), part.test.len(), part.classes.len()), (100, 1, 100));
}

#[test]
fn the_catalogue_tells_the_truth_about_the_digits() {
    let entry = entry(&DataSource::Digits, &[]).unwrap();
    let data = load_from(&DataSource::Digits, &LoadOptions::default(), &[]).unwrap();
    assert_eq!((entry.train, entry.test, entry.classes), (data.train.len(), data.test.len(), data.classes.len()));
    assert_eq!(entry.shape, data.train.shape);
    assert_eq!(entry.presence, Presence::Embedded);
}
