//! How a search by a hypernetwork is cut to the time there is.

use serde::{Deserialize, Serialize};

/// The length of a hypernetwork's search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HypernetPlan {
    /// Passes over the images that it learns from.
    pub epochs: usize,
    /// So many of the training images; `None` for all.
    pub images: Option<usize>,
    /// Architectures scored with generated weights.
    pub samples: usize,
}

/// The passes where nothing else is said.
pub const PASSES: usize = 30;

/// The most passes of a long search.
const MOST_PASSES: usize = 300;

/// The architectures that the paper scores.
pub const SAMPLES: usize = 1000;

/// The fewest passes: by steps the learning rate falls after two thirds and five sixths, and what is held back is scored pass
/// by pass.
const FEWEST_PASSES: usize = 6;

/// The most of the time that scoring may take.
pub const SCORING: f64 = 0.25;

/// Plans a search of `seconds` on `images` training images, `batch` a step, of which a step takes `step_seconds` and a
/// score `score_seconds`. `samples` architectures are scored, if the time allows; `held_back` more after each pass.
pub fn hypernet_plan(
    seconds: f64,
    images: usize,
    batch: usize,
    step_seconds: f64,
    score_seconds: f64,
    samples: usize,
    held_back: usize,
) -> HypernetPlan {
    let (step, score) = (step_seconds.max(1e-6), score_seconds.max(1e-6));
    let samples = samples.min((SCORING * seconds / score) as usize).max(1);
    let left = (seconds - samples as f64 * score).max(0.0);
    let whole = (images / batch.max(1)).max(1);
    let epochs = (left / (whole as f64 * step + held_back as f64 * score)) as usize;
    if epochs >= FEWEST_PASSES {
        return HypernetPlan { epochs: epochs.min(MOST_PASSES), images: None, samples };
    }
    let a_pass = left / FEWEST_PASSES as f64 - held_back as f64 * score;
    let part = ((a_pass / step) as usize).max(1) * batch;
    HypernetPlan { epochs: FEWEST_PASSES, images: Some(part).filter(|&part| part < images), samples }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seconds: f64, images: usize) -> HypernetPlan {
        hypernet_plan(seconds, images, 50, 0.1, 0.2, 1000, 5)
    }

    #[test]
    fn scores_take_a_quarter_at_most_and_passes_the_rest() {
        // 200 s for the scores; a pass takes 20 s and a second for what is held back.
        assert_eq!(plan(1000.0, 10_000), HypernetPlan { epochs: 38, images: None, samples: 1000 });
        assert_eq!(plan(400.0, 10_000).samples, 500);
        assert_eq!(plan(1e6, 10_000).epochs, MOST_PASSES);
    }

    #[test]
    fn where_few_passes_fit_they_go_over_a_part_of_the_images() {
        // 75 s for six passes, of which each has a second for what is held back.
        assert_eq!(plan(100.0, 10_000), HypernetPlan { epochs: 6, images: Some(115 * 50), samples: 125 });
    }

    #[test]
    fn next_to_no_time_still_makes_a_search() {
        assert_eq!(plan(0.1, 10_000), HypernetPlan { epochs: 6, images: Some(50), samples: 1 });
    }
}
