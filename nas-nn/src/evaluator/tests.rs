//! Trials of the toy space: measured, stopped, resumed, refused.

use nas_space::Architecture;

use super::*;
use crate::testing::{Toy, config, data, network_config};

fn evaluator() -> TrainFromScratch {
    TrainFromScratch::new(Arc::new(Toy::new()), network_config(4), config(), data(35, 25))
}

fn job(folder: &Path, choice: usize, seed: u64) -> Job {
    let architecture = Architecture { space: "toy".into(), choices: vec![choice] };
    Job { id: 7, architecture, seed, epochs: None, folder: folder.to_owned() }
}

#[test]
fn a_trial_measures_the_same_every_time_and_reports_on_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut heard: Vec<(String, f64)> = Vec::new();
    let mut progress = |label: &str, fraction: f64| {
        heard.push((label.to_owned(), fraction));
        true
    };
    let first = evaluator().evaluate(&job(folder.path(), 1, 3), &mut progress).unwrap();
    let again = evaluator().evaluate(&job(folder.path(), 1, 3), &mut |_, _| true).unwrap();
    assert_eq!(first, again);
    assert_ne!(first, evaluator().evaluate(&job(folder.path(), 1, 4), &mut |_, _| true).unwrap());
    assert_eq!(heard.len(), 8);
    assert!(heard.is_sorted_by(|a, b| a.1 <= b.1) && heard[7].1 == 1.0, "{heard:?}");
    assert!(heard[7].0.starts_with("epoch 2/2, loss ") && heard[7].0.contains("accuracy"), "{heard:?}");
    // stem 1*4*9, norm 2*4, conv 4*4*9, head 4*10 + 10
    assert_eq!((first.parameters, first.epochs, first.latency), (36 + 8 + 144 + 50, 2, None));
    // The stem's 4x4 output, the convolution over it, the head with its bias.
    assert_eq!(first.flops, 16 * 36 + 16 * 144 + 50);
    assert_eq!(first.extra["accuracies"][1], first.accuracy);
    assert_eq!(fs_names(folder.path()), Vec::<String>::new(), "nothing is saved unless asked for");
}

#[test]
fn the_accuracy_may_be_a_mean_of_the_last_validations() {
    let mut evaluator = evaluator();
    evaluator.last_validations = 2;
    let found = evaluator.evaluate(&job(Path::new("unused"), 0, 3), &mut |_, _| true).unwrap();
    let [first, second] = [0, 1].map(|i| found.extra["accuracies"][i].as_f64().unwrap());
    assert_eq!(found.accuracy, (first + second) / 2.0);
}

#[test]
fn a_stopped_trial_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let trial = job(&folder.path().join("trial"), 1, 3);
    let whole = evaluator().evaluate(&trial, &mut |_, _| true).unwrap();
    let mut evaluator = evaluator();
    evaluator.checkpoint_every = Some(Duration::from_secs(60));
    let mut steps = 0;
    let stopped = evaluator.evaluate(&trial, &mut |_, _| {
        steps += 1;
        steps < 5
    });
    assert_eq!(stopped.unwrap_err().kind, "error");
    assert_eq!(fs_names(&trial.folder), [CHECKPOINT]);
    let mut left = 0;
    let resumed = evaluator.evaluate(&trial, &mut |_, _| {
        left += 1;
        true
    });
    assert_eq!(resumed.unwrap(), whole);
    assert_eq!(left, 3, "of eight reports five were heard before");
    assert_eq!(fs_names(&trial.folder), Vec::<String>::new());
}

#[test]
fn failures_have_their_kind() {
    let check = |change: &dyn Fn(&mut TrainFromScratch), choice, kind: &str, sentence: &str| {
        let mut evaluator = evaluator();
        change(&mut evaluator);
        let failure = evaluator.evaluate(&job(Path::new("unused"), choice, 3), &mut |_, _| true).unwrap_err();
        assert!(failure.kind == kind && failure.reason.contains(sentence), "{failure:?}");
    };
    let explode = |e: &mut TrainFromScratch| (e.train.learning_rate, e.train.clip_norm) = (1e30, 0.0);
    check(&explode, 0, "not_finite", "the loss became");
    check(&|e| e.memory_limit = Some(1 << 10), 0, "out_of_memory", "batch size 10");
    check(&|_| (), 2, "error", "kernel");
    check(&|e| e.train.momentum = 2.0, 0, "error", "momentum");
    check(&|e| e.data.validation = None, 0, "error", "no validation images");
}

fn fs_names(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
