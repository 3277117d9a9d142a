//! A search on a supernet: a folder that is complete, and after any number of kills the same bytes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nas_search::Study;
use rand::RngExt;

use crate::kill::go_on;
use crate::nas;

/// How often a run is killed.
const KILLS: usize = 6;

/// A search as small as one can be: four epochs on 400 images, the cell found and one random cell, two epochs at the end.
fn search<'a>(strategy: &'a str, out: &'a str) -> Vec<&'a str> {
    let mut args = vec!["search", "--strategy", strategy, "--epochs", "4", "--channels", "2", "--layers", "3"];
    args.extend(["--trial-epochs", "1", "--trial-images", "200", "--final-channels", "2", "--final-layers", "3"]);
    args.extend(["--final-epochs", "2", "--seed", "7", "--jobs", "1", "--threads", "1", "--json", "--out", out]);
    args
}

/// Whether the supernet is still searched.
fn in_supernet(folder: &Path) -> bool {
    let report = Study::open(folder.join("study.db")).and_then(|study| study.get("nas/supernet"));
    report.is_ok_and(|report| report.is_none())
}

fn check(strategy: &str) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let start = Instant::now();
    nas(folder, &search(strategy, "whole")).ok();
    let whole = start.elapsed();
    let mut rng = nas_space::Seed::new(20_261_124).rng();
    let (mut kills, mut hits) = (0, 0);
    loop {
        // A run that was killed before it had made its study is begun anew, any other goes on.
        let cut = folder.join("cut");
        let begun = cut.join("study.db").exists();
        if !begun && cut.exists() {
            fs::remove_dir_all(&cut).unwrap();
        }
        let args = if begun { vec!["resume", "cut", "--json"] } else { search(strategy, "cut") };
        // Each attempt gets a little longer: a loop of kills must come to its end.
        let patience = (whole / 8).mul_f64(rng.random_range(0.2..1.8) * (1.0 + 0.2 * kills as f64));
        if go_on(folder, &args, if kills < KILLS { patience } else { Duration::from_secs(600) }) {
            break;
        }
        kills += 1;
        hits += usize::from(in_supernet(&cut));
    }
    assert!(hits > 0, "none of {kills} kills hit the supernet");
    let files = ["arch.json", "model.safetensors", "metrics.csv", "cells.dot", "supernet.csv", "alphas.json"];
    for file in files {
        let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert!(of("whole") == of("cut"), "{strategy}: {file} differs after {kills} kills");
    }
}

#[test]
fn kills_change_no_byte_of_a_first_order_search() {
    check("darts1:images=400:random=1");
}

#[test]
fn kills_change_no_byte_of_a_second_order_search() {
    check("darts:images=400:random=1:eigenvalue_every=3");
}

#[test]
fn the_folder_says_what_the_supernet_came_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = search("darts1:images=400:random=2", "out");
    args.extend(["--space", "nasbench201"]);
    let metrics = nas(folder.path(), &args).ok().json();
    let search = &metrics["search"];
    assert_eq!((&search["arms"][0]["arm"], &search["arms"][0]["trials"]), (&"darts1".into(), &1.into()));
    assert_eq!((&search["arms"][1]["arm"], &search["arms"][1]["trials"]), (&"random".into(), &2.into()));
    assert_eq!(search["supernet"]["epochs"], 4);
    assert_eq!(search["supernet"]["eigenvalues"].as_array().unwrap().len(), 4);
    assert_eq!(search["winner"]["architecture"], metrics["architecture"]);
    let curve = fs::read_to_string(folder.path().join("out/supernet.csv")).unwrap();
    assert_eq!(curve.lines().count(), 5);
    assert!(curve.starts_with("epoch,train_loss,") && curve.contains("|+|"), "{curve}");
    assert!(!folder.path().join("out/supernet.safetensors").exists(), "what is done needs no checkpoint");
}

#[test]
fn a_budget_in_time_is_divided_between_supernet_and_cells() {
    let folder = tempfile::tempdir().unwrap();
    let ran = nas(folder.path(), &["search", "--strategy", "darts1", "--time", "12s", "--json", "--out", "out"]).ok();
    assert!(ran.stderr.contains("of the supernet, then the cell found"), "{}", ran.stderr);
    assert!(ran.json()["search"]["supernet"]["epochs"].as_u64().unwrap() >= 1);
}

#[test]
fn what_a_supernet_cannot_do_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |args: &[&str], part: &str| {
        let ran = nas(folder.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{args:?} should say {part:?}: {}", ran.stderr);
    };
    fails(&["search", "--strategy", "darts", "--trials", "5"], "give --epochs or --time");
    fails(&["search", "--strategy", "darts", "--space", "nasbench101"], "has no supernet");
    fails(&["search", "--strategy", "darts:max_skips=few"], "`max_skips` = few");
    fails(&["search", "--strategy", "darts:max_skip=1"], "did you mean `max_skips`?");
    fails(&["search", "--strategy", "darts", "--batch-size", "1"], "batch_size");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a refused command leaves nothing behind");
}
