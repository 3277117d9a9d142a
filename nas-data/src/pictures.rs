//! Pictures in files: what is in memory is where they are, and each is decoded when it is wanted.

use std::path::PathBuf;

use image::DynamicImage;
use nas_space::{ImageShape, Seed};

use crate::crop::Window;
use crate::decode::{Colour, open_picture, planes};
use crate::{Augment, DataError};

/// Pictures of any sizes, one file each, all of one split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// The folder that the names start from.
    pub root: PathBuf,
    /// The file of each picture, below the root.
    pub names: Vec<Box<str>>,
    /// What every picture is turned into, transparent pixels laid over black.
    pub colour: Colour,
}

impl Pictures {
    /// The path of a picture.
    pub fn path(&self, index: usize) -> PathBuf {
        self.root.join(&*self.names[index])
    }

    /// The picture as evaluation looks at it, in a shape: its centre.
    pub(crate) fn centre(&self, index: usize, shape: ImageShape) -> Result<Vec<u8>, DataError> {
        let picture = open_picture(&self.path(index))?;
        let target = (shape.height, shape.width);
        let window = Window::centre((picture.height(), picture.width()), target);
        Ok(planes(&window.cut(&picture, target), shape.channels))
    }

    /// The picture as training looks at it: a random window of it where that is asked for, else its centre.
    pub(crate) fn augmented(
        &self,
        index: usize,
        shape: ImageShape,
        augment: &Augment,
        seed: Seed,
    ) -> Result<Vec<u8>, DataError> {
        if augment.resized_crop == 0.0 {
            return self.centre(index, shape);
        }
        let picture = open_picture(&self.path(index))?;
        Ok(random_window(&picture, shape, augment.resized_crop, seed))
    }
}

/// A random window of a picture, as planes of a shape.
pub(crate) fn random_window(picture: &DynamicImage, shape: ImageShape, least: f64, seed: Seed) -> Vec<u8> {
    let target = (shape.height, shape.width);
    let window = Window::random((picture.height(), picture.width()), target, least, seed.child("window"));
    planes(&window.cut(picture, target), shape.channels)
}
