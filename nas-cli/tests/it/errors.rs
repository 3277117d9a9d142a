//! Bad input: the message says what, where and what to do, and the exit code says whose fault it is.

use std::path::Path;

use crate::{nas, tiny};

const USAGE: i32 = 2;
const FILE: i32 = 4;

fn check(folder: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let ran = nas(folder, args);
    assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "", "{args:?} prints no result");
    for part in parts {
        assert!(ran.stderr.contains(part), "{args:?} should say {part:?}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{args:?}: {}", ran.stderr);
}

#[test]
fn budgets_and_sizes_that_are_impossible() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    check(folder, &["search", "--trials", "0"], USAGE, &["trials", "at least one trial"]);
    check(folder, &["search", "--epochs", "0"], USAGE, &["epochs", "at least one epoch"]);
    check(folder, &["search", "--time", "soon"], USAGE, &["soon", "30m"]);
    check(folder, &["search", "--jobs", "0"], USAGE, &["jobs", "at least 1"]);
    check(folder, &["search", "--channels", "0"], USAGE, &["channels", "from 1"]);
    check(folder, &["search", "--crop", "8"], USAGE, &["crop", "8x8"]);
    check(folder, &["search", "--validation", "1.5"], USAGE, &["validation", "between 0 and 1"]);
    check(folder, &["search", "--population", "3", "--sample", "9"], USAGE, &["sample", "population"]);
    check(folder, &["search", "--trial-images", "5"], USAGE, &["trial.images = 5", "at least 20"]);
    check(folder, &["search", "--strategy", "evolutoin"], USAGE, &["did you mean `evolution`?"]);
    check(folder, &["search", "--space", "dart"], USAGE, &["no search space `dart`", "darts"]);
    check(folder, &["search", "--device", "gpu"], USAGE, &["no device `gpu`", "cuda:0"]);
    check(folder, &["train", "DARTS_V2", "--epochs", "0"], USAGE, &["at least 1"]);
    check(folder, &["train", "DARTS_V2", "--batch-size", "-3"], USAGE, &["invalid value '-3' for '--batch-size"]);
    check(folder, &["train", "DARTS_V2", "--epochs", "-1"], USAGE, &["invalid value '-1' for '--epochs"]);
    if !cfg!(feature = "cuda") {
        check(folder, &["search", "--device", "cuda:0"], USAGE, &["built without CUDA", "--features cuda"]);
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "a refused command leaves nothing behind");
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("nas.toml"), "seed = 1\n\n[search]\npopulaton = 8\n").unwrap();
    let expect = ["nas.toml, line 4", "`populaton`", "did you mean `population`?"];
    check(folder.path(), &["search", "--config", "nas.toml"], USAGE, &expect);
    check(folder.path(), &["search", "--config", "other.toml"], USAGE, &["cannot read", "other.toml"]);
}

#[test]
fn the_file_that_init_writes_is_accepted_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    nas(folder.path(), &["init"]).ok();
    let text = std::fs::read_to_string(folder.path().join("nas.toml")).unwrap();
    assert!(text.contains("# population = 4") && text.contains("[training]"), "{text}");
    check(folder.path(), &["init"], USAGE, &["nas.toml exists already", "--force"]);
    nas(folder.path(), &["init", "--force"]).ok();
    check(folder.path(), &["search", "--config", "nas.toml", "--trials", "0"], USAGE, &["at least one trial"]);
}

#[test]
fn architectures_that_cannot_be() {
    let here = Path::new(".");
    let genotype = |op: &str, state: usize| {
        format!(
            "Genotype(normal=[('{op}', 0), ('skip_connect', {state})], normal_concat=[2], \
                 reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1)], reduce_concat=[2])"
        )
    };
    check(here, &["show", &genotype("sep_conv_3x3", 7)], USAGE, &["normal cell", "state 7", "does not exist"]);
    check(here, &["show", &genotype("sep_cnv_3x3", 1)], USAGE, &["no operation `sep_cnv_3x3`", "sep_conv_3x3"]);
    check(here, &["show", "DARTS_V3"], USAGE, &["DARTS_V3", "DARTS_V2"]);
    check(here, &["show", "nowhere/arch.json"], USAGE, &["there is no file nowhere/arch.json"]);
    check(here, &["show", "DARTS_V2", "--input", "3x32"], USAGE, &["3x32x32"]);
    let folder = tempfile::tempdir().unwrap();
    let newer = "{\"format\": \"nas-architecture\", \"version\": 99}";
    std::fs::write(folder.path().join("arch.json"), newer).unwrap();
    check(folder.path(), &["show", "arch.json"], FILE, &["arch.json", "version 99"]);
}

#[test]
fn a_folder_that_holds_something_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    std::fs::write(folder.path().join("out/mine"), "x").unwrap();
    check(folder.path(), &tiny(&["--out", "out"]), USAGE, &["--out out", "not empty", "nas resume out"]);
    check(folder.path(), &["resume", "out"], FILE, &["out holds no run"]);
    check(folder.path(), &["resume", "nowhere"], USAGE, &["there is no folder nowhere"]);
    check(folder.path(), &["evaluate", "out"], FILE, &["no trained network"]);
}

#[test]
fn a_study_of_a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    nas(folder.path(), &tiny(&["--out", "out", "--no-baseline", "--final-epochs", "1"])).ok();
    let study = folder.path().join("out/study.db");
    let connection = rusqlite::Connection::open(&study).unwrap();
    connection.pragma_update(None, "user_version", 1000).unwrap();
    drop(connection);
    std::fs::remove_file(folder.path().join("out/metrics.json")).unwrap();
    check(folder.path(), &["resume", "out"], FILE, &["study.db", "schema 1000", "update nas"]);
    std::fs::write(&study, "no database at all, only some text that is long enough to be one").unwrap();
    check(folder.path(), &["resume", "out"], FILE, &["study.db"]);
}

#[test]
fn a_model_without_a_weight_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    nas(folder.path(), &["train", "DARTS_V2", "--channels", "2", "--layers", "3", "--epochs", "1", "--out", "out"])
        .ok();
    let path = folder.path().join("out/model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    // Without our metadata it is any framework's model, and one tensor is renamed in it.
    let length = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&whole[8..8 + length]).unwrap();
    let renamed = header.replacen("classifier.bias", "classifier.bios", 1);
    assert_ne!(header, renamed);
    let mut value: serde_json::Value = serde_json::from_str(renamed.trim_end()).unwrap();
    value.as_object_mut().unwrap().remove("__metadata__");
    let mut text = value.to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&whole[8 + length..]);
    std::fs::write(&path, &bytes).unwrap();
    check(folder.path(), &["evaluate", "out"], FILE, &["model.safetensors", "classifier.bias", "missing"]);
    std::fs::write(&path, &whole[..whole.len() - 100]).unwrap();
    check(folder.path(), &["evaluate", "out"], FILE, &["model.safetensors"]);
}

#[test]
fn a_training_beyond_any_machine_is_refused_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = ["--channels", "2000", "--layers", "20", "--batch-size", "1000"];
    let parts = ["this training needs about", "GiB of memory", "this machine has", "smaller --batch-size"];
    if cfg!(target_os = "linux") {
        check(folder.path(), &[&["train", "DARTS_V2"], &sizes[..]].concat(), USAGE, &parts);
        let search = ["search", "--final-channels", "2000", "--final-layers", "20", "--final-batch-size", "1000"];
        check(folder.path(), &search, USAGE, &["the final training needs about", "--final-channels"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a refused command leaves nothing behind");
    }
}
