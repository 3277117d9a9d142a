//! A whole search: the same bytes for any number of workers and threads, a folder that is complete.

use std::fs;
use std::path::Path;

use crate::{nas, tiny};

/// The trials of a study without what a clock wrote.
fn trials(folder: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(folder.join("study.db")).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT id, arm, number, state, architecture, parent, seed, accuracy, loss, parameters, extra FROM trials",
        )
        .unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        (0..columns)
            .map(|i| row.get::<_, rusqlite::types::Value>(i).map(|v| format!("{v:?}")))
            .collect::<Result<Vec<_>, _>>()
    };
    let mut rows: Vec<String> = statement.query_map([], row).unwrap().map(|r| r.unwrap().join(" ")).collect();
    rows.sort();
    rows
}

#[test]
fn workers_and_threads_change_no_byte() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let runs = [
        ("a", &["--jobs", "1", "--threads", "1"][..]),
        ("b", &["--jobs", "2", "--threads", "1"]),
        ("c", &["--in-process", "--threads", "2"]),
    ];
    for (out, how) in runs {
        nas(folder, &tiny(&[&["--out", out], how].concat())).ok();
    }
    for (out, how) in &runs[1..] {
        for file in ["arch.json", "model.safetensors", "metrics.csv", "cells.svg", "cells.dot"] {
            let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
            assert!(of("a") == of(out), "{file} differs with {how:?}");
        }
        assert_eq!(trials(&folder.join("a")), trials(&folder.join(out)), "{how:?}");
    }
    let other = nas(folder, &tiny(&["--out", "d", "--in-process", "--seed", "8"])).ok().json();
    let first: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("a/metrics.json")).unwrap()).unwrap();
    assert_ne!(other["architecture"], first["architecture"], "another seed is another search");
}

#[test]
fn the_folder_is_complete_and_measures_the_same_again() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let ran = nas(folder, &tiny(&[])).ok();
    let metrics = ran.json();
    let out = folder.join("runs/digits-darts-evolution-7-1");
    for file in [
        "arch.json",
        "model.safetensors",
        "metrics.json",
        "metrics.csv",
        "study.db",
        "cells.svg",
        "cells.dot",
        "nas.toml",
        "command.txt",
    ] {
        assert!(out.join(file).is_file(), "{file}");
    }
    assert!(!out.join("training.safetensors").exists() && !out.join("trials").exists(), "nothing half-done stays");
    assert!(ran.stderr.contains("this stands for:\n  nas search --data digits"), "{}", ran.stderr);
    assert_eq!(metrics["search"]["arms"][1]["arm"], "random");
    assert_eq!(metrics["search"]["arms"][1]["trials"], metrics["search"]["arms"][0]["trials"]);
    assert_eq!(metrics["training"]["history"].as_array().unwrap().len(), 2);
    let again = nas(folder, &["evaluate", out.to_str().unwrap(), "--json"]).ok().json();
    assert_eq!(again["accuracy"], metrics["test"]["accuracy"]);
    // A mirrored digit is no digit, so there is nothing to tell, which is said.
    assert_eq!([metrics.get("test_mirrored"), again.get("mirrored")], [Some(&serde_json::Value::Null); 2]);
    let validation = nas(folder, &["evaluate", out.to_str().unwrap(), "--split", "validation", "--json"]).ok().json();
    assert_eq!(validation["correct"], metrics["validation"]["correct"]);
    // The command in the folder makes the same bytes.
    let words = fs::read_to_string(out.join("command.txt")).unwrap().replace("\\\n", " ");
    let mut args: Vec<&str> = words.split_whitespace().skip(1).collect();
    args.extend(["--out", "again", "-q"]);
    let ran = nas(folder, &args).ok();
    assert!(ran.stdout.contains("measured once") && ran.stderr.is_empty(), "{}{}", ran.stdout, ran.stderr);
    let model = |run: &Path| fs::read(run.join("model.safetensors")).unwrap();
    assert!(model(&out) == model(&folder.join("again")));
    // Complete: going on changes nothing and reports the same.
    let resumed = nas(folder, &["resume", out.to_str().unwrap(), "--json"]).ok().json();
    assert_eq!(resumed, metrics);
}

#[test]
fn random_search_alone_needs_no_baseline_and_epochs_are_a_budget() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = tiny(&["--strategy", "random", "--space", "nasbench201", "--in-process", "--final-on-all"]);
    let at = args.iter().position(|a| *a == "--trials").unwrap();
    args.splice(at..at + 2, ["--epochs", "3"]);
    let metrics = nas(folder.path(), &args).ok().json();
    assert_eq!(metrics["search"]["arms"].as_array().unwrap().len(), 1);
    assert_eq!(metrics["search"]["arms"][0]["trials"], 3);
    assert_eq!(metrics["validation"], serde_json::Value::Null);
    assert_eq!(metrics["data"]["final_training_on"], "train and validation");
}

#[test]
fn training_a_published_cell_leaves_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["train", "DARTS_V2", "--channels", "2", "--layers", "3", "--epochs", "1", "--json", "-q"];
    let ran = nas(folder.path(), &args).ok();
    let metrics = ran.json();
    assert_eq!(metrics["search"], serde_json::Value::Null);
    let out = folder.path().join("runs/digits-DARTS_V2-0-1");
    let again = nas(folder.path(), &["evaluate", out.to_str().unwrap(), "--json"]).ok().json();
    assert_eq!(again["correct"], metrics["test"]["correct"]);
}

#[test]
fn a_budget_in_time_is_divided_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ran = nas(folder.path(), &["search", "--time", "10s", "--json", "--out", "out"]).ok();
    assert!(ran.stderr.contains("speed probe: a worker trains"), "{}", ran.stderr);
    let metrics = ran.json();
    assert!(metrics["search"]["arms"][0]["complete"].as_u64().unwrap() >= 1);
    let command = fs::read_to_string(folder.path().join("out/command.txt")).unwrap();
    assert!(command.contains("--time 10s") && !command.contains("--final-epochs"), "{command}");
}

#[test]
fn spaces_of_layers_are_searched_at_their_own_depth() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = tiny(&["--strategy", "evolution", "--space", "zoph-strided-4", "--in-process"]);
    for flag in ["--layers", "--final-layers"] {
        let at = args.iter().position(|a| *a == flag).unwrap();
        args.drain(at..at + 2);
    }
    let metrics = nas(folder.path(), &args).ok().json();
    assert_eq!(metrics["network"]["layers"], 4, "{metrics}");
}
