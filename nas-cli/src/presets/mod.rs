//! The methods of the papers, whole: `--method NAME` is a space, a strategy with its settings and a training recipe.
//!
//! The one idea: a preset is one more layer below flags and file. What the paper fixes whatever the budget is such a layer
//! ([`Preset::under`]); what it had thousands of GPU days for follows from the budget by a written rule
//! ([`Preset::scale`]), which says of every number what it was and what it is here. In words, as `nas methods --explain`
//! prints it:
//!
#![doc = "```text"]
#![doc = include_str!("rule.md")]
#![doc = "```"]

mod recipes;
mod scale;
mod table;

pub use recipes::{RECIPES, Recipe};
pub use scale::{Length, Once, Scaled};
pub use table::PRESETS;

use crate::config::Partial;
use crate::exit::usage;
use crate::plan::Size;
use crate::strategies::{KNOWN, Method};
use crate::units::nearest;

/// The rule in words.
pub const RULE: &str = include_str!("rule.md");

/// The name of the recipe that every search trains by.
pub const PLAIN: &str = "plain";

/// A method of a paper.
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The paper's authors.
    pub authors: &'static str,
    /// The conference, and its year.
    pub venue: &'static str,
    /// The year of the conference.
    pub year: u16,
    /// The space it searches.
    pub space: &'static str,
    /// The strategy, with the settings that no budget changes.
    pub strategy: &'static str,
    /// The recipe of its trainings, by name.
    pub recipe: &'static str,
    /// What the paper reports.
    pub published: Published,
}

/// What a paper reports of a method on CIFAR-10.
pub struct Published {
    /// Networks trained in the search; none where one network stands for all of them.
    pub networks: Option<u64>,
    /// Epochs of each of them, or of that one; `None` where the paper does not say.
    pub epochs: Option<u64>,
    /// Images each epoch goes through.
    pub images: u64,
    /// The last epochs of each that are validated, of which the reward takes the best.
    pub validations: usize,
    /// The size of the networks searched; `None` where the paper does not say.
    pub size: Option<Size>,
    /// The network, by the name it goes by.
    pub model: &'static str,
    /// GPUs of the search.
    pub gpus: u32,
    /// GPU days of the search, all of them together.
    pub gpu_days: f64,
    /// Test error of the final network, in %.
    pub error: f64,
    /// Its parameters, in millions.
    pub parameters: f64,
    /// What its cells reach on ImageNet, where that was tried.
    pub imagenet: Option<Imagenet>,
    /// What to know about these numbers.
    pub note: &'static str,
}

/// A network of less than 600 million multiply-adds on ImageNet, 224 pixels.
pub struct Imagenet {
    /// Top-1 error, in %.
    pub error: f64,
    /// Parameters, in millions.
    pub parameters: f64,
}

impl Preset {
    /// The preset of a name.
    ///
    /// # Errors
    /// Lists the names; says what is meant where it is a strategy's.
    pub fn by_name(name: &str) -> anyhow::Result<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            let known = names.join(", ");
            if KNOWN.iter().any(|strategy| strategy.name == name) {
                let with = PRESETS.iter().find(|preset| preset.strategy_name() == name);
                let instead = with.map_or(String::new(), |p| format!(", or --method {}, which uses it", p.name));
                return usage(format!(
                    "`{name}` is a search strategy, not a method: give --strategy {name}{instead}; the methods are {known}"
                ));
            }
            let hint = nearest(name, names.iter().copied()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            usage(format!("there is no method `{name}`; the methods are {known}{hint}"))
        })
    }

    /// The strategy's name.
    pub fn strategy_name(&self) -> &'static str {
        self.strategy.split(':').next().unwrap_or_default()
    }

    /// The recipe, unless another was asked for; none if it is to be that of every search ([`PLAIN`]).
    ///
    /// # Errors
    /// As [`Recipe::by_name`].
    pub fn recipe(&self, asked: Option<&str>) -> anyhow::Result<Option<&'static Recipe>> {
        match asked {
            Some(PLAIN) => Ok(None),
            None => Recipe::by_name(self.recipe).map(Some),
            Some(other) => {
                let or_plain = |e| usage(format!("{e}, or {PLAIN}, that of every search"));
                Recipe::by_name(other).map(Some).map_err(or_plain)
            }
        }
    }

    /// What was asked for, and below it what the method fixes whatever the budget.
    ///
    /// # Errors
    /// If another strategy was asked for besides.
    pub fn under(&self, mut asked: Partial) -> anyhow::Result<Partial> {
        let own = Method::parse(self.strategy)?;
        let strategy = match &asked.search.strategy {
            None => own,
            Some(text) => {
                let given = Method::parse(text)?;
                if given.known.name != own.known.name {
                    return Err(usage(format!(
                        "--method {} searches with `{}`, but `{text}` was asked for besides; leave out one of the two, or \
                         set what you want of it: --strategy {}:KEY=VALUE",
                        self.name, own.known.name, own.known.name
                    )));
                }
                own.settings().fold(given, |method, (key, value)| method.or(key, value))
            }
        };
        asked.search.strategy = Some(strategy.to_string());
        let recipe = self.recipe(asked.search.recipe.as_deref())?;
        let mut below = recipe.map(Recipe::steps).unwrap_or_default();
        below.space.name = Some(self.space.to_owned());
        Ok(asked.over(below))
    }
}

/// The preset that was asked for, if one was.
///
/// # Errors
/// As [`Preset::by_name`].
pub fn asked(given: &Partial) -> anyhow::Result<Option<&'static Preset>> {
    given.search.method.as_deref().map(Preset::by_name).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(given: Partial, name: &str) -> String {
        let preset = Preset::by_name(name).unwrap();
        preset.under(given).unwrap_err().to_string()
    }

    #[test]
    fn every_preset_is_made_of_things_that_exist() {
        for preset in PRESETS {
            assert_eq!(Preset::by_name(preset.name).unwrap().name, preset.name);
            nas_space::spaces::by_name(preset.space).unwrap();
            let given = preset.under(Partial::default()).unwrap();
            assert_eq!(given.space.name.as_deref(), Some(preset.space));
            assert_eq!(given.training.weight_decay, preset.recipe(None).unwrap().map(|recipe| recipe.weight_decay));
        }
    }

    #[test]
    fn what_is_asked_for_wins_and_another_strategy_is_refused() {
        let mut given = Partial::default();
        given.space.name = Some("darts".into());
        given.training.momentum = Some(0.5);
        given.search.strategy = Some("reinforce:rate=0.1".into());
        let found = Preset::by_name("zoph").unwrap().under(given.clone()).unwrap();
        assert_eq!(found.space.name.as_deref(), Some("darts"));
        assert_eq!(found.training.momentum, Some(0.5));
        assert_eq!(found.search.strategy.as_deref(), Some("reinforce:rate=0.1:preset=zoph"));
        let message = message(given, "nasnet");
        assert!(message.contains("searches with `ppo`") && message.contains("`reinforce:rate=0.1`"), "{message}");
    }

    #[test]
    fn names_that_are_no_method_are_said() {
        let message = |name| Preset::by_name(name).err().unwrap().to_string();
        assert!(message("zop").contains("did you mean `zoph`?"));
        let evolution = message("evolution");
        assert!(evolution.contains("--strategy evolution, or --method amoebanet"), "{evolution}");
    }
}
