//! How a search on a supernet is cut to the time there is.

use serde::{Deserialize, Serialize};

/// The length of a supernet's search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupernetPlan {
    /// Passes over the half that the weights learn from.
    pub epochs: usize,
    /// So many of the training images, both parts together; `None` for all.
    pub images: Option<usize>,
    /// Candidates at the end of a search by parameter sharing.
    #[serde(default)]
    pub candidates: Option<usize>,
}

/// The passes of the published search, and the most there are.
pub const PUBLISHED_EPOCHS: usize = 50;

/// The share of the search's time that the supernet has; the cells found and those beside them are trained in the rest.
pub const SHARE: f64 = 0.75;

/// The fewest passes: the learning rate falls pass by pass, and so few already make a coarse curve.
const FEWEST_PASSES: usize = 10;

/// The fewest steps of a pass.
const FEWEST_STEPS: usize = 4;

/// Plans a search of `seconds` of which a step takes `step_seconds`, on `images` training images, half of them for the
/// weights, `batch` a step. What is measured at the end of a pass takes as long as `watching` steps.
pub fn supernet_plan(seconds: f64, images: usize, batch: usize, step_seconds: f64, watching: usize) -> SupernetPlan {
    let fit = seconds / step_seconds.max(1e-6);
    let whole = (images / 2 / batch.max(1)).max(1);
    let epochs = fit / (whole + watching) as f64;
    if epochs >= FEWEST_PASSES as f64 {
        return SupernetPlan { epochs: (epochs as usize).min(PUBLISHED_EPOCHS), images: None, candidates: None };
    }
    let steps = ((fit / FEWEST_PASSES as f64) as usize).saturating_sub(watching).max(FEWEST_STEPS);
    let part = 2 * batch * steps;
    let epochs = if steps > FEWEST_STEPS { FEWEST_PASSES } else { ((fit / (steps + watching) as f64) as usize).max(1) };
    SupernetPlan { epochs, images: Some(part).filter(|&part| part < images), candidates: None }
}

/// What measuring an architecture on a batch costs beside a step of the weights, about: a forward pass alone.
const FORWARD: f64 = 0.35;

/// The share of a search by parameter sharing that its candidates have.
pub const CANDIDATES_SHARE: f64 = 0.1;

/// The images that a candidate is measured on, and how few and how many candidates there are.
const CANDIDATE_IMAGES: usize = 1000;
const CANDIDATES: [usize; 2] = [10, 100];

/// As [`supernet_plan`], for a search by parameter sharing that holds out a share of the images for its controller, which
/// learns from as many batches as the weights do.
pub fn sharing_plan(seconds: f64, images: usize, batch: usize, step_seconds: f64, held_out: f64) -> SupernetPlan {
    let training = 1.0 - held_out;
    let doubled = (2.0 * training * images as f64) as usize;
    let step = (1.0 + FORWARD) * step_seconds;
    let plan = supernet_plan((1.0 - CANDIDATES_SHARE) * seconds, doubled, batch, step, LOOKED_AT);
    let compared = CANDIDATE_IMAGES.min((held_out * images as f64) as usize);
    let each = FORWARD * step_seconds * (compared as f64 / batch.max(1) as f64).max(1.0);
    let candidates = (CANDIDATES_SHARE * seconds / each.max(1e-9)) as usize;
    SupernetPlan {
        images: plan.images.map(|part| ((part as f64 / (2.0 * training)) as usize).min(images)),
        candidates: Some(candidates.clamp(CANDIDATES[0], CANDIDATES[1])),
        ..plan
    }
}

/// As many steps as looking at ten architectures at the end of an epoch takes, about.
pub const LOOKED_AT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seconds: f64, images: usize, epochs: usize, part: Option<usize>) {
        let plan = SupernetPlan { epochs, images: part, candidates: None };
        assert_eq!(supernet_plan(seconds, images, 64, 0.5, 0), plan, "{seconds} s");
    }

    #[test]
    fn what_is_measured_takes_its_time_too() {
        assert_eq!(supernet_plan(1000.0, 12_800, 64, 0.5, 25).epochs, 16);
        assert_eq!(supernet_plan(200.0, 12_800, 64, 0.5, 20).images, Some(2_560));
    }

    /// 180 steps an epoch and what is looked at, at 1.35 seconds a step.
    #[test]
    fn sharing_plans_for_controller_and_candidates_too() {
        let plan = sharing_plan(10_000.0, 12_800, 64, 1.0, 0.1);
        assert_eq!((plan.epochs, plan.images, plan.candidates), (36, None, Some(100)));
        let plan = sharing_plan(500.0, 12_800, 64, 1.0, 0.1);
        assert_eq!((plan.epochs, plan.candidates), (10, Some(10)));
        assert!(plan.images.is_some_and(|images| images < 3_000), "{plan:?}");
    }

    #[test]
    fn as_many_passes_as_fit_up_to_the_published_number() {
        check(3600.0, 12_800, 50, None);
        check(1000.0, 12_800, 20, None);
    }

    #[test]
    fn where_ten_do_not_fit_they_go_over_a_part_of_the_images() {
        check(200.0, 12_800, 10, Some(5_120));
    }

    #[test]
    fn next_to_no_time_still_makes_a_search() {
        check(1.0, 12_800, 1, Some(512));
        check(1.0, 300, 1, None);
    }
}
