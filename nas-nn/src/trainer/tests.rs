//! The trainer on a tiny network: resumed trainings equal uninterrupted ones, and bad input is named.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nas_space::Seed;

use super::*;
use crate::checkpoint::tensors_of;
use crate::testing::{config, data, network};
use crate::{Mode, StepConfig};

/// A training before its first step: 35 images in batches of 10 make 3 steps.
fn trainer(config: TrainConfig) -> Trainer {
    Trainer::new(network(4), data(35, 25), config, Seed::new(3)).unwrap()
}

/// Every number of a network, to the bit.
fn bits(network: &Network) -> Vec<u32> {
    let flat = tensors_of(network).into_iter().map(|(_, t)| t.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    flat.flatten().map(f32::to_bits).collect()
}

fn saving(path: &Path) -> RunOptions<'_> {
    RunOptions { checkpoint: Some(path), ..RunOptions::default() }
}

/// The bytes of the last checkpoint of an uninterrupted training.
fn uninterrupted(config: &TrainConfig, path: &Path) -> Vec<u8> {
    let mut trainer = trainer(config.clone());
    assert_eq!(trainer.run(&saving(path), &mut |_| true).unwrap().ended, Ended::Finished);
    fs::read(path).unwrap()
}

/// Stops at each event in turn (steps and epochs' ends), resumes in a new trainer, and compares the last checkpoints.
fn check_resume(config: &TrainConfig) {
    let folder = tempfile::tempdir().unwrap();
    let whole = uninterrupted(config, &folder.path().join("whole"));
    for stop in 1..=7 {
        let path = folder.path().join(format!("stopped{stop}"));
        let mut events = 0;
        let mut first = trainer(config.clone());
        let report = first.run(&saving(&path), &mut |_| {
            events += 1;
            events < stop
        });
        assert_eq!(report.unwrap().ended, Ended::Interrupted, "event {stop}");
        drop(first);
        let mut second = trainer(config.clone());
        second.restore(&path).unwrap();
        let report = second.run(&saving(&path), &mut |_| true).unwrap();
        assert_eq!((report.ended, report.history.len()), (Ended::Finished, 2));
        assert!(fs::read(&path).unwrap() == whole, "stopped at event {stop}: another result");
    }
}

#[test]
fn resuming_after_any_step_gives_the_same_bytes_with_sgd() {
    check_resume(&TrainConfig { nesterov: true, warmup_epochs: 0.5, ..config() });
}

#[test]
fn resuming_after_any_step_gives_the_same_bytes_with_adamw() {
    check_resume(&TrainConfig { optimizer: OptimizerKind::Adamw, learning_rate: 0.01, ..config() });
}

#[test]
fn resuming_after_any_step_gives_the_same_bytes_with_rmsprop() {
    check_resume(&TrainConfig { optimizer: OptimizerKind::Rmsprop, epsilon: 0.1, learning_rate: 0.01, ..config() });
}

#[test]
fn resuming_after_any_step_gives_the_same_bytes_with_muon() {
    check_resume(&TrainConfig { optimizer: OptimizerKind::Muon, nesterov: true, learning_rate: 0.1, ..config() });
}

#[test]
fn a_killed_training_goes_on_from_its_last_save_within_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a"), folder.path().join("b"));
    let whole = uninterrupted(&config(), &folder.path().join("whole"));
    // Due at once, so every step but an epoch's last is saved after the listener heard of it.
    let options = RunOptions { checkpoint_every: Duration::ZERO, ..saving(&path) };
    let mut kills = 0;
    trainer(config())
        .run(&options, &mut |_| {
            if path.exists() {
                fs::copy(&path, &copy).unwrap();
                let mut killed = trainer(config());
                killed.restore(&copy).unwrap();
                killed.run(&saving(&copy), &mut |_| true).unwrap();
                assert!(fs::read(&copy).unwrap() == whole, "killed after {kills} saves: another result");
                kills += 1;
            }
            true
        })
        .unwrap();
    assert_eq!(kills, 7);
}

#[test]
fn a_training_depends_on_its_seed_alone() {
    let run = |seed| {
        let mut trainer = Trainer::new(network(4), data(35, 25), config(), Seed::new(seed)).unwrap();
        let report = trainer.run(&RunOptions::default(), &mut |_| true).unwrap();
        (report, bits(trainer.network()))
    };
    assert!(run(1) == run(1));
    assert!(run(1).1 != run(2).1);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer = Trainer::new(network(16), data(200, 25), config(), Seed::new(1)).unwrap();
            let report = trainer.run(&RunOptions::default(), &mut |_| true).unwrap();
            (report, bits(trainer.network()))
        })
    };
    let one = run(1);
    assert!(run(2) == one && run(5) == one);
}

#[test]
fn a_training_learns() {
    let config = TrainConfig { epochs: 12, batch_size: 32, learning_rate: 0.2, ..TrainConfig::default() };
    let mut trainer = Trainer::new(network(16), data(800, 300), config, Seed::new(1)).unwrap();
    let report = trainer.run(&RunOptions::default(), &mut |_| true).unwrap();
    let (first, last) = (&report.history[0], &report.history[11]);
    assert!(last.train_loss < 0.5 * first.train_loss, "{report:?}");
    assert!(report.last_validation().unwrap().accuracy > 0.8, "{report:?}");
    assert_eq!(report.best().unwrap().validation.unwrap().count, 300);
}

#[test]
fn the_listener_hears_every_step_and_epoch() {
    let mut heard = Vec::new();
    let mut fractions = Vec::new();
    trainer(TrainConfig { evaluate_every: 2, ..config() })
        .run(&RunOptions::default(), &mut |event| {
            match event {
                TrainEvent::Step(s) => {
                    assert_eq!((s.epochs, s.steps), (2, 3));
                    assert!(s.loss > 0.0 && (0.0..=1.0).contains(&s.accuracy));
                    fractions.push(s.fraction());
                    heard.push((s.epoch, s.step));
                }
                TrainEvent::Epoch { report, .. } => {
                    assert_eq!(report.validation.is_some(), report.epoch == 2);
                    heard.push((report.epoch, 0));
                }
            }
            true
        })
        .unwrap();
    assert_eq!(heard, [(1, 1), (1, 2), (1, 3), (1, 0), (2, 1), (2, 2), (2, 3), (2, 0)]);
    assert!((fractions[0] - 1.0 / 6.0).abs() < 1e-15 && fractions[5] == 1.0);
}

#[test]
fn the_learning_rate_follows_the_schedule() {
    let mut rates = Vec::new();
    let config = TrainConfig { schedule: crate::schedule::Curve::Cosine { to: 0.0 }, ..config() };
    trainer(config)
        .run(&RunOptions::default(), &mut |event| {
            if let TrainEvent::Step(step) = event {
                rates.push(step.learning_rate);
            }
            true
        })
        .unwrap();
    let expect = (0..6).map(|i| 0.05 * (1.0 + (std::f64::consts::PI * f64::from(i) / 6.0).cos()));
    assert!(rates.iter().zip(expect).all(|(a, b)| (a - b).abs() < 1e-15), "{rates:?}");
}

#[test]
fn a_training_that_does_not_get_better_stops_early() {
    // So small a rate changes no answer, so the second epoch is no better than the first.
    let config = TrainConfig {
        epochs: 9,
        patience: Some(2),
        learning_rate: 1e-30,
        batch_norm: BatchNormMode::Batch,
        ..config()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let report = trainer(config.clone()).run(&saving(&path), &mut |_| true).unwrap();
    assert_eq!((report.ended, report.history.len()), (Ended::EarlyStop, 3));
    assert_eq!(report.best().unwrap().epoch, 1);
    let mut resumed = trainer(config);
    resumed.restore(&path).unwrap();
    let again = resumed.run(&RunOptions::default(), &mut |_| panic!("a training that is over has no steps")).unwrap();
    assert_eq!(again, report);
}

#[test]
fn a_deadline_that_has_passed_ends_the_training_after_its_epoch() {
    let options = RunOptions { deadline: Some(Instant::now()), ..RunOptions::default() };
    let mut trainer = trainer(TrainConfig { epochs: 50, evaluate_every: 10, ..config() });
    let report = trainer.run(&options, &mut |_| true).unwrap();
    assert_eq!((report.ended, report.history.len()), (Ended::Finished, 1));
    assert!(report.last_validation().is_some(), "the last epoch is validated, however it became the last");
    assert_eq!(report.plan.iter().map(|segment| segment.epochs).collect::<Vec<_>>(), [50, 1]);
}

#[test]
fn the_last_epochs_are_all_validated() {
    let config = TrainConfig { epochs: 5, evaluate_every: 5, evaluate_last: 3, ..config() };
    let report = trainer(config).run(&RunOptions::default(), &mut |_| true).unwrap();
    let validated: Vec<usize> = report.history.iter().filter(|r| r.validation.is_some()).map(|r| r.epoch).collect();
    assert_eq!(validated, [3, 4, 5]);
}

#[test]
fn a_loss_that_explodes_is_an_error_with_its_place() {
    let config = TrainConfig { learning_rate: 1e30, clip_norm: 0.0, ..config() };
    let message = trainer(config).run(&RunOptions::default(), &mut |_| true).unwrap_err().to_string();
    assert!(message.starts_with("the loss became ") && message.contains(" at epoch 1, step "), "{message}");
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    trainer(config()).run(&saving(&path), &mut |_| false).unwrap();
    let check = |mut trainer: Trainer, expect: &[&str]| {
        let message = trainer.restore(&path).unwrap_err().to_string();
        assert!(expect.iter().all(|part| message.contains(part)), "{message}");
    };
    check(trainer(TrainConfig { momentum: 0.5, ..config() }), &["config.momentum", "0.9", "0.5"]);
    check(Trainer::new(network(4), data(35, 25), config(), Seed::new(4)).unwrap(), &["`seed`"]);
    check(
        Trainer::new(network(4), data(35, 20), config(), Seed::new(3)).unwrap(),
        &["`validation_images` is 25, here 20"],
    );
    check(Trainer::new(network(6), data(35, 25), config(), Seed::new(3)).unwrap(), &["shape", "[4"]);
}

#[test]
fn data_that_does_not_fit_is_named() {
    let check = |change: &dyn Fn(&mut TrainData), expect: &str| {
        let mut data = data(35, 25);
        change(&mut data);
        let message = Trainer::new(network(4), data, config(), Seed::new(3)).err().unwrap().to_string();
        assert!(message.contains(expect), "{message}");
    };
    let images = |data: &TrainData| (*data.images).clone();
    check(&|d| d.train = Arc::new(vec![1]), "at least 2");
    check(&|d| d.validation = Some(Arc::new(Vec::new())), "no images to validate on");
    check(
        &|d| {
            let mut other = images(d);
            other.labels[7] = 10;
            d.images = Arc::new(other);
        },
        "class 10",
    );
    check(
        &|d| {
            let mut other = images(d);
            (other.shape.height, other.shape.width) = (16, 4);
            d.images = Arc::new(other);
        },
        "1x16x4",
    );
}

#[test]
fn accuracy_does_not_depend_on_the_batch_size() {
    let (mut network, data) = (network(4), data(35, 25));
    let indices = data.validation.unwrap();
    let mut of = |size, mode| evaluate(&mut network, &data.images, &indices, &data.normalization, size, mode).unwrap();
    let (all, few) = (of(25, Mode::Evaluate), of(4, Mode::Evaluate));
    assert_eq!((all.correct, all.count), (few.correct, few.count));
    assert!((all.loss - few.loss).abs() < 1e-5);
    assert!((of(25, Mode::BatchStatistics).loss - of(4, Mode::BatchStatistics).loss).abs() > 1e-4);
}

#[test]
fn label_smoothing_is_in_the_loss() {
    // With one step and no change in between, the smoothed loss is a known mixture of two plain ones.
    let batch = nas_data::BatchPlan::evaluate(data(35, 25).images, data(35, 25).train, 10, data(35, 25).normalization);
    let batch = batch.spawn().unwrap().next().unwrap().unwrap();
    let loss = |smoothing| {
        let config = StepConfig { label_smoothing: smoothing, auxiliary_weight: 0.4 };
        network(4).step(&batch.images, &batch.labels, &config, Mode::BatchStatistics).unwrap().loss
    };
    let logits = network(4).logits(&batch.images, Mode::BatchStatistics).unwrap().to_vec2::<f32>().unwrap();
    let labels = batch.labels.to_vec1::<u32>().unwrap();
    let (mut plain, mut uniform) = (0.0, 0.0);
    for (row, label) in logits.iter().zip(labels) {
        let log_sum = row.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
        plain += (log_sum - f64::from(row[label as usize])) / 10.0;
        uniform += row.iter().map(|&x| log_sum - f64::from(x)).sum::<f64>() / 100.0;
    }
    assert!((loss(0.0) - plain).abs() < 1e-5, "{} {plain}", loss(0.0));
    assert!((loss(0.2) - (0.8 * plain + 0.2 * uniform)).abs() < 1e-5, "{} {plain} {uniform}", loss(0.2));
}
