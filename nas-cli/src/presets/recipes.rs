//! The training recipes of the papers: how the networks they report were trained at the end.

use nas_space::Stem;

use crate::config::{Batch, Partial};
use crate::exit::usage;
use crate::plan::Size;
use crate::units::nearest;

/// A published way to train one network.
pub struct Recipe {
    /// Its name, as `nas train --recipe` takes it.
    pub name: &'static str,
    /// The paper.
    pub source: &'static str,
    /// What of it is not known or not done here.
    pub note: &'static str,
    /// The network's size.
    pub size: Size,
    /// How the image enters.
    pub stem: Stem,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images of a step.
    pub batch_size: usize,
    /// The learning rate at this batch size.
    pub learning_rate: f64,
    /// How it falls, as `--schedule` takes it.
    pub schedule: &'static str,
    /// What takes the steps, as `--optimizer` takes it.
    pub optimizer: &'static str,
    /// Its momentum.
    pub momentum: f64,
    /// Whether it is Nesterov's.
    pub nesterov: bool,
    /// Weight decay.
    pub weight_decay: f64,
    /// Label smoothing.
    pub label_smoothing: f64,
    /// The largest norm of the gradient; 0 for no limit.
    pub clip_norm: f64,
    /// The odds of dropping a path at the end.
    pub drop_path: f64,
    /// Whether there is an auxiliary classifier.
    pub auxiliary: bool,
    /// Whether a square of half the image's side is cut out.
    pub cutout: bool,
}

/// What DARTS trains with on CIFAR-10, from which the others differ.
const PLAIN: Recipe = Recipe {
    name: "darts-cifar",
    source: "Liu, Simonyan & Yang 2019, CIFAR-10",
    note: "",
    size: Size { channels: 36, layers: 20 },
    stem: Stem::Cifar,
    epochs: 600,
    batch_size: 96,
    learning_rate: 0.025,
    schedule: "cosine",
    optimizer: "sgd",
    momentum: 0.9,
    nesterov: false,
    weight_decay: 3e-4,
    label_smoothing: 0.0,
    clip_norm: 5.0,
    drop_path: 0.2,
    auxiliary: true,
    cutout: true,
};

/// What the recipes for ImageNet have in common.
const IMAGENET: Recipe =
    Recipe { stem: Stem::Imagenet, epochs: 250, label_smoothing: 0.1, drop_path: 0.0, cutout: false, ..PLAIN };

/// Every recipe, by name. To add one, add a line.
pub const RECIPES: &[Recipe] = &[
    PLAIN,
    Recipe {
        name: "darts-imagenet",
        source: "Liu, Simonyan & Yang 2019, ImageNet",
        size: Size { channels: 48, layers: 14 },
        batch_size: 128,
        learning_rate: 0.1,
        schedule: "exponential:0.97",
        weight_decay: 3e-5,
        ..IMAGENET
    },
    Recipe {
        name: "nasnet-cifar",
        source: "Zoph, Vasudevan, Shlens & Le 2018, CIFAR-10",
        size: Size { channels: 32, layers: 20 },
        batch_size: 32,
        weight_decay: 5e-4,
        drop_path: 0.4,
        ..PLAIN
    },
    Recipe {
        name: "nasnet-mobile",
        source: "Zoph, Vasudevan, Shlens & Le 2018, ImageNet",
        note: "0.97 every 2.4 epochs is 0.9874 each; the length is chosen here, dropout before the classifier left out",
        size: Size { channels: 44, layers: 14 },
        batch_size: 32,
        learning_rate: 0.04,
        schedule: "exponential:0.9874",
        optimizer: "rmsprop:0.9:1",
        weight_decay: 4e-5,
        clip_norm: 10.0,
        ..IMAGENET
    },
    Recipe {
        name: "amoebanet-cifar",
        source: "Real, Aggarwal, Huang & Le 2019, CIFAR-10",
        note: "the auxiliary classifier weighs 0.4 here, 0.5 there",
        size: Size { channels: 36, layers: 20 },
        batch_size: 128,
        learning_rate: 0.024,
        weight_decay: 5e-4,
        drop_path: 0.3,
        cutout: false,
        ..PLAIN
    },
    Recipe {
        name: "amoebanet-mobile",
        source: "Real, Aggarwal, Huang & Le 2019, ImageNet",
        note: "momentum, length, batch and clipping are chosen here, dropout before the classifier left out",
        size: Size { channels: 50, layers: 14 },
        batch_size: 128,
        learning_rate: 0.001,
        schedule: "step:2:0.97",
        optimizer: "rmsprop:0.9:0.1",
        weight_decay: 4e-5,
        clip_norm: 10.0,
        ..IMAGENET
    },
    Recipe {
        name: "enas-cifar",
        source: "Pham, Guan, Zoph, Le & Dean 2018, CIFAR-10, cells",
        note: "one cosine instead of periods; dropout before the classifier is left out",
        size: Size { channels: 36, layers: 17 },
        epochs: 630,
        batch_size: 144,
        learning_rate: 0.05,
        schedule: "cosine:0.0001",
        nesterov: true,
        weight_decay: 2e-4,
        drop_path: 0.4,
        ..PLAIN
    },
    Recipe {
        name: "enas-macro-cifar",
        source: "Pham, Guan, Zoph, Le & Dean 2018, CIFAR-10, whole networks",
        note: "as for its cells",
        size: Size { channels: 96, layers: 24 },
        epochs: 310,
        batch_size: 100,
        learning_rate: 0.05,
        schedule: "cosine:0.001",
        nesterov: true,
        weight_decay: 2e-4,
        drop_path: 0.0,
        auxiliary: false,
        cutout: false,
        ..PLAIN
    },
    Recipe {
        name: "ghn-cifar",
        source: "Zhang, Ren & Urtasun 2019, CIFAR-10",
        note: "of the last training size and cutout are published; the rest is that of darts-cifar, without an auxiliary \
               classifier",
        size: Size { channels: 32, layers: 18 },
        auxiliary: false,
        ..PLAIN
    },
    Recipe {
        name: "zoph-cifar",
        source: "Zoph & Le 2017, CIFAR-10",
        note: "length, batch and schedule of the last training are not published, but chosen here",
        size: Size { channels: 24, layers: 15 },
        epochs: 300,
        batch_size: 64,
        learning_rate: 0.1,
        nesterov: true,
        weight_decay: 1e-4,
        clip_norm: 0.0,
        drop_path: 0.0,
        auxiliary: false,
        cutout: false,
        ..PLAIN
    },
];

impl Recipe {
    /// The recipe of a name.
    ///
    /// # Errors
    /// Lists the names, and suggests the nearest.
    pub fn by_name(name: &str) -> anyhow::Result<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name).ok_or_else(|| {
            let names: Vec<&str> = RECIPES.iter().map(|recipe| recipe.name).collect();
            let hint =
                nearest(name, names.iter().copied()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            usage(format!("there is no recipe `{name}`; the recipes are {}{hint}", names.join(", ")))
        })
    }

    /// Whether it is for large pictures, of which random windows with moved colours are trained on.
    pub fn is_for_pictures(&self) -> bool {
        self.stem == Stem::Imagenet
    }

    /// What it says of how steps are taken, whatever the length of the training.
    pub fn steps(&self) -> Partial {
        let mut said = Partial::default();
        said.training.schedule = self.schedule.parse().ok();
        said.training.optimizer = self.optimizer.parse().ok();
        said.training.momentum = Some(self.momentum);
        said.training.nesterov = Some(self.nesterov);
        said.training.weight_decay = Some(self.weight_decay);
        said.training.label_smoothing = Some(self.label_smoothing);
        said.training.clip_norm = Some(self.clip_norm);
        said
    }

    /// All of it, as published, for images of which the shorter side has so many pixels.
    pub fn whole(&self, side: usize) -> Partial {
        let mut said = self.steps();
        said.training.learning_rate = Some(self.learning_rate);
        said.training.warmup = Some(0.0);
        said.space.stem = Some(self.stem);
        said.finish.channels = Some(self.size.channels);
        said.finish.layers = Some(self.size.layers);
        said.finish.epochs = Some(self.epochs);
        said.finish.batch_size = Some(Batch::Images(self.batch_size));
        said.trial.batch_size = Some(Batch::Images(self.batch_size));
        said.finish.drop_path = Some(self.drop_path);
        said.finish.auxiliary = Some(self.auxiliary);
        said.data.cutout = Some(if self.cutout { side / 2 } else { 0 });
        if self.is_for_pictures() {
            said.data.flip = Some(true);
            (said.data.crop, said.data.resized_crop, said.data.jitter) = (Some(0), Some(0.08), Some(0.4));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_can_be_written_down_and_found() {
        for recipe in RECIPES {
            assert_eq!(Recipe::by_name(recipe.name).unwrap().name, recipe.name);
            assert!(recipe.steps().training.schedule.is_some(), "{}: no such schedule", recipe.name);
            assert!(recipe.steps().training.optimizer.is_some(), "{}: no such optimiser", recipe.name);
        }
        let message = Recipe::by_name("dart-cifar").err().unwrap().to_string();
        assert!(message.contains("did you mean `darts-cifar`?"), "{message}");
    }
}
