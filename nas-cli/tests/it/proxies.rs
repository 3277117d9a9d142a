//! Zero-cost proxies: a search that begins with what one ranks highest, a search by one, and how they rank a table.

use nas_search::{Study, Trial};

use crate::{nas, refused, tiny};

fn trials(folder: &std::path::Path) -> Vec<Trial> {
    Study::open(folder.join("study.db")).unwrap().trials("evolution").unwrap()
}

#[test]
fn a_warm_start_hands_the_best_to_the_strategy() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let more = ["--space", "nasbench201", "--trials", "6", "--population", "3", "--warm-start", "proxy:synflow:12"];
    let args = |out| tiny(&[&more[..], &["--out", out]].concat());
    let ran = nas(folder, &args("a")).ok();
    assert!(ran.stderr.contains("random architectures scored by synflow in "), "{}", ran.stderr);
    let metrics = ran.json();
    let warm = &metrics["search"]["warm_start"];
    let scores: Vec<f64> = warm["scores"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
    assert!(scores.len() == 3 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let first = trials(&folder.join("a"));
    for (trial, handed) in first.iter().zip(warm["first"].as_array().unwrap()) {
        assert_eq!(&serde_json::to_value(&trial.proposal.architecture).unwrap(), handed);
        assert_eq!(trial.proposal.parent, None);
    }
    assert!(first[3..].iter().all(|t| t.proposal.parent.is_some_and(|parent| parent < 6)));
    // The same on other threads and workers.
    nas(folder, &[&args("b")[..], &["--in-process", "--threads", "1"]].concat()).ok();
    let lines = |run: &str| Study::open(folder.join(run).join("study.db")).unwrap().lines_without_times().unwrap();
    assert_eq!(lines("a"), lines("b"));
}

#[test]
fn a_proxy_takes_the_place_of_training() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--space", "nasbench201", "--trials", "9", "--evaluator", "proxy:naswot", "--out", "out"];
    let metrics = nas(folder.path(), &tiny(&more)).ok().json();
    let all = trials(&folder.path().join("out"));
    let score = |trial: &Trial| trial.measurement.as_ref().map(|m| m.extra["score"].as_f64().unwrap());
    let best = all.iter().filter_map(score).fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(metrics["search"]["winner"]["score"], best);
    assert!(all.iter().all(|t| t.measurement.as_ref().is_none_or(|m| m.epochs == 0)));
    let told = nas(folder.path(), &["resume", "out"]).ok();
    assert!(told.stderr.contains("is complete"));
}

#[test]
fn a_table_ranks_proxies() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "bench",
        "synthetic",
        "--proxy",
        "all",
        "--images",
        "digits",
        "--cells",
        "8",
        "--channels",
        "2",
        "--layers",
        "3",
    ];
    let json = nas(folder.path(), &[&args[..], &["--batch-size", "8", "--json"]].concat()).ok().json();
    assert_eq!(json["architectures"], 8);
    let proxies = json["proxies"].as_array().unwrap();
    let names: Vec<&str> = proxies.iter().map(|p| p["proxy"].as_str().unwrap()).collect();
    assert_eq!(names, ["synflow", "naswot", "jacob_cov", "snip", "grad_norm"]);
    for proxy in proxies {
        let rho = proxy["spearman"].as_f64().unwrap();
        assert!((-1.0..=1.0).contains(&rho), "{proxy}");
    }
    let told = nas(folder.path(), &args).ok().stdout;
    assert!(told.contains("rank correlation with the made-up test accuracy, 8 architectures"), "{told}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refused(folder, &["search", "--warm-start", "synflow"], "write it as proxy:synflow");
    refused(folder, &["search", "--warm-start", "proxy:synflw"], "did you mean `synflow`?");
    refused(folder, &["search", "--strategy", "darts", "--warm-start", "proxy:snip"], "so it has no warm start");
    refused(folder, &["search", "--evaluator", "proxy"], "which proxy? write the evaluator as proxy:NAME");
    refused(folder, &["search", "--evaluator", "proxy:naswot", "--epochs", "3"], "train for no epochs");
    refused(folder, &["bench", "synthetic", "--proxy", "flops"], "the proxies are synflow, naswot");
    refused(folder, &["bench", "synthetic", "--cells", "5"], "--proxy");
}
