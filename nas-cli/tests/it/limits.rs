//! Limits on what a network searched may cost: nothing beyond them is trained, before and after a kill.

use std::fs;
use std::time::Duration;

use nas_search::{Study, Trial, TrialState};

use crate::kill::go_on;
use crate::{nas, refused, tiny};

/// A search of NAS-Bench-201 with more flags; its networks are searched and trained at the same small size.
fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = tiny(&["--space", "nasbench201", "--trials", "10"]);
    args.extend(more);
    args
}

fn trials(folder: &std::path::Path) -> Vec<Trial> {
    Study::open(folder.join("study.db")).unwrap().all_trials().unwrap()
}

#[test]
fn no_trial_and_no_final_network_is_beyond_the_limits() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    nas(folder, &small(&["--out", "free", "--in-process"])).ok();
    let mut sizes: Vec<u64> =
        trials(&folder.join("free")).iter().map(|t| t.measurement.as_ref().unwrap().parameters).collect();
    sizes.sort_unstable();
    let limit = sizes[sizes.len() / 3];
    assert!(sizes.last() > Some(&limit), "the limit excludes nothing: {sizes:?}");
    let limit = limit.to_string();
    for strategy in ["evolution", "local", "random", "nsga2:population=4", "reinforce"] {
        let out = strategy.split(':').next().unwrap();
        let metrics =
            nas(folder, &small(&["--out", out, "--max-params", &limit, "--strategy", strategy, "--in-process"]))
                .ok()
                .json();
        for trial in trials(&folder.join(out)) {
            assert_eq!(trial.state, TrialState::Complete, "{strategy}: {:?}", trial.failure);
            assert!(trial.measurement.unwrap().parameters <= limit.parse().unwrap(), "{strategy}");
        }
        assert!(metrics["parameters"].as_u64().unwrap() <= limit.parse().unwrap(), "{strategy}: the final network");
    }
    let command = fs::read_to_string(folder.join("evolution/command.txt")).unwrap();
    assert!(command.contains(&format!("--max-params {limit}")), "{command}");
}

#[test]
fn a_search_within_limits_goes_on_as_it_was() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let args = |out| small(&["--out", out, "--max-params", "2k", "--max-flops", "0.1M", "--trial-epochs", "6"]);
    nas(folder, &args("whole")).ok();
    let mut kills = 0;
    for patience in [400, 700, 900, 300, 60_000] {
        let cut = folder.join("cut");
        let begun = cut.join("study.db").exists();
        if !begun && cut.exists() {
            fs::remove_dir_all(&cut).unwrap();
        }
        let args = if begun { vec!["resume", "cut", "--json"] } else { args("cut") };
        if go_on(folder, &args, Duration::from_millis(patience)) {
            break;
        }
        kills += 1;
    }
    assert!(kills > 0, "it was never killed");
    let lines = |run: &str| Study::open(folder.join(run).join("study.db")).unwrap().lines_without_times().unwrap();
    assert_eq!(lines("whole"), lines("cut"));
}

#[test]
fn limits_that_nothing_keeps_to_and_methods_that_keep_to_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = "no architecture of `nasbench201` with 2 channels and 3 cells was found that has at most 10 parameters: the least \
                had ";
    refused(folder.path(), &small(&["--max-params", "10"]), said);
    refused(folder.path(), &small(&["--max-params", "none"]), "`none` is no number of them; write it as 1500000, 200k");
    let supernet = ["search", "--strategy", "darts", "--epochs", "1", "--max-flops", "1M"];
    refused(folder.path(), &supernet, "`darts` reads its architectures off a supernet, whatever they cost");
    fs::write(folder.path().join("nas.toml"), "[search]\nmax_params = \"many\"\n").unwrap();
    refused(folder.path(), &["search", "--config", "nas.toml"], "`many` is no number of them");
}

#[test]
fn a_larger_final_network_was_asked_for_and_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--max-params", "5k", "--final-channels", "16", "--in-process", "--trials", "2"];
    let ran = nas(folder.path(), &small(&more)).ok();
    assert!(ran.stderr.contains("the final network is larger than the limits of the search"), "{}", ran.stderr);
    assert!(ran.json()["parameters"].as_u64().unwrap() > 5_000);
}
