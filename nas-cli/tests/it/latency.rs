//! Latency: measured, recorded, limited, optimised, and read again when a search goes on.

use std::path::Path;

use nas_search::{Study, Trial, TrialState};

use crate::{nas, refused, tiny};

fn trials(folder: &Path) -> Vec<Trial> {
    Study::open(folder.join("study.db")).unwrap().all_trials().unwrap()
}

#[test]
fn a_search_for_a_front_keeps_its_latencies() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let more = ["--objectives", "accuracy,params,flops,latency", "--space", "nasbench201", "--trials", "6"];
    let ran = nas(folder, &tiny(&[&more[..], &["--out", "out"]].concat())).ok();
    assert!(ran.stderr.contains("measured again it is not the same to the bit"), "{}", ran.stderr);
    let metrics = ran.json();
    assert_eq!(metrics["search"]["strategy"], "nsga2");
    let before = trials(&folder.join("out"));
    assert!(before.iter().all(|t| t.measurement.as_ref().unwrap().latency.is_some_and(|l| l > 0.0)));
    // The front of what was measured, found the slow way.
    let front = &metrics["search"]["front"];
    assert_eq!(front["objectives"], serde_json::json!(["accuracy", "parameters", "flops", "latency"]));
    let costs = |t: &Trial| {
        let m = t.measurement.as_ref().unwrap();
        [-m.accuracy, m.parameters as f64, m.flops as f64, m.latency.unwrap()]
    };
    let own: Vec<&Trial> = before
        .iter()
        .filter(|t| t.arm == "nsga2" && t.measurement.as_ref().unwrap().extra.get("twin_of").is_none())
        .collect();
    let is_beaten =
        |t: &Trial| own.iter().any(|o| costs(o).iter().zip(costs(t)).all(|(a, b)| *a <= b) && costs(o) != costs(t));
    let mut expect: Vec<u64> = own.iter().filter(|t| !is_beaten(t)).map(|t| t.id).collect();
    let mut found: Vec<u64> = front["trials"].as_array().unwrap().iter().map(|t| t["id"].as_u64().unwrap()).collect();
    expect.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expect);

    // Going on with what was cut off after the search reads the latencies and measures none again.
    std::fs::remove_file(folder.join("out/metrics.json")).unwrap();
    nas(folder, &["resume", "out", "--json"]).ok();
    let latencies =
        |trials: &[Trial]| -> Vec<_> { trials.iter().map(|t| t.measurement.as_ref().unwrap().latency).collect() };
    assert_eq!(latencies(&trials(&folder.join("out"))), latencies(&before));
}

#[test]
fn what_takes_too_long_is_not_trained() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing takes no time, and anything takes less than a minute.
    let ran = nas(folder.path(), &tiny(&["--max-latency-ms", "0.0001", "--out", "none"]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("all 4 trials tried so far failed") && ran.stderr.contains("the limit is 0.000 ms"),
        "{}",
        ran.stderr
    );
    for trial in trials(&folder.path().join("none")) {
        assert_eq!(trial.state, TrialState::Failed);
        assert!(trial.failure.unwrap().is_over_limit());
    }
    let metrics = nas(folder.path(), &tiny(&["--max-latency-ms", "60000", "--out", "all"])).ok().json();
    assert!(metrics["search"]["winner"]["latency"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_architecture_shows_its_latency() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["show", "DARTS_V2", "--channels", "4", "--layers", "3", "--latency", "--threads", "1"];
    let told = nas(folder.path(), &args).ok().stdout;
    assert!(told.contains(" ms for one image on 1 thread: the median of "), "{told}");
    let json = nas(folder.path(), &[&args[..], &["--json"]].concat()).ok().json();
    let of = |key: &str| json["latency"][key].as_f64().unwrap();
    assert!(0.0 < of("fastest") && of("fastest") <= of("seconds") && of("seconds") <= of("slowest"));
    assert_eq!(json["latency"]["threads"], 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refused(folder, &["search", "--objectives", "accuracy,latecy"], "did you mean `latency`?");
    refused(folder, &["search", "--objectives", "accuracy"], "a front needs two different objectives at least");
    refused(folder, &["search", "--strategy", "random", "--objectives", "accuracy,params"], "optimises accuracy alone");
    refused(folder, &["search", "--max-latency-ms", "0"], "a limit is a number of milliseconds above zero");
}
