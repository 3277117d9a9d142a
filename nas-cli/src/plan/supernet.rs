//! How a search on a supernet is cut to the time there is.

use serde::{Deserialize, Serialize};

/// The length of a supernet's search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupernetPlan {
    /// Passes over the half that the weights learn from.
    pub epochs: usize,
    /// So many of the training images, both halves together; `None` for all.
    pub images: Option<usize>,
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
        return SupernetPlan { epochs: (epochs as usize).min(PUBLISHED_EPOCHS), images: None };
    }
    let steps = ((fit / FEWEST_PASSES as f64) as usize).saturating_sub(watching).max(FEWEST_STEPS);
    let part = 2 * batch * steps;
    let epochs = if steps > FEWEST_STEPS { FEWEST_PASSES } else { ((fit / (steps + watching) as f64) as usize).max(1) };
    SupernetPlan { epochs, images: Some(part).filter(|&part| part < images) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seconds: f64, images: usize, epochs: usize, part: Option<usize>) {
        assert_eq!(supernet_plan(seconds, images, 64, 0.5, 0), SupernetPlan { epochs, images: part }, "{seconds} s");
    }

    #[test]
    fn what_is_measured_takes_its_time_too() {
        assert_eq!(supernet_plan(1000.0, 12_800, 64, 0.5, 25).epochs, 16);
        assert_eq!(supernet_plan(200.0, 12_800, 64, 0.5, 20).images, Some(2_560));
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
