//! What augmentation does to hand-made images, and that it is the same whatever comes before.

use nas_space::{ImageShape, Seed};

use super::{Augment, Drawn, around, below};
use crate::Normalization;

const SHAPE: ImageShape = ImageShape { channels: 1, height: 3, width: 4 };

/// 1 to 12, row by row.
fn image() -> Vec<u8> {
    (1..=12).collect()
}

/// Applies what was drawn, with a normalisation that turns pixel `v` into `v + 100`, so that black shows as 100 and a cut as 0.
fn check(drawn: &Drawn, expect: [[i32; 4]; 3]) {
    let table = std::array::from_fn(|pixel| pixel as f32 + 100.0);
    let mut output = vec![f32::NAN; 12];
    drawn.apply(&image(), SHAPE, &[table], &mut output);
    let found: Vec<i32> = output.iter().map(|&value| value as i32).collect();
    assert_eq!(found, expect.concat(), "{drawn:?}");
}

#[test]
fn nothing_drawn_leaves_the_image_as_it_is() {
    check(&Drawn::default(), [[101, 102, 103, 104], [105, 106, 107, 108], [109, 110, 111, 112]]);
}

#[test]
fn a_crop_shifts_the_image_and_shows_black_at_the_border() {
    let drawn = |down, right| Drawn { down, right, ..Drawn::default() };
    check(&drawn(1, 2), [[107, 108, 100, 100], [111, 112, 100, 100], [100; 4]]);
    check(&drawn(-2, -1), [[100; 4], [100; 4], [100, 101, 102, 103]]);
}

#[test]
fn the_flip_comes_after_the_crop() {
    let drawn = Drawn { down: 0, right: 1, flip: true, cut: None };
    check(&drawn, [[100, 104, 103, 102], [100, 108, 107, 106], [100, 112, 111, 110]]);
}

#[test]
fn the_cut_comes_last_and_is_zero_after_normalisation() {
    let drawn = Drawn { flip: true, cut: Some([0..2, 3..4]), ..Drawn::default() };
    check(&drawn, [[104, 103, 102, 0], [108, 107, 106, 0], [112, 111, 110, 109]]);
}

#[test]
fn every_channel_has_the_same_fate_and_its_own_table() {
    let shape = ImageShape { channels: 2, ..SHAPE };
    let pixels = [image(), image()].concat();
    let tables = Normalization { mean: vec![0.0, 1.0], std: vec![1.0 / 255.0, 1.0 / 255.0] }.tables(2).unwrap();
    let mut output = vec![f32::NAN; 24];
    Drawn { right: 1, cut: Some([0..1, 0..1]), ..Drawn::default() }.apply(&pixels, shape, &tables, &mut output);
    let first_rows: Vec<i32> = output[..4].iter().chain(&output[12..16]).map(|value| value.round() as i32).collect();
    assert_eq!(first_rows, [0, 3, 4, 0, 0, 3 - 255, 4 - 255, -255]);
}

#[test]
fn a_cut_has_its_side_and_ends_at_the_border() {
    assert_eq!(around(5, 4, 10), 3..7);
    assert_eq!(around(5, 3, 10), 4..7);
    assert_eq!(around(0, 4, 10), 0..2);
    assert_eq!(around(9, 4, 10), 7..10);
}

#[test]
fn draws_cover_their_range_evenly() {
    assert_eq!((below(0, 9), below(u64::MAX, 9), below(1 << 63, 2)), (0, 8, 1));
    let augment = Augment { crop_padding: 2, flip: true, cutout: 3, ..Augment::default() };
    let shape = ImageShape { channels: 1, height: 8, width: 8 };
    let mut counts = [[0; 5]; 2];
    let mut flips = 0;
    for sample in 0..5000 {
        let drawn = augment.draw(shape, Seed::new(3).index(sample));
        counts[0][(drawn.down + 2) as usize] += 1;
        counts[1][(drawn.right + 2) as usize] += 1;
        flips += u32::from(drawn.flip);
    }
    // Five standard deviations around 1,000 of 5,000 and 2,500 of 5,000.
    assert!(counts.iter().flatten().all(|count| (860..1140).contains(count)), "{counts:?}");
    assert!((2323..2677).contains(&flips), "{flips}");
}

#[test]
fn one_kind_of_augmentation_does_not_move_another() {
    let shape = ImageShape { channels: 1, height: 8, width: 8 };
    let all = Augment { crop_padding: 2, flip: true, cutout: 3, ..Augment::default() };
    let only_cut = Augment { cutout: 3, ..Augment::default() };
    for sample in 0..100 {
        let seed = Seed::new(9).index(sample);
        assert_eq!(all.draw(shape, seed).cut, only_cut.draw(shape, seed).cut);
    }
}

#[test]
fn settings_that_would_lose_the_image_are_errors() {
    let check = |augment: Augment, expect: &str| assert_eq!(augment.check(SHAPE).unwrap_err().to_string(), expect);
    check(
        Augment { crop_padding: 3, ..Augment::default() },
        "`crop_padding` = 3: images of 3x4 pixels allow a padding of at most 2",
    );
    check(Augment { cutout: 4, ..Augment::default() }, "`cutout` = 4: images of 3x4 pixels allow a cut of at most 3");
    assert!(Augment { crop_padding: 2, flip: true, cutout: 3, ..Augment::default() }.check(SHAPE).is_ok());
}
