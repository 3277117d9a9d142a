//! Augmentation: what may happen to a training image without changing its class.
//!
//! The order is the usual one: take a random window (large pictures) or pad with black and crop back to the old size (small
//! images), move colours, flip, normalise, then cut a square out. Black is pixel value 0, before normalisation; the cut
//! square is 0 after it, the mean of the data.

use std::borrow::Cow;

use nas_space::{ImageShape, Seed};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::decode::from_planes;
use crate::jitter::Jitter;
use crate::{DataError, Images, Pixels, pictures};

/// What is done to each training image. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Black pixels added on every side before a crop of the old size at a random place; 0 for none.
    pub crop_padding: usize,
    /// Whether half of the images are mirrored left to right.
    pub flip: bool,
    /// The side of the square set to zero around a random pixel, as far as it lies in the image (DeVries & Taylor 2017);
    /// 0 for none.
    pub cutout: usize,
    /// The least share of an image's area that a random window has, which is brought to the size wanted (Szegedy et al.
    /// 2015), such as 0.08; its proportions lie between 3:4 and 4:3. 0 for no such window.
    pub resized_crop: f64,
    /// How far brightness, contrast and saturation are changed at most, as a share, and the hue by half of it, as a part
    /// of the circle; such as 0.4. 0 for not at all.
    pub jitter: f64,
}

impl Augment {
    /// This augmentation, unless it does nothing.
    pub fn active(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// Checks the settings against the size of the images.
    ///
    /// # Errors
    /// Where a crop could miss the image altogether, a cut could cover it, or a share is none.
    pub fn check(&self, shape: ImageShape) -> Result<(), DataError> {
        let least = shape.height.min(shape.width);
        let size = format!("images of {}x{} pixels", shape.height, shape.width);
        if self.crop_padding >= least {
            let reason = format!("{size} allow a padding of at most {}", least.saturating_sub(1));
            return Err(DataError::Setting { setting: "crop_padding", value: self.crop_padding.to_string(), reason });
        }
        if !(0.0..=1.0).contains(&self.resized_crop) {
            let reason = "it is a share of the image's area, from 0 (no random window) to 1".into();
            return Err(DataError::Setting { setting: "resized_crop", value: self.resized_crop.to_string(), reason });
        }
        if self.resized_crop > 0.0 && self.crop_padding > 0 {
            let reason = "an image is cropped once: by a random window (`resized_crop`), or padded and cropped".into();
            return Err(DataError::Setting { setting: "crop_padding", value: self.crop_padding.to_string(), reason });
        }
        if !(0.0..1.0).contains(&self.jitter) {
            let reason = "it is a share, from 0 (colours stay) to below 1".into();
            return Err(DataError::Setting { setting: "jitter", value: self.jitter.to_string(), reason });
        }
        if self.cutout > least {
            let reason = format!("{size} allow a cut of at most {least}");
            return Err(DataError::Setting { setting: "cutout", value: self.cutout.to_string(), reason });
        }
        Ok(())
    }

    /// The planes of image `index` before what [`draw`](Self::draw) draws: in a random window and with moved colours, where
    /// that is asked for.
    pub(crate) fn look<'a>(&self, images: &'a Images, index: usize, seed: Seed) -> Result<Cow<'a, [u8]>, DataError> {
        let shape = images.shape;
        let mut image = match &images.pixels {
            Pixels::Memory(_) if self.resized_crop == 0.0 => images.image(index)?,
            Pixels::Memory(_) => {
                let whole = from_planes(&images.image(index)?, shape);
                Cow::Owned(pictures::random_window(&whole, shape, self.resized_crop, seed))
            }
            Pixels::Files(pictures) => Cow::Owned(pictures.augmented(index, shape, self, seed)?),
        };
        if self.jitter > 0.0 {
            let jitter = Jitter::draw(self.jitter, seed.child("jitter"));
            jitter.apply(image.to_mut(), shape.channels);
        }
        Ok(image)
    }

    /// What happens to one image behind that. All numbers are drawn whether they are used or not, so that turning one kind of
    /// augmentation on leaves the others where they were.
    pub(crate) fn draw(&self, shape: ImageShape, seed: Seed) -> Drawn {
        let mut rng = seed.rng();
        let [top, left, flip, row, column]: [u64; 5] = std::array::from_fn(|_| rng.next_u64());
        let shifts = 2 * self.crop_padding + 1;
        let cut = (self.cutout > 0).then(|| {
            let rows = around(below(row, shape.height), self.cutout, shape.height);
            [rows, around(below(column, shape.width), self.cutout, shape.width)]
        });
        Drawn {
            down: below(top, shifts) as isize - self.crop_padding as isize,
            right: below(left, shifts) as isize - self.crop_padding as isize,
            flip: self.flip && below(flip, 2) == 1,
            cut,
        }
    }
}

/// What was drawn for one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// Output row `y` shows input row `y + down`.
    pub(crate) down: isize,
    /// Output column `x`, before the flip, shows input column `x + right`.
    pub(crate) right: isize,
    /// Mirrored left to right.
    pub(crate) flip: bool,
    /// The rows and columns that are cut out.
    pub(crate) cut: Option<[std::ops::Range<usize>; 2]>,
}

impl Drawn {
    /// Writes one image `[channel, row, column]` to `output`, normalised by one table per channel.
    pub(crate) fn apply(&self, image: &[u8], shape: ImageShape, tables: &[[f32; 256]], output: &mut [f32]) {
        let ImageShape { height, width, .. } = shape;
        let plane = height * width;
        // The columns of the output that show the image, before the flip; the rest is black.
        let from = (-self.right).clamp(0, width as isize) as usize;
        let to = (width as isize - self.right).clamp(0, width as isize) as usize;
        for ((input, output), table) in image.chunks_exact(plane).zip(output.chunks_exact_mut(plane)).zip(tables) {
            for (y, row) in output.chunks_exact_mut(width).enumerate() {
                let source = y as isize + self.down;
                if source < 0 || source >= height as isize {
                    row.fill(table[0]);
                    continue;
                }
                let start = source as usize * width + (from as isize + self.right) as usize;
                row[..from].fill(table[0]);
                row[to..].fill(table[0]);
                for (value, &pixel) in row[from..to].iter_mut().zip(&input[start..start + to - from]) {
                    *value = table[usize::from(pixel)];
                }
                if self.flip {
                    row.reverse();
                }
            }
            if let Some([rows, columns]) = &self.cut {
                for row in output.chunks_exact_mut(width).take(rows.end).skip(rows.start) {
                    row[columns.clone()].fill(0.0);
                }
            }
        }
    }
}

/// A random number below `bound` from 64 random bits: the high half of a product, whose bias of `bound / 2^64` nobody
/// can see.
fn below(bits: u64, bound: usize) -> usize {
    ((u128::from(bits) * bound as u128) >> 64) as usize
}

/// The part of `0..length` that a window of `side` around `centre` covers.
fn around(centre: usize, side: usize, length: usize) -> std::ops::Range<usize> {
    let half = side / 2;
    centre.saturating_sub(half)..(centre + side - half).min(length)
}

#[cfg(test)]
mod tests;
