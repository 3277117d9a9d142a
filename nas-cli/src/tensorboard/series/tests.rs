//! The series of a run that was killed and went on: what TensorBoard shows of them.

use std::path::Path;

use nas_nn::trainer::{EpochReport, Evaluation};
use nas_search::{Failure, Measurement, Proposal, TrialState};
use nas_space::Architecture;
use serde_json::Value;

use super::*;
use crate::folder::Folder;
use crate::tensorboard::check_free;
use crate::tensorboard::file::shown;

fn board(folder: &Path) -> Board {
    Board::of(&Folder::at(folder), Some("events"), Output::new(false, true))
}

fn trial(number: u64, accuracy: Option<f64>) -> Trial {
    let architecture = Architecture { space: "toy".into(), choices: vec![0] };
    let measurement = accuracy.map(|accuracy| Measurement {
        accuracy,
        loss: 1.0 - accuracy,
        parameters: 100 + number,
        flops: 1000,
        epochs: 1,
        latency: None,
        extra: Value::Null,
    });
    let failure = accuracy.is_none().then(|| Failure::new("panic", "it was a bad day"));
    let state = if accuracy.is_some() { TrialState::Complete } else { TrialState::Failed };
    Trial {
        id: number,
        arm: "evolution".into(),
        number,
        proposal: Proposal::new(architecture),
        state,
        seed: 0,
        measurement,
        failure,
        seconds: Some(1.0),
    }
}

fn finished(number: u64, accuracy: Option<f64>) -> Event {
    Event::TrialFinished { trial: Box::new(trial(number, accuracy)) }
}

fn updated(trials: u64) -> Event {
    let reward = trials as f64;
    Event::PolicyUpdated { update: 1, trials, reward, baseline: 0.5, entropy: 2.0, advantage_spread: 0.25, best: 1.0 }
}

#[test]
fn trials_are_told_of_by_number_and_after_a_kill_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let board = board(folder.path());
    let mut arm = ArmSeries::open(&board, "evolution", Vec::new());
    // The second trial ends first, the third fails.
    for event in [finished(1, Some(0.25)), finished(0, Some(0.5)), updated(2), finished(2, None), updated(3)] {
        arm.on_event(&event);
    }
    drop(arm);
    // Trial 3 was recorded, and the process killed before it was told of; the strategy learns from trial 2 once more.
    let known = [(0, Some(0.5)), (1, Some(0.25)), (2, None), (3, Some(0.75))].map(|(n, accuracy)| trial(n, accuracy));
    let mut arm = ArmSeries::open(&board, "evolution", known.to_vec());
    for event in [updated(3), finished(4, Some(0.5)), updated(5)] {
        arm.on_event(&event);
    }
    let tags = shown(&folder.path().join("events/evolution"));
    assert_eq!(tags["search/best"], [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.75), (5, 0.75)]);
    assert_eq!(tags["search/mean"], [(1, 0.5), (2, 0.375), (3, 0.375), (4, 0.5), (5, 0.5)]);
    assert_eq!(tags["trial/accuracy"], [(1, 0.5), (2, 0.25), (4, 0.75), (5, 0.5)]);
    assert_eq!(tags["trial/parameters"], [(1, 100.0), (2, 101.0), (4, 103.0), (5, 104.0)]);
    let tags = shown(&folder.path().join("events/evolution/policy"));
    assert_eq!(tags["policy/reward"], [(2, 2.0), (3, 3.0), (5, 5.0)]);
    assert_eq!(tags.len(), 4);
}

#[test]
fn epochs_since_the_last_checkpoint_are_told_of_anew() {
    let folder = tempfile::tempdir().unwrap();
    let board = board(folder.path());
    let report = |epoch: usize, train_loss: f64| EpochReport {
        epoch,
        epochs: 9,
        train_loss,
        train_accuracy: 0.5,
        validation: (epoch == 2).then_some(Evaluation { accuracy: 0.75, loss: 0.5, correct: 3, count: 4 }),
        learning_rate: 0.25,
    };
    let mut series = board.series("training", 0);
    (1..=3).for_each(|epoch| series.epoch(&report(epoch, 1.0)));
    // The checkpoint is of the second epoch.
    let mut series = board.series("training", 2);
    (1..=4).for_each(|epoch| series.epoch(&report(epoch, 2.0)));
    let tags = shown(&folder.path().join("events/training"));
    assert_eq!(tags["loss/training"], [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0)]);
    assert_eq!((&tags["loss/validation"][..], &tags["accuracy/validation"][..]), (&[(2, 0.5)][..], &[(2, 0.75)][..]));
    assert_eq!(tags["learning_rate"].len(), 4);
}

#[test]
fn nothing_is_written_where_nothing_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let board = Board::of(&Folder::at(folder.path()), None, Output::new(false, true));
    let mut arm = ArmSeries::open(&board, "random", vec![trial(0, Some(0.5))]);
    arm.on_event(&finished(1, Some(0.5)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    let check = || check_free(events.to_str());
    check().unwrap();
    ArmSeries::open(&board(folder.path()), "random", vec![trial(0, Some(0.5))]);
    let message = check().unwrap_err().to_string();
    assert!(message.contains("events: it holds something already"), "{message}");
    check_free(Some("events")).unwrap();
}
