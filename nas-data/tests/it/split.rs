//! Stratified splits, normalisation and descriptions.

use nas_data::{Images, LoadOptions, Normalization, describe, load, split, subset};
use nas_space::{ImageShape, Seed};
use proptest::prelude::*;

use crate::check_error;

const SHAPE: ImageShape = ImageShape { channels: 1, height: 4, width: 4 };

fn blank(labels: Vec<u32>) -> Images {
    Images { shape: SHAPE, pixels: vec![0; labels.len() * 16].into(), labels }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class-{class}")).collect()
}

proptest! {
    #[test]
    fn a_split_is_stratified_whole_and_disjoint(
        counts in prop::collection::vec(2_usize..40, 1..6), share in 0.01_f64..0.99, seed: u64,
    ) {
        let classes = names(counts.len());
        let most = *counts.iter().max().unwrap();
        // The classes take turns, as far as their images last.
        let turns = (0..most).flat_map(|turn| (0..counts.len()).filter(|&c| turn < counts[c]).collect::<Vec<_>>());
        let images = blank(turns.map(|class| class as u32).collect());
        let (train, validation) = split(&images, &classes, share, Seed::new(seed)).unwrap();
        let mut all = [train.clone(), validation.clone()].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..images.len() as u32).collect::<Vec<_>>());
        prop_assert!(train.is_sorted() && validation.is_sorted());
        let validation = subset(&images, &validation).unwrap().class_counts(counts.len());
        for (count, taken) in counts.iter().zip(validation) {
            let exact = *count as f64 * share;
            prop_assert!(taken >= 1 && taken < *count);
            prop_assert!((taken as f64 - exact).abs() <= 1.0, "{taken} of {count} at {share}");
        }
    }
}

#[test]
fn a_split_depends_on_its_seed_only() {
    let images = blank((0..100).map(|i| i % 4).collect());
    let cut = |seed| split(&images, &names(4), 0.3, Seed::new(seed)).unwrap();
    assert_eq!(cut(1), cut(1));
    assert_ne!(cut(1), cut(2));
    // It is not a block of each class.
    assert_ne!(cut(1).1, (0..32).collect::<Vec<u32>>());
}

#[test]
fn impossible_splits_are_told_why() {
    let images = blank(vec![0, 0, 1]);
    check_error(split(&images, &names(2), 0.5, Seed::new(1)), &["class `class-1` has 1 image(s)"]);
    check_error(split(&images, &names(3), 0.5, Seed::new(1)), &["class `class-1`"]);
    check_error(split(&images, &names(1), 0.5, Seed::new(1)), &["image 2 has a label that is no class"]);
    for share in [0.0, 1.0, -0.5, f64::NAN] {
        check_error(split(&images, &names(2), share, Seed::new(1)), &["`validation_share`", "between 0 and 1"]);
    }
    check_error(subset(&images, &[3]), &["`indices` = 3", "the split has 3"]);
}

#[test]
fn normalisation_is_measured_on_the_images_named() {
    let shape = ImageShape { channels: 2, ..SHAPE };
    let image = |first: u8, second: u8| [[first; 16], [second; 16]].concat();
    let pixels = [image(0, 51), image(255, 51), image(77, 77)].concat();
    let images = Images { shape, pixels: pixels.into(), labels: vec![0, 1, 0] };
    let measured = Normalization::of(&images, &[0, 1]).unwrap();
    assert_eq!(measured.mean, [0.5, 0.2]);
    // The second channel never changes: its deviation is one grey level, not zero.
    assert_eq!(measured.std, [0.5, 1.0 / 255.0]);
    check_error(Normalization::of(&images, &[]), &["there is no image to measure"]);
    check_error(Normalization::of(&images, &[3]), &["`indices` = 3"]);
}

#[test]
fn the_digits_have_a_fixed_stratified_test_split() {
    let data = load("digits", &LoadOptions::default()).unwrap();
    let described = describe(&data).unwrap();
    assert_eq!((described.train, described.test, described.bytes), (1438, 359, 1797 * 68));
    let per_class = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];
    for (class, count) in described.classes.iter().zip(per_class) {
        assert_eq!(class.train + class.test, count, "class {}", class.name);
        assert_eq!(class.test, (count as f64 / 5.0).round() as usize, "class {}", class.name);
    }
    // 4.884165 of 16 is the mean of the published file.
    let sum: u64 = [&data.train, &data.test]
        .iter()
        .flat_map(|images| images.pixels.in_memory().unwrap())
        .map(|&p| u64::from(p))
        .sum();
    assert!((sum as f64 / (1797.0 * 64.0) / 255.0 - 4.884_165 / 16.0).abs() < 1e-4);
    assert_eq!(data.train.pixels.in_memory().unwrap().iter().max(), Some(&255));
    // The test images do not change from version to version, or results could not be compared.
    let print = data
        .test
        .pixels
        .in_memory()
        .unwrap()
        .iter()
        .zip(1_u64..)
        .fold(0_u64, |sum, (&p, i)| sum.wrapping_add(u64::from(p) * i));
    assert_eq!(print, 20_432_928_338, "the fixed test split has changed");
}
