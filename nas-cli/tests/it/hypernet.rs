//! A search by a hypernetwork: a folder that is complete, after any number of kills the same bytes, and weights that
//! other commands can use.

use std::fs;
use std::path::Path;
use std::time::Instant;

use nas_search::Study;

use crate::kill::{resume_too_late, run_through};
use crate::{nas, refused};

/// How often a run is killed.
const KILLS: usize = 6;

/// A search as small as one can be: three epochs on 200 images, twelve scores, the best two and one random
/// architecture.
fn search(out: &str) -> Vec<&str> {
    let strategy = "ghn:images=200:samples=12:best=2:random=1:learn_from=ghn-2";
    let mut args = vec!["search", "--strategy", strategy, "--space", "ghn-4", "--epochs", "3"];
    args.extend(["--channels", "4", "--layers", "3", "--trial-epochs", "1", "--trial-images", "200"]);
    args.extend(["--final-channels", "4", "--final-layers", "3", "--final-epochs", "2", "--seed", "7"]);
    args.extend(["--jobs", "1", "--threads", "1", "--json", "--out", out]);
    args
}

/// Whether the hypernetwork still learns or scores.
fn in_hypernetwork(folder: &Path) -> bool {
    let report = Study::open(folder.join("study.db")).and_then(|study| study.get("nas/hypernetwork"));
    report.is_ok_and(|report| report.is_none())
}

#[test]
fn kills_change_no_byte() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let start = Instant::now();
    let metrics = nas(folder, &search("whole")).ok().json();
    let pause = start.elapsed() / 8;
    let arms = &metrics["search"]["arms"];
    assert_eq!((&arms[0]["arm"], &arms[0]["trials"]), (&"ghn".into(), &2.into()));
    assert_eq!((&arms[1]["arm"], &arms[1]["trials"]), (&"random".into(), &1.into()));
    assert_eq!(metrics["search"]["hypernetwork"]["scored"], 12);
    let (mut kills, mut hits) = (0, 0);
    run_through(folder, (&search("cut"), "study.db"), KILLS, pause, &mut || {
        kills += 1;
        hits += usize::from(in_hypernetwork(&folder.join("cut")));
    });
    assert!(hits > 0, "none of {kills} kills hit the hypernetwork");
    for file in ["arch.json", "model.safetensors", "metrics.csv", "ghn.csv", "scores.csv", "ghn.safetensors"] {
        let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert!(of("whole") == of("cut"), "{file} differs after {kills} kills");
    }
    let scores = fs::read_to_string(folder.join("whole/scores.csv")).unwrap();
    assert_eq!(scores.lines().count(), 13);
    assert!(!folder.join("whole/ghn-search.safetensors").exists(), "what is done needs no checkpoint");
    uses_of_the_weights(folder);
}

/// What the hypernetwork in `whole` is good for besides.
fn uses_of_the_weights(folder: &Path) {
    let train = |extra: &[&str], out: &str| {
        let mut args = vec!["train", "whole/arch.json", "--epochs", "1", "--json", "--out", out];
        args.extend(extra);
        nas(folder, &args).ok().json()["training"]["history"][0]["train_loss"].as_f64().unwrap()
    };
    let (random, generated) = (train(&[], "a"), train(&["--init", "ghn:whole"], "b"));
    assert!(random != generated, "{random}");
    assert_eq!(train(&["--init", "ghn:whole"], "c"), generated);
    let settings = fs::read_to_string(folder.join("b/nas.toml")).unwrap();
    assert!(settings.contains("\ninit = \"ghn:/"), "the folder's full path: {settings}");
    // Evolution on generated weights: nothing is trained but the winner.
    let mut args = vec!["search", "--space", "ghn-4", "--trials", "6", "--trial-weights", "ghn:whole", "--no-baseline"];
    args.extend(["--channels", "4", "--layers", "3", "--final-channels", "4", "--final-layers", "3"]);
    args.extend(["--final-epochs", "1", "--json", "--out", "d"]);
    let metrics = nas(folder, &args).ok().json();
    assert_eq!(metrics["search"]["arms"][0]["complete"], 6);
}

#[test]
fn a_budget_in_time_is_divided() {
    let folder = tempfile::tempdir().unwrap();
    let ran =
        nas(folder.path(), &["search", "--strategy", "ghn:best=2:random=1", "--time", "14s", "--json", "--out", "out"]);
    let ran = ran.ok();
    assert!(ran.stderr.contains("of the hypernetwork and"), "{}", ran.stderr);
    assert!(ran.json()["search"]["hypernetwork"]["epochs"].as_u64().unwrap() >= 1);
}

#[test]
fn a_hypernetwork_that_has_used_its_time_ends_and_scores_a_few() {
    let folder = tempfile::tempdir().unwrap();
    let begin = ["search", "--strategy", "ghn:best=2:random=1", "--time", "30s", "--out", "cut"];
    let ran = resume_too_late(folder.path(), &begin, "ghn-search.safetensors", "nas/hypernetwork_seconds");
    assert!(ran.stderr.contains("time ran short: "), "{}", ran.stderr);
    let hypernet = &ran.json()["search"]["hypernetwork"];
    assert_eq!(hypernet["scored"], 2);
    assert_eq!(hypernet["warnings"].as_array().unwrap().len(), 2, "{hypernet}");
    assert!(fs::read_to_string(folder.path().join("cut/report.html")).unwrap().contains("time ran short: "));
}

#[test]
fn what_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |args: &[&str], part: &str| refused(folder.path(), args, part);
    fails(&["search", "--strategy", "ghn", "--trials", "5"], "give --epochs or --time");
    fails(&["search", "--strategy", "ghn:learn_from=ghm-7"], "ghm-7");
    fails(&["search", "--strategy", "ghn:passes=0"], "`passes` = 0");
    fails(&["search", "--trial-weights", "runs/a"], "ghn:DIR");
    fails(&["train", "DARTS_V2", "--init", "ghn:nowhere"], "nas search --strategy ghn");
    fails(&["bench", "synthetic", "--strategy", "ghn"], "nas search --strategy ghn");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a refused command leaves nothing behind");
}
