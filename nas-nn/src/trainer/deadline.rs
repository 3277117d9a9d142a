//! A search that learns by epochs, then measures, and is to be done by a certain time.

use std::time::Instant;

use super::plan::{Pace, Plan};

/// The instants by which a search keeps its promise of a time.
///
/// After each epoch the number of epochs is fitted to the time left, so that the learning rate comes to its end in them,
/// and the epoch under way when the time for learning is over ends after the step at hand. With a deadline the result
/// depends on the machine's speed, but what was decided is saved, and a resumed search follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When it should have learned.
    pub learning: Instant,
    /// When it should have measured, too.
    pub measuring: Instant,
}

/// What keeps a search to its deadline, epoch by epoch.
#[derive(Debug)]
pub struct Timekeeper {
    deadline: Option<Deadline>,
    pace: Pace,
    /// When the epoch under way began, or went on, and its steps that were done then.
    begin: (Instant, usize),
}

impl Timekeeper {
    /// Before the first epoch. Without a deadline nothing is ever late.
    pub fn new(deadline: Option<Deadline>) -> Self {
        Self { deadline, pace: Pace::default(), begin: (Instant::now(), 0) }
    }

    /// An epoch begins, or goes on after so many steps.
    pub fn begin_epoch(&mut self, step: usize) {
        self.begin = (Instant::now(), step);
    }

    /// Seconds since then.
    pub fn seconds(&self) -> f64 {
        self.begin.0.elapsed().as_secs_f64()
    }

    /// Whether the time for learning is over.
    pub fn ends_learning(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline.learning)
    }

    /// Whether the time for measuring is over.
    pub fn ends_measuring(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline.measuring)
    }

    /// An epoch of `steps` steps ends with its `step`th, which makes `finished` epochs of `planned` ones: fits the plan to
    /// the time left. There is no plan as long as time has never been short.
    pub fn end_epoch(&mut self, plan: &mut Option<Plan>, planned: usize, finished: usize, [step, steps]: [usize; 2]) {
        let Some(deadline) = self.deadline else { return };
        self.pace.add(self.seconds(), step.saturating_sub(self.begin.1), steps);
        let mut kept = plan.clone().unwrap_or_else(|| Plan::new(planned));
        if kept.keep_to(deadline.learning, finished, &self.pace) {
            *plan = Some(kept);
        }
    }
}

/// What a user is told of a search that was cut, such as `time ran short: 3 of the 30 epochs planned were done`.
pub fn ran_short(done: usize, planned: usize, what: &str) -> String {
    format!("time ran short: {done} of the {planned} {what}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn keeper(left: Duration) -> Timekeeper {
        let learning = Instant::now() + left;
        Timekeeper::new(Some(Deadline { learning, measuring: learning + Duration::from_secs(1000) }))
    }

    #[test]
    fn without_a_deadline_nothing_is_late_and_no_plan_is_made() {
        let (mut time, mut plan) = (Timekeeper::new(None), None);
        time.begin_epoch(0);
        time.end_epoch(&mut plan, 9, 1, [4, 4]);
        assert!(plan.is_none() && !time.ends_learning() && !time.ends_measuring());
    }

    #[test]
    fn a_plan_is_there_once_time_is_short() {
        let (mut time, mut plan) = (keeper(Duration::from_secs(1000)), None);
        time.begin_epoch(0);
        time.end_epoch(&mut plan, 9, 1, [4, 4]);
        assert!(plan.is_none(), "an epoch of no time leaves time for all");
        // As if a step of a hundred had taken 30 seconds.
        time.begin = (Instant::now().checked_sub(Duration::from_secs(30)).unwrap(), 5);
        time.end_epoch(&mut plan, 9, 2, [6, 100]);
        assert_eq!(plan.as_ref().map(Plan::epochs), Some(2));
        assert!(!time.ends_learning());
        let late = keeper(Duration::ZERO);
        assert!(late.ends_learning() && !late.ends_measuring());
    }
}
