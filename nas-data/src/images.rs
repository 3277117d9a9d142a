//! The images of a split: in memory as one block of bytes, as compact as the files they come from, or in files that are
//! read when they are wanted.

use std::borrow::Cow;
use std::path::Path;

use nas_space::ImageShape;

use crate::{DataError, Pictures};

/// The smallest height and width that is accepted: below it, no network that halves the image twice has anything left.
pub const MIN_SIDE: usize = 4;

/// Where the pixels of a split are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// In memory: `[image, channel, row, column]`, 0 to 255.
    Memory(Vec<u8>),
    /// In a file for each image, of any size: decoded and brought to the shape whenever it is wanted, so that memory does
    /// not grow with the pictures.
    Files(Pictures),
}

impl From<Vec<u8>> for Pixels {
    fn from(pixels: Vec<u8>) -> Self {
        Self::Memory(pixels)
    }
}

impl Pixels {
    /// All of them, where they are in memory.
    pub fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Self::Memory(pixels) => Some(pixels),
            Self::Files(_) => None,
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Memory(pixels) => pixels.len(),
            Self::Files(pictures) => pictures.names.iter().map(|name| size_of_val(name) + name.len()).sum(),
        }
    }
}

/// Labelled images of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The shape of every image.
    pub shape: ImageShape,
    /// The pixels, or where to read them.
    pub pixels: Pixels,
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

    /// The planes of image `index`: `[channel, row, column]`. Of a picture in a file they are its centre, as evaluation
    /// looks at it.
    ///
    /// # Errors
    /// Where a file cannot be read; one in memory always can.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> Result<Cow<'_, [u8]>, DataError> {
        let bytes = self.image_bytes();
        match &self.pixels {
            Pixels::Memory(pixels) => Ok(Cow::Borrowed(&pixels[index * bytes..(index + 1) * bytes])),
            Pixels::Files(pictures) => pictures.centre(index, self.shape).map(Cow::Owned),
        }
    }

    /// The pictures, where the images are files.
    pub fn pictures(&self) -> Option<&Pictures> {
        match &self.pixels {
            Pixels::Memory(_) => None,
            Pixels::Files(pictures) => Some(pictures),
        }
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
