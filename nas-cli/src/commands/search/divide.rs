//! A budget in time, divided: the machine is measured, and the rule makes trials and final training of what there is.

use std::sync::Arc;
use std::time::Instant;

use candle_core::Device;

use crate::command_line::Open;
use crate::config::{Config, Partial};
use crate::hypernet::Hypernet;
use crate::images::Data;
use crate::oneshot::{self, OneShot};
use crate::output::Output;
use crate::plan::{
    self, CANDIDATES_SHARE, HYPERNET_SAMPLES, HYPERNET_SCORING, HypernetPlan, SEARCH_SIZES, SUPERNET_SHARE, Size,
    SupernetPlan,
};
use crate::run::{Phase, TimePlan};
use crate::units::{plural, seconds};
use crate::{probe, recipe, strategies};

/// The share of the time for search, final training having the rest.
const SEARCH_SHARE: f64 = 0.4;

/// The share of the search for a training of a cell that was found by other means than training it. It tells what the cell
/// is worth beside random ones; a longer one would take from the final training.
const CHECK_SHARE: f64 = 0.05;

/// Measures the machine and divides the time by the rule.
pub(super) fn divide(
    total: f64,
    config: &mut Config,
    given: &Partial,
    data: &Data,
    device: &Device,
    loading: f64,
    start: Instant,
    out: Output,
) -> anyhow::Result<TimePlan> {
    let one_shot = OneShot::of(&config.search)?;
    // A supernet of the size that was given, or of the smallest.
    let step = one_shot.as_ref().map(|asked| supernet_step(config, data, asked)).transpose()?;
    let hypernet = Hypernet::asked(&config.search.strategy)?;
    let paces = hypernet.as_ref().map(|asked| probe::hypernet_seconds(config, data, asked)).transpose()?;
    let speed = probe::speed(config, data, device)?;
    let space = recipe::space(&config.space.name)?;
    let network = recipe::trial_network(config, data);
    let limited = !config.search.limits().is_empty();
    let as_found = limited || config.search.max_latency_ms.is_some();
    let as_asked = config.clone();
    let work = |size: Size| {
        if !limited {
            return probe::mean_work(space.as_ref(), &network, size);
        }
        // Of a size at which nothing keeps to the limits, there is no work.
        let within = recipe::limited(&as_asked, Arc::clone(&space), recipe::sized(space.as_ref(), &network, size));
        within.check_possible().ok().and_then(|()| probe::mean_work(&within, &network, size))
    };
    let setup = start.elapsed().as_secs_f64();
    let baseline = config.search.baseline && config.search.strategy_name() != strategies::RANDOM;
    let search = (SEARCH_SHARE * total - setup).max(1.0);
    let jobs = if config.run.in_process { 1 } else { config.run.jobs };
    let fixed = (given.space.channels.is_some() || given.space.layers.is_some())
        .then_some(Size { channels: config.space.channels, layers: config.space.layers });
    let once = one_shot.is_some() || hypernet.is_some();
    let fixed = if once { fixed.or(Some(recipe::fitting(space.as_ref(), SEARCH_SIZES[0]))) } else { fixed };
    let rounds = |count: u64| count.div_ceil(jobs as u64);
    let rounds = match (one_shot.as_ref().and_then(OneShot::random), &hypernet) {
        (Some(random), _) => Some(1 + if baseline { rounds(random) } else { 0 }),
        (None, Some(asked)) => {
            Some(rounds(asked.learning.best as u64) + if baseline { rounds(asked.random) } else { 0 })
        }
        (None, None) => None,
    };
    let each = rounds.map(|rounds| ((1.0 - SUPERNET_SHARE) / rounds as f64).min(CHECK_SHARE) * search);
    // A worker starts, loads the images, and trains.
    let overhead = if config.run.in_process { 0.0 } else { loading + 0.05 };
    let batch = config.trial.batch_size;
    let trials =
        plan::timed_trials(search, jobs, data.train.len(), batch, baseline, overhead, fixed, each, speed, &work);
    let searched = fixed.unwrap_or_else(|| recipe::fitting(space.as_ref(), trials.size));
    (config.space.channels, config.space.layers) = (searched.channels, searched.layers);
    if given.trial.epochs.is_none() && given.trial.images.is_none() {
        (config.trial.epochs, config.trial.images) = (trials.epochs, data.at_least(trials.images));
    }
    let evolution = nas_evolution::EvolutionConfig::for_budget(trials.trials);
    config.search.population = given.search.population.unwrap_or(evolution.population);
    let usual = nas_evolution::EvolutionConfig::usual_sample(config.search.population);
    config.search.sample = given.search.sample.unwrap_or(usual);
    let as_wished = given.finish.channels.is_none() && given.finish.layers.is_none();
    if as_found && as_wished {
        // What was found within the limits is trained as it was found.
        (config.finish.channels, config.finish.layers) = (searched.channels, searched.layers);
    }
    let open = Open { size: as_wished && !as_found, epochs: given.finish.epochs.is_none() };
    let images = data.final_images(config)?.0.len();
    let each = |s: Size| Some(images as f64 * probe::mean_work(space.as_ref(), &network, s)? / speed.whole);
    let fitting = |s: Size| recipe::fitting(space.as_ref(), s);
    let trained = plan_final(config, given, data, &open, (total - setup - search) * 0.98, images, each, fitting);
    let rates = |size: Size, speed: f64| work(size).map_or(0.0, |w| speed / w);
    out.note(&format!(
        "speed probe: a worker trains {:.0} images a second at {} channels and {} cells, all threads {:.0} at {} and {}",
        rates(searched, speed.worker),
        searched.channels,
        searched.layers,
        rates(trained, speed.whole),
        trained.channels,
        trained.layers,
    ));
    let learning = learning(one_shot.as_ref(), hypernet.as_ref(), SUPERNET_SHARE * search, (step, paces), data, batch);
    let beside = match one_shot.as_ref().and_then(OneShot::random).or(hypernet.as_ref().map(|asked| asked.random)) {
        Some(random) if baseline && random > 0 => " and random ones",
        _ => "",
    };
    let parts = learning.as_ref().map_or_else(
        || format!("about {} trials of {} in the first arm", trials.trials, seconds(trials.seconds)),
        |learning| said(learning, one_shot.as_ref(), beside, trials.seconds),
    );
    out.note(&format!(
        "of {}: {} for the search, {parts}; the rest for the final training, measured again when the winner is known",
        seconds(total),
        seconds(search),
    ));
    let measuring = if matches!(one_shot, Some(OneShot::Shared(_))) { 1.0 - SUPERNET_SHARE } else { 1.0 };
    let first_arm = search * measuring * plan::first_arm_share(baseline);
    let (supernet, hypernet, phase) = match learning {
        Some(Learning { what: Learned::Supernet(plan), phase }) => (Some(plan), None, Some(phase)),
        Some(Learning { what: Learned::Hypernet(plan), phase }) => (None, Some(plan), Some(phase)),
        None => (None, None, None),
    };
    Ok(TimePlan { total, setup, search, first_arm, trials: trials.trials, speed, open, supernet, hypernet, phase })
}

/// Plans the final training for so many seconds, as long as the winner is not known, and its regularization, which stays;
/// returns the size of the network. `each` has the seconds of a pass over the images at a size.
fn plan_final(
    config: &mut Config,
    given: &Partial,
    data: &Data,
    open: &Open,
    left: f64,
    images: usize,
    each: impl Fn(Size) -> Option<f64>,
    fitting: impl Fn(Size) -> Size,
) -> Size {
    let size = (!open.size).then_some(Size { channels: config.finish.channels, layers: config.finish.layers });
    let epochs = (!open.epochs).then_some(config.finish.epochs);
    let finish = plan::final_plan(left, images, size, epochs, each);
    let trained = size.unwrap_or_else(|| fitting(finish.size));
    (config.finish.channels, config.finish.layers) = (trained.channels, trained.layers);
    config.finish.epochs = finish.epochs;
    let side = data.shape().height.min(data.shape().width);
    let (pictures, windows) = (config.data.image_size.is_some(), config.data.resized_crop > 0.0);
    let usual = plan::regularization(finish.epochs, side, pictures, windows);
    config.finish.drop_path = given.finish.drop_path.unwrap_or(usual.drop_path);
    config.data.cutout = given.data.cutout.unwrap_or(usual.cutout);
    config.data.crop = given.data.crop.unwrap_or(usual.crop);
    trained
}

/// What a method learns before its first trial.
struct Learning {
    what: Learned,
    phase: Phase,
}

enum Learned {
    Supernet(SupernetPlan),
    Hypernet(HypernetPlan),
}

/// Plans what a method learns before its first trial, in so many seconds; `paces` are the measured seconds of a step of a
/// supernet, and of a step and a score of a hypernetwork.
fn learning(
    one_shot: Option<&OneShot>,
    hypernet: Option<&Hypernet>,
    seconds: f64,
    paces: (Option<f64>, Option<(f64, f64)>),
    data: &Data,
    batch: usize,
) -> Option<Learning> {
    let images = data.train.len();
    if let (Some(asked), Some(step)) = (one_shot, paces.0) {
        let plan = asked.plan(seconds, images, batch, step);
        let measuring = if matches!(asked, OneShot::Sharing(_)) { CANDIDATES_SHARE * seconds } else { 0.0 };
        let what = Learned::Supernet(SupernetPlan { images: data.at_least(plan.images), ..plan });
        return Some(Learning { what, phase: Phase { seconds, measuring } });
    }
    let (asked, paces) = hypernet.zip(paces.1)?;
    let plan = asked.plan(seconds, images, batch, paces);
    let samples = asked.samples.unwrap_or(HYPERNET_SAMPLES);
    let measuring = (samples as f64 * paces.1).min(HYPERNET_SCORING * seconds);
    let what = Learned::Hypernet(HypernetPlan { images: data.at_least(plan.images), ..plan });
    Some(Learning { what, phase: Phase { seconds, measuring } })
}

/// What is learned, for a person, and what comes after it; a trial takes so many seconds.
fn said(learning: &Learning, one_shot: Option<&OneShot>, beside: &str, trial: f64) -> String {
    match &learning.what {
        Learned::Hypernet(plan) => format!(
            "{} of the hypernetwork and {} scored, then the best of them{beside}, {} each",
            plural(plan.epochs as u64, "epoch"),
            plural(plan.samples as u64, "architecture"),
            seconds(trial),
        ),
        Learned::Supernet(plan) if matches!(one_shot, Some(OneShot::Shared(_))) => {
            format!("{} of the supernet, then trials on its weights", plural(plan.epochs as u64, "epoch"))
        }
        Learned::Supernet(plan) => format!(
            "{} of the supernet, then the cell found{beside}, {} each",
            plural(plan.epochs as u64, "epoch"),
            seconds(trial),
        ),
    }
}

/// Seconds of a step of the supernet that is asked for.
fn supernet_step(config: &Config, data: &Data, asked: &OneShot) -> anyhow::Result<f64> {
    // So many epochs that the probe never comes to an end of its own.
    let endless = SupernetPlan { epochs: 1_000_000, images: asked.images(), candidates: None };
    probe::supernet_step_seconds(oneshot::build(config, data, &asked.weights_only(), Some(&endless))?)
}
