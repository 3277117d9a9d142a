//! Fashion-MNIST as Debian ships it, where it is installed.

use std::path::Path;

use nas_data::{describe, load};

/// The one real data set that a distribution packages: its known mean and deviation come out.
#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn fashion_mnist_has_its_published_mean_and_deviation() {
    if !Path::new("/usr/share/datasets/fashion-mnist").is_dir() {
        println!("skipped: the Debian package dataset-fashion-mnist is not installed");
        return;
    }
    let data = load("fashion-mnist", &Default::default()).unwrap();
    let described = describe(&data).unwrap();
    assert_eq!((described.train, described.test), (60_000, 10_000));
    assert!(described.classes.iter().all(|class| (class.train, class.test) == (6000, 1000)));
    let (mean, std) = (described.normalization.mean[0], described.normalization.std[0]);
    assert!((mean - 0.2860).abs() < 5e-5 && (std - 0.3530).abs() < 5e-5, "{mean} {std}");
    assert_eq!(described.bytes, 70_000 * (28 * 28 + 4));
    // The first training image is an ankle boot.
    assert_eq!(data.classes[data.train.labels[0] as usize], "ankle boot");
}
