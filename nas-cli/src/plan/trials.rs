//! How a trial is cut to the time there is.

use super::sizes::{SEARCH_SIZES, Size, climb};
use super::{Speed, Work};

/// The size and length of the trials of a search that has so much time.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialPlan {
    /// Network.
    pub size: Size,
    /// Passes over its training images.
    pub epochs: usize,
    /// So many of the training images; `None` for all.
    pub images: Option<usize>,
    /// Expected seconds of one trial.
    pub seconds: f64,
    /// Expected number of trials of the first arm.
    pub trials: u64,
}

/// How many trials the workers' time is cut into, both arms together.
const TRIALS_IN_ALL: f64 = 80.0;

/// The images a trial should see before a larger network is worth it.
const IMAGES_FOR_A_LARGER_NETWORK: usize = 20_000;

/// How many of the images held out a trial is validated on, when it sees so many images in training: a quarter as many,
/// but 1,000 at least. More would cost a short trial more than its training.
pub fn validated(seen: usize, held_out: usize) -> usize {
    (seen / 4).max(1_000).min(held_out)
}

/// The first arm's share of the search time: both arms run as many trials, and the second takes over from the first the
/// random beginning, a fifth.
pub fn first_arm_share(baseline: bool) -> f64 {
    if baseline { 1.0 / 1.8 } else { 1.0 }
}

/// Cuts `seconds` of search on `jobs` workers into trials.
///
/// `images` are the training images without validation, `batch_size` the images per step; `baseline` says whether a
/// second arm shares the time; `overhead` are the seconds each trial spends before its first step. `fixed` is the
/// network's size where it was given, `each` the seconds of one trial where they do not follow from all of them.
pub fn timed_trials(
    seconds: f64,
    jobs: usize,
    images: usize,
    batch_size: usize,
    baseline: bool,
    overhead: f64,
    fixed: Option<Size>,
    each: Option<f64>,
    speed: Speed,
    work: &Work<'_>,
) -> TrialPlan {
    let worker_seconds = seconds * jobs as f64;
    let target = each.unwrap_or(worker_seconds / TRIALS_IN_ALL).clamp(1.0 + overhead, 600.0);
    // Validation, a forward pass, takes a third of a training step for a quarter of the images.
    let seen = |size: Size| work(size).map_or(0.0, |w| (target - overhead) * speed.worker / w / (1.0 + 0.25 / 3.0));
    let wanted = (2 * images).min(IMAGES_FOR_A_LARGER_NETWORK) as f64;
    let size = fixed.unwrap_or_else(|| climb(&SEARCH_SIZES, |s| seen(s) >= wanted));
    let fit = seen(size).max((20 * batch_size) as f64);
    let (epochs, part) = if fit >= images as f64 {
        (((fit / images as f64).floor() as usize).clamp(1, 30), None)
    } else {
        (1, Some((fit as usize / batch_size).max(20) * batch_size).filter(|&part| part < images))
    };
    let trained = epochs * part.unwrap_or(images);
    let passes = trained as f64 + validated(trained, usize::MAX) as f64 / 3.0;
    let each = overhead + passes * work(size).unwrap_or(0.0) / speed.worker;
    let in_all = worker_seconds / each.max(1e-3);
    let trials = if baseline { in_all * first_arm_share(true) } else { in_all };
    TrialPlan { size, epochs, images: part, seconds: each, trials: (trials as u64).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Work proportional to channels and cells.
    fn work(size: Size) -> Option<f64> {
        Some((size.channels * size.layers * 1000) as f64)
    }

    fn plan(seconds: f64, images: usize, speed: f64) -> TrialPlan {
        let speed = Speed { worker: speed, whole: 2.0 * speed };
        timed_trials(seconds, 2, images, 64, true, 0.2, None, None, speed, &work)
    }

    #[test]
    fn a_slow_machine_gets_small_trials_on_a_part_of_the_images() {
        let found = plan(720.0, 55_000, 2e7);
        assert_eq!(found.size, SEARCH_SIZES[0]);
        assert_eq!(found.epochs, 1);
        let part = found.images.expect("a part of the images");
        assert!((7_000..10_000).contains(&part) && part.is_multiple_of(64), "{part}");
        assert!((40..60).contains(&found.trials), "{}", found.trials);
    }

    #[test]
    fn a_fast_machine_gets_larger_networks_and_all_images() {
        let found = plan(720.0, 55_000, 2e9);
        assert_eq!(found.size, SEARCH_SIZES[2]);
        assert_eq!(found.images, None);
        assert!(found.epochs >= 2);
    }

    #[test]
    fn few_images_get_passes_up_to_a_bound() {
        let found = plan(36_000.0, 1_150, 2e8);
        assert_eq!((found.epochs, found.images), (30, None));
        assert!(found.trials > 80, "what trials do not need goes into more of them");
    }

    #[test]
    fn a_trial_is_never_shorter_than_twenty_steps() {
        let found = plan(5.0, 55_000, 1e5);
        assert_eq!(found.images, Some(20 * 64));
    }

    #[test]
    fn a_size_that_was_given_stays() {
        let given = Size { channels: 30, layers: 9 };
        let speed = Speed { worker: 1e8, whole: 2e8 };
        assert_eq!(timed_trials(60.0, 1, 1000, 32, false, 0.1, Some(given), None, speed, &work).size, given);
    }
}
