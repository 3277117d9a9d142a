//! Trials in worker processes: a trial that runs out of memory, crashes or hangs is a failed trial, not a dead search.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::{Ending, Executor, Finished, Observer, ending, in_process::over_time};
use crate::{Event, Job, SearchError};

/// How many of the last lines of a worker's standard error are kept for the reason of a failure.
const TAIL_LINES: usize = 12;

/// How long a line of them may be, in characters.
const TAIL_WIDTH: usize = 400;

/// How often to look whether a worker has ended or run over its time.
const GLANCE: Duration = Duration::from_millis(20);

/// How long after a worker's end to wait for the rest of its output, which a process it left behind may hold open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs each trial in a process of its own, some at once.
///
/// The worker gets a pipe as standard input and must end when that closes
/// ([`exit_when_parent_dies`](super::exit_when_parent_dies)); it writes events as lines of JSON to standard output
/// ([`report`](super::report)) and its result into the study ([`run_trial`](super::run_trial)). It runs in a process
/// group of its own, so that Ctrl-C in a terminal reaches the search and not the worker.
pub struct Workers {
    command: Box<dyn FnMut(&Job) -> Command + Send>,
    capacity: usize,
    limit: Option<Duration>,
    running: Vec<Running>,
    started: u64,
    sender: Sender<(u64, Message)>,
    messages: Receiver<(u64, Message)>,
}

/// A worker process. Its serial number tells it from an earlier worker of the same trial that has words left to say.
struct Running {
    serial: u64,
    id: u64,
    child: Child,
    start: Instant,
    late: bool,
    exited: Option<(ExitStatus, Instant)>,
    open_pipes: u8,
    tail: VecDeque<String>,
}

/// What the threads that read a worker's output send.
enum Message {
    Out(String),
    Err(String),
    Closed,
}

impl Workers {
    /// Up to `jobs` workers at once (at least one), each started by the command that `command` makes for its job.
    pub fn new(jobs: usize, command: impl FnMut(&Job) -> Command + Send + 'static) -> Self {
        let (sender, messages) = channel();
        let (command, capacity, running) = (Box::new(command), jobs.max(1), Vec::new());
        Self { command, capacity, limit: None, running, started: 0, sender, messages }
    }

    /// Kills trials that take longer; they fail with the kind `timeout`.
    #[must_use]
    pub fn time_limit(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    /// Passes a message on. Returns `false` if the observer wants everything given up.
    fn take(&mut self, serial: u64, message: Message, observer: &mut Observer<'_>) -> bool {
        let Some(worker) = self.running.iter_mut().find(|w| w.serial == serial) else { return true };
        match message {
            Message::Out(line) => match serde_json::from_str::<Event>(&line) {
                Ok(event) => return observer(&event),
                // Not an event: some library printed it. It may explain a failure.
                Err(_) => worker.remember(line),
            },
            Message::Err(line) => worker.remember(line),
            Message::Closed => worker.open_pipes = worker.open_pipes.saturating_sub(1),
        }
        true
    }

    /// A worker that is done, all of its output read. Kills those that are late.
    fn reap(&mut self) -> Option<Finished> {
        for worker in &mut self.running {
            if worker.exited.is_none() {
                // An error here means that the child was waited for already, which only this line does.
                worker.exited = worker.child.try_wait().ok().flatten().map(|status| (status, Instant::now()));
            }
            if worker.exited.is_none() && !worker.late && self.limit.is_some_and(|l| worker.start.elapsed() > l) {
                worker.late = true;
                // It may have ended this very moment: then there is nothing left to kill.
                let _ = worker.child.kill();
            }
        }
        let silent = |w: &Running, end: &Instant| w.open_pipes == 0 || end.elapsed() > LAST_WORDS;
        let at = self.running.iter().position(|w| w.exited.as_ref().is_some_and(|(_, end)| silent(w, end)))?;
        let worker = self.running.remove(at);
        let (status, end) = worker.exited?;
        let tail = Vec::from(worker.tail).join("\n");
        let ending = match ending::of_worker(status, &tail) {
            Ending::Failed(_) if worker.late => Ending::Failed(over_time(self.limit.unwrap_or_default())),
            other => other,
        };
        Some(Finished { id: worker.id, ending, seconds: (end - worker.start).as_secs_f64() })
    }
}

impl Executor for Workers {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn submit(&mut self, job: Job) -> Result<(), SearchError> {
        let mut command = (self.command)(&job);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|source| {
            let program = command.get_program().to_string_lossy().into_owned();
            SearchError::Spawn { id: job.id, program, source }
        })?;
        self.started += 1;
        let (serial, mut open_pipes) = (self.started, 0);
        if let Some(out) = child.stdout.take() {
            open_pipes += 1;
            read_lines(out, serial, Message::Out, self.sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            open_pipes += 1;
            read_lines(err, serial, Message::Err, self.sender.clone());
        }
        let (start, tail) = (Instant::now(), VecDeque::new());
        let worker = Running { serial, id: job.id, child, start, late: false, exited: None, open_pipes, tail };
        self.running.push(worker);
        Ok(())
    }

    fn next(&mut self, timeout: Duration, observer: &mut Observer<'_>) -> Result<Option<Finished>, SearchError> {
        let start = Instant::now();
        while !self.running.is_empty() {
            // A worker's last words come before its end: read all there is before looking who has ended.
            while let Ok((serial, message)) = self.messages.try_recv() {
                if !self.take(serial, message, observer) {
                    return Ok(None);
                }
            }
            if let Some(finished) = self.reap() {
                return Ok(Some(finished));
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            match self.messages.recv_timeout(left.min(GLANCE)) {
                Ok((serial, message)) => {
                    if !self.take(serial, message, observer) {
                        return Ok(None);
                    }
                }
                // We hold a sender ourselves, so the channel is never disconnected.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        Ok(None)
    }

    fn cancel(&mut self) {
        for worker in &mut self.running {
            let _ = worker.child.kill();
        }
        for mut worker in self.running.drain(..) {
            let _ = worker.child.wait();
        }
    }
}

impl Drop for Workers {
    /// An error in the loop must not leave workers behind.
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Running {
    fn remember(&mut self, line: String) {
        if line.trim().is_empty() {
            return;
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line.chars().take(TAIL_WIDTH).collect());
    }
}

/// Reads lines on a thread until the pipe closes, so that a worker never blocks on a full one.
fn read_lines(
    pipe: impl Read + Send + 'static,
    serial: u64,
    wrap: fn(String) -> Message,
    sender: Sender<(u64, Message)>,
) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        // Bytes, not text: a crash may write anything.
        while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send((serial, wrap(text))).is_err() {
                return;
            }
            line.clear();
        }
        let _ = sender.send((serial, Message::Closed));
    });
}
