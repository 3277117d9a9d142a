//! The numbers of a data set that a person wants to see before a search.

use nas_space::ImageShape;
use serde::Serialize;

use crate::{DataError, DataSet, Normalization};

/// A data set in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// The shape of every image.
    pub shape: ImageShape,
    /// Images in the training split (validation images included).
    pub train: usize,
    /// Images in the test split.
    pub test: usize,
    /// Images per class and split, in the order of the labels.
    pub classes: Vec<ClassCount>,
    /// Mean and standard deviation per channel over the training split (see [`Normalization::of`]), of pixels in 0 to 1.
    pub normalization: Normalization,
    /// Bytes in memory: pixels, or where to read them, and labels of both splits.
    pub bytes: usize,
}

/// The images of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Images in the training split.
    pub train: usize,
    /// Images in the test split.
    pub test: usize,
}

/// Counts and measures a data set.
///
/// # Errors
/// Where the training split is empty.
pub fn describe(data: &DataSet) -> Result<Description, DataError> {
    let all: Vec<u32> = (0..).take(data.train.len()).collect();
    let normalization = Normalization::of(&data.train, &all)?;
    let train = data.train.class_counts(data.classes.len());
    let test = data.test.class_counts(data.classes.len());
    let counts = data.classes.iter().zip(train).zip(test);
    let classes = counts.map(|((name, train), test)| ClassCount { name: name.clone(), train, test }).collect();
    let bytes = [&data.train, &data.test].map(|images| images.pixels.bytes() + size_of_val(images.labels.as_slice()));
    Ok(Description {
        name: data.name.clone(),
        shape: data.train.shape,
        train: data.train.len(),
        test: data.test.len(),
        classes,
        normalization,
        bytes: bytes.iter().sum(),
    })
}
