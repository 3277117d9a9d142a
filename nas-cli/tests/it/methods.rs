//! Methods of papers and recipes: listed, scaled, stored, and the same again from the command they stand for.

use std::fs;
use std::path::Path;
use std::time::Instant;

use nas_search::Study;
use serde_json::Value;

use crate::kill::run_through;
use crate::{nas, tiny};

const USAGE: i32 = 2;

fn document(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// [`tiny`] for a method: without the sizes that some spaces decide by themselves, and with another budget.
fn method<'a>(name: &'a str, budget: [&'a str; 2], more: &[&'a str]) -> Vec<&'a str> {
    let mut args = tiny(&[&["--method", name][..], more].concat());
    for flag in ["--layers", "--final-layers", "--trials"] {
        let at = args.iter().position(|arg| *arg == flag).unwrap();
        args.drain(at..at + 2);
    }
    args.extend(budget);
    args
}

#[test]
fn methods_are_listed_with_what_they_cost_and_reached() {
    let folder = tempfile::tempdir().unwrap();
    let list = nas(folder.path(), &["methods", "--json"]).ok().json();
    let of = |name: &str| list["methods"].as_array().unwrap().iter().find(|m| m["name"] == name).unwrap().clone();
    assert_eq!(of("nasnet")["published"]["test_error_percent"], 2.65);
    assert_eq!(of("darts")["published"]["gpu_days"], 4.0);
    assert_eq!((&of("zoph")["year"], &of("zoph")["venue"]), (&2017.into(), &"ICLR 2017".into()));
    assert_eq!(of("ghn")["published"]["epochs"], Value::Null, "the paper does not say");
    let shown = nas(folder.path(), &["methods"]).ok().stdout;
    assert!(shown.contains("amoebanet") && shown.contains("darts-imagenet"), "{shown}");
    let rule = nas(folder.path(), &["methods", "--explain"]).ok().stdout;
    assert!(rule.contains("learning rate") && rule.contains("method.json"), "{rule}");
}

#[test]
fn a_method_is_scaled_said_and_stored_and_its_command_makes_it_again() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let ran = nas(folder, &method("zoph", ["--trials", "8"], &["--in-process"])).ok();
    let out = folder.join("runs/digits-zoph-7-1");
    assert!(ran.stderr.contains("the method `zoph`, scaled to the budget"), "{}", ran.stderr);
    let stored = document(&out.join("method.json"));
    let scaled = stored["scaled"].as_array().unwrap();
    let of = |what: &str| scaled.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {stored:#}"));
    assert_eq!((&of("reinforce:batch")["published"], &of("reinforce:batch")["here"]), (&"8".into(), &"1".into()));
    assert_eq!((&of("reinforce:deepen")["published"], &of("reinforce:deepen")["here"]), (&"1600".into(), &"1".into()));
    let settings = fs::read_to_string(out.join("nas.toml")).unwrap();
    for line in ["method = \"zoph\"", "strategy = \"reinforce:preset=zoph:batch=1", "weight_decay = 0.0001"] {
        assert!(settings.contains(line), "{line} is not in {settings}");
    }
    // Every network is as deep as the schedule says.
    let metrics = ran.json();
    let updates = metrics["search"]["arms"][0]["policy_updates"].as_array().unwrap();
    assert!(!updates.is_empty() && updates[0]["advantage_spread"].is_number(), "{metrics:#}");
    let words = fs::read_to_string(out.join("command.txt")).unwrap().replace("\\\n", " ");
    let mut args: Vec<&str> = words.split_whitespace().skip(1).collect();
    args.extend(["--out", "again", "-q"]);
    nas(folder, &args).ok();
    for file in ["model.safetensors", "arch.json", "nas.toml"] {
        let same = fs::read(out.join(file)).unwrap() == fs::read(folder.join("again").join(file)).unwrap();
        assert!(same, "{file} differs");
    }
}

#[test]
fn every_method_runs() {
    let folder = tempfile::tempdir().unwrap();
    let list = nas(folder.path(), &["methods", "--json"]).ok().json();
    for entry in list["methods"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let trains_networks = entry["published"]["networks"].is_number();
        let budget = if trains_networks { ["--trials", "2"] } else { ["--epochs", "1"] };
        // The published numbers of scores and candidates would take minutes.
        let few = match entry["strategy"].as_str().unwrap() {
            "ghn" => "ghn:samples=12:best=2:images=200",
            "enas" => "enas:samples=20:candidates=5:images=200",
            other => other,
        };
        let more = ["--out", name, "--no-baseline", "--strategy", few];
        let metrics = nas(folder.path(), &method(name, budget, &more)).ok().json();
        assert!(metrics["test"]["accuracy"].is_number(), "{name}: {metrics:#}");
        assert!(folder.path().join(name).join("method.json").is_file(), "{name}");
    }
}

/// Kills a search by a controller as it learns, and compares what it comes to with a whole one.
fn check_kills(name: &str) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let search =
        |out| method(name, ["--trials", "20"], &["--in-process", "--threads", "1", "--no-baseline", "--out", out]);
    let start = Instant::now();
    nas(folder, &search("whole")).ok();
    let trials = |run: &str| Study::open(folder.join(run).join("study.db")).and_then(|study| study.all_trials());
    let (mut kills, mut hits) = (0, 0);
    run_through(folder, (&search("cut"), "study.db"), 8, start.elapsed() / 8, &mut || {
        kills += 1;
        let told = trials("cut").map_or(0, |trials| trials.iter().filter(|t| t.measurement.is_some()).count());
        hits += usize::from((2..20).contains(&told));
    });
    assert!(hits > 0, "none of {kills} kills hit the search with a policy that had learned");
    for file in ["arch.json", "model.safetensors", "metrics.csv", "method.json"] {
        let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert!(of("whole") == of("cut"), "{name}: {file} differs after {kills} kills");
    }
    let lines = |run: &str| Study::open(folder.join(run).join("study.db")).unwrap().lines_without_times().unwrap();
    assert_eq!(lines("whole"), lines("cut"), "{name}");
}

#[test]
fn kills_change_no_byte_of_a_search_by_reinforce() {
    check_kills("zoph");
}

#[test]
fn kills_change_no_byte_of_a_search_by_ppo() {
    check_kills("nasnet");
}

#[test]
fn what_cannot_go_together_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let check = |args: &[&str], parts: &[&str]| {
        let ran = nas(folder.path(), &[&["search"][..], args].concat());
        assert_eq!(ran.code, USAGE, "{args:?}: {}", ran.stderr);
        parts
            .iter()
            .for_each(|part| assert!(ran.stderr.contains(part), "{args:?} should say {part:?}: {}", ran.stderr));
    };
    check(&["--method", "nasnt"], &["no method `nasnt`", "did you mean `nasnet`?"]);
    check(&["--method", "evolution"], &["is a search strategy, not a method", "--method amoebanet"]);
    check(&["--method", "zoph", "--strategy", "evolution"], &["--method zoph searches with `reinforce`", "leave out"]);
    check(&["--method", "darts", "--trials", "5"], &["no budget in trials", "--epochs or --time"]);
    check(&["--method", "darts", "--space", "zoph"], &["has no supernet"]);
    check(&["--method", "zoph", "--auxiliary"], &["auxiliary"]);
    check(&["--space", "darts", "--strategy", "reinforce:deepen=5"], &["`deepen` = 5", "zoph-6-20"]);
    check(&["--recipe", "plain"], &["a recipe goes with a method"]);
    check(&["--method", "zoph", "--recipe", "darts"], &["no recipe `darts`", "zoph-cifar", "or plain"]);
    check(&["--schedule", "linear"], &["`linear` is no schedule"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a refused command leaves nothing behind");
}

#[test]
fn a_training_moves_by_the_optimiser_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["train", "DARTS_V2", "--channels", "2", "--layers", "3", "--epochs", "1", "--learning-rate", "0.001"];
    let train = |more: &[&str], out: &str| {
        let metrics = nas(folder.path(), &[&args[..], more, &["--json", "--out", out]].concat()).ok().json();
        let settings = fs::read_to_string(folder.path().join(out).join("nas.toml")).unwrap();
        (metrics["training"]["history"][0]["train_loss"].as_f64().unwrap(), settings)
    };
    let (muon, settings) = train(&[], "muon");
    assert!(settings.contains("\noptimizer = \"muon:0.2:0.05\"\n"), "{settings}");
    let (rmsprop, settings) = train(&["--optimizer", "rmsprop"], "rmsprop");
    assert!(settings.contains("\noptimizer = \"rmsprop:0.9:0.1\"\n"), "{settings}");
    let (sgd, settings) = train(&["--optimizer", "sgd"], "sgd");
    assert!(settings.contains("\noptimizer = \"sgd\"\n"), "{settings}");
    assert!(muon != sgd && rmsprop != sgd && muon != rmsprop, "{muon}, {rmsprop}, {sgd}");
    let ran = nas(folder.path(), &["train", "DARTS_V2", "--optimizer", "adam"]);
    assert!(ran.code == USAGE && ran.stderr.contains("rmsprop:RHO:EPSILON"), "{}", ran.stderr);
}

#[test]
fn a_recipe_is_taken_as_published_where_nothing_else_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["train", "DARTS_V2", "--recipe", "darts-cifar", "--channels", "2", "--layers", "3", "--epochs", "1"];
    nas(folder.path(), &[&args[..], &["--out", "run", "-q"]].concat()).ok();
    let settings = fs::read_to_string(folder.path().join("run/nas.toml")).unwrap();
    for line in ["learning_rate = 0.025", "nesterov = false", "batch_size = 96", "drop_path = 0.2", "auxiliary = true"]
    {
        assert!(settings.contains(line), "{line} is not in {settings}");
    }
    let ran = nas(folder.path(), &[&args[..], &["--batch", "auto", "--out", "auto"]].concat()).ok();
    assert!(ran.stderr.contains("--batch-size auto: a step has 96 images, as usual"), "{}", ran.stderr);
    let of = |run: &str, file: &str| fs::read_to_string(folder.path().join(run).join(file)).unwrap();
    assert_eq!(of("auto", "metrics.csv"), of("run", "metrics.csv"));
    assert!(of("auto", "nas.toml").contains("batch_size = 96") && of("auto", "command.txt").contains("--batch 96 "));
    let ran = nas(folder.path(), &["train", "DARTS_V2", "--recipe", "darts"]);
    assert!(ran.code == USAGE && ran.stderr.contains("darts-cifar"), "{}", ran.stderr);
}
