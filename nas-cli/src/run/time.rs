//! A budget in time: how it is divided, what was used, and what the final training gets.

use std::time::{Duration, Instant};

use anyhow::Context;
use nas_nn::trainer::Deadline;
use nas_search::Study;
use nas_space::Blueprint;
use serde::{Deserialize, Serialize};

use super::{FINAL_KEY, Run, clock, hypernet, supernet, warm_start};
use crate::command_line::Open;
use crate::plan::{FINAL_SIZES, FinalPlan, HypernetPlan, Size, Speed, SupernetPlan, final_plan};
use crate::strategies::RANDOM;
use crate::units::seconds;
use crate::{probe, recipe};

/// How the time of a search is divided: decided once, before the first trial, and kept in the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimePlan {
    /// Seconds in all.
    pub total: f64,
    /// Seconds before the first trial: loading and probing.
    pub setup: f64,
    /// Seconds of all arms together.
    pub search: f64,
    /// Seconds of the first arm.
    pub first_arm: f64,
    /// Trials of the first arm, about.
    #[serde(default)]
    pub trials: u64,
    /// What the probe measured.
    pub speed: Speed,
    /// What the final training leaves to the time.
    pub open: Open,
    /// Gradient-based methods: how long the supernet is searched.
    #[serde(default)]
    pub supernet: Option<SupernetPlan>,
    /// A search by a hypernetwork: how long it learns, and how much it scores.
    #[serde(default)]
    pub hypernet: Option<HypernetPlan>,
    /// Either of them: when it ends, however far it has come. Studies of before there was such an end have none.
    #[serde(default)]
    pub phase: Option<Phase>,
}

/// The seconds of a phase before the first trial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// All of them.
    pub seconds: f64,
    /// Those that are kept for measuring what was learned.
    pub measuring: f64,
}

/// How much longer than planned a phase may take, as a part of its seconds: the machine is not always as fast as it was when
/// it was measured, and what a phase takes too much is missing in the final training only.
const ALLOWANCE: f64 = 0.1;

/// The share of all the time by which the search is over, however far it has come; 0.4 are planned.
const SEARCH_ENDS: f64 = 0.5;

impl Phase {
    /// When it ends, where it begins or goes on now after so many seconds.
    pub fn deadline(&self, used: f64) -> Deadline {
        let (now, left) = (Instant::now(), (1.0 + ALLOWANCE) * self.seconds - used);
        let after = |seconds: f64| now + Duration::from_secs_f64(seconds.max(0.0));
        Deadline { learning: after(left - self.measuring), measuring: after(left) }
    }
}

impl TimePlan {
    /// Seconds that are left for trials of a number of their own, when the search has used so many. There are always some.
    pub fn left_for_trials(&self, used: f64) -> f64 {
        (SEARCH_ENDS * self.total - self.setup - used).max(1.0)
    }
}

/// The key under which a study keeps the seconds that the final training used.
pub const FINAL_SECONDS: &str = "nas/final_seconds";

/// Decides the final network and its epochs from the time that is left and the winner's measured speed, once; and says
/// when the training should have ended.
pub fn decide_final(run: &mut Run, study: &Study, time: &TimePlan, blueprint: &Blueprint) -> anyhow::Result<Instant> {
    let search = search_seconds(study, run.config.search.strategy_name())?;
    let used = time.setup + search + clock::seconds_used(study, FINAL_SECONDS)?;
    let begin = Instant::now();
    let plan: FinalPlan = match study.get(FINAL_KEY)? {
        Some(text) => serde_json::from_str(&text).context("the study's final plan cannot be read")?,
        None => {
            let left = (time.total - used - reserve(run, time)).max(0.0);
            let mut plan = plan(run, time, blueprint, left)?;
            if time.open.size {
                plan.size = recipe::fitting(recipe::space(blueprint.space())?.as_ref(), plan.size);
            }
            // A pass over a part still validates on everything held out, at a third of the cost of training on it.
            let (_, validation) = run.data.final_images(&run.config)?;
            let part = plan.images.map(|n| n.saturating_sub(validation.len() / 3).max(n / 2));
            plan.images = run.data.at_least(part);
            study.set(FINAL_KEY, &serde_json::to_string(&plan)?)?;
            plan
        }
    };
    run.config.finish.channels = plan.size.channels;
    run.config.finish.layers = plan.size.layers;
    run.config.finish.epochs = plan.epochs;
    run.config.finish.images = plan.images.or(run.config.finish.images);
    let left = (time.total - used - reserve(run, time)).max(1.0);
    Ok(begin + Duration::from_secs_f64(left))
}

/// Seconds that a search took so far: what was learned before the first trial, and all trials.
///
/// # Errors
/// If the study cannot be read, or holds something else there.
pub fn search_seconds(study: &Study, strategy: &str) -> anyhow::Result<f64> {
    let learning = supernet::seconds_used(study)? + hypernet::seconds_used(study)? + warm_start::seconds_used(study)?;
    Ok(learning + trial_seconds(study, strategy)?)
}

/// Seconds that all trials took. Random search is the baseline of every other strategy, but none of its own.
fn trial_seconds(study: &Study, strategy: &str) -> anyhow::Result<f64> {
    let own = study.seconds_used(strategy)?;
    if strategy == RANDOM {
        return Ok(own);
    }
    // Nobody spent twice what the random arm was charged for trials it took over.
    Ok(own + study.seconds_used(RANDOM)? - study.seconds_shared(RANDOM)?)
}

/// Seconds kept for measuring on the test images and writing the results.
fn reserve(run: &Run, time: &TimePlan) -> f64 {
    let size = Size { channels: run.config.finish.channels, layers: run.config.finish.layers };
    let network = recipe::trial_network(&run.config, &run.data);
    let work = recipe::space(&run.config.space.name).ok().and_then(|s| probe::mean_work(s.as_ref(), &network, size));
    // A forward pass alone costs about a third of a training step; mirror images are measured too.
    let views = if run.config.data.flip { 2.0 } else { 1.0 };
    let test = work.map_or(0.0, |w| views * run.data.test.len() as f64 * w / time.speed.whole / 3.0);
    0.01 * time.total + test
}

/// Measures the winner and plans.
fn plan(run: &Run, time: &TimePlan, blueprint: &Blueprint, left: f64) -> anyhow::Result<FinalPlan> {
    let (train_images, validation) = run.data.final_images(&run.config)?;
    let base = recipe::final_network(&run.config, &run.data);
    let space = recipe::space(blueprint.space())?;
    let lower = |size: Size| blueprint.lower(&recipe::sized(space.as_ref(), &base, size)).ok();
    // Validation is a forward pass only.
    let images = train_images.len() as f64 + validation.len() as f64 / 3.0;
    let given = Size { channels: run.config.finish.channels, layers: run.config.finish.layers };
    let size = (!time.open.size).then_some(given);
    let epochs = (!time.open.epochs).then_some(run.config.finish.epochs);
    let training = recipe::final_training(&run.config);
    let mut measured: Vec<(Size, f64)> = Vec::new();
    let mut scale = 1.0;
    // First by the probe's speed; then the size it names is measured, which corrects the estimate of all others.
    for _ in 0..3 {
        let seconds_of = |s: Size| {
            let known = measured.iter().find(|(of, _)| *of == s).map(|(_, speed)| images / speed);
            known.or_else(|| Some(images * probe::work_of(&lower(s)?) / time.speed.whole * scale))
        };
        let plan = final_plan(left, train_images.len(), size, epochs, seconds_of);
        if measured.iter().any(|(of, _)| *of == plan.size) {
            return Ok(plan);
        }
        let Some(graph) = lower(plan.size) else { return Ok(plan) };
        let expected = time.speed.whole / probe::work_of(&graph);
        let speed = probe::images_per_second(graph, &run.data, &training, &run.device)?;
        scale = expected / speed;
        measured.push((plan.size, speed));
        run.out.note(&format!(
            "the winner at {} channels and {} cells trains {speed:.0} images a second; {} are left",
            plan.size.channels,
            plan.size.layers,
            seconds(left)
        ));
    }
    // Two sizes that take turns: the smaller is safe.
    let smallest = measured.iter().min_by_key(|(s, _)| FINAL_SIZES.iter().position(|f| f == s)).map(|(s, _)| *s);
    let size = size.or(smallest);
    let seconds_of = |s: Size| measured.iter().find(|(of, _)| *of == s).map(|(_, speed)| images / speed);
    Ok(final_plan(left, train_images.len(), size, epochs, seconds_of))
}

#[cfg(test)]
mod tests {
    use nas_search::StudyInfo;

    use super::*;

    #[test]
    fn no_second_of_a_search_counts_twice() {
        let info = StudyInfo { seed: 0, space: "darts".into(), lag: 2, config: String::new(), program: String::new() };
        let folder = tempfile::tempdir().unwrap();
        let study = Study::create(folder.path().join("study.db"), &info).unwrap();
        for (key, value) in [("seconds/random", "10"), ("seconds/evolution", "12")] {
            study.set(key, value).unwrap();
        }
        let used = |strategy| trial_seconds(&study, strategy).unwrap();
        assert_eq!((used("evolution"), used("random")), (22.0, 10.0));
        study.set("shared_seconds/random", "4").unwrap();
        assert_eq!((used("evolution"), used("random")), (18.0, 10.0));
    }
}
