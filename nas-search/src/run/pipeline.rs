//! The loop's state: the trials of the arm so far, how many of them were told, and what may be done next.

use std::collections::BTreeMap;
use std::slice;

use nas_space::{SearchSpace, Seed};

use super::spending::{is_twin, out_of_time, refusal};
use super::twins::{NetworkKey, network_key, nothing_new, taken_over};
use super::{Asked, Ending, Finished, Outcome, Settings, StopReason, ask, every_trial_failed};
use crate::{Event, Failure, Job, Listener, Measurement, Proposal, SearchError, Strategy, Study, Trial, TrialState};

/// After how many told trials the strategy's state is stored anew: telling the rest again is cheap and exact.
const SAVE_EVERY: usize = 10;

/// How many seconds of the time used a kill may lose.
const NOTE_EVERY: f64 = 5.0;

pub(super) struct Pipeline<'a> {
    study: &'a Study,
    space: &'a dyn SearchSpace,
    strategy: &'a mut dyn Strategy,
    pub(super) settings: &'a Settings,
    /// All trials of the arm, by number, as the study holds them.
    pub(super) trials: Vec<Trial>,
    /// The strategy was told the trials `0..told`.
    told: usize,
    /// What `told` was when the strategy's state was last stored.
    saved: usize,
    lag: usize,
    seed: Seed,
    /// For each network and number of epochs measured and told: the first trial that did it.
    measured: BTreeMap<NetworkKey, usize>,
    /// Trials to run again, the earliest last.
    queue: Vec<usize>,
    /// Seconds used before this session.
    before: f64,
    /// The clock when this session began.
    start: f64,
    /// The seconds used that were last stored.
    noted: f64,
}

/// What there is to do.
pub(super) enum Next {
    /// Run this.
    Job(Job),
    /// Wait for a trial that is out.
    Nothing,
    /// Nothing more, once the trials that are out have ended.
    End(StopReason),
}

impl<'a> Pipeline<'a> {
    /// The state in which the study was left; that of a new arm where there is none.
    pub(super) fn resume(
        study: &'a Study,
        space: &'a dyn SearchSpace,
        strategy: &'a mut dyn Strategy,
        settings: &'a Settings,
    ) -> Result<Self, SearchError> {
        let info = study.info()?;
        if info.space != space.name() {
            let reason = format!("the study searches `{}`", info.space);
            return Err(SearchError::Setting { setting: "space", value: space.name().to_owned(), reason });
        }
        study.requeue(&settings.arm)?;
        let trials = study.trials(&settings.arm)?;
        let mut told = 0;
        if let Some((count, state)) = study.load_strategy(&settings.arm)? {
            told =
                trials.iter().take(usize::try_from(count).unwrap_or(usize::MAX)).filter(|t| t.state.is_over()).count();
            if told as u64 != count {
                let reason = format!("it learned from {count} trials, of which the study holds {told}");
                return Err(SearchError::StrategyState { strategy: strategy.name().to_owned(), reason });
            }
            strategy.load(&state)?;
        }
        let queue = (0..trials.len()).rev().filter(|&i| trials[i].state == TrialState::Waiting).collect();
        let before = study.seconds_used(&settings.arm)?;
        let mut pipeline = Self {
            study,
            space,
            strategy,
            settings,
            trials,
            told,
            saved: told,
            lag: usize::try_from(info.lag).unwrap_or(usize::MAX),
            seed: Seed::new(info.seed).child("trial").child(&settings.arm),
            measured: BTreeMap::new(),
            queue,
            before,
            start: (settings.clock)(),
            noted: before,
        };
        for at in 0..told {
            pipeline.remember_network(at);
        }
        Ok(pipeline)
    }

    /// Says so where the lag leaves workers without work.
    pub(super) fn warn_of_idle_workers(&self, workers: usize, listener: &mut dyn Listener) {
        let busy = self.lag.saturating_add(1);
        if workers > busy {
            let lag = self.lag;
            let message = format!(
                "the study's lag of {lag} keeps {busy} of the {workers} workers busy at most; begin a study with a lag of \
                 {} to use them all",
                workers - 1
            );
            listener.on_event(&Event::Warning { message });
        }
    }

    /// What to do next: a trial left over, or a new proposal. Twins, and what costs more than it may, are recorded on the
    /// way.
    pub(super) fn next_job(&mut self, listener: &mut dyn Listener) -> Result<Next, SearchError> {
        if let Some(&at) = self.queue.last() {
            if out_of_time(self.settings, &self.trials, self.used()) {
                return Ok(Next::End(StopReason::Seconds));
            }
            self.queue.pop();
            self.study.mark_running(self.trials[at].id)?;
            self.trials[at].state = TrialState::Running;
            return Ok(Next::Job(self.job(&self.trials[at])));
        }
        while !self.settings.stopped() {
            let number = self.trials.len();
            let due = number.saturating_sub(self.lag);
            if !self.trials[self.told.min(due)..due].iter().all(|t| t.state.is_over()) {
                return Ok(Next::Nothing);
            }
            self.tell_up_to(due, listener)?;
            if let Some(reason) = refusal(self.settings, &self.trials, self.told, self.used()) {
                return Ok(Next::End(reason));
            }
            if self.settings.budget.trials.is_none() && nothing_new(&self.trials) {
                return Ok(Next::End(StopReason::Exhausted));
            }
            let Some(Asked { proposal, over_limit }) = ask(self.space, self.strategy, number as u64)? else {
                return Ok(Next::End(StopReason::Exhausted));
            };
            let (arm, seed) = (&self.settings.arm, self.seed.index(number as u64).value());
            let text = self.space.text(&proposal.architecture);
            let end = over_limit.map(Err).or_else(|| self.twin_of(&proposal).map(Ok));
            let Some(end) = end else {
                // One change, so that the disk is waited for once.
                let trial = self.study.as_one(|| {
                    let trial = self.study.add_proposal(arm, number as u64, proposal, &text, seed)?;
                    self.study.mark_running(trial.id)?;
                    Ok(Trial { state: TrialState::Running, ..trial })
                })?;
                let job = self.job(&trial);
                self.trials.push(trial);
                return Ok(Next::Job(job));
            };
            let trial = self.study.add_over(arm, number as u64, proposal, &text, seed, end)?;
            listener.on_event(&Event::TrialFinished { trial: Box::new(trial.clone()) });
            self.trials.push(trial);
        }
        Ok(Next::Nothing)
    }

    /// The measurement that a proposal takes over, if an equal network was measured among the trials told. Those not
    /// told do not count even if they are done: whether they are depends on the workers.
    fn twin_of(&self, proposal: &Proposal) -> Option<Measurement> {
        if !self.settings.reuse_twins {
            return None;
        }
        let first = *self.measured.get(&network_key(self.space, proposal))?;
        self.trials[first].measurement.as_ref().map(|measurement| taken_over(measurement, first))
    }

    fn job(&self, trial: &Trial) -> Job {
        Job::of(trial, self.settings.folder.join(trial.id.to_string()))
    }

    /// Tells the strategy, one trial at a time, so that telling after a kill is the same as telling before it.
    fn tell_up_to(&mut self, due: usize, listener: &mut dyn Listener) -> Result<(), SearchError> {
        while self.told < due {
            self.strategy.tell(slice::from_ref(&self.trials[self.told]))?;
            for event in self.strategy.take_events() {
                listener.on_event(&event);
            }
            self.remember_network(self.told);
            self.told += 1;
        }
        if self.told - self.saved >= SAVE_EVERY { self.save() } else { Ok(()) }
    }

    fn remember_network(&mut self, at: usize) {
        let trial = &self.trials[at];
        if trial.state == TrialState::Complete && !is_twin(trial) {
            self.measured.entry(network_key(self.space, &trial.proposal)).or_insert(at);
        }
    }

    fn save(&mut self) -> Result<(), SearchError> {
        self.study.save_strategy(&self.settings.arm, self.told as u64, &self.strategy.save()?)?;
        self.saved = self.told;
        Ok(())
    }

    /// Takes the end of a job, records it where its worker has not, and returns the trial as it stands.
    pub(super) fn record(&mut self, finished: Finished) -> Result<Trial, SearchError> {
        let Finished { id, ending, seconds } = finished;
        let silent = Failure::new("crash", "the worker ended without recording a result");
        let written = match &ending {
            Ending::Measured(measurement) => self.study.complete(id, measurement, seconds),
            Ending::Failed(failure) => self.study.fail(id, failure, seconds),
            Ending::Recorded => self.study.fail(id, &silent, seconds),
            Ending::GivenUp => self.study.mark_waiting(id),
        };
        match written {
            // The worker recorded it: what the study says is what counts.
            Ok(()) | Err(SearchError::NotRunning { .. }) => {}
            Err(error) => return Err(error),
        }
        let trial = self.study.trial(id)?;
        let at = usize::try_from(trial.number).unwrap_or(usize::MAX);
        if let Some(known) = self.trials.get_mut(at) {
            *known = trial.clone();
            if trial.state == TrialState::Waiting {
                self.queue.push(at);
                self.queue.sort_unstable_by(|a, b| b.cmp(a));
            }
        }
        self.note_seconds(false)?;
        Ok(trial)
    }

    /// Seconds used by the arm, this session and those before.
    fn used(&self) -> f64 {
        self.before + (self.settings.clock)() - self.start
    }

    /// Stores the seconds used, now and then or at once.
    pub(super) fn note_seconds(&mut self, now: bool) -> Result<(), SearchError> {
        let used = self.used();
        if now || used - self.noted >= NOTE_EVERY {
            self.study.set_seconds_used(&self.settings.arm, used)?;
            self.noted = used;
        }
        Ok(())
    }

    /// After the executor was stopped: what still counts as running waits again.
    pub(super) fn put_back(&mut self) -> Result<(), SearchError> {
        self.study.requeue(&self.settings.arm)?;
        self.trials = self.study.trials(&self.settings.arm)?;
        self.note_seconds(true)
    }

    /// Stores the strategy's state, then tells it the trials that the lag held back, and lets it choose.
    pub(super) fn finish(mut self, reason: StopReason) -> Result<Outcome, SearchError> {
        if self.told > self.saved {
            self.save()?;
        }
        // Not stored: a search that goes on with a larger budget must propose as if it had never ended here.
        while self.trials.get(self.told).is_some_and(|t| t.state.is_over()) {
            self.strategy.tell(slice::from_ref(&self.trials[self.told]))?;
            self.told += 1;
        }
        let over: Vec<Trial> = self.trials.iter().filter(|t| t.state.is_over()).cloned().collect();
        let best = self.strategy.best(&over).cloned();
        if reason != StopReason::Interrupted
            && let Some(last) = over.last()
            && over.iter().all(|t| t.state == TrialState::Failed)
        {
            return Err(every_trial_failed(over.len() as u64, last.failure.clone()));
        }
        let seconds = self.noted;
        Ok(Outcome { reason, trials: self.trials, best, seconds })
    }
}
