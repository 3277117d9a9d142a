//! What a search shows on its way: one bar an arm, one line a trial.

use std::collections::BTreeMap;
use std::time::Instant;

use nas_search::{Budget, Event, Listener, Trial};

use super::results::worth;
use crate::output::Output;
use crate::output::progress::Progress;
use crate::units::{milliseconds, seconds, short};

/// Shows the events of one arm.
pub struct ArmListener {
    out: Output,
    budget: Budget,
    used: f64,
    start: Instant,
    arm: String,
    progress: Option<Progress>,
    finished: u64,
    epochs: u64,
    /// The highest accuracy so far, and how it is told.
    best: Option<(f64, String)>,
    running: BTreeMap<u64, String>,
    /// Trials that the policy had learned from when it was last told of.
    learned: u64,
}

/// How many trials a policy learns from before the next line tells of it.
const TRIALS_BETWEEN_UPDATES: u64 = 5;

impl ArmListener {
    /// For an arm that has used so many seconds in earlier sessions.
    pub fn new(out: Output, budget: Budget, used: f64) -> Self {
        let (arm, running) = (String::new(), BTreeMap::new());
        Self {
            out,
            budget,
            used,
            start: Instant::now(),
            arm,
            progress: None,
            finished: 0,
            epochs: 0,
            best: None,
            running,
            learned: 0,
        }
    }

    /// The bar goes.
    pub fn finish(&self) {
        if let Some(progress) = &self.progress {
            progress.finish();
        }
    }

    fn started(&mut self, arm: &str, finished: u64) {
        self.arm = arm.to_owned();
        self.finished = finished;
        let going_on = if finished > 0 { format!(", going on after trial {finished}") } else { String::new() };
        let (length, what, budget) = match self.budget {
            Budget { trials: Some(n), seconds: Some(s), .. } => {
                let trials = crate::units::plural(n, "trial");
                (n, format!("{arm}, trials"), format!("{trials}, or as many as {} do for", seconds(s)))
            }
            Budget { seconds: Some(s), .. } => (s as u64, format!("{arm}, seconds"), seconds(s)),
            Budget { trials: Some(n), .. } => (n, format!("{arm}, trials"), crate::units::plural(n, "trial")),
            Budget { epochs, .. } => {
                let n = epochs.unwrap_or(0);
                (n, format!("{arm}, epochs"), crate::units::plural(n, "epoch"))
            }
        };
        self.out.note(&format!("\n{arm}: {budget}{going_on}"));
        let mut progress = Progress::new(self.out, length, &what);
        progress.start_at(self.position());
        self.progress = Some(progress);
    }

    fn position(&self) -> u64 {
        match self.budget {
            Budget { trials: Some(_), .. } => self.finished,
            Budget { seconds: Some(_), .. } => (self.used + self.start.elapsed().as_secs_f64()) as u64,
            _ => self.epochs,
        }
    }

    fn trial(&mut self, trial: &Trial) {
        self.running.remove(&trial.id);
        self.finished += 1;
        self.epochs += trial.measurement.as_ref().map_or(0, |m| m.epochs);
        let total = self.budget.trials.map_or(String::new(), |n| format!("/{n}"));
        let head = format!("{:>9} {:>4}{total}", self.arm, trial.number + 1);
        let text = match (&trial.measurement, &trial.failure) {
            (Some(m), _) => {
                let is_better = self.best.as_ref().is_none_or(|(accuracy, _)| m.accuracy > *accuracy);
                if is_better {
                    self.best = Some((m.accuracy, worth(m)));
                }
                let twin = m.twin_of().map(|n| format!("  same network as trial {}", n + 1));
                let took = twin.unwrap_or_else(|| format!("  {}", seconds(trial.seconds.unwrap_or(0.0))));
                let note = if is_better { "  best so far" } else { "" };
                let latency = m.latency.map_or(String::new(), |latency| format!("  {}", milliseconds(latency)));
                let (accuracy, parameters) = (worth(m), short(m.parameters as f64));
                format!("{head}  {accuracy:>8}  {parameters:>7} parameters{latency}{took}{note}")
            }
            (None, Some(failure)) => format!("{head}  failed ({}): {}", failure.kind, failure.reason),
            (None, None) => head,
        };
        let position = self.position();
        if let Some(progress) = &mut self.progress {
            progress.line(&text);
            progress.set(position);
        }
    }

    /// A line now and then on how a policy learns; the study keeps every update.
    fn policy(&mut self, event: &Event) {
        let Event::PolicyUpdated { update, trials, reward, baseline, entropy, advantage_spread, best } = event else {
            return;
        };
        if *trials < self.learned + TRIALS_BETWEEN_UPDATES {
            return;
        }
        self.learned = *trials;
        let text = format!(
            "{:>9} policy after update {update}: reward {reward:.3}, baseline {baseline:.3}, entropy {entropy:.2} nats, \
             advantages ±{advantage_spread:.3}, best reward {best:.4}",
            self.arm
        );
        if let Some(progress) = &mut self.progress {
            progress.line(&text);
        }
    }

    fn status(&mut self) {
        let running: Vec<String> = self.running.iter().map(|(id, label)| format!("#{id} {label}")).collect();
        let best = self.best.as_ref().map_or(String::new(), |(_, worth)| format!("best {worth}; "));
        let position = self.position();
        if let Some(progress) = self.progress.as_mut().filter(|_| self.out.has_bars()) {
            progress.set(position);
            progress.status(&format!("{best}{}", running.join("; ")));
        }
    }
}

impl Listener for ArmListener {
    fn on_event(&mut self, event: &Event) {
        match event {
            Event::ArmStarted { arm, finished, .. } => self.started(arm, *finished),
            Event::TrialProgress { trial, label, .. } => {
                self.running.insert(*trial, label.clone());
                self.status();
            }
            Event::TrialFinished { trial } => self.trial(trial),
            Event::PolicyUpdated { .. } => self.policy(event),
            Event::Warning { message } => self.out.warn(message),
            Event::ArmFinished { reason, .. } => self.out.note(&format!("{}: {reason}", self.arm)),
            _ => {}
        }
    }
}
