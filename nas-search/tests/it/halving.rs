//! Successive halving: who goes on, when, and that nothing is lost on the way.

use std::sync::Arc;

use nas_search::{Failure, HalvingConfig, Proposal, Strategy, SuccessiveHalving, Trial, TrialState};
use nas_space::Seed;

use crate::toy::{Digits, measured_as};

fn config(bracket: Option<u64>) -> HalvingConfig {
    HalvingConfig { rungs: vec![1, 3, 9], reduction: 3, bracket }
}

fn fresh(bracket: Option<u64>) -> SuccessiveHalving {
    SuccessiveHalving::new(Arc::new(Digits::new(4)), config(bracket), Seed::new(2)).unwrap()
}

fn told(number: u64, proposal: Proposal, accuracy: Option<f64>) -> Trial {
    let (arm, epochs) = ("asha".into(), proposal.epochs.unwrap_or_default());
    let measurement = accuracy.map(|accuracy| measured_as(accuracy, epochs));
    let state = if accuracy.is_some() { TrialState::Complete } else { TrialState::Failed };
    let failure = accuracy.is_none().then(|| Failure::new("panic", "it did"));
    Trial { id: number, arm, number, proposal, state, seed: 1, measurement, failure, seconds: None }
}

/// Runs trials of given accuracies, one after another, and says of each how long it trained and whose it was.
fn rungs(strategy: &mut SuccessiveHalving, accuracies: &[Option<f64>]) -> Vec<(u64, Option<u64>)> {
    let mut trials = Vec::new();
    for (number, accuracy) in (0..).zip(accuracies) {
        let proposal = strategy.ask(number..number + 1).unwrap().remove(0);
        trials.push((proposal.epochs.unwrap(), proposal.parent));
        strategy.tell(&[told(number, proposal, *accuracy)]).unwrap();
    }
    trials
}

#[test]
fn the_best_third_of_a_rung_goes_on_at_once() {
    let some = [0.1, 0.3, 0.2, 0.35, 0.5, 0.4, 0.6, 0.9, 0.1, 0.2, 0.2, 0.2].map(Some);
    let found = rungs(&mut fresh(None), &some);
    // Of three short ones the best goes on, and so does every one after it that is better than all before; three of the
    // middle length send their best to the last.
    let expect = [
        (1, None),
        (1, None),
        (1, None),
        (3, Some(1)),
        (1, None),
        (3, Some(4)),
        (1, None),
        (3, Some(6)),
        (9, Some(7)),
        (1, None),
        (1, None),
        (1, None),
    ];
    assert_eq!(found, expect);
}

#[test]
fn three_on_a_rung_send_one_to_the_last() {
    let some: Vec<Option<f64>> = (0..20).map(|n| Some(f64::from(n) / 20.0)).collect();
    let found = rungs(&mut fresh(None), &some);
    let longest: Vec<usize> = (0..20).filter(|i| found[*i].0 == 9).collect();
    assert_eq!(longest.first(), Some(&8), "{found:?}");
    for at in longest {
        let parent = found[at].1.unwrap() as usize;
        assert_eq!(found[parent].0, 3, "whoever trains for nine epochs trained for three");
    }
}

#[test]
fn a_bracket_waits_for_all_of_its_own() {
    let some: Vec<Option<f64>> = (0..13).map(|n| Some(f64::from(20 - n) / 20.0)).collect();
    let lengths: Vec<u64> = rungs(&mut fresh(Some(9)), &some).into_iter().map(|(epochs, _)| epochs).collect();
    assert_eq!(lengths, [1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 9]);
}

#[test]
fn a_bracket_with_failures_stays_apart_from_the_next() {
    // Of the first nine two are left; of these one goes on to the last, though three places are there.
    let first = [None, None, Some(0.2), None, None, Some(0.1), None, None, None];
    let ends = [Some(0.3), Some(0.4), Some(0.5)];
    let next = (0..9).map(|n| Some(0.9 - f64::from(n) / 10.0));
    let all: Vec<Option<f64>> = first.into_iter().chain(ends).chain(next).chain([Some(0.9); 4]).collect();
    let found = rungs(&mut fresh(Some(9)), &all);
    assert_eq!(found[9..12], [(3, Some(2)), (3, Some(5)), (9, Some(10))]);
    assert!(found[12..21].iter().all(|trial| *trial == (1, None)), "{found:?}");
    assert_eq!(found[21..], [(3, Some(12)), (3, Some(13)), (3, Some(14)), (9, Some(21))]);
}

#[test]
fn failed_trials_count_and_do_not_go_on() {
    let found = rungs(&mut fresh(None), &[None, None, None, Some(0.1), Some(0.1)]);
    assert_eq!(found[3..], [(1, None), (3, Some(3))], "of four, one goes on, and only one can");
}

#[test]
fn the_most_accurate_of_the_longest_wins() {
    let mut strategy = fresh(None);
    let mut proposal = |epochs| Proposal { epochs: Some(epochs), ..strategy.ask(0..1).unwrap().remove(0) };
    let [one, three] = [proposal(1), proposal(3)];
    let trials = [
        told(0, one.clone(), Some(0.9)),
        told(1, three.clone(), Some(0.5)),
        told(2, three.clone(), Some(0.6)),
        told(3, three, Some(0.6)),
        told(4, one, None),
    ];
    assert_eq!(strategy.best(&trials).unwrap().number, 2);
    assert_eq!(strategy.best(&trials[..1]).unwrap().number, 0);
    assert_eq!(strategy.best(&trials[4..]), None);
}

#[test]
fn the_saved_state_is_all_there_is() {
    for trials in 0..25 {
        let accuracies: Vec<Option<f64>> =
            (0..trials).map(|n| (n % 5 != 4).then_some(f64::from(n * 7 % 11) / 3.0)).collect();
        let mut strategy = fresh(None);
        rungs(&mut strategy, &accuracies);
        let text = strategy.save().unwrap().to_string();
        let mut other = fresh(None);
        other.load(&serde_json::from_str(&text).unwrap()).unwrap();
        let next = trials as u64;
        assert_eq!(other.ask(next..next + 3).unwrap(), strategy.ask(next..next + 3).unwrap());
        assert_eq!(other.save().unwrap().to_string(), text);
    }
    let message = fresh(Some(9)).load(&fresh(None).save().unwrap()).unwrap_err().to_string();
    assert_eq!(message, "the saved state of strategy `halving` cannot be used: it was saved by `asha`");
}

#[test]
fn impossible_settings_are_named() {
    let check = |config: HalvingConfig, expect: &str| {
        let message = config.check().unwrap_err().to_string();
        assert!(message.starts_with(expect), "{message}");
    };
    check(HalvingConfig { rungs: vec![12], ..config(None) }, "`rungs` = [12]: successive halving needs two");
    check(HalvingConfig { rungs: vec![3, 3], ..config(None) }, "`rungs` = [3, 3]: ");
    check(HalvingConfig { reduction: 1, ..config(None) }, "`reduction` = 1: ");
    check(config(Some(2)), "`bracket` = 2: nobody of fewer than 3");
    assert_eq!(HalvingConfig::rungs_between(1, 27, 3), [1, 3, 9, 27]);
    assert_eq!(HalvingConfig::rungs_between(2, 20, 4), [5, 20]);
}
