//! What a search on a supernet shows on its way.

use nas_search::{Event, SharedEpoch, SupernetEpoch};

use crate::oneshot::Search;
use crate::output::Output;
use crate::output::progress::Progress;
use crate::run::brief;
use crate::units::{percent, seconds};

/// A bar over the steps, a line or two an epoch.
pub(super) struct Shown {
    pub(super) progress: Progress,
}

impl Shown {
    pub(super) fn new(out: Output, search: &Search) -> Self {
        let ((done, epochs), steps) = (search.epochs(), search.steps_per_epoch());
        let mut progress = Progress::new(out, (epochs * steps) as u64, "supernet, steps");
        progress.start_at((done * steps) as u64);
        Self { progress }
    }

    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::SupernetStep { epoch, epochs, step, steps, train_loss, loss } => {
                self.progress.set((epoch - 1) * steps + step);
                self.progress.status(&format!(
                    "epoch {epoch}/{epochs}, step {step}/{steps}, loss {train_loss:.3}, validation {loss:.3}"
                ));
            }
            Event::SupernetEpoch { report, seconds } => {
                for line in lines(report, *seconds) {
                    self.progress.line(&line);
                }
            }
            Event::SharedEpoch { report, seconds } => {
                for line in shared_lines(report, *seconds) {
                    self.progress.line(&line);
                }
            }
            _ => {}
        }
    }
}

/// An epoch in two lines: numbers, and the architecture so far.
fn lines(report: &SupernetEpoch, took: f64) -> [String; 2] {
    let bends = report.eigenvalue.map_or(String::new(), |value| format!(", eigenvalue {value:.4}"));
    [
        format!(
            " supernet {:>4}/{}  loss {:.4} ({}), validation {:.4} ({}), entropy {:.4}, skips {}{bends}, {}",
            report.epoch,
            report.epochs,
            report.train_loss,
            percent(report.train_accuracy),
            report.loss,
            percent(report.accuracy),
            report.entropy,
            report.skips,
            seconds(took)
        ),
        format!("{:>9}  {}", "", brief(&report.architecture)),
    ]
}

/// The same for an epoch of shared weights; the architecture is the best of those looked at.
fn shared_lines(report: &SharedEpoch, took: f64) -> [String; 2] {
    let reward = report.reward.map_or(String::new(), |reward| format!(", reward {}", percent(reward)));
    let entropy = report.entropy.map_or(String::new(), |entropy| format!(", entropy {entropy:.2} nats"));
    [
        format!(
            " supernet {:>4}/{}  loss {:.4} ({}){reward}{entropy}, drawn {}, best {}, {}",
            report.epoch,
            report.epochs,
            report.train_loss,
            percent(report.train_accuracy),
            percent(report.drawn),
            percent(report.best),
            seconds(took)
        ),
        format!("{:>9}  {}", "", brief(&report.architecture)),
    ]
}
