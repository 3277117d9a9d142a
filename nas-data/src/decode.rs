//! One image file to planes of bytes, and what to do with images that are not alike.

use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, Luma, Rgb, RgbImage};
use nas_space::ImageShape;
use serde::{Deserialize, Serialize};

use crate::raw::io_error;
use crate::{DataError, MIN_SIDE};

/// How images of a folder are brought to one shape. The default brings nothing to anything: images that differ are an
/// error. Sixteen-bit images become eight-bit, of an animation the first frame is taken, and an orientation tag is not
/// applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageFolderOptions {
    /// Height and width that every image is resized to; `None` asks for images of one size.
    pub size: Option<(usize, usize)>,
    /// The colour mode that every image is turned into, transparent pixels laid over black; `None` asks for opaque
    /// images of one mode.
    pub colour: Option<Colour>,
    /// How a resized image keeps or loses its proportions.
    pub fit: Fit,
}

/// Colour modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// One plane of brightness.
    Grey,
    /// Three planes: red, green, blue.
    Rgb,
}

impl Colour {
    /// The number of planes.
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
        })
    }
}

/// How an image is resized to other proportions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Scaled until it covers the size, then cut to it around the centre.
    #[default]
    Crop,
    /// Scaled to the size, each direction by itself.
    Stretch,
}

impl ImageFolderOptions {
    pub(crate) fn check(&self) -> Result<(), DataError> {
        match self.size {
            Some((height, width)) if height < MIN_SIDE || width < MIN_SIDE => Err(DataError::Setting {
                setting: "size",
                value: format!("{height}x{width}"),
                reason: format!("each side needs at least {MIN_SIDE} pixels"),
            }),
            _ => Ok(()),
        }
    }
}

fn not_an_image(path: &Path) -> impl Fn(image::ImageError) -> DataError {
    let path = path.to_owned();
    move |error| DataError::NotAnImage { path: path.clone(), reason: error.to_string() }
}

/// Opens a file whose format is told by its content, not by its name.
fn open(path: &Path) -> Result<impl ImageDecoder + use<>, DataError> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(io_error(path))?;
    reader.into_decoder().map_err(not_an_image(path))
}

/// Height, width and colour mode (transparency aside) from the head of a file.
pub(crate) fn header(path: &Path) -> Result<(usize, usize, Colour), DataError> {
    let decoder = open(path)?;
    let (width, height) = decoder.dimensions();
    let colour = if decoder.color_type().has_color() { Colour::Rgb } else { Colour::Grey };
    Ok((height as usize, width as usize, colour))
}

/// Decodes a file, with its transparent pixels laid over black.
pub(crate) fn open_picture(path: &Path) -> Result<DynamicImage, DataError> {
    let image = DynamicImage::from_decoder(open(path)?).map_err(not_an_image(path))?;
    Ok(if image.color().has_alpha() { over_black(&image).0 } else { image })
}

/// The image laid over black, and whether any pixel was transparent.
fn over_black(image: &DynamicImage) -> (DynamicImage, bool) {
    let mut pixels = image.to_rgba8();
    let is_transparent = pixels.pixels().any(|pixel| pixel.0[3] != 255);
    for pixel in pixels.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        let over_black = |value: u32| ((value * alpha + 127) / 255) as u8;
        pixel.0 = [over_black(red), over_black(green), over_black(blue), 255];
    }
    (pixels.into(), is_transparent)
}

/// The planes `[channel, row, column]` of an image, one of brightness or three of colour.
pub(crate) fn planes(image: &DynamicImage, channels: usize) -> Vec<u8> {
    if channels == 1 {
        return image.to_luma8().into_raw();
    }
    let pixels = image.to_rgb8();
    let plane = |channel: usize| pixels.pixels().map(move |pixel| pixel.0[channel]);
    (0..3).flat_map(plane).collect()
}

/// The image of planes `[channel, row, column]`.
pub(crate) fn from_planes(planes: &[u8], shape: ImageShape) -> DynamicImage {
    let (width, height, plane) = (shape.width as u32, shape.height as u32, shape.height * shape.width);
    if shape.channels == 1 {
        return GrayImage::from_fn(width, height, |x, y| Luma([planes[y as usize * shape.width + x as usize]])).into();
    }
    let pixel = |x: u32, y: u32| {
        let at = y as usize * shape.width + x as usize;
        Rgb([0, 1, 2].map(|channel| planes[channel * plane + at]))
    };
    RgbImage::from_fn(width, height, pixel).into()
}

/// Writes the planes of an image file to `output`, in the shape wanted.
pub(crate) fn decode(
    path: &Path,
    shape: ImageShape,
    options: &ImageFolderOptions,
    output: &mut [u8],
) -> Result<(), DataError> {
    let mut image = DynamicImage::from_decoder(open(path)?).map_err(not_an_image(path))?;
    if image.color().has_alpha() {
        let (opaque, was_transparent) = over_black(&image);
        if was_transparent && options.colour.is_none() {
            return Err(DataError::Transparent { path: path.to_owned() });
        }
        image = opaque;
    }
    let (width, height) = (shape.width as u32, shape.height as u32);
    if (image.width(), image.height()) != (width, height) {
        image = match options.fit {
            Fit::Crop => image.resize_to_fill(width, height, FilterType::Triangle),
            Fit::Stretch => image.resize_exact(width, height, FilterType::Triangle),
        };
    }
    output.copy_from_slice(&planes(&image, shape.channels));
    Ok(())
}
