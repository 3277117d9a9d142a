//! `nas train`: one architecture, trained to the end, with the same folder of results as a search's winner.

use nas_nn::trainer::TrainConfig;

use crate::args::TrainArgs;
use crate::config::{Batch, Partial, render};
use crate::exit::usage;
use crate::folder::{Folder, shell_word};
use crate::images::{self, Data};
use crate::memory::{self, Machine};
use crate::output::Output;
use crate::plan::{self, Size};
use crate::presets::Recipe;
use crate::run::{self, Run, write_architecture};
use crate::{architecture, batch, device, generated, recipe, signal, tensorboard};

/// Trains.
pub fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let out = Output::new(args.run.json, args.run.quiet);
    let (blueprint, network) = architecture::resolve(&args.architecture)?;
    let recipe = args.recipe.as_deref().map(Recipe::by_name).transpose()?;
    let mut given = partial(args);
    given.space.name = Some(blueprint.space().to_owned());
    for (what, value) in [("epochs", args.epochs), ("jobs", args.run.jobs), ("threads", args.run.threads)] {
        if value == Some(0) {
            return Err(usage(format!("--{what} 0: it must be at least 1")));
        }
    }
    if recipe.is_some_and(Recipe::is_for_pictures) && given.data.size.is_none() {
        given.data.image_size = given.data.image_size.or(recipe_size(given.data.name.as_deref()));
    }
    let name = given.data.name.clone().unwrap_or_else(|| "digits".into());
    let device_name = given.run.device.clone().unwrap_or_else(|| "cpu".into());
    device::check(&device_name)?;
    let set = nas_data::load(&name, &images::load_options(given.data.size, given.data.colour, given.data.image_size))?;
    let facts = images::facts(&name, &set);
    if let Some(recipe) = recipe {
        let side = facts.image.height.min(facts.image.width);
        if recipe.is_for_pictures() && side < SMALL_SIDE {
            out.warn(&format!(
                "the recipe {} is for pictures of {PICTURE_SIDE} pixels: its stem leaves an eighth of a side, and these \
                 images have {side}; a recipe for CIFAR-10 fits them better (`nas methods`)",
                recipe.name
            ));
        }
        given = given.over(recipe.whole(side));
    }
    let usual = recipe.map(|recipe| recipe.batch_size);
    let is_auto = given.finish.batch_size == Some(Batch::Auto);
    let has_rate = given.training.learning_rate.is_some();
    let mut config = plan::resolve(given, &facts);
    config.finish.batch_size = usual.filter(|_| is_auto).unwrap_or(config.finish.batch_size);
    config.data.name = images::full_name(&name);
    config.finish.init = config.finish.init.as_deref().map(generated::full_name).transpose()?;
    if let Some(network) = network {
        // A file knows its network; flags know better.
        let size = recipe.map_or(Size { channels: network.channels, layers: network.layers }, |recipe| recipe.size);
        config.finish.channels = args.channels.unwrap_or(size.channels);
        config.finish.layers = args.layers.unwrap_or(size.layers);
        config.space.stem = args.stem.or(recipe.map(|recipe| recipe.stem)).unwrap_or(network.stem);
    }
    config.run.jobs = 1;
    config.run.threads = args.run.threads.unwrap_or_else(device::cores);
    device::use_threads(config.run.threads)?;
    let stop = signal::install()?;
    let data = Data::split(set, &config)?;
    let network = recipe::final_network(&config, &data);
    let graph = blueprint.lower(&network)?;
    if is_auto {
        let needs = |images: usize| {
            let training = TrainConfig { batch_size: images, ..recipe::final_training(&config) };
            Ok(memory::of_training(&graph, &training))
        };
        let machine = Machine::ask().filter(|_| config.run.device == "cpu");
        let choice = batch::choose(config.finish.batch_size, machine, needs)?;
        batch::say(&out, "a step", Some(&choice));
        (config.finish.batch_size, config.trial.batch_size) = (choice.images, choice.images);
        if !has_rate {
            config.training.learning_rate = plan::learning_rate(choice.images);
        }
    }
    let training = recipe::final_training(&config);
    training.validate_for(data.shape())?;
    if config.run.device == "cpu" {
        let needs = memory::of_training(&graph, &training);
        let advice = "set a smaller --batch-size, --channels or --layers, or --precision bf16";
        memory::check(&out, Machine::ask(), "this training", [needs, needs], advice)?;
    }
    let device = device::open(&config.run.device)?;
    tensorboard::check_free(config.run.tensorboard.as_deref())?;
    let stem = format!("{}-{}-{}", images::short_name(&name), label(&args.architecture), config.seed);
    let folder = Folder::create(args.out.as_deref(), &stem)?;
    folder.write("nas.toml", &render(&config, "The settings of this training. Searches are not concerned by it."))?;
    let words = settled(std::env::args().skip(1), config.finish.batch_size);
    let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    folder.write("command.txt", &format!("nas {}\n", words.join(" ")))?;
    write_architecture(&folder, architecture::FILE, &blueprint, &network)?;
    out.note(&format!("results go to {}; Ctrl-C stops, `{}` goes on", folder.path.display(), folder.resume_command()));
    run::train(&Run { folder, config, data, device, out, stop }, &blueprint)
}

/// A command's words, with the images a step that were chosen instead of `auto`.
fn settled(words: impl Iterator<Item = String>, images: usize) -> Vec<String> {
    const FLAGS: [&str; 2] = ["--batch-size", "--batch"];
    let mut settled: Vec<String> = Vec::new();
    for word in words {
        let is_value = settled.last().is_some_and(|last| FLAGS.contains(&last.as_str())) && word == "auto";
        settled.push(match word.split_once('=') {
            Some((flag, "auto")) if FLAGS.contains(&flag) => format!("{flag}={images}"),
            _ if is_value => images.to_string(),
            _ => word,
        });
    }
    settled
}

/// The size that a recipe for large pictures wants of a folder; what comes under a name has its own.
fn recipe_size(data: Option<&str>) -> Option<usize> {
    let is_folder = |name: &str| matches!(nas_data::DataSource::parse(name), nas_data::DataSource::Folder(_));
    data.is_some_and(is_folder).then_some(PICTURE_SIDE)
}

/// The pixels that networks see of a side of ImageNet's pictures.
const PICTURE_SIDE: usize = 224;

/// Below this, hardly anything is left of a side behind the stem for pictures: eight pixels, which reductions halve twice.
const SMALL_SIDE: usize = 64;

/// What the flags say.
fn partial(args: &TrainArgs) -> Partial {
    let mut said = Partial { seed: args.seed, ..Partial::default() };
    args.data.fill(&mut said);
    args.training.fill(&mut said);
    args.run.fill(&mut said);
    args.board.fill(&mut said);
    said.space.stem = args.stem;
    said.finish.channels = args.channels;
    said.finish.layers = args.layers;
    said.finish.epochs = args.epochs;
    said.finish.batch_size = args.batch_size;
    // The learning rate follows the batch.
    said.trial.batch_size = args.batch_size;
    said.finish.drop_path = args.drop_path;
    said.finish.auxiliary = args.auxiliary;
    said.finish.on_all = args.final_on_all.then_some(true);
    said.finish.init = args.init.clone();
    said
}

/// A short name of the architecture for a folder.
fn label(architecture: &str) -> String {
    let stem = std::path::Path::new(architecture).file_stem().map(|s| s.to_string_lossy().into_owned());
    let is_name = |text: &String| text.len() < 40 && text.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
    stem.filter(is_name).unwrap_or_else(|| "architecture".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_written_down_has_the_number_that_was_chosen() {
        let check = |line: &str, expect: &str| {
            assert_eq!(settled(line.split(' ').map(str::to_owned), 48).join(" "), expect);
        };
        check("train a.json --batch-size auto --out auto", "train a.json --batch-size 48 --out auto");
        check("train auto --batch=auto", "train auto --batch=48");
        check("train a.json --batch-size 32", "train a.json --batch-size 32");
    }
}
