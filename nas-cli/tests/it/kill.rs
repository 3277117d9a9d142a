//! Kill -9: whenever it comes, in the search or in the final training, going on leads to the same bytes.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nas_search::Study;
use rand::RngExt;

use crate::{Ran, command, nas, tiny};

/// How often the run is killed.
const KILLS: usize = 10;

/// How far the run has come: trials finished, then epochs of the final training.
fn position(folder: &Path) -> (usize, bool) {
    let trials = Study::open(folder.join("study.db")).and_then(|study| study.all_trials());
    let finished = trials.map_or(0, |trials| trials.iter().filter(|t| t.measurement.is_some()).count());
    (finished, folder.join("training.safetensors").exists())
}

/// Kills the whole family of a run at once, as a power cut would.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Starts or resumes the run and waits for so long; whether it ended by itself.
pub(crate) fn go_on(folder: &Path, args: &[&str], patience: Duration) -> bool {
    let mut child = command(folder, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{args:?} ended with {status}");
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(child);
    false
}

/// Starts a search under a budget in time that writes into `cut`, kills it in the phase before its trials, as soon as that
/// has saved itself in a file, writes down that the phase used a thousand seconds under a key of the study, and goes on.
pub(crate) fn resume_too_late(folder: &Path, begin: &[&str], saved: &str, key: &str) -> Ran {
    let mut child = command(folder, begin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !folder.join("cut").join(saved).exists() {
        assert!(child.try_wait().unwrap().is_none(), "{begin:?} ended before it was killed");
        assert!(start.elapsed() < Duration::from_secs(600), "{begin:?} saved no {saved}");
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(child);
    Study::open(folder.join("cut/study.db")).unwrap().set(key, "1000").unwrap();
    nas(folder, &["resume", "cut", "--json"]).ok()
}

/// Runs the command that writes into `cut` to its end, killing it `kills` times on the way, each time after another part of
/// `pause`. What has begun (its folder has the file) is resumed. `after` is called after each kill.
pub(crate) fn run_through(
    folder: &Path,
    (begin, begun): (&[&str], &str),
    kills: usize,
    pause: Duration,
    after: &mut dyn FnMut(),
) {
    let mut rng = nas_space::Seed::new(20_261_126).rng();
    for kill in 0.. {
        // A run that was killed before it had made its study is begun anew, any other goes on.
        let cut = folder.join("cut");
        let has_begun = cut.join(begun).exists();
        if !has_begun && cut.exists() {
            fs::remove_dir_all(&cut).unwrap();
        }
        let args = if has_begun { &["resume", "cut", "--json"] } else { begin };
        // Each attempt gets a little longer: a loop of kills must come to its end.
        let patience = pause.mul_f64(rng.random_range(0.2..1.8) * (1.0 + 0.2 * kill as f64));
        if go_on(folder, args, if kill < kills { patience } else { Duration::from_secs(600) }) {
            return;
        }
        after();
    }
}

#[test]
fn ten_kills_change_no_byte() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let how = ["--jobs", "2", "--threads", "1", "--trials", "8", "--trial-epochs", "4", "--final-epochs", "20"];
    let start = Instant::now();
    nas(folder, &tiny(&[&how[..], &["--out", "whole"]].concat())).ok();
    let whole = start.elapsed();

    let search = tiny(&[&how[..], &["--out", "cut"]].concat());
    let mut rng = nas_space::Seed::new(20_261_124).rng();
    let mut patience = whole / 14;
    let (mut kills, mut in_search, mut in_training) = (0, 0, 0);
    loop {
        // A run that was killed before it had made its study is begun anew, any other goes on.
        let begun = folder.join("cut/study.db").exists();
        if !begun && folder.join("cut").exists() {
            fs::remove_dir_all(folder.join("cut")).unwrap();
        }
        let args: Vec<&str> = if begun { vec!["resume", "cut", "--json"] } else { search.clone() };
        let before = position(&folder.join("cut"));
        let wait = if kills < KILLS { patience.mul_f64(rng.random_range(0.1..1.9)) } else { Duration::from_secs(600) };
        if go_on(folder, &args, wait) {
            break;
        }
        kills += 1;
        let after = position(&folder.join("cut"));
        if after.1 {
            in_training += 1
        } else {
            in_search += 1
        }
        // Where nothing was finished in between, the next attempt gets longer: a loop of kills must come to its end.
        if before == after {
            patience = patience.mul_f64(1.2);
        }
    }
    assert!(kills >= 3, "the run ended after {kills} kills: it was not killed enough to tell");
    assert!(in_search > 0 && in_training > 0, "{in_search} kills hit the search, {in_training} the final training");
    for file in ["arch.json", "model.safetensors", "metrics.csv", "cells.dot"] {
        let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert!(of("whole") == of("cut"), "{file} differs after {kills} kills");
    }
    let fingerprint =
        |run: &str| Study::open(folder.join(run).join("study.db")).unwrap().lines_without_times().unwrap();
    assert_eq!(fingerprint("whole"), fingerprint("cut"));
}
