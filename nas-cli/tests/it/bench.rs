//! `nas bench`: the same bytes at any number of threads, the figures that others measured, and faults with a sentence.

use std::path::Path;

use serde_json::Value;

use crate::{command, nas};

/// Runs `nas bench` and returns its JSON document.
fn bench(args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    nas(folder.path(), &[&["bench", "--json"], args].concat()).ok().json()
}

fn strategy<'a>(document: &'a Value, method: &str) -> &'a Value {
    let list = document["strategies"].as_array().unwrap();
    list.iter().find(|s| s["method"] == method).unwrap_or_else(|| panic!("no {method} in {document}"))
}

/// A field after so many queries.
fn at(strategy: &Value, queries: usize, field: &str) -> f64 {
    let point = &strategy["curve"][queries - 1];
    assert_eq!(point["queries"], queries);
    point[field].as_f64().unwrap()
}

#[test]
fn threads_change_no_byte_and_the_seed_changes_all() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let args = ["bench", "synthetic", "--strategy", "evolution,local,asha,nsga2", "--queries", "40", "--runs", "6"];
        let ran = nas(
            folder.path(),
            &[&args[..], &["--json", "--svg", "curves.svg", "--cost", "fpga_latency"], more].concat(),
        );
        (ran.ok().stdout, std::fs::read_to_string(folder.path().join("curves.svg")).unwrap())
    };
    let one = run(&["--threads", "1"]);
    assert_eq!(run(&["--threads", "4"]), one);
    assert_eq!(run(&[]), one);
    let other = run(&["--seed", "1"]);
    assert!(other.0 != one.0 && other.1 != one.1);
}

#[test]
fn the_document_holds_every_strategy_after_every_query() {
    let document =
        bench(&["synthetic", "--strategy", "evolution:population=8,local", "--queries", "30", "--runs", "20"]);
    assert_eq!(
        (&document["table"], &document["queries"], &document["runs"]),
        (&"synthetic".into(), &30.into(), &20.into())
    );
    let names: Vec<&str> =
        document["strategies"].as_array().unwrap().iter().map(|s| s["strategy"].as_str().unwrap()).collect();
    assert_eq!(names, ["evolution", "local", "random"], "random search always runs along");
    let evolution = strategy(&document, "evolution:population=8");
    assert_eq!(evolution["curve"].as_array().unwrap().len(), 30);
    assert_eq!((&evolution["queries"], &evolution["runs"]), (&30.into(), &20.into()));
    for field in ["mean_test", "std_test", "median_test", "lower_quartile_test", "upper_quartile_test", "regret"] {
        assert_eq!(evolution[field], evolution["curve"][29][field], "{field}");
    }
    let (low, high) = (&evolution["against_random"]["low"], &evolution["against_random"]["high"]);
    assert!(low.as_f64() < evolution["against_random"]["mean"].as_f64() && low.as_f64() < high.as_f64());
    // All begin with the same random architecture.
    assert_eq!(at(evolution, 1, "mean_test"), at(strategy(&document, "random"), 1, "mean_test"));
    let regret = document["optimum"]["test"].as_f64().unwrap() - at(evolution, 30, "mean_test");
    assert!((at(evolution, 30, "regret") - regret).abs() < 1e-9 && regret > 0.0);
}

#[test]
fn people_get_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let ran = nas(folder.path(), &["bench", "synthetic", "--strategy", "local", "--queries", "60", "--runs", "5"]).ok();
    for part in ["60 queries", "median (quartiles)", "against random", "local", "random", "The best architecture has"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
}

#[test]
fn what_cannot_be_run_is_said() {
    let check = |args: &[&str], code: i32, parts: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let output = command(folder.path(), &[&["bench"], args].concat()).env_remove("NAS_TABLES").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{args:?} should say {part}: {said}");
        }
    };
    check(&["nasbench2"], 2, &["no table `nasbench2`", "nasbench201"]);
    check(&["nasbench201"], 2, &["--table FILE", "NAS_TABLES"]);
    check(&["nasbench201", "--table", "nowhere.csv"], 3, &["cannot read the table nowhere.csv"]);
    check(&["nasbench201", "--data", "mnist"], 2, &["no results on `mnist`"]);
    check(&["synthetic", "--strategy", "evolutoin"], 2, &["did you mean `evolution`?"]);
    check(&["synthetic", "--strategy", "local,local"], 2, &["asked for twice"]);
    check(&["synthetic", "--strategy", "evolution:sample=500"], 2, &["`sample` = 500", "may compete"]);
    check(&["synthetic", "--cost", "toaster"], 2, &["no column `toaster`", "raspi4_latency"]);
    check(&["synthetic", "--threads", "0"], 2, &["threads = 0"]);
    check(&["synthetic", "--queries", "0"], 2, &["--queries"]);
}

/// The folder of the measured tables; the binary finds it in the environment, too.
pub(crate) fn tables() -> Option<()> {
    let there = std::env::var_os("NAS_TABLES").is_some_and(|folder| Path::new(&folder).is_dir());
    if !there {
        skipped();
    }
    there.then_some(())
}

#[allow(clippy::print_stdout, reason = "whoever reads the test's output should see that it was skipped")]
fn skipped() {
    println!("skipped: NAS_TABLES names no folder");
}

#[test]
fn nasbench201_gives_the_figures_that_others_measured() {
    let Some(()) = tables() else { return };
    let evolution = "evolution:population=20:sample=5";
    let document =
        bench(&["nasbench201", "--strategy", &format!("{evolution},local"), "--queries", "300", "--runs", "500"]);
    // Another program's 300 runs on the same table. Three standard errors of the difference of two means, at standard
    // deviations of 0.55, 0.3, 0.25 and 0.2: 0.12, 0.065, 0.055, 0.044.
    let check = |method: &str, means: [f64; 4]| {
        for ((queries, by), expect) in [(50, 0.12), (100, 0.065), (200, 0.055), (300, 0.044)].into_iter().zip(means) {
            let found = at(strategy(&document, method), queries, "mean_test");
            assert!((found - expect).abs() < by, "{method}: {found} after {queries} queries, {expect} elsewhere");
        }
    };
    check("random", [93.48, 93.73, 93.89, 93.95]);
    check(evolution, [93.71, 94.04, 94.20, 94.26]);
    check("local", [93.93, 94.19, 94.31, 94.35]);
}

#[test]
fn nsga2_finds_the_measured_fronts() {
    let Some(()) = tables() else { return };
    for device in ["raspi4_latency", "edgegpu_latency"] {
        let args = ["nasbench201", "--cost", device, "--strategy", "nsga2", "--queries", "500", "--runs", "50"];
        let document = bench(&args);
        let share = |method: &str| strategy(&document, method)["hypervolume"]["mean"].as_f64().unwrap();
        assert!(share("nsga2") > 0.98 && share("nsga2") > share("random"), "{device}: {document}");
    }
}
