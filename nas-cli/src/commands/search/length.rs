//! How long a search will be, as the rule that scales a method wants to know it.

use crate::config::Config;
use crate::hypernet::Hypernet;
use crate::images::Data;
use crate::oneshot::OneShot;
use crate::plan;
use crate::presets::{Length, Once};
use crate::run::TimePlan;

/// How long everything will be, for the scaling of a method.
pub fn of(config: &Config, data: &Data, time: Option<&TimePlan>) -> anyhow::Result<Length> {
    let shape = data.shape();
    let images = data.train.len();
    let given = |usual: usize| config.search.epochs.map_or(usual, |epochs| epochs as usize);
    let supernet = OneShot::of(&config.search)?.map(|asked| {
        let plan = time.and_then(|t| t.supernet.as_ref());
        let used = plan.map_or(asked.images(), |plan| plan.images).unwrap_or(images).min(images);
        let epochs = plan.map_or_else(|| given(plan::PUBLISHED_EPOCHS), |plan| plan.epochs);
        Once { epochs, images: (asked.weights_share() * used as f64) as usize, compared: None }
    });
    let hypernet = Hypernet::asked(&config.search.strategy)?.map(|asked| {
        let plan = time.and_then(|t| t.hypernet.as_ref());
        let used = plan.map_or(asked.images, |plan| plan.images).unwrap_or(images).min(images);
        let epochs = plan.map_or_else(|| given(plan::HYPERNET_PASSES), |plan| plan.epochs);
        Once { epochs, images: used, compared: plan.map(|plan| plan.samples).or(asked.samples) }
    });
    let each = config.trial.epochs.max(1) as u64;
    let trials = config.search.trials.or(config.search.epochs.map(|epochs| epochs.div_ceil(each)));
    Ok(Length {
        trials: trials.or(time.map(|t| t.trials)).unwrap_or(1).max(1),
        trial_images: data.trial_images(config)?.len(),
        once: supernet.or(hypernet),
        side: shape.height.min(shape.width),
        final_images: data.final_images(config)?.0.len(),
    })
}
