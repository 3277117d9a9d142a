//! How many epochs a training has, and what happens when time runs short.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::NnError;

/// A stretch of a training under one number of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Epochs finished when it begins.
    pub from_epoch: usize,
    /// How much of the training was done then, from 0 to 1.
    pub from_fraction: f64,
    /// Epochs of the whole training, counted from its beginning, as planned then.
    pub epochs: usize,
}

/// The plan of a training: how many epochs, and how its progress from 0 to 1 runs over them.
///
/// A plan never outgrows the first. From the epoch at which it changes, the progress that is left is spread evenly over
/// the epochs that are left: progress never jumps, so neither does a learning rate that follows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    segments: Vec<Segment>,
}

impl Plan {
    /// A plan for this many epochs.
    pub fn new(epochs: usize) -> Self {
        Self { segments: vec![Segment { from_epoch: 0, from_fraction: 0.0, epochs }] }
    }

    /// The epochs planned now.
    pub fn epochs(&self) -> usize {
        self.last().epochs
    }

    /// Whether fewer epochs are planned now than at first.
    pub fn is_cut(&self) -> bool {
        self.epochs() < self.segments[0].epochs
    }

    /// The plan's history, the first plan first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// How much of the training is done after this many epochs (not before the last change of the plan), from 0 to 1.
    pub fn fraction(&self, epochs: f64) -> f64 {
        let segment = self.last();
        let left = segment.epochs - segment.from_epoch;
        if left == 0 {
            return 1.0;
        }
        let done = (epochs - segment.from_epoch as f64) / left as f64;
        (segment.from_fraction + (1.0 - segment.from_fraction) * done).clamp(0.0, 1.0)
    }

    /// Plans `epochs` in total from now on, `finished` of them done: at most as many as at first, and where they are fewer
    /// than are finished, the training ends now. Returns whether the plan changed.
    pub fn change(&mut self, finished: usize, epochs: usize) -> bool {
        let epochs = epochs.min(self.segments[0].epochs).max(finished);
        if epochs == self.epochs() {
            return false;
        }
        let from_fraction = self.fraction(finished as f64);
        self.segments.push(Segment { from_epoch: finished, from_fraction, epochs });
        true
    }

    /// Fits the plan to the epochs that there is time for before a deadline, `finished` of them done and each one left
    /// taking as long as `pace` says: one that was cut in a slow hour may have epochs back, where these lengthen what is
    /// left by a tenth or more. Behind the deadline the training ends now. Returns whether the plan changed.
    pub fn keep_to(&mut self, deadline: Instant, finished: usize, pace: &Pace) -> bool {
        let left = deadline.saturating_duration_since(Instant::now()).as_secs_f64();
        if left > 0.0 && pace.0.is_empty() {
            return false;
        }
        let (now, most) = (self.epochs(), self.segments[0].epochs);
        let fitting = if left > 0.0 { epochs_that_fit(most, finished, pace.mean(), left) } else { finished };
        let wavers = fitting > now && 10 * (fitting - now) < now.saturating_sub(finished);
        !wavers && self.change(finished, fitting)
    }

    /// Checks a plan that comes from a file.
    ///
    /// # Errors
    /// If its stretches are not in order, or one outgrows the first.
    pub fn check(&self) -> Result<(), NnError> {
        let ordered = self.segments.windows(2).all(|w| w[0].from_epoch <= w[1].from_epoch);
        let most = self.segments.first().map_or(0, |first| first.epochs);
        let sane = |s: &Segment| s.from_epoch <= s.epochs && s.epochs <= most && (0.0..=1.0).contains(&s.from_fraction);
        if self.segments.is_empty() || !ordered || !self.segments.iter().all(sane) {
            return Err(NnError::setting(
                "plan",
                format!("{:?}", self.segments),
                "its stretches do not follow one another, or one has more epochs than the first",
            ));
        }
        Ok(())
    }

    fn last(&self) -> Segment {
        *self.segments.last().expect("a plan has at least the segment it was made with")
    }
}

/// The seconds of the latest epochs: a mean of three rides out a hiccup and still follows a machine that slows down.
#[derive(Clone, Debug, Default)]
pub struct Pace(Vec<f64>);

impl Pace {
    /// Adds an epoch of `steps` steps, of which `done` ran in so many seconds; the others ran before a resume, or never.
    pub fn add(&mut self, seconds: f64, done: usize, steps: usize) {
        if done == 0 {
            return;
        }
        self.0.push(seconds * steps as f64 / done as f64);
        if self.0.len() > 3 {
            self.0.remove(0);
        }
    }

    /// NaN while nothing was measured, which [`epochs_that_fit`] takes for what it is.
    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }
}

/// How many epochs a training should have in total, when `planned` are planned, `finished` are done, an epoch takes
/// `seconds_per_epoch` and `seconds_left` remain: as many as still fit, at most as many as planned, at least those done.
pub fn epochs_that_fit(planned: usize, finished: usize, seconds_per_epoch: f64, seconds_left: f64) -> usize {
    // A measurement that says nothing changes nothing.
    if !(seconds_per_epoch > 0.0 && seconds_per_epoch.is_finite()) || seconds_left.is_nan() {
        return planned;
    }
    // `as` saturates: infinitely many fit into infinite time, none into negative time.
    let fitting = (seconds_left / seconds_per_epoch).floor() as usize;
    planned.min(finished.saturating_add(fitting)).max(finished.min(planned))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn as_many_epochs_as_fit() {
        let check = |planned, finished, per_epoch, left, expect| {
            assert_eq!(
                epochs_that_fit(planned, finished, per_epoch, left),
                expect,
                "{planned} {finished} {per_epoch} {left}"
            );
        };
        check(10, 2, 1.0, 100.0, 10); // time to spare: never longer than planned
        check(10, 2, 1.0, 8.0, 10); // just right
        check(10, 2, 1.0, 7.9, 9);
        check(10, 2, 2.0, 7.9, 5);
        check(10, 2, 1.0, 0.5, 2); // not one more fits
        check(10, 2, 1.0, -3.0, 2); // late already
        check(10, 10, 1.0, 5.0, 10);
        check(10, 2, 0.0, 5.0, 10); // nothing measured
        check(10, 2, f64::NAN, 5.0, 10);
        check(10, 2, 1.0, f64::INFINITY, 10);
    }

    #[test]
    fn progress_runs_evenly_to_one() {
        let plan = Plan::new(4);
        assert_eq!([0.0, 1.0, 2.5, 4.0].map(|e| plan.fraction(e)), [0.0, 0.25, 0.625, 1.0]);
    }

    #[test]
    fn a_change_keeps_progress_continuous_and_ends_at_one() {
        let mut plan = Plan::new(10);
        let before = plan.fraction(4.0);
        assert!(plan.change(4, 6));
        assert_eq!((plan.fraction(4.0), plan.fraction(5.0), plan.fraction(6.0)), (before, 0.7, 1.0));
        assert!(plan.change(5, 8));
        assert_eq!([5.0, 6.0, 7.0, 8.0].map(|e| (10.0 * plan.fraction(e)).round()), [7.0, 8.0, 9.0, 10.0]);
        assert!(plan.change(6, 6));
        assert_eq!((plan.epochs(), plan.fraction(6.0)), (6, 1.0));
        assert_eq!(plan.segments().iter().map(|s| s.epochs).collect::<Vec<_>>(), [10, 6, 8, 6]);
        assert!(plan.check().is_ok());
    }

    #[test]
    fn a_plan_never_outgrows_the_first() {
        let mut plan = Plan::new(5);
        assert!(!plan.change(2, 9));
        assert!(!plan.change(2, 5));
        assert!(plan.change(2, 1), "ending now is a change");
        assert_eq!(plan.epochs(), 2);
        assert!(plan.change(2, 9));
        assert_eq!(plan.epochs(), 5);
    }

    #[test]
    fn a_plan_keeps_to_its_deadline() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let (mut pace, mut plan) = (Pace::default(), Plan::new(10));
        // A quarter of an epoch of 100 seconds.
        pace.add(25.0, 2, 8);
        pace.add(0.0, 0, 8);
        assert!(plan.keep_to(now + 350 * second, 2, &pace));
        assert_eq!(plan.epochs(), 5);
        assert!(!plan.keep_to(now + 250 * second, 3, &pace) && plan.is_cut());
        assert!(!plan.keep_to(now + 1000 * second, 3, &Pace::default()), "nothing is known of the pace");
        let mut long = Plan::new(40);
        assert!(long.keep_to(now + 2950 * second, 3, &pace));
        assert!(!long.keep_to(now + 3150 * second, 3, &pace), "two epochs more than 29 are less than a tenth");
        assert!(long.keep_to(now + 3250 * second, 3, &pace));
        assert_eq!(long.epochs(), 35);
        assert!(plan.keep_to(now + 1000 * second, 3, &pace), "there is more time than it seemed");
        assert!(plan.epochs() == 10 && !plan.is_cut());
        assert!(plan.keep_to(now, 3, &Pace::default()), "behind the deadline, whatever is known of the pace");
        assert_eq!((plan.epochs(), plan.fraction(3.0)), (3, 1.0));
    }

    #[test]
    fn the_latest_three_epochs_make_the_pace() {
        let mut pace = Pace::default();
        assert!(pace.mean().is_nan());
        [50.0, 1.0, 2.0, 3.0].iter().for_each(|&seconds| pace.add(seconds, 4, 4));
        assert_eq!(pace.mean(), 2.0);
    }

    #[test]
    fn a_plan_from_a_file_is_checked() {
        for text in [
            "[]",
            r#"[{"from_epoch":0,"from_fraction":0.0,"epochs":3},{"from_epoch":1,"from_fraction":0.3,"epochs":4}]"#,
        ] {
            let plan: Plan = serde_json::from_str(text).unwrap();
            assert!(plan.check().is_err(), "{text}");
        }
    }
}
