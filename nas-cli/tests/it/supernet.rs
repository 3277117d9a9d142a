//! A search on a supernet: a folder that is complete, and after any number of kills the same bytes.

use std::fs;
use std::path::Path;
use std::time::Instant;

use nas_search::Study;

use crate::bench::tables;
use crate::kill::{resume_too_late, run_through};
use crate::{nas, refused};

/// How often a run is killed.
const KILLS: usize = 6;

/// A search as small as one can be: four epochs on 400 images, the cell found and one random cell, two epochs at the end.
fn search<'a>(space: &'a str, strategy: &'a str, out: &'a str) -> Vec<&'a str> {
    let mut args =
        vec!["search", "--space", space, "--strategy", strategy, "--epochs", "4", "--channels", "2", "--layers", "3"];
    args.extend(["--trial-epochs", "1", "--trial-images", "200", "--final-channels", "2", "--final-layers", "3"]);
    args.extend(["--final-epochs", "2", "--seed", "7", "--jobs", "1", "--threads", "1", "--json", "--out", out]);
    args
}

/// Whether the supernet is still searched.
fn in_supernet(folder: &Path) -> bool {
    let report = Study::open(folder.join("study.db")).and_then(|study| study.get("nas/supernet"));
    report.is_ok_and(|report| report.is_none())
}

fn check(space: &str, strategy: &str, written: &[&str]) {
    check_commands(|out| search(space, strategy, out).into_iter().map(String::from).collect(), written);
}

/// Kills the run of a command into a folder again and again, and compares what it comes to with a whole run.
fn check_commands(command: impl Fn(&str) -> Vec<String>, written: &[&str]) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let start = Instant::now();
    let (begin, whole_run) = (command("cut"), command("whole"));
    let words = |command: &[String]| command.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let begin: Vec<&str> = begin.iter().map(String::as_str).collect();
    nas(folder, &whole_run.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    let (mut kills, mut hits) = (0, 0);
    run_through(folder, (&begin, "study.db"), KILLS, start.elapsed() / 8, &mut || {
        kills += 1;
        hits += usize::from(in_supernet(&folder.join("cut")));
    });
    assert!(hits > 0, "none of {kills} kills hit the supernet");
    let files = ["arch.json", "model.safetensors", "metrics.csv", "cells.dot", "supernet.csv"];
    for file in files.iter().chain(written) {
        let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert!(of("whole") == of("cut"), "{}: {file} differs after {kills} kills", words(&whole_run));
    }
}

#[test]
fn kills_change_no_byte_of_a_first_order_search() {
    check("darts", "darts1:images=400:random=1", &["alphas.json"]);
}

#[test]
fn kills_change_no_byte_of_a_second_order_search() {
    check("darts", "darts:images=400:random=1:eigenvalue_every=3", &["alphas.json"]);
}

#[test]
fn kills_change_no_byte_of_a_search_on_sampled_edges() {
    check("darts", "gdas:random=1", &["alphas.json"]);
}

#[test]
fn kills_change_no_byte_of_a_search_on_partial_channels() {
    check("darts", "pc-darts:images=400:random=1:partial=2", &["alphas.json"]);
}

#[test]
fn kills_change_no_byte_of_a_search_on_drawn_weights() {
    check("nasbench201", "drnas:images=400:random=1", &["alphas.json"]);
}

#[test]
fn kills_change_no_byte_of_a_search_by_parameter_sharing() {
    check("enas-micro", "enas:images=400:random=1:samples=40:candidates=20", &["candidates.csv"]);
}

#[test]
fn a_search_beside_no_random_cells_comes_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    nas(folder.path(), &search("nasbench201", "darts1:images=400:random=0", "out")).ok();
    let metrics: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("out/metrics.json")).unwrap()).unwrap();
    assert_eq!(metrics["search"]["arms"].as_array().unwrap().len(), 1, "there is no baseline to speak of");
}

/// Evolution on the weights of a supernet, as small as it can be.
fn on_shared_weights<'a>(evaluator: &'a str, out: &'a str) -> Vec<&'a str> {
    let mut args = vec!["search", "--space", "nasbench201", "--strategy", "evolution", "--evaluator", evaluator];
    args.extend(["--trials", "30"]);
    args.extend(["--channels", "2", "--layers", "3", "--final-channels", "2", "--final-layers", "3"]);
    args.extend(["--final-epochs", "2", "--seed", "7", "--jobs", "1", "--threads", "1", "--json", "--out", out]);
    args
}

#[test]
fn every_strategy_searches_on_shared_weights() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = nas(folder.path(), &on_shared_weights("supernet:epochs=3:images=400:compared=80", "out")).ok().json();
    let search = &metrics["search"];
    assert_eq!(search["supernet"]["epochs"], 3);
    for (number, arm) in ["evolution", "random"].into_iter().enumerate() {
        assert_eq!((&search["arms"][number]["arm"], &search["arms"][number]["trials"]), (&arm.into(), &30.into()));
    }
    assert!(folder.path().join("out/shared.safetensors").exists());
    // Measured again on the same weights, the same: a run of the same seed has the same trials.
    let again = nas(folder.path(), &on_shared_weights("supernet:epochs=3:images=400:compared=80", "again")).ok().json();
    assert_eq!(again["search"]["winner"]["architecture"], search["winner"]["architecture"]);
    assert_eq!(again["search"]["winner"]["validation"], search["winner"]["validation"]);
}

#[test]
fn kills_change_no_byte_of_a_search_on_shared_weights() {
    check_commands(
        |out| on_shared_weights("supernet:epochs=30:compared=80", out).into_iter().map(String::from).collect(),
        &["shared.safetensors", "candidates.csv"],
    );
}

#[test]
fn whole_networks_are_searched_by_parameter_sharing() {
    let folder = tempfile::tempdir().unwrap();
    let args = search("enas-macro-3", "enas:images=400:random=2:samples=20:candidates=8", "out");
    let metrics = nas(folder.path(), &args).ok().json();
    let search = &metrics["search"];
    assert_eq!((&search["arms"][0]["arm"], &search["arms"][0]["trials"]), (&"enas".into(), &1.into()));
    assert_eq!(search["supernet"]["rewards"].as_array().unwrap().len(), 4);
    assert_eq!(search["winner"]["architecture"], metrics["architecture"]);
    let candidates = fs::read_to_string(folder.path().join("out/candidates.csv")).unwrap();
    let best = candidates.lines().nth(1).unwrap();
    assert!(best.contains(metrics["architecture"].as_str().unwrap()), "{best} is not what was found");
}

#[test]
fn the_folder_says_what_the_supernet_came_to() {
    let folder = tempfile::tempdir().unwrap();
    let args = search("nasbench201", "darts1:images=400:random=2", "out");
    let metrics = nas(folder.path(), &args).ok().json();
    let search = &metrics["search"];
    assert_eq!((&search["arms"][0]["arm"], &search["arms"][0]["trials"]), (&"darts1".into(), &1.into()));
    assert_eq!((&search["arms"][1]["arm"], &search["arms"][1]["trials"]), (&"random".into(), &2.into()));
    assert_eq!(search["supernet"]["epochs"], 4);
    assert_eq!(search["supernet"]["eigenvalues"].as_array().unwrap().len(), 4);
    assert_eq!(search["winner"]["architecture"], metrics["architecture"]);
    if let Some(()) = tables() {
        check_tabulated(&metrics);
    }
    let curve = fs::read_to_string(folder.path().join("out/supernet.csv")).unwrap();
    assert_eq!(curve.lines().count(), 5);
    assert!(curve.starts_with("epoch,train_loss,") && curve.contains("|+|"), "{curve}");
    assert!(!folder.path().join("out/supernet.safetensors").exists(), "what is done needs no checkpoint");
}

/// The table's own line of the cell found has its accuracy in the fourth column.
fn check_tabulated(metrics: &serde_json::Value) {
    let path = Path::new(&std::env::var_os("NAS_TABLES").unwrap()).join("nasbench201.csv");
    let table = fs::read_to_string(path).unwrap();
    let text = format!(",{},", metrics["architecture"].as_str().unwrap());
    let line = table.lines().find(|line| line.contains(&text)).unwrap();
    let test: f64 = line.split(',').nth(3).unwrap().parse().unwrap();
    let found = &metrics["tabulated"];
    assert!((found["test"].as_f64().unwrap() - test / 100.0).abs() < 1e-9, "{found} {line}");
    assert!((found["optimum"].as_f64().unwrap() - 0.9437).abs() < 5e-4, "{found}");
}

#[test]
fn a_budget_in_time_is_divided_between_supernet_and_cells() {
    let folder = tempfile::tempdir().unwrap();
    let ran = nas(folder.path(), &["search", "--strategy", "darts1", "--time", "12s", "--json", "--out", "out"]).ok();
    assert!(ran.stderr.contains("of the supernet, then the cell found"), "{}", ran.stderr);
    assert!(ran.json()["search"]["supernet"]["epochs"].as_u64().unwrap() >= 1);
}

#[test]
fn a_supernet_that_has_used_its_time_ends_and_what_it_learned_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let begin = ["search", "--strategy", "enas:random=30", "--space", "enas-micro", "--time", "30s", "--out", "cut"];
    let begin = [&begin[..], &["--jobs", "1"]].concat();
    let ran = resume_too_late(folder.path(), &begin, "supernet.safetensors", "nas/supernet_seconds");
    assert!(ran.stderr.contains("time ran short: "), "{}", ran.stderr);
    let supernet = &ran.json()["search"]["supernet"];
    let warning = supernet["warnings"][0].as_str().unwrap();
    let done = supernet["epochs"].as_u64().unwrap();
    assert!(warning.starts_with(&format!("time ran short: {done} of the ")), "{warning}");
    assert!(fs::read_to_string(folder.path().join("cut/report.html")).unwrap().contains(warning));
    assert_eq!((&supernet["candidates"], &supernet["ended"]), (&1.into(), &"finished".into()));
    // At this late hour the cell found is trained, and a few random ones.
    let arms = &ran.json()["search"]["arms"];
    assert_eq!(arms[0]["trials"], 1);
    assert!((1..30).contains(&arms[1]["trials"].as_u64().unwrap()), "{arms}");
}

#[test]
fn the_images_a_step_that_auto_stands_for_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let with =
        |more: &[&'static str], out: &'static str| [&search("darts", "darts1:images=400:random=1", out), more].concat();
    fs::write(folder.path().join("auto.toml"), "[trial]\nbatch_size = \"auto\"\n").unwrap();
    let ran = nas(folder.path(), &with(&["--config", "auto.toml"], "auto")).ok();
    let said = "--batch-size auto: a step of the search has 32 images, as usual, which need about ";
    assert!(ran.stderr.contains(said) && !ran.stderr.contains("a step of the final training has"), "{}", ran.stderr);
    let read = |run: &str, file: &str| fs::read_to_string(folder.path().join(run).join(file)).unwrap();
    let stored = read("auto", "nas.toml");
    assert!(stored.contains("\nbatch_size = 32\n") && !stored.contains("= \"auto\""), "{stored}");
    assert!(read("auto", "command.txt").contains("--batch-size 32 "));
    let study = Study::open(folder.path().join("auto/study.db")).unwrap();
    assert!(study.info().unwrap().config.contains("\nbatch_size = 32\n"), "what a resume reads");
    nas(folder.path(), &with(&["--batch", "32"], "given")).ok();
    assert_eq!(read("auto", "supernet.csv"), read("given", "supernet.csv"));
}

#[test]
fn what_a_supernet_cannot_do_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |args: &[&str], part: &str| refused(folder.path(), args, part);
    fails(&["search", "--strategy", "darts", "--trials", "5"], "give --epochs or --time");
    fails(&["search", "--strategy", "darts", "--space", "nasbench101"], "has no supernet");
    fails(&["search", "--strategy", "enas", "--space", "nasbench101"], "share no weights");
    fails(&["search", "--strategy", "enas", "--space", "nasnet"], "share no weights");
    fails(&["search", "--strategy", "enas:idle=sleep"], "rest or move");
    fails(&["search", "--evaluator", "supernett"], "did you mean `supernet`?");
    fails(&["search", "--evaluator", "supernet", "--epochs", "9"], "give --trials or --time");
    fails(&["search", "--evaluator", "supernet", "--strategy", "darts"], "a supernet of its own");
    fails(&["search", "--evaluator", "supernet", "--strategy", "ghn"], "leave the evaluator of shared weights out");
    fails(&["search", "--strategy", "darts:max_skips=few"], "`max_skips` = few");
    fails(&["search", "--strategy", "darts:max_skip=1"], "did you mean `max_skips`?");
    fails(&["search", "--strategy", "darts", "--batch-size", "1"], "batch_size");
    fails(&["search", "--batch-size", "most"], "write it as 64, or auto for what fits the memory");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a refused command leaves nothing behind");
}
