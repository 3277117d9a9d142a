//! The strategy by itself: what it proposes, and that its state is all there is to it.

use std::sync::Arc;

use nas_evolution::{EvolutionConfig, RegularizedEvolution};
use nas_search::{Failure, Measurement, Proposal, Strategy, Trial, TrialState};
use nas_space::Seed;
use serde_json::{Value, json};

use crate::bits::Bits;

const CONFIG: EvolutionConfig = EvolutionConfig { population: 5, sample: 2, identity: 0.2 };

fn fresh() -> RegularizedEvolution {
    RegularizedEvolution::new(Arc::new(Bits::new(20)), CONFIG, Seed::new(3)).unwrap()
}

fn ask(strategy: &mut RegularizedEvolution, number: u64) -> Proposal {
    strategy.ask(number..number + 1).unwrap().remove(0)
}

fn told(number: u64, proposal: Proposal, accuracy: Option<f64>) -> Trial {
    let state = if accuracy.is_some() { TrialState::Complete } else { TrialState::Failed };
    let measured = |accuracy| Measurement {
        accuracy,
        loss: 0.1,
        parameters: 0,
        flops: 0,
        epochs: 1,
        latency: None,
        extra: Value::Null,
    };
    let failure = accuracy.is_none().then(|| Failure::new("panic", "it did"));
    let (measurement, arm) = (accuracy.map(measured), "evolution".into());
    Trial { id: number + 7, arm, number, proposal, state, seed: 1, measurement, failure, seconds: Some(1.0) }
}

/// An evolution that was told `trials` trials, every fourth of them failed.
fn grown(trials: u64) -> RegularizedEvolution {
    let mut strategy = fresh();
    for n in 0..trials {
        let proposal = ask(&mut strategy, n);
        // A third has no short decimal form: its last bit must survive being saved.
        let accuracy = (n % 4 != 3).then_some(n as f64 / 3.0);
        strategy.tell(&[told(n, proposal, accuracy)]).unwrap();
    }
    strategy
}

#[test]
fn asking_changes_nothing() {
    let mut strategy = grown(30);
    let first = strategy.ask(30..40).unwrap();
    assert_eq!(strategy.ask(30..40).unwrap(), first);
    assert_eq!(ask(&mut strategy, 35), first[5]);
}

#[test]
fn the_saved_state_is_all_there_is() {
    for trials in [0, 3, 5, 17] {
        let mut strategy = grown(trials);
        let text = strategy.save().unwrap().to_string();
        let mut other = fresh();
        other.load(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(other.population(), strategy.population());
        assert_eq!(other.save().unwrap().to_string(), text);
        assert_eq!(other.ask(trials..trials + 20).unwrap(), strategy.ask(trials..trials + 20).unwrap());
    }
}

#[test]
fn children_differ_from_their_parent_in_one_choice_or_none() {
    let mut strategy = grown(12);
    let alive = strategy.population().clone();
    assert_eq!(alive.iter().map(|i| i.number).collect::<Vec<_>>(), [5, 6, 8, 9, 10], "failed trials join nobody");
    let (mut same, mut changed) = (0, 0);
    for child in strategy.ask(12..1012).unwrap() {
        let parent = alive.iter().find(|i| Some(i.number) == child.parent).expect("a parent is alive");
        let pairs = parent.architecture.choices.iter().zip(&child.architecture.choices);
        match (pairs.filter(|(a, b)| a != b).count(), child.note["origin"].as_str()) {
            (0, Some("identity")) => same += 1,
            (1, Some("mutation")) => changed += 1,
            other => panic!("a child with {other:?}"),
        }
    }
    // 200 expected; four standard deviations are 50.
    assert!((150..250).contains(&same), "{same} of {} children are unchanged", same + changed);
}

#[test]
fn the_best_of_the_whole_history_is_chosen_though_it_died() {
    let mut strategy = fresh();
    let mut trials = Vec::new();
    for n in 0..20 {
        let proposal = ask(&mut strategy, n);
        let accuracy = if n == 2 || n == 4 { 0.9 } else { 0.1 };
        trials.push(told(n, proposal, Some(accuracy)));
    }
    strategy.tell(&trials).unwrap();
    assert!(strategy.population().iter().all(|i| i.number >= 15));
    assert_eq!(strategy.best(&trials).unwrap().number, 2, "the earliest of equals");
}

#[test]
fn trials_out_of_order_are_refused() {
    let mut strategy = grown(4);
    let proposal = ask(&mut strategy, 6);
    let message = strategy.tell(&[told(6, proposal, Some(0.5))]).unwrap_err().to_string();
    assert_eq!(message, "strategy `evolution` cannot learn from trial 6: trial 4 comes first");
}

fn check_state(state: Value, expect: &str) {
    let message = fresh().load(&state).unwrap_err().to_string();
    assert!(message.starts_with("the saved state of strategy `evolution` cannot be used: "), "{message}");
    assert!(message.contains(expect), "{message} does not say {expect}");
}

#[test]
fn states_of_others_are_refused() {
    let good = grown(6).save().unwrap();
    let changed = |key: &str, value: Value| {
        let mut state = good.clone();
        state[key] = value;
        state
    };
    check_state(changed("strategy", json!("random")), "it was saved by `random`");
    check_state(changed("version", json!(2)), "it has version 2, this program knows up to 1: update nas");
    check_state(changed("population", json!(3)), "invalid type");
    check_state(json!([1, 2]), "it does not say which strategy and version saved it");
    check_state(changed("config", json!({ "population": 9, "sample": 2, "identity": 0.2 })), "population: 9");
    let mut state = good.clone();
    state["population"][0]["architecture"]["choices"][0] = json!(5);
    check_state(state, "decision `bit0` cannot be `option 5`");
}
