//! Bad data: every message names the file.

use std::path::Path;

use crate::nas;

const DATA: i32 = 3;

fn check(folder: &Path, name: &str, parts: &[&str]) {
    for args in [&["search", "--data", name][..], &["data", "info", name]] {
        let ran = nas(folder, args);
        assert_eq!(ran.code, DATA, "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
        for part in parts {
            assert!(ran.stderr.contains(part), "{args:?} should say {part:?}: {}", ran.stderr);
        }
    }
    assert!(!folder.join("runs").exists(), "nothing was begun");
}

/// A grey image in the plainest format that there is: a Windows bitmap of one byte a pixel.
fn bitmap(side: u32) -> Vec<u8> {
    let row = side.next_multiple_of(4);
    let offset = 14 + 40 + 1024;
    let mut bytes = b"BM".to_vec();
    bytes.extend((offset + row * side).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(offset.to_le_bytes());
    for word in [40, side, side, 1 | 8 << 16, 0, row * side, 0, 0, 256, 0] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend((0..=255_u8).flat_map(|level| [level, level, level, 0]));
    bytes.extend((0..row * side).map(|i| (i * 37 % 256) as u8));
    bytes
}

fn write_class(folder: &Path, class: &str, images: usize, side: u32) {
    let class = folder.join("photos").join(class);
    std::fs::create_dir_all(&class).unwrap();
    for i in 0..images {
        std::fs::write(class.join(format!("{i}.bmp")), bitmap(side)).unwrap();
    }
}

#[test]
fn a_missing_folder() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), "photos", &["there is no data set and no folder `photos`", "digits"]);
}

#[test]
fn a_truncated_idx_file() {
    let folder = tempfile::tempdir().unwrap();
    let idx = folder.path().join("idx");
    std::fs::create_dir(&idx).unwrap();
    let header = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
    let images = [header(&[0x803, 4, 8, 8]), vec![0; 100]].concat();
    let labels = [header(&[0x801, 4]), vec![0, 1, 0, 1]].concat();
    for split in ["train", "t10k"] {
        std::fs::write(idx.join(format!("{split}-images-idx3-ubyte")), &images).unwrap();
        std::fs::write(idx.join(format!("{split}-labels-idx1-ubyte")), &labels).unwrap();
    }
    check(folder.path(), "idx", &["train-images-idx3-ubyte", "cut short"]);
}

#[test]
fn a_file_that_is_no_image() {
    let folder = tempfile::tempdir().unwrap();
    write_class(folder.path(), "a", 4, 8);
    write_class(folder.path(), "b", 4, 8);
    std::fs::write(folder.path().join("photos/b/notes.txt"), "no image").unwrap();
    check(folder.path(), "photos", &["notes.txt", "cannot be read as an image"]);
}

#[test]
fn one_class_only() {
    let folder = tempfile::tempdir().unwrap();
    write_class(folder.path(), "a", 4, 8);
    check(folder.path(), "photos", &["photos", "one class only", "`a`"]);
}

#[test]
fn images_of_one_pixel() {
    let folder = tempfile::tempdir().unwrap();
    write_class(folder.path(), "a", 4, 1);
    write_class(folder.path(), "b", 4, 1);
    check(folder.path(), "photos", &["1x1", "too small"]);
}

#[test]
fn mixed_sizes_without_a_size_and_with_one() {
    let folder = tempfile::tempdir().unwrap();
    write_class(folder.path(), "a", 5, 8);
    write_class(folder.path(), "b", 4, 12);
    check(folder.path(), "photos", &["photos/b", "12x12"]);
    let info = nas(folder.path(), &["data", "info", "photos", "--size", "8", "--colour", "grey", "--json"]).ok().json();
    assert_eq!(info["shape"], serde_json::json!({ "channels": 1, "height": 8, "width": 8 }));
}
