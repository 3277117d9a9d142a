//! The written rule that brings a method of thousands of GPU days to the budget at hand.

use serde::{Deserialize, Serialize};

use super::{PLAIN, Preset, Recipe};
use crate::config::{Config, Partial};
use crate::plan::HYPERNET_SAMPLES;
use crate::strategies::Method;
use crate::units::{count, plural};
use crate::{hypernet, sharing};
use nas_space::{Chooses, spaces};

/// A number of the paper, and what it is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaled {
    /// What it is.
    pub what: String,
    /// In the paper.
    pub published: String,
    /// Here.
    pub here: String,
    /// By which rule, or that it was given.
    pub rule: String,
}

/// How long the search and the final training will be, as far as it is known before they begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Length {
    /// Networks that the strategy will train, about.
    pub trials: u64,
    /// Images that it trains each of them on.
    pub trial_images: usize,
    /// The one network that stands for all of them, where there is one.
    pub once: Option<Once>,
    /// Pixels of the images' shorter side.
    pub side: usize,
    /// Images of the final training.
    pub final_images: usize,
}

/// How long a supernet or a hypernetwork learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Once {
    /// Passes.
    pub epochs: usize,
    /// Images of a pass of its weights.
    pub images: usize,
    /// Architectures compared on it in the end, where it does not name one by itself.
    pub compared: Option<usize>,
}

/// The image count that the learning rate's rule takes for a published epoch.
const PUBLISHED_IMAGES: f64 = 50_000.0;

/// The learning rate of every search, at 64 images a step: no recipe is raised above it.
const SHORT_RATE: f64 = 0.1 / 64.0;

/// Epochs from which a training has time enough for an auxiliary classifier, as for every other regularization.
const LONG: usize = 30;

/// Epochs from which as large a square is cut out as published.
const VERY_LONG: usize = 100;

/// The updates that a policy should at least come to, in smaller batches than published if need be.
const UPDATES: u64 = 50;

/// Adam's learning rate is raised to this at most.
const MOST_RATE: f64 = 0.05;

/// The same for the architecture parameters of a supernet, whose gradients say less.
const MOST_ALPHA_RATE: f64 = 0.01;

impl Preset {
    /// Fits what is left open to the budget: writes it into the configuration and lists it.
    ///
    /// `asked` is what flags and file say: none of that is changed.
    ///
    /// # Errors
    /// If the preset's own settings cannot be read.
    pub fn scale(&self, asked: &Partial, config: &mut Config, length: &Length) -> anyhow::Result<Vec<Scaled>> {
        let mut list = List::default();
        let published = &self.published;
        let passes = |epochs: Option<u64>, images: u64| match epochs {
            Some(epochs) => format!("{} on {} images", plural(epochs, "epoch"), count(images)),
            None => UNPUBLISHED.to_owned(),
        };
        let theirs = passes(published.epochs, published.images);
        match length.once {
            Some(once) => {
                let here = passes(Some(once.epochs as u64), once.images as u64);
                let what =
                    if published.epochs.is_some() { "the supernet's training" } else { "the hypernetwork's training" };
                list.add(what, theirs, here, "as the budget allows");
            }
            None => {
                let networks = published.networks.map_or("-".into(), count);
                let here = format!("about {}", count(length.trials));
                list.add("networks trained", networks, here, "as the budget allows");
                let here = passes(Some(config.trial.epochs as u64), length.trial_images as u64);
                list.add("training of each", theirs, here, "as every search");
            }
        }
        if asked.trial.validations.is_none() {
            let share = published.validations * config.trial.epochs;
            config.trial.validations =
                share.div_ceil(published.epochs.map_or(1, |epochs| epochs as usize)).clamp(1, published.validations);
        }
        let (theirs, here) = (published.validations.to_string(), config.trial.validations.to_string());
        list.add("last epochs validated", theirs, here, "the same share of the epochs");
        let size = |channels, layers| format!("{channels} channels, {layers} layers");
        let theirs = published.size.map_or(UNPUBLISHED.into(), |of| size(of.channels, of.layers));
        list.add("networks searched", theirs, size(config.space.channels, config.space.layers), "as every search");
        self.scale_strategy(config, length, &mut list)?;
        match self.recipe(asked.search.recipe.as_deref())? {
            Some(recipe) => scale_recipe(recipe, asked, config, length, &mut list),
            None => list.add("recipe of the trainings", self.recipe.into(), PLAIN.into(), "as given"),
        }
        Ok(list.0)
    }

    fn scale_strategy(&self, config: &mut Config, length: &Length, list: &mut List) -> anyhow::Result<()> {
        let mut method = Method::parse(&config.search.strategy)?;
        match (method.known.name, self.published.networks) {
            ("reinforce" | "ppo", Some(networks)) => {
                let preset = method.text("preset").and_then(nas_controller::preset::by_name);
                let Some(preset) = preset else { return Ok(()) };
                let learning = &preset.learning;
                let batch = (length.trials / UPDATES).clamp(1, learning.batch as u64);
                // The papers do not say how many steps a batch gets; ours count each.
                let steps = match learning.algorithm {
                    nas_controller::Algorithm::Ppo { epochs, .. } => epochs as u64,
                    nas_controller::Algorithm::Reinforce => 1,
                };
                let updates = [networks / learning.batch as u64, (length.trials / batch).max(1) * steps];
                let rate = raised(learning.adam.learning_rate, updates, MOST_RATE);
                list.setting(&mut method, "batch", learning.batch, batch, "50 updates at least");
                list.setting(&mut method, "rate", learning.adam.learning_rate, rate, RATE_RULE);
                if let Some(every) = preset.deepen_every.filter(|_| has_depths(&config.space.name)) {
                    // In proportion, so that the deepest networks come as late as in the paper.
                    let here = (length.trials * every / networks).max(1);
                    list.setting(&mut method, "deepen", every, here, "the same share of the networks");
                }
            }
            ("evolution", _) => {
                let search = &config.search;
                if !method.sets("population") {
                    let rule = "a fifth of the networks, and a quarter of it";
                    let here = format!("{}, {}", search.population, search.sample);
                    list.add("population, sample", "100, 25".into(), here, rule);
                }
            }
            ("darts" | "darts1", _) => {
                if let Some(once) = length.once {
                    let theirs = self.published.epochs.unwrap_or(1) * steps(self.published.images, DARTS_BATCH);
                    let here = once.epochs as u64 * steps(once.images as u64, config.trial.batch_size as u64);
                    let rate = raised(PUBLISHED_ALPHA_RATE, [theirs, here], MOST_ALPHA_RATE);
                    list.setting(&mut method, "alpha_rate", PUBLISHED_ALPHA_RATE, rate, RATE_RULE);
                }
            }
            (sharing::NAME, _) => {
                if let Some(once) = length.once {
                    let of = sharing::Controller::published(spaces::by_name(&config.space.name)?);
                    let theirs = self.published.epochs.unwrap_or(1) * of.updates;
                    let steps = steps(once.images as u64, config.trial.batch_size as u64);
                    let samples = method.number("samples")?.unwrap_or(steps);
                    let here = once.epochs as u64 * samples.div_ceil(of.batch);
                    let rate = raised(of.rate, [theirs, here], MOST_RATE);
                    list.setting(&mut method, "controller_rate", of.rate, rate, RATE_RULE);
                }
            }
            (hypernet::NAME, _) => {
                if config.space.name == hypernet::SPACE {
                    list.setting(&mut method, "learn_from", "ghn-7", hypernet::LEARNED, "steadier scores: docs/ghn.md");
                }
                let compared = length.once.and_then(|once| once.compared).unwrap_or(HYPERNET_SAMPLES);
                list.add(
                    "architectures scored",
                    count(HYPERNET_SAMPLES as u64),
                    count(compared as u64),
                    "as the budget allows",
                );
            }
            _ => {}
        }
        config.search.strategy = method.to_string();
        Ok(())
    }
}

const RATE_RULE: &str = "times as many as there are fewer updates, up to a bound";

/// Whether architectures of a space choose their depth.
fn has_depths(space: &str) -> bool {
    spaces::by_name(space).is_ok_and(|space| space.decisions().iter().any(|d| d.chooses == Chooses::Depth))
}

/// The learning rate of the architecture parameters of DARTS, and the images of a step of its search.
const PUBLISHED_ALPHA_RATE: f64 = 3e-4;
const DARTS_BATCH: u64 = 64;

/// What a paper leaves open.
const UNPUBLISHED: &str = "not published";

/// Steps of a pass.
fn steps(images: u64, batch: u64) -> u64 {
    (images / batch.max(1)).max(1)
}

/// A learning rate of Adam for fewer updates: weights can go as far as with as many as published, up to a bound.
fn raised(rate: f64, [published, here]: [u64; 2], most: f64) -> f64 {
    let longer = (published as f64 / here as f64).max(1.0);
    round((rate * longer).min(most.max(rate)))
}

/// Three digits, so that files and command lines stay readable.
fn round(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// The final training, and what trials share with it.
fn scale_recipe(recipe: &Recipe, asked: &Partial, config: &mut Config, length: &Length, list: &mut List) {
    let finish = &mut config.finish;
    let given = |is_given: bool, rule: &str| if is_given { "as given".to_owned() } else { rule.to_owned() };
    let size = |channels, layers| format!("{channels} channels, {layers} layers");
    let (theirs, here) = (size(recipe.size.channels, recipe.size.layers), size(finish.channels, finish.layers));
    list.add("final network", theirs, here, "as every search");
    let here = format!("{} on {} images", plural(finish.epochs as u64, "epoch"), count(length.final_images as u64));
    list.add("final training", format!("{} epochs on 50,000 images", recipe.epochs), here, "as every search");
    list.add("batch", recipe.batch_size.to_string(), finish.batch_size.to_string(), "as every search");

    let batch = finish.batch_size as f64;
    let theirs = recipe.learning_rate / recipe.batch_size as f64;
    let seen = (finish.epochs * length.final_images).max(1) as f64;
    let shorter = (recipe.epochs as f64 * PUBLISHED_IMAGES / seen).max(1.0);
    if asked.training.learning_rate.is_none() {
        config.training.learning_rate = round(batch * (theirs * shorter).min(SHORT_RATE.max(theirs)));
    }
    if asked.training.warmup.is_none() {
        // A rate above the published one needs the warm-up of every search.
        config.training.warmup = if shorter > 1.0 { config.training.warmup } else { 0.0 };
    }
    let rule = "in proportion to the batch, and times as many as the training is shorter, up to 0.1 at 64";
    let rule = given(asked.training.learning_rate.is_some(), rule);
    list.add("learning rate", recipe.learning_rate.to_string(), config.training.learning_rate.to_string(), &rule);

    let share = (finish.epochs as f64 / recipe.epochs as f64).min(1.0);
    if asked.finish.drop_path.is_none() {
        finish.drop_path = round(recipe.drop_path * share);
    }
    let rule = given(asked.finish.drop_path.is_some(), "in proportion to the epochs");
    list.add("drop path", recipe.drop_path.to_string(), finish.drop_path.to_string(), &rule);

    let yes = |on: bool| if on { "yes" } else { "no" }.to_owned();
    if asked.finish.auxiliary.is_none() {
        finish.auxiliary = recipe.auxiliary && finish.epochs >= LONG;
    }
    let rule = given(asked.finish.auxiliary.is_some(), "from 30 epochs on");
    list.add("auxiliary classifier", yes(recipe.auxiliary), yes(finish.auxiliary), &rule);

    let half = if recipe.cutout { length.side / 2 } else { 0 };
    if asked.data.cutout.is_none() && (!recipe.cutout || finish.epochs >= VERY_LONG) {
        config.data.cutout = half;
    }
    let rule = given(asked.data.cutout.is_some(), "half of the side from 100 epochs on, else as every search");
    list.add("cutout", half.to_string(), config.data.cutout.to_string(), &rule);
}

/// The list as it grows. What is here as it was there is left out.
#[derive(Default)]
struct List(Vec<Scaled>);

impl List {
    fn add(&mut self, what: &str, published: String, here: String, rule: &str) {
        if published != here {
            self.0.push(Scaled { what: what.into(), published, here, rule: rule.into() });
        }
    }

    /// A setting of the strategy, unless it was given.
    fn setting(&mut self, method: &mut Method, key: &str, published: impl ToString, here: impl ToString, rule: &str) {
        let (published, here) = (published.to_string(), here.to_string());
        let what = format!("{}:{key}", method.known.name);
        match method.text(key).map(str::to_owned) {
            Some(given) => self.add(&what, published, given, "as given"),
            None => {
                if published != here {
                    *method = method.clone().or(key, &here);
                }
                self.add(&what, published, here, rule);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, Facts};
    use nas_space::ImageShape;

    fn scaled(name: &str, asked: &Partial, length: &Length) -> (Config, Vec<Scaled>) {
        let preset = Preset::by_name(name).unwrap();
        let image = ImageShape { channels: 3, height: 32, width: 32 };
        let facts = Facts { image, images: 50_000, mirror: true, cores: 2 };
        let mut config = plan::resolve(preset.under(asked.clone()).unwrap(), &facts);
        let list = preset.scale(asked, &mut config, length).unwrap();
        (config, list)
    }

    const SHORT: Length = Length { trials: 100, trial_images: 5_000, once: None, side: 32, final_images: 45_000 };

    #[test]
    fn a_small_budget_raises_rates_and_every_number_is_listed() {
        let (config, list) = scaled("zoph", &Partial::default(), &SHORT);
        // 12,800 / 8 = 1,600 updates become 50: Adam's 0.0006 times 32.
        assert_eq!(config.search.strategy, "reinforce:preset=zoph:batch=2:rate=0.0192:deepen=12");
        assert_eq!((config.training.weight_decay, config.training.nesterov), (1e-4, true));
        let found: Vec<&str> = list.iter().map(|scaled| scaled.what.as_str()).collect();
        for what in ["networks trained", "reinforce:batch", "reinforce:rate", "final training"] {
            assert!(found.contains(&what), "{what} is missing in {found:?}");
        }
        assert!(!found.contains(&"drop path"), "Zoph & Le drop none, and none is dropped here");
        let (config, _) = scaled("nasnet", &Partial::default(), &SHORT);
        assert_eq!(config.search.strategy, "ppo:preset=nasnet:batch=2:rate=0.00175");
        assert_eq!(config.training.learning_rate, 0.1);
    }

    #[test]
    fn the_published_length_gives_the_published_recipe() {
        let mut asked = Partial::default();
        (asked.finish.epochs, asked.finish.batch_size) = (Some(600), Some(crate::config::Batch::Images(32)));
        (asked.finish.channels, asked.finish.layers) = (Some(32), Some(20));
        let length = Length { trials: 20_000, trial_images: 45_000, final_images: 50_000, ..SHORT };
        let (config, list) = scaled("nasnet", &asked, &length);
        assert_eq!(config.search.strategy, "ppo:preset=nasnet");
        let training = &config.training;
        assert_eq!((training.learning_rate, training.warmup, training.weight_decay), (0.025, 0.0, 5e-4));
        assert_eq!((config.finish.drop_path, config.finish.auxiliary, config.data.cutout), (0.4, true, 16));
        assert!(
            list.iter().all(|s| !["learning rate", "drop path", "final network"].contains(&s.what.as_str())),
            "{list:?}"
        );
    }

    #[test]
    fn the_plain_recipe_is_that_of_every_search() {
        let mut asked = Partial::default();
        asked.search.recipe = Some(PLAIN.into());
        let (config, list) = scaled("amoebanet", &asked, &SHORT);
        let image = ImageShape { channels: 3, height: 32, width: 32 };
        let every = plan::resolve(Partial::default(), &Facts { image, images: 50_000, mirror: true, cores: 2 });
        assert_eq!((config.training, config.finish, config.data), (every.training, every.finish, every.data));
        assert_eq!(config.search.strategy, "evolution:identity=0.05");
        assert_eq!(list.iter().filter(|scaled| scaled.what == "recipe of the trainings").count(), 1, "{list:?}");
    }

    #[test]
    fn what_was_given_stays_and_is_said() {
        let mut asked = Partial::default();
        asked.search.strategy = Some("reinforce:rate=0.5".into());
        asked.training.learning_rate = Some(0.3);
        let (config, list) = scaled("zoph", &asked, &SHORT);
        assert_eq!(config.search.strategy, "reinforce:rate=0.5:preset=zoph:batch=2:deepen=12");
        assert_eq!(config.training.learning_rate, 0.3);
        let rate = list.iter().find(|scaled| scaled.what == "reinforce:rate").unwrap();
        assert_eq!((rate.here.as_str(), rate.rule.as_str()), ("0.5", "as given"));
    }

    #[test]
    fn a_short_supernet_moves_what_chooses_faster_up_to_a_bound() {
        let with = |epochs, images| Length { once: Some(Once { epochs, images, compared: None }), ..SHORT };
        let strategy =
            |name, epochs, images| scaled(name, &Partial::default(), &with(epochs, images)).0.search.strategy;
        assert_eq!(strategy("darts", 50, 25_000), "darts");
        assert_eq!(strategy("darts", 25, 25_000), "darts:alpha_rate=0.0006");
        assert_eq!(strategy("darts", 10, 1_000), "darts:alpha_rate=0.01");
        // 150 epochs of 30 updates become 75 of 70 steps, which are 7 updates each.
        assert_eq!(strategy("enas", 75, 4_500), "enas:controller_rate=0.03");
        assert_eq!(strategy("enas", 10, 4_500), "enas:controller_rate=0.05");
        assert_eq!(strategy("enas-macro", 310, 64_000), "enas");
    }

    #[test]
    fn what_a_paper_does_not_say_is_said_to_be_open() {
        let once = Some(Once { epochs: 8, images: 900, compared: Some(120) });
        let (_, list) = scaled("ghn", &Partial::default(), &Length { once, ..SHORT });
        let of = |what: &str| list.iter().find(|scaled| scaled.what == what).unwrap_or_else(|| panic!("{list:?}"));
        let training = of("the hypernetwork's training");
        assert_eq!((&*training.published, &*training.here), (UNPUBLISHED, "8 epochs on 900 images"));
        assert_eq!(of("networks searched").published, UNPUBLISHED);
        let learned = of("ghn:learn_from");
        assert_eq!((&*learned.published, &*learned.here), ("ghn-7", "ghn-12"));
        let scored = of("architectures scored");
        assert_eq!((&*scored.published, &*scored.here), ("1,000", "120"));
    }
}
