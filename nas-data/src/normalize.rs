//! Normalisation: every channel to mean 0 and standard deviation 1 over the training images.

use serde::{Deserialize, Serialize};

use crate::split::check_indices;
use crate::{DataError, Images};

/// The smallest standard deviation: one grey level. A channel that never changes would otherwise be divided by zero.
const STD_FLOOR: f64 = 1.0 / 255.0;

/// The most pictures in files that are measured.
const MEASURED: usize = 500;

/// Mean and standard deviation per channel, of pixels in 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel (dividing by the number of pixels), at least one grey level (1/255).
    pub std: Vec<f32>,
}

impl Normalization {
    /// Measures the images with the given numbers, which should be the training part of a split: nothing about
    /// validation and test images may reach a network. The sums are whole numbers, so the result is exact.
    ///
    /// Of pictures in files, at most 500 at even distances are measured, as evaluation looks at them: reading all of them
    /// would take as long as a pass of training.
    ///
    /// # Errors
    /// Where there is no image, a number is no image, or a file cannot be read.
    pub fn of(images: &Images, indices: &[u32]) -> Result<Self, DataError> {
        check_indices(images, indices)?;
        if indices.is_empty() {
            return Err(DataError::Empty { purpose: "measure the mean and standard deviation of" });
        }
        let plane = images.shape.height * images.shape.width;
        let mut sums = vec![(0_u64, 0_u64); images.shape.channels];
        let every = if images.pictures().is_some() { indices.len().div_ceil(MEASURED) } else { 1 };
        let measured: Vec<u32> = indices.iter().copied().step_by(every).collect();
        for &index in &measured {
            for (pixels, (sum, squares)) in images.image(index as usize)?.chunks_exact(plane).zip(&mut sums) {
                for &pixel in pixels {
                    *sum += u64::from(pixel);
                    *squares += u64::from(pixel) * u64::from(pixel);
                }
            }
        }
        let count = (measured.len() * plane) as f64;
        let mut normalization = Self { mean: Vec::new(), std: Vec::new() };
        for (sum, squares) in sums {
            let mean = sum as f64 / count;
            let variance = (squares as f64 / count - mean * mean).max(0.0);
            normalization.mean.push((mean / 255.0) as f32);
            normalization.std.push((variance.sqrt() / 255.0).max(STD_FLOOR) as f32);
        }
        Ok(normalization)
    }

    /// Leaves pixels as they are, in 0 to 1.
    pub fn identity(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], std: vec![1.0; channels] }
    }

    /// For each channel, the normalised value of each of the 256 pixel values.
    ///
    /// # Errors
    /// Where the channels are not as many as the images', or a number is not finite, or a deviation not positive.
    pub(crate) fn tables(&self, channels: usize) -> Result<Vec<[f32; 256]>, DataError> {
        let fault = |reason: String| {
            let value = format!("mean {:?}, std {:?}", self.mean, self.std);
            Err(DataError::Setting { setting: "normalization", value, reason })
        };
        if self.mean.len() != channels || self.std.len() != channels {
            return fault(format!("the images have {channels} channel(s), and each needs one mean and one std"));
        }
        if !self.mean.iter().all(|mean| mean.is_finite()) || !self.std.iter().all(|std| *std > 0.0 && std.is_finite()) {
            return fault("means must be finite and standard deviations positive".into());
        }
        let table = |(&mean, &std): (&f32, &f32)| std::array::from_fn(|pixel| (pixel as f32 / 255.0 - mean) / std);
        Ok(self.mean.iter().zip(&self.std).map(table).collect())
    }
}
