//! Fills what flags and file leave open, without a clock.

use nas_evolution::EvolutionConfig;
use nas_space::{Stem, spaces};

use super::Facts;
use super::finish::regularization;
use super::hypernet::PASSES;
use super::sizes::{FINAL_DEFAULT, SEARCH_SIZES, Size};
use crate::config::{
    Batch, Config, DataConfig, FinalConfig, Moving, Partial, RunConfig, SearchConfig, SpaceConfig, TrainingConfig,
    TrialConfig,
};
use crate::evaluators::{SUPERNET, TRAIN};
use crate::objectives::{self, wants_latency};
use crate::oneshot;
use crate::warm_start::PROXY;

/// The trials of a search without a budget.
const DEFAULT_TRIALS: u64 = 20;

/// The same where a trial costs a pass or two, on shared weights or by a proxy.
const DEFAULT_SHARED_TRIALS: u64 = 500;

/// Trials that may be unfinished when the next is proposed. A constant: the result depends on it, so it must not follow
/// the machine.
const LAG: u64 = nas_search::StudyInfo::DEFAULT_LAG;

/// The least share of a large picture's area that is trained on (Szegedy et al. 2015).
const LEAST_AREA: f64 = 0.08;

/// How far the colours of large pictures are changed: DARTS on ImageNet.
const JITTER: f64 = 0.4;

/// The configuration of a search: what was given, and the rule for the rest. Under a budget in time, the sizes of
/// trials and final training are first guesses that the measured speed replaces.
pub fn resolve(given: Partial, facts: &Facts) -> Config {
    let Partial { seed, data, space, search, trial, finish, training, run } = given;
    let validation = data.validation.unwrap_or_else(|| validation_share(facts.images));
    let images = facts.images - (facts.images as f64 * validation) as usize;
    let batch_size = if images < 5_000 { 32 } else { 64 };
    let (epochs, part) = trial_length(images, trial.images);
    let trial = TrialConfig {
        epochs: trial.epochs.unwrap_or(epochs),
        images: trial.images.or(part),
        batch_size: trial.batch_size.and_then(Batch::images).unwrap_or(batch_size),
        validations: trial.validations.unwrap_or(1),
        weights: trial.weights,
    };
    let images_a_step = trial.batch_size;
    let strategy = search.strategy.clone().unwrap_or_else(|| objectives::usual_strategy(&search).into());
    let unlimited = search.trials.is_none() && search.epochs.is_none() && search.time.is_none();
    let name = space.name.unwrap_or_else(|| "darts".into());
    let supernet = search.strategy.as_deref().and_then(|strategy| oneshot::published_epochs(strategy, &name));
    let is_hypernet = search.strategy.as_deref().is_some_and(crate::hypernet::is_asked);
    let is_shared = search
        .evaluator
        .as_deref()
        .is_some_and(|evaluator| evaluator.starts_with(SUPERNET) || evaluator.starts_with(PROXY));
    let usual = if is_shared { DEFAULT_SHARED_TRIALS } else { DEFAULT_TRIALS };
    let trials = if unlimited && supernet.is_none() && !is_hypernet { Some(usual) } else { search.trials };
    let supernet_epochs = supernet.map(|epochs| epochs as u64).filter(|_| unlimited);
    let hypernet_epochs = Some(PASSES as u64).filter(|_| unlimited && is_hypernet);
    let expected = trials.or(search.epochs.map(|e| e.div_ceil(trial.epochs.max(1) as u64)));
    let evolution = EvolutionConfig::for_budget(expected.unwrap_or(DEFAULT_TRIALS));
    let population = search.population.unwrap_or(evolution.population);
    let lag = search.lag.unwrap_or(LAG);
    // A latency beside other trials is that of a busy machine.
    let usual = if wants_latency(&search, &strategy) { 1 } else { facts.cores.min(lag as usize + 1) };
    let jobs = run.jobs.unwrap_or(usual).max(1);
    let in_process = run.in_process.unwrap_or(false);
    let workers = if in_process { 1 } else { jobs };
    let final_epochs = finish.epochs.unwrap_or_else(|| (50_000 / images.max(1)).clamp(10, 60));
    let pictures = data.image_size.is_some();
    let resized_crop = data.resized_crop.unwrap_or(if pictures { LEAST_AREA } else { 0.0 });
    let usual = regularization(final_epochs, facts.side(), pictures, resized_crop > 0.0);
    // A name that is no space's is refused elsewhere.
    let nearest = |layers| spaces::by_name(&name).map_or(layers, |space| space.nearest_layers(layers));
    let searched = Size {
        channels: space.channels.unwrap_or(SEARCH_SIZES[0].channels),
        layers: space.layers.unwrap_or_else(|| nearest(SEARCH_SIZES[0].layers)),
    };
    // Under a limit, what was found within it is trained as it was found.
    let limited = [search.max_params, search.max_flops].iter().any(Option::is_some) || search.max_latency_ms.is_some();
    let last = if limited { searched } else { Size { layers: nearest(FINAL_DEFAULT.layers), ..FINAL_DEFAULT } };
    Config {
        seed: seed.unwrap_or(0),
        data: DataConfig {
            name: data.name.unwrap_or_else(|| "digits".into()),
            validation,
            size: data.size,
            colour: data.colour,
            image_size: data.image_size,
            flip: data.flip.unwrap_or(facts.mirror || pictures),
            crop: data.crop.unwrap_or(usual.crop),
            cutout: data.cutout.unwrap_or(usual.cutout),
            resized_crop,
            jitter: data.jitter.unwrap_or(if pictures { JITTER } else { 0.0 }),
        },
        space: SpaceConfig {
            name: name.clone(),
            channels: searched.channels,
            layers: searched.layers,
            stem: space.stem.unwrap_or(if facts.side() >= 96 { Stem::Imagenet } else { Stem::Cifar }),
        },
        search: SearchConfig {
            method: search.method,
            recipe: search.recipe,
            strategy,
            evaluator: search.evaluator.unwrap_or_else(|| TRAIN.into()),
            trials,
            epochs: search.epochs.or(supernet_epochs).or(hypernet_epochs),
            time: search.time,
            population,
            sample: search.sample.unwrap_or_else(|| EvolutionConfig::usual_sample(population)),
            lag,
            baseline: search.baseline.unwrap_or(true),
            trial_timeout: search.trial_timeout,
            max_params: search.max_params,
            max_flops: search.max_flops,
            max_latency_ms: search.max_latency_ms,
            latency: search.latency.unwrap_or(false),
            objectives: search.objectives,
            warm_start: search.warm_start,
        },
        trial,
        finish: FinalConfig {
            channels: finish.channels.unwrap_or(last.channels),
            layers: finish.layers.unwrap_or(last.layers),
            epochs: final_epochs,
            images: finish.images,
            batch_size: finish.batch_size.and_then(Batch::images).unwrap_or(batch_size),
            drop_path: finish.drop_path.unwrap_or(usual.drop_path),
            auxiliary: finish.auxiliary.unwrap_or(false),
            on_all: finish.on_all.unwrap_or(false),
            init: finish.init,
        },
        training: TrainingConfig {
            learning_rate: training.learning_rate.unwrap_or_else(|| learning_rate(images_a_step)),
            schedule: training.schedule.unwrap_or_default(),
            optimizer: training.optimizer.unwrap_or(Moving::MUON),
            momentum: training.momentum.unwrap_or(0.9),
            nesterov: training.nesterov.unwrap_or(true),
            weight_decay: training.weight_decay.unwrap_or(3e-4),
            label_smoothing: training.label_smoothing.unwrap_or(0.1),
            warmup: training.warmup.unwrap_or(0.05),
            clip_norm: training.clip_norm.unwrap_or(5.0),
            precision: training.precision.unwrap_or_default(),
        },
        run: RunConfig {
            jobs,
            threads: run.threads.unwrap_or((facts.cores / workers).max(1)),
            in_process,
            device: run.device.unwrap_or_else(|| "cpu".into()),
            tensorboard: run.tensorboard,
        },
    }
}

/// The learning rate at so many images a step, proportional to them (Goyal et al. 2017).
pub fn learning_rate(batch: usize) -> f64 {
    0.1 * batch as f64 / 64.0
}

/// A fifth, but never more than the 5,000 images that the papers hold out.
fn validation_share(images: usize) -> f64 {
    if images <= 25_000 { 0.2 } else { (5_000.0 / images as f64 * 1e4).round() / 1e4 }
}

/// Passes and, where one pass is too long, the part of the images: about 5,000 images seen.
fn trial_length(images: usize, part: Option<usize>) -> (usize, Option<usize>) {
    const SEEN: usize = 5_000;
    let used = part.map_or(images, |p| p.min(images)).max(1);
    if used > SEEN && part.is_none() { (1, Some(SEEN)) } else { ((SEEN / used).clamp(1, 8), None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template;
    use nas_space::ImageShape;

    fn facts(images: usize, side: usize) -> Facts {
        let image = ImageShape { channels: 3, height: side, width: side };
        Facts { image, images, mirror: true, cores: 2 }
    }

    #[test]
    fn digits_are_searched_whole_and_large_sets_in_part() {
        let small = resolve(Partial::default(), &facts(1_437, 8));
        assert_eq!((small.trial.epochs, small.trial.images, small.data.validation), (4, None, 0.2));
        let large = resolve(Partial::default(), &facts(60_000, 28));
        assert_eq!((large.trial.epochs, large.trial.images), (1, Some(5_000)));
        assert!((large.data.validation * 60_000.0 - 5_000.0).abs() < 10.0);
        assert_eq!((large.data.crop, large.data.cutout, large.finish.epochs), (1, 0, 10));
        let mut long = Partial::default();
        long.finish.epochs = Some(40);
        let long = resolve(long, &facts(60_000, 28));
        assert_eq!((long.data.crop, long.data.cutout, long.finish.drop_path), (3, 7, 0.1));
    }

    #[test]
    fn the_learning_rate_follows_the_batch() {
        let rate = |batch: Option<usize>, images| {
            let mut given = Partial::default();
            given.trial.batch_size = batch.map(Batch::Images);
            resolve(given, &facts(images, 28)).training.learning_rate
        };
        assert_eq!([rate(None, 60_000), rate(None, 1_437), rate(Some(128), 1_437)], [0.1, 0.05, 0.2]);
    }

    #[test]
    fn only_the_run_section_follows_the_machine() {
        let mut many = facts(1_437, 8);
        many.cores = 64;
        let (a, mut b) = (resolve(Partial::default(), &facts(1_437, 8)), resolve(Partial::default(), &many));
        assert_eq!((a.run.jobs, b.run.jobs, b.run.threads), (2, LAG as usize + 1, 64 / (LAG as usize + 1)));
        b.run = a.run.clone();
        assert_eq!(a, b);
    }

    #[test]
    fn a_budget_that_was_given_is_the_only_one() {
        let mut given = Partial::default();
        given.search.time = Some("30m".into());
        assert_eq!(resolve(given, &facts(60_000, 28)).search.trials, None);
        assert_eq!(resolve(Partial::default(), &facts(60_000, 28)).search.trials, Some(DEFAULT_TRIALS));
    }

    #[test]
    fn a_supernet_has_a_budget_in_epochs() {
        let mut given = Partial::default();
        given.search.strategy = Some("darts1:max_skips=3".into());
        let search = resolve(given.clone(), &facts(1_437, 8)).search;
        assert_eq!((search.trials, search.epochs), (None, Some(50)));
        given.search.time = Some("30m".into());
        let search = resolve(given, &facts(1_437, 8)).search;
        assert_eq!((search.trials, search.epochs), (None, None));
    }

    #[test]
    fn populations_follow_the_trials() {
        let population = |trials| {
            let mut given = Partial::default();
            given.search.trials = Some(trials);
            let search = resolve(given, &facts(1_437, 8)).search;
            (search.population, search.sample)
        };
        assert_eq!([2, 24, 100, 20_000].map(population), [(4, 2), (5, 2), (20, 5), (100, 25)]);
    }

    #[test]
    fn layers_are_as_many_as_the_space_can_have() {
        let layers = |name: &str| {
            let mut given = Partial::default();
            given.space.name = Some(name.into());
            let config = resolve(given, &facts(1_437, 8));
            (config.space.layers, config.finish.layers)
        };
        assert_eq!(layers("darts"), (SEARCH_SIZES[0].layers, FINAL_DEFAULT.layers));
        assert_eq!(layers("nasbench201"), (6, 6));
    }

    #[test]
    fn under_a_limit_the_winner_stays_as_large_as_it_was_found() {
        let mut given = Partial::default();
        given.search.max_params = Some(crate::config::Amount(50_000));
        let config = resolve(given.clone(), &facts(1_437, 8));
        let sizes = [(config.space.channels, config.space.layers), (config.finish.channels, config.finish.layers)];
        assert_eq!(sizes[0], sizes[1]);
        given.finish.channels = Some(64);
        assert_eq!(resolve(given, &facts(1_437, 8)).finish.channels, 64);
    }

    #[test]
    fn large_images_get_the_strided_stem() {
        assert_eq!(resolve(Partial::default(), &facts(1_000, 224)).space.stem, Stem::Imagenet);
    }

    #[test]
    fn the_template_shows_the_rule_s_values() {
        assert!(template(&super::super::example(), "x").contains("# epochs = 4\n"));
    }
}
