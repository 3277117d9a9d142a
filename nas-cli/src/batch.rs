//! `--batch-size auto`: as many images a step as the machine's memory does for.
//!
//! The one idea: more images than a paper has are no better, for the search takes fewer steps; so the usual number is
//! taken where it fits, and else the largest below it that does. What was chosen is a number like any other from then on:
//! printed, stored, and the same when a run is resumed elsewhere.

use nas_ghn::SearchConfig;
use nas_oneshot::DartsConfig;

use crate::config::{Batch, Config, Partial};
use crate::hypernet::{self, Hypernet};
use crate::images::Data;
use crate::memory::{self, Machine};
use crate::oneshot::OneShot;
use crate::output::Output;
use crate::plan::learning_rate;
use crate::units::{bytes, plural};
use crate::{recipe, sharing};

/// The images a step that are tried, beside the usual number.
const SIZES: [usize; 10] = [128, 96, 64, 48, 32, 24, 16, 12, 8, 4];

/// The share of the free memory that a step may need: an estimate is one, and the program itself needs some.
const SHARE: f64 = 0.9;

/// A number of images that was chosen, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Images a step.
    pub images: usize,
    /// What was chosen and why, as a sentence.
    pub reason: String,
}

/// The largest of the usual number and the sizes below it that fits what is free of the machine, and else the smallest.
/// `needs` says how many bytes so many images take.
///
/// # Errors
/// Those of `needs`.
pub fn choose(
    usual: usize,
    machine: Option<Machine>,
    needs: impl Fn(usize) -> anyhow::Result<u64>,
) -> anyhow::Result<Choice> {
    let Some(machine) = machine else {
        let reason = format!("{}, as usual, for what memory there is is not known", plural(usual as u64, "image"));
        return Ok(Choice { images: usual, reason });
    };
    let room = (SHARE * machine.free as f64) as u64;
    let whole = needs(usual)?;
    let (mut images, mut takes) = (usual, whole);
    for size in SIZES.into_iter().filter(|size| *size < usual) {
        if takes <= room {
            break;
        }
        (images, takes) = (size, needs(size)?);
    }
    let free = bytes(machine.free);
    let said = plural(images as u64, "image");
    let reason = match images == usual {
        true => format!("{said}, as usual, which need about {} of the {free} that are free", bytes(takes)),
        false => format!(
            "{said}, which need about {} of the {free} that are free; {usual}, as usual, would need {}",
            bytes(takes),
            bytes(whole)
        ),
    };
    Ok(Choice { images, reason })
}

/// Chooses the images a step of a search's supernet or hypernetwork and of its trials, if that was left to the memory.
///
/// # Errors
/// If a network cannot be built.
pub fn of_search(given: &Partial, config: &mut Config, data: &Data, usual: usize) -> anyhow::Result<Option<Choice>> {
    if given.trial.batch_size != Some(Batch::Auto) {
        return Ok(None);
    }
    let needs = |images: usize| {
        let mut sized = config.clone();
        sized.trial.batch_size = images;
        let once = match (OneShot::of(&sized.search)?, Hypernet::asked(&sized.search.strategy)?) {
            (Some(asked), _) => memory::of_supernet(&sized, data, &asked)?[1],
            (None, Some(asked)) => hypernet::build(&sized, data, &asked, None)?.step_bytes()? as u64,
            (None, None) => 0,
        };
        Ok(once.max(memory::jobs(&sized) * memory::of_trials(&sized, data)?[1]))
    };
    let choice = choose(usual, machine(config), needs)?;
    config.trial.batch_size = choice.images;
    if given.training.learning_rate.is_none() {
        config.training.learning_rate = learning_rate(choice.images);
    }
    Ok(Some(choice))
}

/// Chooses the images a step of the final training, if that was left to the memory.
///
/// # Errors
/// If a network cannot be built.
pub fn of_final(given: &Partial, config: &mut Config, data: &Data) -> anyhow::Result<Option<Choice>> {
    if given.finish.batch_size != Some(Batch::Auto) {
        return Ok(None);
    }
    let needs = |images: usize| {
        let mut sized = config.clone();
        sized.finish.batch_size = images;
        Ok(memory::of_final(&sized, data)?[1])
    };
    let choice = choose(config.finish.batch_size, machine(config), needs)?;
    config.finish.batch_size = choice.images;
    Ok(Some(choice))
}

/// Says what was chosen for what.
pub fn say(out: &Output, what: &str, choice: Option<&Choice>) {
    if let Some(choice) = choice {
        out.note(&format!("--batch-size auto: {what} has {}", choice.reason));
    }
}

/// The images a step that a search has where nothing is said: its paper's, but of few images the rule's, for a pass is to
/// have steps enough.
pub fn usual(config: &Config, data: &Data) -> anyhow::Result<usize> {
    let rule = config.trial.batch_size;
    if data.train.len() < FEW {
        return Ok(rule);
    }
    Ok(match (OneShot::of(&config.search)?, Hypernet::asked(&config.search.strategy)?) {
        (Some(OneShot::Gradient(_)), _) => DartsConfig::default().batch_size,
        (Some(OneShot::Sharing(_) | OneShot::Shared(_)), _) => {
            sharing::published_batch(recipe::space(&config.space.name)?.as_ref())
        }
        (None, Some(_)) => SearchConfig::default().batch_size,
        (None, None) => rule,
    })
}

/// Training images below which the rule has smaller batches.
const FEW: usize = 5_000;

/// The machine whose memory counts; what a GPU has is not known here.
fn machine(config: &Config) -> Option<Machine> {
    Machine::ask().filter(|_| config.run.device == "cpu")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A step of 100 images takes a hundred times as much as one of one.
    fn chosen(usual: usize, free: u64) -> Choice {
        choose(usual, Some(Machine { whole: 8 << 30, free }), |images| Ok(MIB * images as u64)).unwrap()
    }

    #[test]
    fn the_usual_number_is_taken_where_it_fits_and_the_largest_below_it_else() {
        assert_eq!([64, 100].map(|usual| chosen(usual, 4 << 30).images), [64, 100]);
        assert_eq!(chosen(64, 64 * MIB).images, 48, "a tenth is kept free");
        assert_eq!(chosen(100, 108 * MIB).images, 96);
        assert_eq!(chosen(160, 20 * MIB).images, 16);
        assert_eq!(chosen(64, MIB).images, 4, "the smallest where nothing fits");
        assert_eq!(choose(64, None, |_| panic!("not asked")).unwrap().images, 64);
    }

    #[test]
    fn the_choice_is_explained() {
        assert_eq!(
            chosen(64, 4 << 30).reason,
            "64 images, as usual, which need about 64.0 MiB of the 4.00 GiB that are free"
        );
        let reason = chosen(64, 40 * MIB).reason;
        let expect =
            "32 images, which need about 32.0 MiB of the 40.0 MiB that are free; 64, as usual, would need 64.0 MiB";
        assert_eq!(reason, expect);
    }
}
