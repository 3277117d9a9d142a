//! The images, the spaces and the training of the hypernetwork.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nas_data::{LoadOptions, Normalization, load, split};
use nas_ghn::{GhnSearch, ScoreData, SearchConfig, SearchOptions, Task};
use nas_nn::trainer::{BatchNormMode, TrainConfig, TrainData};
use nas_search::Event;
use nas_space::spaces::Ghn;
use nas_space::{Architecture, NetworkConfig, Seed};

use crate::Arguments;

/// What all measurements share.
pub(crate) struct Setup {
    pub(crate) task: Task,
    /// What the hypernetwork learns from, and the validation images that it scores on.
    pub(crate) data: TrainData,
    /// What real trainings learn from, and other validation images, by which they are judged: a score and a truth
    /// that share their images would agree by chance.
    pub(crate) real: TrainData,
    pub(crate) seed: Seed,
}

/// Images per step, everywhere.
const BATCH: usize = 32;

impl Setup {
    pub(crate) fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let set = load(&arguments.data, &LoadOptions::default())?;
        let seed = Seed::new(arguments.seed);
        let (train, validation) = split(&set.train, &set.classes, 0.2, seed.child("split"))?;
        let normalization = Normalization::of(&set.train, &train)?;
        let part = |list: &[u32], count: usize| Arc::new(list[..count.min(list.len())].to_vec());
        let images = arguments.images.unwrap_or(usize::MAX);
        let (judged, scored) = validation.split_at(validation.len() - arguments.score_images.min(validation.len() / 2));
        let network = NetworkConfig {
            input: set.train.shape,
            classes: set.classes.len(),
            ..NetworkConfig::cifar(arguments.channels, arguments.layers)
        };
        let task = Task {
            space: Arc::new(Ghn::new(arguments.nodes)),
            network: network.clone(),
            learn_from: Arc::new(Ghn::new(arguments.learn_nodes)),
            learn_network: network,
        };
        let data = TrainData {
            train: part(&train, images),
            validation: Some(Arc::new(scored.to_vec())),
            images: Arc::new(set.train),
            normalization,
        };
        let real = TrainData {
            train: part(&train, arguments.trial_images.unwrap_or(images)),
            validation: Some(Arc::new(judged.to_vec())),
            ..data.clone()
        };
        Ok(Self { task, data, real, seed })
    }

    /// The hypernetwork's training, to its end.
    pub(crate) fn learn(&self, arguments: &Arguments) -> anyhow::Result<GhnSearch> {
        let usual = if arguments.ghn2 { SearchConfig::ghn2() } else { SearchConfig::default() };
        let config = SearchConfig {
            epochs: arguments.epochs,
            batch_size: BATCH,
            meta_batch: arguments.meta_batch,
            learning_rate: arguments.learning_rate.unwrap_or(usual.learning_rate),
            fall: arguments.fall.unwrap_or(usual.fall),
            samples: 1,
            best: 1,
            ..usual
        };
        let mut search = GhnSearch::new(self.task.clone(), self.data.clone(), config, self.seed.child("hypernetwork"))?;
        let path = arguments.checkpoint.as_deref();
        if let Some(path) = path.filter(|path| path.exists()) {
            search.restore(path)?;
        }
        let stop = AtomicBool::new(false);
        let options =
            SearchOptions { checkpoint: path, checkpoint_every: Duration::from_secs(30), stop: &stop, deadline: None };
        search.run(&options, &mut |event: &Event| {
            if let Event::GhnEpoch { report, seconds } = event {
                let (epoch, epochs, loss) = (report.epoch, report.epochs, report.train_loss);
                eprintln!("learning: epoch {epoch} of {epochs}, loss {loss:.3}, {seconds:.0} s");
            }
        })?;
        Ok(search)
    }

    /// A random architecture, by number.
    pub(crate) fn architecture(&self, purpose: &str, number: u64) -> Architecture {
        self.task.space.sample(&mut self.seed.child(purpose).index(number).rng())
    }

    /// What architectures are scored on.
    pub(crate) fn score_data(&self) -> ScoreData {
        ScoreData {
            images: Arc::clone(&self.data.images),
            indices: Arc::clone(self.data.validation.as_ref().expect("made with validation images")),
            normalization: self.data.normalization.clone(),
            batch_size: SearchConfig::default().score_batch_size,
        }
    }

    /// A real training: SGD with momentum and a cosine.
    pub(crate) fn training(&self, epochs: usize, evaluate_every: usize) -> TrainConfig {
        TrainConfig {
            epochs,
            batch_size: BATCH,
            learning_rate: 0.05,
            evaluate_every,
            batch_norm: BatchNormMode::Batch,
            ..TrainConfig::default()
        }
    }
}
