//! Methods side by side: the table and its file, the same bytes after kills, failures that are rows, and what is refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use nas_search::Study;
use serde_json::Value;

use crate::kill::run_through;
use crate::{command, nas, refused};

const FAILURE: i32 = 1;
const FILE: i32 = 4;

/// A comparison as small as one can be: two passes of search a run, and two at the end.
fn compare<'a>(methods: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args =
        vec!["compare", "--methods", methods, "--epochs", "2", "--trial-epochs", "1", "--trial-images", "200"];
    args.extend(["--channels", "2", "--final-channels", "2", "--final-epochs", "2", "--jobs", "1", "--threads", "1"]);
    args.extend(["--json", "--out", out]);
    args.extend(more);
    args
}

/// One of each kind: networks trained one by one, a supernet, shared weights, a hypernetwork.
const KINDS: &str =
    "amoebanet,darts1:images=200,enas:images=200:samples=20:candidates=5,ghn:images=200:samples=12:best=2";

fn row<'a>(comparison: &'a Value, method: &str) -> &'a Value {
    let rows = comparison["methods"].as_array().unwrap();
    rows.iter().find(|row| row["method"].as_str().unwrap().starts_with(method)).unwrap_or_else(|| panic!("no {method}"))
}

#[test]
fn every_kind_of_method_stands_in_the_table_beside_random_search() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let ran = nas(folder, &compare(KINDS, "out", &["--seeds", "2", "--flip", "true"])).ok();
    let comparison = ran.json();
    let stored: Value = serde_json::from_str(&fs::read_to_string(folder.join("out/compare.json")).unwrap()).unwrap();
    assert_eq!(stored, comparison);
    assert_eq!((&comparison["state"], &comparison["test_images"]), (&"complete".into(), &359.into()));
    let rows = comparison["methods"].as_array().unwrap();
    assert_eq!(rows.len(), 5, "random search is among them unasked");
    let errors: Vec<f64> = rows.iter().map(|row| row["test_error"].as_f64().unwrap()).collect();
    assert!(errors.is_sorted(), "the best comes first: {errors:?}");
    for row in rows {
        let runs = row["runs"].as_array().unwrap();
        let of = |run: &Value| run["outcome"]["test_error"].as_f64().unwrap();
        let mean = (of(&runs[0]) + of(&runs[1])) / 2.0;
        let mirrored = |run: &Value| run["outcome"]["mirrored_error"].as_f64().unwrap();
        let both = (mirrored(&runs[0]) + mirrored(&runs[1])) / 2.0;
        assert!((row["mirrored_error"].as_f64().unwrap() - both).abs() < 1e-9, "{row:#}");
        let std = (of(&runs[0]) - of(&runs[1])).abs() / 2.0_f64.sqrt();
        assert!((row["test_error"].as_f64().unwrap() - mean).abs() < 1e-9, "{row:#}");
        assert!((row["test_error_std"].as_f64().unwrap() - std).abs() < 1e-9, "{row:#}");
        assert!(row["total_seconds"].as_f64() >= row["search_seconds"].as_f64(), "{row:#}");
        for run in runs {
            // Each is a run that every other command works on.
            let own = folder.join("out").join(run["folder"].as_str().unwrap());
            let metrics: Value = serde_json::from_str(&fs::read_to_string(own.join("metrics.json")).unwrap()).unwrap();
            assert_eq!(metrics["seed"], run["seed"]);
            let error = 100.0 * (1.0 - metrics["test"]["accuracy"].as_f64().unwrap());
            assert!((of(run) - error).abs() < 1e-9);
            let mirrored = 100.0 * (1.0 - metrics["test_mirrored"]["accuracy"].as_f64().unwrap());
            assert!((run["outcome"]["mirrored_error"].as_f64().unwrap() - mirrored).abs() < 1e-9);
            assert_eq!(metrics["parameters"], run["outcome"]["params"]);
            assert_eq!(metrics["search"]["arms"].as_array().unwrap().len(), 1, "no baseline of its own");
        }
    }
    assert_eq!(
        (&row(&comparison, "darts1")["trials"], &row(&comparison, "darts1")["epochs"]),
        (&1.0.into(), &2.0.into())
    );
    assert_eq!(
        (&row(&comparison, "random")["trials"], &row(&comparison, "random")["epochs"]),
        (&2.0.into(), &Value::Null)
    );
    assert_eq!(row(&comparison, "ghn")["trials"], 2.0);
    let published = &row(&comparison, "amoebanet")["published"];
    assert_eq!((&published["gpus"], &published["days"]), (&450.into(), &7.0.into()));
    what_it_says(folder, &comparison);
    equal_trainings(folder, &comparison);
}

/// A comparison that is complete is shown again.
fn what_it_says(folder: &Path, comparison: &Value) {
    let text = nas(folder, &["resume", "out"]).ok().stdout;
    let best = comparison["methods"][0]["method"].as_str().unwrap();
    let lowest = format!("Lowest test error: `{best}`");
    let parts = [&*lowest, "nothing of this was measured here", "AmoebaNet-A", "And mirrored: the error by the mean"];
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    let page = fs::read_to_string(folder.join("out/report.html")).unwrap();
    assert!(page.contains("and mirrored") && page.contains("And mirrored: the error by the mean"));
    assert!(text.contains("nas evaluate out/runs/"), "{text}");
    let own = format!("out/{}", comparison["methods"][0]["runs"][0]["folder"].as_str().unwrap());
    assert!(nas(folder, &["evaluate", &own]).ok().stdout.contains("by each image and its mirror image together"));
    let again = nas(folder, &["evaluate", &own, "--json"]).ok().json();
    let error = comparison["methods"][0]["runs"][0]["outcome"]["test_error"].as_f64().unwrap();
    assert!((100.0 * (1.0 - again["accuracy"].as_f64().unwrap()) - error).abs() < 1e-9, "{again:#}");
}

/// Whatever their papers trained with, all are trained alike at the end.
fn equal_trainings(folder: &Path, comparison: &Value) {
    let training = |method: &str| {
        let own = row(comparison, method)["runs"][0]["folder"].as_str().unwrap();
        let text = fs::read_to_string(folder.join("out").join(own).join("nas.toml")).unwrap();
        text.split("[training]").nth(1).unwrap().split("[run]").next().unwrap().to_owned()
    };
    let random = training("random");
    assert!(random.contains("weight_decay"), "{random}");
    for method in ["amoebanet", "darts1", "enas", "ghn"] {
        assert_eq!(training(method), random, "{method}");
    }
}

#[test]
fn a_budget_in_time_is_that_of_each_run() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let args = ["compare", "--methods", "darts1", "--time", "10s", "--seed", "3", "--out", "out"];
    let text = nas(folder, &args).ok().stdout;
    assert!(text.contains("10.0 s for search and final training, one run each"), "{text}");
    assert!(text.contains("--recipe plain --time 10s"), "{text}");
    let comparison: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("out/compare.json")).unwrap()).unwrap();
    assert_eq!((&comparison["budget"]["seconds"], &comparison["budget"]["epochs"]), (&10.0.into(), &Value::Null));
    for method in ["darts1", "random"] {
        let row = row(&comparison, method);
        assert_eq!(row["runs"][0]["folder"], format!("runs/{method}-3"));
        // The processes took at least what their phases say, and the first of these is measuring the machine.
        let [all, search] = ["total_seconds", "search_seconds"].map(|name| row[name].as_f64().unwrap());
        assert!(all >= row["runs"][0]["seconds"].as_f64().unwrap() && all > search, "{row:#}");
    }
}

#[test]
fn kills_change_no_byte_and_undo_no_run() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let (methods, more) = ("amoebanet,darts1:images=200", ["--final-epochs", "6"]);
    let start = Instant::now();
    let whole = nas(folder, &compare(methods, "whole", &more)).ok().json();
    let read =
        || -> Option<Value> { serde_json::from_str(&fs::read_to_string(folder.join("cut/compare.json")).ok()?).ok() };
    let (mut done, mut between) = (0, 0);
    run_through(folder, (&compare(methods, "cut", &more), "compare.json"), 8, start.elapsed() / 5, &mut || {
        let Some(comparison) = read() else { return };
        let rows = comparison["methods"].as_array().unwrap();
        let complete = rows.iter().filter(|row| row["runs"][0]["state"] == "complete").count();
        assert!(complete >= done, "a run that was done was undone");
        done = complete;
        between += usize::from(rows.iter().any(|row| row["runs"][0]["state"] == "running"));
    });
    assert!(between > 1, "only {between} kills hit a run");
    for row in whole["methods"].as_array().unwrap() {
        let own = row["runs"][0]["folder"].as_str().unwrap();
        for file in ["arch.json", "model.safetensors", "metrics.csv", "nas.toml", "command.txt"] {
            let of = |run: &str| fs::read(folder.join(run).join(own).join(file)).unwrap();
            assert!(of("whole") == of("cut"), "{own}: {file} differs");
        }
        let lines = |run: &str| Study::open(folder.join(run).join(own).join("study.db")).unwrap().lines_without_times();
        assert_eq!(lines("whole").unwrap(), lines("cut").unwrap(), "{own}");
    }
    let errors = |comparison: &Value| -> Vec<(Value, Value)> {
        let rows = comparison["methods"].as_array().unwrap();
        rows.iter().map(|row| (row["method"].clone(), row["test_error"].clone())).collect()
    };
    assert_eq!(errors(&whole), errors(&read().unwrap()));
}

#[test]
fn a_method_that_fails_is_a_row_and_is_tried_again() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    // Nothing can be found among no candidates, which the supernet says once it is made.
    let ran = nas(folder, &compare("enas:candidates=0,amoebanet", "out", &[]));
    assert_eq!(ran.code, FAILURE, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 of 3 runs failed") && ran.stderr.contains("nas resume out"), "{}", ran.stderr);
    let comparison = ran.json();
    let failed = &row(&comparison, "enas")["runs"][0];
    assert_eq!(failed["state"], "failed");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.contains("`candidates` = 0"), "{comparison:#}");
    assert_eq!(row(&comparison, "enas")["test_error"], Value::Null);
    for method in ["amoebanet", "random"] {
        assert!(row(&comparison, method)["test_error"].is_number(), "the others went on: {comparison:#}");
    }
    let again = nas(folder, &["resume", "out"]);
    assert_eq!(again.code, FAILURE, "{}", again.stderr);
    // Those without a result stand last.
    assert!(again.stderr.contains("[3/3] enas") && !again.stderr.contains("[1/3]"), "{}", again.stderr);
    assert!(again.stdout.contains(reason), "the table has the reason: {}", again.stdout);
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_dies_is_a_row_and_ctrl_c_stops_in_good_order() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let args = compare("amoebanet", "out", &["--final-epochs", "200"]);
    let mut child = command(folder, &args).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut until = |part: &str| assert!(lines.by_ref().any(|line| line.contains(part)), "it never said {part:?}");
    let signal = |name: &str, id: u32| {
        assert!(std::process::Command::new("kill").args([name, &id.to_string()]).status().unwrap().success());
    };
    until("epoch   2/200");
    signal("-KILL", children(child.id())[0]);
    until("amoebanet, seed 0, failed: it was killed");
    until("epoch   2/200");
    signal("-INT", child.id());
    let rest: Vec<String> = lines.collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    assert!(output.stdout.is_empty(), "a stopped comparison has no result");
    assert!(rest.iter().any(|line| line.trim() == "nas resume out"), "{rest:?}");
    assert!(rest.iter().all(|line| !line.contains("resume out/runs")), "{rest:?}");
    let text = fs::read_to_string(folder.join("out/compare.json")).unwrap();
    let comparison: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(row(&comparison, "amoebanet")["runs"][0]["state"], "failed");
    assert_eq!(row(&comparison, "random")["runs"][0]["state"], "running");
    assert!(folder.join("out/runs/random-0/training.safetensors").exists(), "its last epochs are kept");
}

/// The processes that a process started.
#[cfg(target_os = "linux")]
fn children(id: u32) -> Vec<u32> {
    let parent = format!("PPid:\t{id}\n");
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that has ended meanwhile has no status.
    processes.filter(|id| fs::read_to_string(format!("/proc/{id}/status")).is_ok_and(|s| s.contains(&parent))).collect()
}

#[test]
fn what_cannot_be_is_said() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let fails = |args: &[&str], part: &str| refused(folder, &[&["compare"][..], args].concat(), part);
    fails(&["--methods", "zoph,dart"], "there is no method `dart`; the methods are zoph");
    fails(&["--methods", "evolution"], "--method amoebanet");
    fails(&["--methods", "darts:skips=2"], "no setting `skips`");
    fails(&["--methods", "darts,darts"], "asked for twice");
    fails(&["--time", "2s"], "too short for a run");
    fails(&["--epochs", "0"], "at least one epoch");
    fails(&["--time", "2m", "--epochs", "5"], "cannot be used with");
    fails(&["--crop", "100"], "crop");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "a refused command leaves nothing behind");
    let ran = nas(folder, &["compare", "--data", "nowhere"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);

    fs::create_dir_all(folder.join("other")).unwrap();
    fs::write(folder.join("other/compare.json"), "{\"format\": \"nas-comparison\", \"version\": 9}").unwrap();
    fails(&["--out", "other"], "go on with `nas resume other`");
    let ran = nas(folder, &["resume", "other"]);
    assert!(ran.code == FILE && ran.stderr.contains("version 9 of the format is newer"), "{}", ran.stderr);
    fs::write(folder.join("other/compare.json"), outside(folder)).unwrap();
    let ran = nas(folder, &["resume", "other"]);
    assert!(ran.code == FILE && ran.stderr.contains("is no folder of a run of it"), "{}", ran.stderr);
    assert!(folder.join("precious/file").exists(), "what is not its own is left alone");
    fs::write(folder.join("other/compare.json"), "{\"format\": \"nas-comp").unwrap();
    let ran = nas(folder, &["resume", "other"]);
    assert!(ran.code == FILE && ran.stderr.contains("compare.json: it is damaged"), "{}", ran.stderr);
}

/// A comparison that was tampered with: one of its runs lies elsewhere.
fn outside(folder: &Path) -> String {
    fs::create_dir_all(folder.join("precious")).unwrap();
    fs::write(folder.join("precious/file"), "x").unwrap();
    nas(folder, &compare("amoebanet", "small", &[])).ok();
    let text = fs::read_to_string(folder.join("small/compare.json")).unwrap();
    let mut comparison: Value = serde_json::from_str(&text).unwrap();
    let run = &mut comparison["methods"][0]["runs"][0];
    (run["state"], run["outcome"], run["folder"]) = ("waiting".into(), Value::Null, "../precious".into());
    comparison.to_string()
}
