//! Ctrl-C: the search stops in good order, says how to go on, and going on leads to the same bytes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{command, nas, tiny};

/// Runs a search until a line of its progress contains `until`, interrupts it, and resumes it.
#[cfg(unix)]
fn check(until: &str) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let how = ["--jobs", "1", "--threads", "1", "--final-epochs", "6"];
    nas(folder, &tiny(&[&how[..], &["--out", "whole"]].concat())).ok();
    let mut child = command(folder, &tiny(&[&how[..], &["--out", "cut"]].concat()))
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(until)), "the search never said {until:?}");
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let rest: Vec<String> = lines.collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    assert!(output.stdout.is_empty(), "a stopped search has no result");
    assert!(rest.iter().any(|line| line.trim() == "nas resume cut"), "{rest:?}");
    nas(folder, &["resume", "cut"]).ok();
    for file in ["arch.json", "model.safetensors", "metrics.csv"] {
        let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert!(of("whole") == of("cut"), "{file} differs");
    }
}

#[test]
fn a_search_that_was_cut_off_before_it_began_is_told_from_a_damaged_one() {
    let temporary = tempfile::tempdir().unwrap();
    fs::create_dir(temporary.path().join("cut")).unwrap();
    fs::write(temporary.path().join("cut/study.db"), "").unwrap();
    let ran = nas(temporary.path(), &["resume", "cut"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("cut off before it had begun") && ran.stderr.contains("cut/command.txt"),
        "{}",
        ran.stderr
    );
}

#[test]
#[cfg(unix)]
fn a_stopped_search_goes_on_to_the_same_bytes() {
    check("evolution    2/4");
}

#[test]
#[cfg(unix)]
fn a_stopped_final_training_goes_on_to_the_same_bytes() {
    check("epoch   2/6");
}
