//! Trials in worker processes. Small shell commands stand for workers that go wrong; those that do their work are this
//! test program itself, started anew with the one test [`worker`].

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nas_search::executor::{Ending, Finished, ORPHANED, exit_when_parent_dies, report, run_trial};
use nas_search::{Budget, Event, Executor, Failure, InProcess, Job, Settings, StopReason, Study, TrialState, Workers};
use nas_space::Architecture;

use crate::toy::{Does, info, measured, search};

const STUDY: &str = "NAS_SEARCH_TEST_STUDY";
const TRIAL: &str = "NAS_SEARCH_TEST_TRIAL";

/// What the worker does wrong, told by the trial's first digit; see [`worker`].
fn evaluate(job: &Job) -> Result<nas_search::Measurement, Failure> {
    match job.architecture.choices[0] {
        0 => panic!("the first digit is zero"),
        1 => std::process::abort(),
        2 => Err(Failure::new("error", "two is not allowed")),
        _ => Ok(measured(job, 1)),
    }
}

/// Not a test but the worker process of the tests below, when they start this program with a study and a trial; passes
/// at once otherwise.
#[test]
fn worker() {
    let (Ok(study), Ok(trial)) = (std::env::var(STUDY), std::env::var(TRIAL)) else { return };
    exit_when_parent_dies();
    if trial == "hang" {
        // Past the test harness, which keeps what is printed to itself.
        std::io::stdout().write_all(b"hanging\n").unwrap();
        std::thread::sleep(Duration::from_secs(60));
    }
    let study = Study::open(study).unwrap();
    let mut evaluator = Does(evaluate);
    run_trial(&study, trial.parse().unwrap(), &mut evaluator, "unused".into(), &mut report).unwrap();
}

fn worker_command(study: &Path, trial: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "workers::worker", "--nocapture"]).env(STUDY, study).env(TRIAL, trial);
    command
}

fn workers(jobs: usize, study: &Path) -> Workers {
    let study = study.to_owned();
    Workers::new(jobs, move |job: &Job| worker_command(&study, &job.id.to_string()))
}

fn shell(script: &'static str) -> Workers {
    Workers::new(2, move |_: &Job| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    })
}

fn job(id: u64) -> Job {
    let architecture = Architecture { space: "digits".into(), choices: vec![1] };
    Job { id, architecture, seed: 1, epochs: None, folder: PathBuf::from("unused") }
}

/// Waits for the one job that is out.
fn end_of(workers: &mut Workers) -> Finished {
    loop {
        if let Some(finished) = workers.next(Duration::from_secs(10), &mut |_| true).unwrap() {
            return finished;
        }
    }
}

/// What the end of a worker says.
fn check_end(script: &'static str, expect: Result<(), (&str, &str)>) {
    let mut workers = shell(script);
    workers.submit(job(3)).unwrap();
    let finished = end_of(&mut workers);
    let expect = match expect {
        Ok(()) => Ending::Recorded,
        Err((kind, reason)) => Ending::Failed(Failure::new(kind, reason)),
    };
    assert_eq!((finished.id, finished.ending), (3, expect), "{script}");
}

#[test]
fn the_end_of_a_worker_says_why_its_trial_failed() {
    check_end("exit 0", Ok(()));
    check_end("exit 7", Err(("crash", "the worker ended with exit code 7")));
    check_end("echo no such file >&2; exit 1", Err(("crash", "the worker ended with exit code 1: no such file")));
    let out_of_memory = "killed by signal 9, most often because memory ran out";
    check_end("kill -9 $$", Err(("out_of_memory", out_of_memory)));
    check_end("kill -11 $$", Err(("crash", "killed by signal 11 (segmentation fault)")));
    let allocator = "memory ran out (signal 6): memory allocation of 9 bytes failed";
    check_end("echo memory allocation of 9 bytes failed >&2; kill -6 $$", Err(("out_of_memory", allocator)));
    let panicked = "the worker panicked: thread panicked at x.rs";
    check_end("echo thread panicked at x.rs >&2; exit 101", Err(("panic", panicked)));
    // Only the last lines are kept, and bytes that are no text do no harm.
    let lines = (4..=15).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    let reason = format!("the worker ended with exit code 1: {lines}");
    check_end("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do echo $i >&2; done; exit 1", Err(("crash", &reason)));
    check_end("printf '\\377\\n' >&2; exit 1", Err(("crash", "the worker ended with exit code 1: \u{fffd}")));
}

#[test]
fn a_worker_over_its_time_is_killed() {
    let mut workers = shell("exec sleep 60").time_limit(Some(Duration::from_millis(50)));
    workers.submit(job(1)).unwrap();
    let failure = Failure::new("timeout", "it took longer than its limit of 0.05 seconds");
    assert_eq!(end_of(&mut workers).ending, Ending::Failed(failure));
}

#[test]
fn what_a_worker_left_behind_does_not_hold_it_up() {
    // The grandchild keeps the pipes open; it goes when its standard input, the same pipe, closes.
    let mut workers = shell("sh -c 'read x' & exit 4");
    workers.submit(job(1)).unwrap();
    let failure = Failure::new("crash", "the worker ended with exit code 4");
    assert_eq!(end_of(&mut workers).ending, Ending::Failed(failure));
}

#[test]
fn events_come_through_and_can_stop_everything() {
    let mut workers = shell(
        r#"echo '{"event":"trial_progress","trial":1,"label":"epoch 1","fraction":0.5}'; echo noise; exec sleep 60"#,
    );
    workers.submit(job(1)).unwrap();
    let mut heard = Vec::new();
    let mut observer = |event: &Event| {
        heard.push(event.clone());
        false
    };
    assert_eq!(workers.next(Duration::from_secs(10), &mut observer).unwrap(), None);
    assert_eq!(heard, [Event::TrialProgress { trial: 1, label: "epoch 1".into(), fraction: 0.5 }]);
    workers.cancel();
    assert_eq!(workers.next(Duration::from_secs(10), &mut |_| true).unwrap(), None, "nothing is out any more");
}

#[test]
fn a_program_that_is_not_there_ends_the_search() {
    let mut workers = Workers::new(1, |_: &Job| Command::new("/nowhere/nas"));
    let message = workers.submit(job(5)).unwrap_err().to_string();
    assert!(message.starts_with("cannot start a worker for trial 5 (`/nowhere/nas`): "), "{message}");
}

#[test]
fn a_worker_ends_when_its_parent_is_gone() {
    let mut child = worker_command(Path::new("unused"), "hang")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Once it says something it hangs, and only the end of its standard input can end it.
    let mut said = Vec::new();
    let mut out = child.stdout.take().unwrap();
    while !String::from_utf8_lossy(&said).contains("hanging") {
        let mut byte = [0];
        assert_eq!(out.read(&mut byte).unwrap(), 1, "the worker ended too early");
        said.push(byte[0]);
    }
    assert_eq!(child.try_wait().unwrap(), None);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(ORPHANED));
}

/// Settings for trials whose first digits take all values.
fn settings() -> Settings {
    Settings::new("random", Budget::trials(25), "unused")
}

#[test]
fn workers_record_what_a_single_process_would() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.db");
    let study = Study::create(&path, &info()).unwrap();
    let mut progress = 0;
    let mut listener = |event: &Event| progress += usize::from(matches!(event, Event::TrialProgress { .. }));
    let outcome = search(&study, &mut workers(3, &path), &settings(), &mut listener).unwrap();
    assert_eq!((outcome.reason, outcome.trials.len()), (StopReason::Trials, 25));
    assert!(progress >= 20, "{progress} events came through");

    let alone = Study::in_memory(&info()).unwrap();
    // An abort would end this process: what it comes to in a worker is said here instead.
    let aborted = Failure::new("crash", "killed by signal 6 (aborted)");
    let evaluator =
        Does(|job: &Job| if job.architecture.choices[0] == 1 { Err(aborted.clone()) } else { evaluate(job) });
    search(&alone, &mut InProcess::new(evaluator), &settings(), &mut |_| {}).unwrap();
    let kinds: Vec<_> = outcome.trials.iter().filter_map(|t| t.failure.as_ref()).map(|f| f.kind.as_str()).collect();
    for kind in ["panic", "crash", "error"] {
        assert!(kinds.contains(&kind), "no trial failed with {kind}: {kinds:?}");
    }
    // The tail of an aborted worker's output is the test harness's; all else is equal.
    let without_tail = |study: &Study| {
        let mut trials = study.trials("random").unwrap();
        for trial in &mut trials {
            trial.seconds = None;
            if let Some(failure) = trial.failure.as_mut().filter(|f| f.kind == "crash") {
                failure.reason.truncate(aborted.reason.len());
            }
        }
        trials
    };
    assert_eq!(without_tail(&study), without_tail(&alone));
}

#[test]
fn a_worker_that_records_nothing_is_a_failed_trial() {
    let study = Study::in_memory(&info()).unwrap();
    let message = search(&study, &mut shell("exit 0"), &settings(), &mut |_| {}).unwrap_err().to_string();
    assert!(message.ends_with("(crash): the worker ended without recording a result"), "{message}");
}

#[test]
fn a_stop_kills_the_workers_and_puts_their_trials_back() {
    let study = Study::in_memory(&info()).unwrap();
    let settings = settings();
    let stop = settings.stop.clone();
    let mut started = 0;
    let mut listener = |event: &Event| {
        started += u64::from(matches!(event, Event::TrialStarted { .. }));
        stop.store(started == 2, Ordering::Relaxed);
    };
    let outcome = search(&study, &mut shell("exec sleep 60"), &settings, &mut listener).unwrap();
    let states: Vec<_> = outcome.trials.iter().map(|t| t.state).collect();
    assert_eq!((outcome.reason, states), (StopReason::Interrupted, vec![TrialState::Waiting; 2]));
    assert!(study.all_trials().unwrap().iter().all(|t| t.state == TrialState::Waiting));
}
