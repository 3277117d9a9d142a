//! Images in memory: one block of bytes per split, as compact as the files they come from.

use std::path::Path;

use nas_space::ImageShape;

use crate::DataError;

/// The smallest height and width that is accepted: below it, no network that halves the image twice has anything left.
pub const MIN_SIDE: usize = 4;

/// Labelled images of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The shape of every image.
    pub shape: ImageShape,
    /// `[image, channel, row, column]`, 0 to 255.
    pub pixels: Vec<u8>,
    /// The class of every image, an index into [`DataSet::classes`].
    pub labels: Vec<u32>,
}

impl Images {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of one image.
    pub fn image_bytes(&self) -> usize {
        self.shape.channels * self.shape.height * self.shape.width
    }

    /// The planes of image `index`: `[channel, row, column]`.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> &[u8] {
        let bytes = self.image_bytes();
        &self.pixels[index * bytes..(index + 1) * bytes]
    }

    /// The number of images of each of `classes` classes.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for &label in &self.labels {
            if let Some(count) = counts.get_mut(label as usize) {
                *count += 1;
            }
        }
        counts
    }
}

/// A data set: what may be learnt from, and what is looked at once, at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// Its name, or its folder's.
    pub name: String,
    /// The names of the classes, in the order of the labels.
    pub classes: Vec<String>,
    /// The training split; a search cuts its validation images from it (see [`split`](crate::split)).
    pub train: Images,
    /// The test split, which no search sees.
    pub test: Images,
}

/// What every reader ends with: a data set that can be trained on, or the reason why not.
pub(crate) fn checked(data: DataSet, path: &Path) -> Result<DataSet, DataError> {
    for (split, images) in [("training", &data.train), ("test", &data.test)] {
        if images.is_empty() {
            let reason = format!("the {split} split has no image");
            return Err(DataError::Layout { path: path.to_owned(), reason });
        }
    }
    let ImageShape { height, width, .. } = data.train.shape;
    if height < MIN_SIDE || width < MIN_SIDE {
        return Err(DataError::TooSmall { path: path.to_owned(), height, width, least: MIN_SIDE });
    }
    if data.classes.len() < 2 {
        let class = data.classes.first().cloned().unwrap_or_default();
        return Err(DataError::OneClass { path: path.to_owned(), class });
    }
    if let Some(class) = data.train.class_counts(data.classes.len()).iter().position(|&count| count == 0) {
        return Err(DataError::MissingClass { set: data.name, class: data.classes[class].clone() });
    }
    Ok(data)
}
