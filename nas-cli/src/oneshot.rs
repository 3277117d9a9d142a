//! The searches on a supernet, as one: what was asked for, what runs, and what it came to.

use std::path::Path;
use std::sync::Arc;

use candle_core::DType;
use nas_nn::Parameter;
use nas_nn::trainer::Ended;
use nas_oneshot::{
    DartsReport, DartsSearch, EnasConfig, EnasReport, EnasSearch, OnSharedWeights, SearchData, SearchOptions,
    SharedWeights,
};
use nas_search::{Listener, RandomSearch};
use nas_space::spaces;
use nas_space::{Architecture, MixedSpace, PathSpace, Seed};
use serde::{Deserialize, Serialize};

use crate::config::{Config, SearchConfig};
use crate::evaluators;
use crate::exit::usage;
use crate::gradient::{self, Gradient};
use crate::images::{Data, augment};
use crate::plan::{LOOKED_AT, PUBLISHED_EPOCHS, SupernetPlan, sharing_plan, supernet_plan};
use crate::recipe;
use crate::sharing::{self, HELD_OUT, Shared, Sharing};
use crate::strategies::Method;

/// A search on a supernet, as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum OneShot {
    /// By gradients of the architecture.
    Gradient(Gradient),
    /// By parameter sharing.
    Sharing(Sharing),
    /// No search of its own: shared weights that any strategy searches on.
    Shared(Shared),
}

impl OneShot {
    /// The supernet that a search trains first, if any: its strategy's or its evaluator's.
    ///
    /// # Errors
    /// As [`asked`](Self::asked), and if both ask for one.
    pub fn of(search: &SearchConfig) -> anyhow::Result<Option<Self>> {
        Self::of_both(&search.strategy, &search.evaluator)
    }

    /// As [`of`](Self::of), from the two texts.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_both(strategy: &str, evaluator: &str) -> anyhow::Result<Option<Self>> {
        match (Self::asked(strategy)?, evaluators::asked(evaluator)?) {
            (Some(_), Some(_)) => Err(usage(format!(
                "`{strategy}` trains a supernet of its own; leave out the evaluator `{evaluator}`, or choose another strategy"
            ))),
            (own, None) => Ok(own),
            (None, shared) => Ok(shared.map(Self::Shared)),
        }
    }

    /// What a strategy asks for, if it trains a supernet.
    ///
    /// # Errors
    /// As [`Method::parse`], and if a setting makes no sense.
    pub fn asked(text: &str) -> anyhow::Result<Option<Self>> {
        let method = Method::parse(text)?;
        if method.known.name == sharing::NAME {
            return Ok(Some(Self::Sharing(Sharing::of(&method)?)));
        }
        Ok(Gradient::of_method(&method)?.map(Self::Gradient))
    }

    /// So many of the training images only.
    pub fn images(&self) -> Option<usize> {
        match self {
            Self::Gradient(asked) => asked.images,
            Self::Sharing(asked) => asked.images,
            Self::Shared(asked) => asked.images,
        }
    }

    /// The same without anything learned beside the weights where that is a phase of its own: for measuring their speed.
    pub fn weights_only(&self) -> Self {
        match self {
            Self::Gradient(asked) => Self::Gradient(asked.clone()),
            Self::Sharing(asked) => Self::Sharing(asked.weights_only()),
            Self::Shared(asked) => Self::Shared(asked.clone()),
        }
    }

    /// The share of its images that the weights learn from.
    pub fn weights_share(&self) -> f64 {
        match self {
            Self::Gradient(_) => 1.0 - HALF,
            Self::Sharing(_) => 1.0 - HELD_OUT,
            Self::Shared(_) => 1.0,
        }
    }

    /// Random architectures trained beside the found one; nothing where nothing is found but by the arms themselves.
    pub fn random(&self) -> Option<u64> {
        match self {
            Self::Gradient(asked) => Some(asked.random),
            Self::Sharing(asked) => Some(asked.random),
            Self::Shared(_) => None,
        }
    }

    /// Refuses a space that the method cannot search.
    ///
    /// # Errors
    /// Lists those that it can.
    pub fn check_space(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Gradient(_) => mixed_space(name).map(drop),
            Self::Sharing(_) | Self::Shared(_) => path_space(name).map(drop),
        }
    }

    /// How long the search is that fits into so many seconds, on so many training images, `batch` a step, a step of the
    /// weights taking so long.
    pub fn plan(&self, seconds: f64, images: usize, batch: usize, step_seconds: f64) -> SupernetPlan {
        let used = self.images().map_or(images, |wanted| wanted.min(images));
        let plan = match self {
            Self::Gradient(asked) => {
                let watching = if asked.eigenvalue_every == Some(0) { 0 } else { WATCHING };
                supernet_plan(seconds, used, batch, step_seconds, watching)
            }
            Self::Sharing(_) => sharing_plan(seconds, used, batch, step_seconds, HELD_OUT),
            // All of them are for the weights.
            Self::Shared(_) => {
                let plan = supernet_plan(seconds, 2 * used, batch, step_seconds, LOOKED_AT);
                SupernetPlan { images: plan.images.map(|part| part / 2), ..plan }
            }
        };
        SupernetPlan { images: plan.images.or(self.images()), ..plan }
    }
}

/// The share of the images that the architecture of DARTS learns from.
const HALF: f64 = 0.5;

/// As many steps as measuring the eigenvalue at the end of an epoch takes, about.
const WATCHING: usize = 10;

/// The passes of the published search, of a strategy that trains a supernet on a space of this name.
pub fn published_epochs(strategy: &str, space: &str) -> Option<usize> {
    let name = strategy.split(':').next().unwrap_or_default().trim();
    if name == sharing::NAME {
        // A name that is no space's is refused elsewhere.
        return Some(spaces::by_name(space).map_or(PUBLISHED_EPOCHS, sharing::published_epochs));
    }
    gradient::published(name).map(|published| published.epochs)
}

/// A search space with a supernet, by name.
///
/// # Errors
/// Lists those that have one.
pub fn mixed_space(name: &str) -> anyhow::Result<Arc<dyn MixedSpace>> {
    let known = spaces::all_mixed();
    let names = known.each_ref().map(|space| space.name().to_owned()).join(", ");
    let found = known.into_iter().find(|space| space.name() == name);
    found.ok_or_else(|| usage(format!("the space `{name}` has no supernet; the spaces that have one are {names}")))
}

/// A search space whose architectures share weights, by name.
///
/// # Errors
/// Lists those that do.
pub fn path_space(name: &str) -> anyhow::Result<Arc<dyn PathSpace>> {
    let names = || spaces::all_paths().iter().map(|space| space.name().to_owned()).collect::<Vec<_>>().join(", ");
    spaces::paths_by_name(name)?.ok_or_else(|| {
        usage(format!("the architectures of the space `{name}` share no weights; those of {} do", names()))
    })
}

/// A search on a supernet, before its first step. A plan says how long it is where time decided that.
///
/// # Errors
/// Names the setting at fault.
pub fn build(config: &Config, data: &Data, asked: &OneShot, plan: Option<&SupernetPlan>) -> anyhow::Result<Search> {
    let network = recipe::trial_network(config, data);
    let given = match asked {
        OneShot::Shared(asked) => asked.epochs,
        _ => config.search.epochs.map(|epochs| usize::try_from(epochs).unwrap_or(usize::MAX)),
    };
    let published = || published_epochs(&config.search.strategy, &config.space.name).unwrap_or(PUBLISHED_EPOCHS);
    let epochs = plan.map(|plan| plan.epochs).or(given).unwrap_or_else(published);
    let wanted = plan.map_or(asked.images(), |plan| plan.images);
    let batch_size = config.trial.batch_size;
    let seed = Seed::new(config.seed).child("supernet");
    let parts = |share: f64| -> anyhow::Result<SearchData> {
        let (weights, architecture) = data.parts(config, wanted, share)?;
        let (images, normalization) = (Arc::clone(&data.images), data.normalization.clone());
        Ok(SearchData { images, weights, architecture, normalization })
    };
    match asked {
        OneShot::Shared(asked) => Ok(Search::Enas(Box::new(shared(config, data, asked, epochs, wanted)?))),
        OneShot::Gradient(asked) => {
            let darts = asked.config(epochs, batch_size, augment(&config.data, false));
            let space = mixed_space(&config.space.name)?;
            Ok(Search::Darts(Box::new(DartsSearch::new(space, network, parts(HALF)?, darts, seed)?)))
        }
        OneShot::Sharing(asked) => {
            let space = path_space(&config.space.name)?;
            let images = parts(HELD_OUT)?;
            let steps = (images.weights.len() / batch_size.max(1)).max(1);
            let enas = asked.config(space.as_ref(), epochs, steps, plan);
            let enas = EnasConfig { batch_size, augment: augment(&config.data, false), ..enas };
            let strategy = asked.strategy(recipe::space(&config.space.name)?, seed.child("controller"))?;
            Ok(Search::Enas(Box::new(EnasSearch::new(space, network, strategy, images, enas, seed)?)))
        }
    }
}

/// The training of shared weights on uniformly sampled paths, before its first step.
fn shared(
    config: &Config,
    data: &Data,
    asked: &Shared,
    epochs: usize,
    wanted: Option<usize>,
) -> anyhow::Result<EnasSearch> {
    let space = path_space(&config.space.name)?;
    let seed = Seed::new(config.seed).child("supernet");
    let images = SearchData {
        images: Arc::clone(&data.images),
        weights: data.supernet_images(config, wanted)?,
        architecture: Arc::clone(&data.validation),
        normalization: data.normalization.clone(),
    };
    let network = recipe::trial_network(config, data);
    let batch_size = config.trial.batch_size;
    let augment = augment(&config.data, false);
    let enas = EnasConfig { batch_size, augment, ..asked.config(space.as_ref(), epochs) };
    let strategy = RandomSearch::new(recipe::space(&config.space.name)?, seed.child("paths"));
    Ok(EnasSearch::new(space, network, Box::new(strategy), images, enas, seed)?)
}

/// What measures trials on the shared weights of a file.
///
/// # Errors
/// If the file cannot be read, or is of another supernet.
pub fn evaluator(config: &Config, data: &Data, asked: &Shared, file: &Path) -> anyhow::Result<OnSharedWeights> {
    let space = path_space(&config.space.name)?;
    let network = recipe::trial_network(config, data);
    let mut weights = SharedWeights::init(space.as_ref(), &network, Seed::new(0), DType::F32)?;
    weights.load(file)?;
    // The list is shuffled, so its beginning is a fair sample.
    let compared = asked.compared.min(data.validation.len());
    Ok(OnSharedWeights {
        space,
        network,
        weights,
        images: Arc::clone(&data.images),
        validation: Arc::new(data.validation[..compared].to_vec()),
        normalization: data.normalization.clone(),
        batch_size: config.trial.batch_size,
        batch_norm: asked.batch_norm,
    })
}

/// A search on a supernet under way.
pub enum Search {
    /// By gradients.
    Darts(Box<DartsSearch>),
    /// By parameter sharing.
    Enas(Box<EnasSearch>),
}

impl Search {
    /// Goes on from a checkpoint.
    pub fn restore(&mut self, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Darts(search) => search.restore(path)?,
            Self::Enas(search) => search.restore(path)?,
        }
        Ok(())
    }

    /// Searches to the end, or until it is stopped.
    pub fn run(&mut self, options: &SearchOptions<'_>, listener: &mut dyn Listener) -> anyhow::Result<Ended> {
        Ok(match self {
            Self::Darts(search) => search.run(options, listener)?,
            Self::Enas(search) => search.run(options, listener)?,
        })
    }

    /// What it has come to.
    pub fn report(&self) -> anyhow::Result<Option<Report>> {
        Ok(match self {
            Self::Darts(search) => search.report()?.map(Report::Darts),
            Self::Enas(search) => search.report().map(Report::Enas),
        })
    }

    /// Epochs finished, and epochs in all.
    pub fn epochs(&self) -> (usize, usize) {
        match self {
            Self::Darts(search) => (search.epochs_finished(), search.config().epochs),
            Self::Enas(search) => (search.epochs_finished(), search.config().epochs),
        }
    }

    /// Steps of a whole epoch.
    pub fn steps_per_epoch(&self) -> usize {
        match self {
            Self::Darts(search) => search.steps_per_epoch(),
            Self::Enas(search) => search.steps_per_epoch(),
        }
    }

    /// Writes the shared weights to a file, where there are any.
    pub fn save_weights(&self, path: &Path) -> anyhow::Result<()> {
        if let Self::Enas(search) = self {
            search.weights().save(path)?;
        }
        Ok(())
    }

    /// Learned parameters of the supernet.
    pub fn parameters(&self) -> u64 {
        let count = |parameters: &[Parameter]| parameters.iter().map(|p| p.var.elem_count() as u64).sum();
        match self {
            Self::Darts(search) => count(search.supernet().network.parameters()),
            Self::Enas(search) => count(search.weights().parameters()),
        }
    }
}

/// What a search on a supernet came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Report {
    /// By gradients.
    Darts(DartsReport),
    /// By parameter sharing.
    Enas(EnasReport),
}

impl Report {
    /// What was found, the best first.
    pub fn found(&self) -> Vec<Architecture> {
        match self {
            Self::Darts(report) => vec![report.architecture.clone()],
            Self::Enas(report) => report.candidates.iter().map(|c| c.architecture.clone()).collect(),
        }
    }

    /// What the user should know, a sentence each.
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Darts(report) => &report.warnings,
            Self::Enas(report) => &report.warnings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_train_no_supernet_are_none_of_these() {
        assert_eq!(OneShot::asked("evolution:population=5").unwrap(), None);
        assert!(matches!(OneShot::asked("darts1").unwrap(), Some(OneShot::Gradient(_))));
        assert!(matches!(OneShot::asked("enas").unwrap(), Some(OneShot::Sharing(_))));
    }

    #[test]
    fn the_published_lengths_depend_on_method_and_space() {
        let lengths =
            [("darts:images=9", "darts"), ("enas", "enas-micro"), ("enas", "enas-macro"), ("random", "darts")];
        assert_eq!(lengths.map(|(s, space)| published_epochs(s, space)), [Some(50), Some(150), Some(310), None]);
    }

    #[test]
    fn spaces_are_found_or_the_others_listed() {
        for known in spaces::all_mixed() {
            assert_eq!(mixed_space(known.name()).unwrap().name(), known.name());
        }
        let message = mixed_space("chain").err().unwrap().to_string();
        assert!(message.contains("no supernet") && message.contains("darts, nasbench201"), "{message}");
        assert_eq!(path_space("enas-macro-3").unwrap().name(), "enas-macro-3");
        let message = path_space("nasbench101").err().unwrap().to_string();
        assert!(message.contains("share no weights") && message.contains("enas-micro"), "{message}");
    }
}
