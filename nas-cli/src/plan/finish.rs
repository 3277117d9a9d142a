//! How the final training fills the time that is left.

use serde::{Deserialize, Serialize};

use super::sizes::{FINAL_SIZES, Size, climb};

/// The size and length of the final training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalPlan {
    /// Network.
    pub size: Size,
    /// Passes over the training images.
    pub epochs: usize,
    /// So many of the training images, where there is no time for enough passes over all; `None` for all.
    #[serde(default)]
    pub images: Option<usize>,
}

/// The fewest passes: a training that runs late can be cut by whole epochs only.
const FEWEST_PASSES: usize = 5;

/// How much more than fits is planned: a plan that is too long is cut to the time, one that is too short ends early.
const HOPE: f64 = 1.1;

/// The smallest part of the images.
const FEWEST_IMAGES: usize = 500;

/// Images worth of training before a larger network is worth it. In as much time a cell found on Fashion-MNIST came to
/// 93.40 % of the test with 8 channels in 20 passes, and to 94.12 % with 16 in 9 (held out: 93.78 and 93.84 %): by Muon a
/// small network has soon learned what it can. At far fewer passes it is a draw: DARTS_V2 with 8 channels in 8 passes has
/// 93.16 % (93.10 %), with 16 in 4 passes 93.11 % (93.34 %).
const IMAGES_FOR_A_LARGER_NETWORK: f64 = 440_000.0;

/// The passes, whole or not, that a network should have before a larger one is taken.
pub fn wanted_passes(images: usize) -> f64 {
    (IMAGES_FOR_A_LARGER_NETWORK / images.max(1) as f64).clamp(FEWEST_PASSES as f64, 60.0)
}

/// The fewest epochs of a training that has time to learn its images by heart.
const LONG: usize = 30;

/// What keeps a training from learning its images by heart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regularization {
    /// Share of the paths that are dropped at the end of the final training.
    pub drop_path: f64,
    /// Side of the square that is cut out in the final training.
    pub cutout: usize,
    /// Pixels by which images are shifted at most, in trials as well.
    pub crop: usize,
}

/// For a final training of so many epochs on images of which the shorter side has so many pixels. A short training does
/// not fit its images as it is, and hiding parts of them and of the network, or moving them far, holds it back. Large
/// `pictures` are never cut, and where random `windows` are looked at, these move the images enough.
pub fn regularization(epochs: usize, side: usize, pictures: bool, windows: bool) -> Regularization {
    let long = epochs >= LONG;
    Regularization {
        drop_path: if long { 0.1 } else { 0.0 },
        cutout: if long && side >= 24 && !pictures { side / 4 } else { 0 },
        crop: match (windows, long) {
            (true, _) => 0,
            (false, true) => side / 8,
            (false, false) => (side / 16).max(1).min(side / 8),
        },
    }
}

/// Plans a final training of `seconds` on `images` training images, of which an epoch takes `epoch_seconds` on a network
/// of a size (`None` where it cannot be built). `size` and `epochs` stay where they were given.
pub fn final_plan(
    seconds: f64,
    images: usize,
    size: Option<Size>,
    epochs: Option<usize>,
    mut epoch_seconds: impl FnMut(Size) -> Option<f64>,
) -> FinalPlan {
    let wanted = epochs.map_or_else(|| wanted_passes(images), |epochs| epochs as f64);
    let size = size.unwrap_or_else(|| {
        climb(&FINAL_SIZES, |size| epoch_seconds(size).is_some_and(|each| each * wanted <= seconds))
    });
    let fit = epoch_seconds(size).map_or(1.0, |each| seconds / each.max(1e-6));
    match epochs {
        Some(epochs) => FinalPlan { size, epochs, images: None },
        None if fit >= FEWEST_PASSES as f64 => FinalPlan { size, epochs: (fit * HOPE) as usize, images: None },
        None => {
            let part = (images as f64 * fit / FEWEST_PASSES as f64) as usize;
            FinalPlan { size, epochs: FEWEST_PASSES + 1, images: Some(part.clamp(FEWEST_IMAGES.min(images), images)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(size: Size) -> Option<f64> {
        Some((size.channels * size.layers) as f64 / 4.0)
    }

    #[test]
    fn the_largest_network_that_still_gets_its_epochs() {
        let plan = final_plan(1_000.0, 55_000, None, None, each);
        assert_eq!(plan, FinalPlan { size: Size { channels: 24, layers: 11 }, epochs: 16, images: None });
    }

    #[test]
    fn too_little_time_gives_the_smallest_network_and_a_part_of_the_images() {
        let plan = final_plan(20.0, 55_000, None, None, each);
        assert_eq!(plan, FinalPlan { size: FINAL_SIZES[0], epochs: 6, images: Some(22_000) });
    }

    #[test]
    fn what_was_given_stays() {
        let given = Size { channels: 10, layers: 4 };
        let plan = final_plan(1_000.0, 55_000, Some(given), Some(3), each);
        assert_eq!(plan, FinalPlan { size: given, epochs: 3, images: None });
    }

    #[test]
    fn a_short_training_moves_its_images_less() {
        let crops = |epochs| [4, 8, 28, 32, 224].map(|side| regularization(epochs, side, false, false).crop);
        assert_eq!((crops(29), crops(30)), ([0, 1, 1, 2, 14], [0, 1, 3, 4, 28]));
    }

    #[test]
    fn pictures_are_not_cut_and_windows_not_moved() {
        let long = |pictures, windows| {
            let Regularization { drop_path, cutout, crop } = regularization(40, 224, pictures, windows);
            (drop_path, cutout, crop)
        };
        assert_eq!((long(false, false), long(true, false)), ((0.1, 56, 28), (0.1, 0, 28)));
        assert_eq!(long(true, true), (0.1, 0, 0));
    }

    #[test]
    fn small_data_sets_want_more_epochs() {
        assert_eq!([1_150, 20_000, 55_000, 1_000_000].map(wanted_passes), [60.0, 22.0, 8.0, 5.0]);
        // With the images held out, too, there are fewer passes, not fewer images.
        assert!((wanted_passes(60_000) - 22.0 / 3.0).abs() < 1e-12);
    }
}
