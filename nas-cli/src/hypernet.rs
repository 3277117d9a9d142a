//! The graph hypernetwork as it is asked for: `ghn`, with its settings.

use std::sync::Arc;

use nas_ghn::{GhnConfig, GhnSearch, Propagation, SearchConfig, Task as GhnTask};
use nas_nn::trainer::TrainData;
use nas_search::Strategy;
use nas_space::Seed;

use crate::config::{Config, Partial};
use crate::exit::usage;
use crate::images::{Data, Numbers, augment};
use crate::plan::{HYPERNET_PASSES, HYPERNET_SAMPLES, HypernetPlan, Size, hypernet_plan};
use crate::recipe;
use crate::strategies::{Method, Task};

/// The method's name.
pub const NAME: &str = "ghn";

/// The space of the paper's blocks.
pub const SPACE: &str = "ghn";

/// The space that is learned from where that one is searched. The paper learns on 7 nodes.
pub const LEARNED: &str = "ghn-12";

/// A search by a hypernetwork, as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypernet {
    /// The hypernetwork and how it learns; how long it does, and how many it scores, is planned later.
    pub learning: SearchConfig,
    /// The space that is learned from, where it is not the one searched.
    pub learn_from: Option<String>,
    /// Architectures scored, where it was given.
    pub samples: Option<usize>,
    /// Random architectures trained alike.
    pub random: u64,
    /// So many of the training images only.
    pub images: Option<usize>,
}

/// Its settings.
pub const SETTINGS: &[(&str, &str)] = &[
    ("learn_from", "the space that is learned from [of ghn: ghn-12; of others: the space searched]"),
    ("samples", "architectures scored with generated weights [1000, or what the time allows]"),
    ("best", "the best of them, which are trained [10]"),
    ("random", "random architectures trained like them, to compare with [10]"),
    ("meta_batch", "architectures that each step learns from [1; ghn2: 8]"),
    ("learning_rate", "the learning rate at first [0.005; ghn2: 0.001]"),
    ("fall", "how the learning rate falls: cosine, steps or constant [cosine; ghn2: steps]"),
    ("passes", "how often messages go through a graph [5; ghn2: 1]"),
    ("synchronous", "true: all nodes are updated at once instead of forward and backward [false]"),
    ("stacked", "false: one graph of all cells instead of one a cell [true; ghn2: false]"),
    ("ghn2", "true: virtual edges, normalised weights and larger meta-batches (Knyazev et al. 2021) [false]"),
    ("images", "learn on so many of the training images"),
];

/// It trains a hypernetwork before it proposes anything.
///
/// # Errors
/// Always: says where it can be used.
pub fn refuse(_: &Method, _: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    Err(usage(format!("`{NAME}` trains a hypernetwork on images: use it with `nas search --strategy {NAME}`")))
}

/// Whether a strategy is this method, whatever is set of it.
pub fn is_asked(strategy: &str) -> bool {
    strategy.split(':').next().is_some_and(|name| name.trim() == NAME)
}

/// Refuses what makes no sense whatever the data are, if this method is asked for.
///
/// # Errors
/// Says what is wrong, and what to do.
pub fn check(given: &Partial) -> anyhow::Result<()> {
    let Some(asked) = given.search.strategy.as_deref().map(Hypernet::asked).transpose()?.flatten() else {
        return Ok(());
    };
    if given.search.trials.is_some() {
        return Err(usage(
            "a hypernetwork is trained once, so its search has no budget in trials; give --epochs or --time",
        ));
    }
    asked.learn_from.as_deref().map_or(Ok(()), |name| recipe::space(name).map(drop))
}

impl Hypernet {
    /// What a strategy asks for, if it is this method.
    ///
    /// # Errors
    /// As [`Method::parse`], and if a setting makes no sense.
    pub fn asked(text: &str) -> anyhow::Result<Option<Self>> {
        let method = Method::parse(text)?;
        if method.known.name == NAME { Self::of(&method).map(Some) } else { Ok(None) }
    }

    fn of(method: &Method) -> anyhow::Result<Self> {
        let ghn2 = method.number("ghn2")?.unwrap_or(false);
        let usual = if ghn2 { SearchConfig::ghn2() } else { SearchConfig::default() };
        let propagation = match method.number("synchronous")?.unwrap_or(false) {
            true => Propagation::Synchronous,
            false => Propagation::ForwardBackward,
        };
        let best = method.number("best")?.unwrap_or(usual.best);
        Ok(Self {
            learning: SearchConfig {
                ghn: GhnConfig {
                    passes: method.number("passes")?.unwrap_or(usual.ghn.passes),
                    stacked: method.number("stacked")?.unwrap_or(usual.ghn.stacked),
                    propagation,
                    ..usual.ghn
                },
                meta_batch: method.number("meta_batch")?.unwrap_or(usual.meta_batch),
                learning_rate: method.number("learning_rate")?.unwrap_or(usual.learning_rate),
                fall: method.text("fall").map(str::parse).transpose()?.unwrap_or(usual.fall),
                best,
                ..usual
            },
            learn_from: method.text("learn_from").map(str::to_owned),
            samples: method.number("samples")?,
            random: method.number("random")?.unwrap_or(best as u64),
            images: method.number("images")?,
        })
    }

    /// The space that is learned from when this one is searched.
    pub fn learned_space<'a>(&'a self, searched: &'a str) -> &'a str {
        match &self.learn_from {
            Some(name) => name,
            None if searched == SPACE => LEARNED,
            None => searched,
        }
    }

    /// How long the search is that fits into so many seconds, on so many training images, `batch` a step, a step and a score
    /// taking as long as `paces` say.
    pub fn plan(&self, seconds: f64, images: usize, batch: usize, paces: (f64, f64)) -> HypernetPlan {
        let used = self.images.map_or(images, |wanted| wanted.min(images));
        let samples = self.samples.unwrap_or(HYPERNET_SAMPLES);
        let plan = hypernet_plan(seconds, used, batch, paces.0, paces.1, samples, self.learning.held_back);
        HypernetPlan { images: plan.images.or(self.images), ..plan }
    }
}

/// The images on which an architecture is scored with generated weights, if there are so many: more would cost more than
/// the ranking gains.
const SCORED_ON: usize = 1_000;

/// The images on which architectures are scored with generated weights. Their list is shuffled, so its beginning is a fair
/// sample.
pub fn scored_on(data: &Data) -> Numbers {
    Arc::new(data.validation[..SCORED_ON.min(data.validation.len())].to_vec())
}

/// The search by a hypernetwork, before its first step. A plan says how long it is where time decided that.
///
/// # Errors
/// Names the setting at fault.
pub fn build(config: &Config, data: &Data, asked: &Hypernet, plan: Option<&HypernetPlan>) -> anyhow::Result<GhnSearch> {
    let searched = recipe::searched_space(config, data)?;
    let (space, learn_from) = match recipe::space(asked.learned_space(&config.space.name))? {
        same if same.name() == searched.name() => (Arc::clone(&searched), searched),
        other => (searched, other),
    };
    let network = recipe::trial_network(config, data);
    let size = Size { channels: network.channels, layers: network.layers };
    let learn_network = recipe::sized(learn_from.as_ref(), &network, size);
    let given = config.search.epochs.map(|epochs| usize::try_from(epochs).unwrap_or(usize::MAX));
    let images = TrainData {
        images: Arc::clone(&data.images),
        train: data.hypernet_images(config, plan.map_or(asked.images, |plan| plan.images))?,
        validation: Some(scored_on(data)),
        normalization: data.normalization.clone(),
    };
    let search = SearchConfig {
        epochs: plan.map(|plan| plan.epochs).or(given).unwrap_or(HYPERNET_PASSES),
        batch_size: config.trial.batch_size,
        augment: augment(&config.data, false),
        samples: plan.map(|plan| plan.samples).or(asked.samples).unwrap_or(HYPERNET_SAMPLES),
        ..asked.learning.clone()
    };
    let seed = Seed::new(config.seed).child("hypernetwork");
    Ok(GhnSearch::new(GhnTask { space, network, learn_from, learn_network }, images, search, seed)?)
}

#[cfg(test)]
mod tests {
    use nas_ghn::Fall;

    use super::*;

    #[test]
    fn settings_are_read() {
        assert_eq!(Hypernet::asked("darts1").unwrap(), None);
        let usual = Hypernet::asked("ghn").unwrap().unwrap();
        assert_eq!((usual.random, usual.samples, &usual.learning), (10, None, &SearchConfig::default()));
        assert_eq!([usual.learned_space("ghn"), usual.learned_space("darts")], ["ghn-12", "darts"]);
        let other = Hypernet::asked("ghn:ghn2=true:passes=2:best=3:samples=50:learn_from=ghn-5").unwrap().unwrap();
        assert_eq!((other.learning.meta_batch, other.random, other.samples), (8, 3, Some(50)));
        let fall = |text| Hypernet::asked(text).unwrap().unwrap().learning.fall;
        assert_eq!(
            ["ghn", "ghn:ghn2=true", "ghn:fall=constant"].map(fall),
            [Fall::Cosine, Fall::Steps, Fall::Constant]
        );
        assert_eq!(other.learning.ghn, GhnConfig { passes: 2, ..GhnConfig::ghn2() });
        assert_eq!(other.learned_space("ghn"), "ghn-5");
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let message = |text| Hypernet::asked(text).unwrap_err().to_string();
        assert!(message("ghn:passes=few").contains("`passes` = few"));
        assert!(message("ghn:fall=slowly").contains("by cosine, by steps, or is constant"));
        assert!(message("ghn:sample=5").contains("did you mean `samples`?"));
    }
}
