//! Stratified splits: every class gives the same share of its images.

use nas_space::Seed;
use rand::seq::SliceRandom;

use crate::{DataError, Images, Pictures, Pixels};

/// Splits images into a training and a validation part and returns the numbers of the images in each, ascending.
///
/// Every class gives the validation part `validation_share` of its images, rounded to the nearest, but at least one
/// image to either part. The same seed gives the same split on every machine; the split of one class does not depend on
/// the other classes.
///
/// # Errors
/// Where the share is not between 0 and 1, or a class has fewer than two images; the error names the class.
pub fn split(
    train: &Images,
    classes: &[String],
    validation_share: f64,
    seed: Seed,
) -> Result<(Vec<u32>, Vec<u32>), DataError> {
    stratify("validation_share", &train.labels, classes, validation_share, seed)
}

/// [`split`] on the labels alone; `setting` is the name of the share in an error.
pub(crate) fn stratify(
    setting: &'static str,
    labels: &[u32],
    classes: &[String],
    share: f64,
    seed: Seed,
) -> Result<(Vec<u32>, Vec<u32>), DataError> {
    if !(share > 0.0 && share < 1.0) {
        let reason = "a share of the images lies between 0 and 1, both excluded".into();
        return Err(DataError::Setting { setting, value: share.to_string(), reason });
    }
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); classes.len()];
    for (&label, number) in labels.iter().zip(0..) {
        let Some(class) = members.get_mut(label as usize) else {
            let reason = format!("image {number} has a label that is no class; there are {}", classes.len());
            return Err(DataError::Setting { setting: "labels", value: label.to_string(), reason });
        };
        class.push(number);
    }
    let mut kept = Vec::new();
    let mut taken = Vec::new();
    for (class, (mut numbers, name)) in members.into_iter().zip(classes).enumerate() {
        if numbers.len() < 2 {
            return Err(DataError::SplitClass { class: name.clone(), images: numbers.len() });
        }
        numbers.shuffle(&mut seed.child("split").index(class as u64).rng());
        let count = ((numbers.len() as f64 * share).round() as usize).clamp(1, numbers.len() - 1);
        taken.extend_from_slice(&numbers[..count]);
        kept.extend_from_slice(&numbers[count..]);
    }
    kept.sort_unstable();
    taken.sort_unstable();
    Ok((kept, taken))
}

/// The images with the given numbers, in the given order.
///
/// # Errors
/// Where a number is no image.
pub fn subset(images: &Images, indices: &[u32]) -> Result<Images, DataError> {
    check_indices(images, indices)?;
    let bytes = images.image_bytes();
    let pixels = match &images.pixels {
        Pixels::Memory(pixels) => {
            let chosen = indices.iter().map(|&index| &pixels[index as usize * bytes..][..bytes]);
            Pixels::Memory(chosen.collect::<Vec<_>>().concat())
        }
        Pixels::Files(pictures) => {
            let names = indices.iter().map(|&index| pictures.names[index as usize].clone()).collect();
            Pixels::Files(Pictures { names, ..pictures.clone() })
        }
    };
    let labels = indices.iter().map(|&index| images.labels[index as usize]).collect();
    Ok(Images { shape: images.shape, pixels, labels })
}

/// That every index is an image.
pub(crate) fn check_indices(images: &Images, indices: &[u32]) -> Result<(), DataError> {
    match indices.iter().find(|&&index| index as usize >= images.len()) {
        None => Ok(()),
        Some(index) => {
            let reason = format!("there is no such image; the split has {}", images.len());
            Err(DataError::Setting { setting: "indices", value: index.to_string(), reason })
        }
    }
}
