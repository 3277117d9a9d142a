//! From a configuration to the images of a search: loaded, split, measured.

use std::path::Path;
use std::sync::Arc;

use nas_data::{Augment, DataSet, DataSource, ImageFolderOptions, Images, LoadOptions, Normalization};
use nas_space::{ImageShape, Seed};
use rand::seq::SliceRandom;

use crate::config::{Colour, Config, DataConfig};
use crate::exit::usage;
use crate::plan::Facts;

/// How a folder of images is read.
pub fn load_options(size: Option<[usize; 2]>, colour: Option<Colour>, image_size: Option<usize>) -> LoadOptions {
    let colour = colour.map(|c| match c {
        Colour::Grey => nas_data::Colour::Grey,
        Colour::Rgb => nas_data::Colour::Rgb,
    });
    let size = size.map(|[rows, columns]| (rows, columns));
    LoadOptions {
        folder: ImageFolderOptions { size, colour, ..ImageFolderOptions::default() },
        picture_side: image_size,
        ..LoadOptions::default()
    }
}

/// The same, as a configuration says.
pub fn data_options(data: &DataConfig) -> LoadOptions {
    load_options(data.size, data.colour, data.image_size)
}

/// What the rule wants to know of a data set.
pub fn facts(name: &str, set: &DataSet) -> Facts {
    let source = DataSource::parse(name);
    // Clothes and photos keep their class in the mirror; digits do not, and of unknown images nobody knows.
    let mirror = matches!(source, DataSource::FashionMnist | DataSource::Cifar10 | DataSource::Cifar100);
    Facts { image: set.train.shape, images: set.train.len(), mirror, cores: crate::device::cores() }
}

/// A data set's name for a folder's name: `photos` for `/home/me/photos/`.
pub fn short_name(name: &str) -> String {
    match DataSource::parse(name) {
        DataSource::Folder(path) => {
            let last = path.canonicalize().unwrap_or(path);
            let last = last.file_name().map_or_else(|| "data".into(), |n| n.to_string_lossy().into_owned());
            last.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
        }
        _ => name.to_owned(),
    }
}

/// A name as it is, a folder with its full path: a study must find it from wherever it is resumed.
pub fn full_name(name: &str) -> String {
    match DataSource::parse(name) {
        DataSource::Folder(path) => {
            path.canonicalize().map_or_else(|_| name.to_owned(), |full| Path::display(&full).to_string())
        }
        _ => name.to_owned(),
    }
}

/// The numbers of some images of a split.
pub type Numbers = Arc<Vec<u32>>;

/// The images of a run.
#[derive(Clone)]
pub struct Data {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The training split.
    pub images: Arc<Images>,
    /// The test split.
    pub test: Arc<Images>,
    /// The images that are trained on.
    pub train: Numbers,
    /// The images held out.
    pub validation: Numbers,
    /// Measured on the images trained on.
    pub normalization: Normalization,
}

impl Data {
    /// Loads and splits what a configuration names.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let set = nas_data::load(&config.data.name, &data_options(&config.data))?;
        Self::split(set, config)
    }

    /// Splits a loaded set as a configuration says.
    pub fn split(set: DataSet, config: &Config) -> anyhow::Result<Self> {
        let seed = Seed::new(config.seed).child("data");
        let (train, validation) = nas_data::split(&set.train, &set.classes, config.data.validation, seed)?;
        let normalization = Normalization::of(&set.train, &train)?;
        let mut validation = validation;
        // In a folder the images come class by class; batch statistics need them mixed.
        validation.shuffle(&mut seed.child("validation-order").rng());
        Ok(Self {
            classes: set.classes,
            images: Arc::new(set.train),
            test: Arc::new(set.test),
            train: Arc::new(train),
            validation: Arc::new(validation),
            normalization,
        })
    }

    /// One image.
    pub fn shape(&self) -> ImageShape {
        self.images.shape
    }

    /// The training images of a trial: all, or a part in which each class has its share.
    pub fn trial_images(&self, config: &Config) -> anyhow::Result<Numbers> {
        self.part(&self.train, config.trial.images, "trial.images", Seed::new(config.seed).child("trial-images"))
    }

    /// The training images, or a part of them, in two: what a supernet's weights learn from, and this share of them that
    /// its architecture learns from. The images held out are in neither.
    pub fn parts(&self, config: &Config, wanted: Option<usize>, share: f64) -> anyhow::Result<(Numbers, Numbers)> {
        let seed = Seed::new(config.seed).child("supernet-images");
        let images = self.supernet_images(config, wanted)?;
        let all = nas_data::subset(&self.images, &images)?;
        let (weights, architecture) = nas_data::split(&all, &self.classes, share, seed.child("halves"))?;
        let numbers = |part: Vec<u32>| Arc::new(part.into_iter().map(|i| images[i as usize]).collect());
        Ok((numbers(weights), numbers(architecture)))
    }

    /// The training images, or so many of them, that shared weights learn from.
    pub fn supernet_images(&self, config: &Config, wanted: Option<usize>) -> anyhow::Result<Numbers> {
        let seed = Seed::new(config.seed).child("supernet-images");
        self.part(&self.train, wanted, "images", seed.child("part"))
    }

    /// The images that a hypernetwork learns from.
    pub fn hypernet_images(&self, config: &Config, wanted: Option<usize>) -> anyhow::Result<Numbers> {
        self.part(&self.train, wanted, "images", Seed::new(config.seed).child("hypernetwork-images"))
    }

    /// The images of the final training, and those its curve is measured on.
    pub fn final_images(&self, config: &Config) -> anyhow::Result<(Numbers, Numbers)> {
        let (images, validation) = if config.finish.on_all {
            (Arc::new((0..).take(self.images.len()).collect()), Arc::new(Vec::new()))
        } else {
            (Arc::clone(&self.train), Arc::clone(&self.validation))
        };
        let seed = Seed::new(config.seed).child("final-images");
        Ok((self.part(&images, config.finish.images, "final.images", seed)?, validation))
    }

    /// A part of the images that a rule chose, made large enough for every class to be in it; `None` for all of them.
    pub fn at_least(&self, part: Option<usize>) -> Option<usize> {
        part.map(|images| images.max(self.fewest()))
    }

    /// The fewest images of a part: two of each class, for a part is split again.
    fn fewest(&self) -> usize {
        2 * self.classes.len()
    }

    /// So many of some images, each class with its share, but two at least; all of them where there are no more.
    fn part(&self, of: &Numbers, wanted: Option<usize>, setting: &str, seed: Seed) -> anyhow::Result<Numbers> {
        let Some(wanted) = wanted.filter(|&n| n < of.len()) else { return Ok(Arc::clone(of)) };
        if wanted < self.fewest() {
            let classes = self.classes.len();
            return Err(usage(format!("{setting} = {wanted}: {classes} classes need at least {}", self.fewest())));
        }
        let all = nas_data::subset(&self.images, of)?;
        let share = wanted as f64 / of.len() as f64;
        let (left, mut taken) = nas_data::split(&all, &self.classes, share, seed)?;
        let mut counts = vec![0; self.classes.len()];
        taken.iter().for_each(|&i| counts[all.labels[i as usize] as usize] += 1);
        for i in left {
            let count: &mut usize = &mut counts[all.labels[i as usize] as usize];
            if *count < 2 {
                *count += 1;
                taken.push(i);
            }
        }
        taken.sort_unstable();
        Ok(Arc::new(taken.into_iter().map(|i| of[i as usize]).collect()))
    }
}

/// What is done to a training image; a square is cut out in the final training only.
pub fn augment(data: &DataConfig, with_cutout: bool) -> Augment {
    Augment {
        crop_padding: data.crop,
        flip: data.flip,
        cutout: if with_cutout { data.cutout } else { 0 },
        resized_crop: data.resized_crop,
        jitter: data.jitter,
    }
}

#[cfg(test)]
mod tests {
    use nas_data::Pixels;

    use super::*;

    /// Images of one pixel in two classes, of the second so many.
    fn data(first: usize, second: usize) -> Data {
        let labels: Vec<u32> = std::iter::repeat_n(0, first).chain(std::iter::repeat_n(1, second)).collect();
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let images = Arc::new(Images { shape, pixels: Pixels::Memory(vec![0; labels.len()]), labels });
        let all: Numbers = Arc::new((0..images.len() as u32).collect());
        Data {
            classes: vec!["often".into(), "rare".into()],
            test: Arc::clone(&images),
            train: Arc::clone(&all),
            validation: all,
            normalization: Normalization::identity(1),
            images,
        }
    }

    #[test]
    fn a_part_keeps_two_of_a_rare_class_so_that_it_can_be_split_again() {
        let (config, data) = (crate::plan::example(), data(990, 10));
        let (weights, architecture) = data.parts(&config, Some(50), 0.5).unwrap();
        let rare = |numbers: &Numbers| numbers.iter().filter(|&&i| i >= 990).count();
        assert_eq!((rare(&weights), rare(&architecture)), (1, 1));
        assert_eq!(weights.len() + architecture.len(), 52, "of the other class its share");
        assert!(data.parts(&config, Some(3), 0.5).unwrap_err().to_string().contains("2 classes need at least 4"));
        assert_eq!([Some(3), Some(9), None].map(|part| data.at_least(part)), [Some(4), Some(9), None]);
    }
}
