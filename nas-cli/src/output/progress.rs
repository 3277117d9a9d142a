//! Progress: bars with rate and time left on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;

/// One bar, or one line now and then.
pub struct Progress {
    bar: ProgressBar,
    out: Output,
    last: Instant,
}

/// How often a plain line may come, so that a log of hours stays readable.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

impl Progress {
    /// Progress over `length` units of a name, such as "trials".
    pub fn new(out: Output, length: u64, what: &str) -> Self {
        let target = if out.has_bars() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style =
            ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len}  {elapsed} spent, {eta} left  {wide_msg}");
        // The template is a constant: a test draws it.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(what.to_owned());
        if out.has_bars() {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        Self { bar, out, last: Instant::now() }
    }

    /// Units done so far, before the clock of the rate starts.
    pub fn start_at(&mut self, done: u64) {
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    /// So many units are done.
    pub fn set(&mut self, done: u64) {
        self.bar.set_position(done);
    }

    /// What is going on, behind the bar; elsewhere a line, but not often.
    pub fn status(&mut self, text: &str) {
        if self.out.has_bars() {
            self.bar.set_message(text.to_owned());
        } else if self.last.elapsed() >= BETWEEN_LINES {
            self.last = Instant::now();
            self.out.note(text);
        }
    }

    /// A line that stays: above the bar, or plain.
    pub fn line(&mut self, text: &str) {
        self.last = Instant::now();
        if self.out.has_bars() { self.bar.println(text) } else { self.out.note(text) }
    }

    /// The bar goes.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        let template = "{prefix} [{bar:24}] {pos}/{len}  {elapsed} spent, {eta} left  {wide_msg}";
        assert!(ProgressStyle::with_template(template).is_ok());
        let mut progress = Progress::new(Output::new(false, true), 4, "trials");
        progress.start_at(1);
        progress.set(2);
        progress.status("x");
        progress.line("y");
        progress.finish();
    }
}
