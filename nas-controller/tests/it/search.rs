//! The strategy by itself: what it proposes, in whatever order it is told, and that its state is all there is to it.

use std::sync::Arc;

use nas_controller::{Algorithm, ControllerConfig, PolicySearch, Update, preset};
use nas_search::{Event, Failure, Measurement, Proposal, Strategy, Trial, TrialState};
use nas_space::{Architecture, SearchSpace, Seed};
use serde_json::{Value, json};

use crate::toy::{Toy, small};

/// Five trials to an update, at a pace that changes something.
fn config(algorithm: Algorithm) -> ControllerConfig {
    let mut config = small();
    (config.learning.algorithm, config.learning.batch) = (algorithm, 5);
    config.learning.adam.learning_rate = 0.03;
    config
}

const PPO: Algorithm = Algorithm::Ppo { clip: 0.2, epochs: 3 };

fn fresh(algorithm: Algorithm) -> PolicySearch {
    PolicySearch::new(Arc::new(Toy::operations(6, 4)), config(algorithm), Seed::new(3)).unwrap()
}

fn ask(strategy: &mut PolicySearch, number: u64) -> Proposal {
    strategy.ask(number..number + 1).unwrap().remove(0)
}

/// A trial that is over: worth the share of its choices that are 2, or failed.
fn over(number: u64, proposal: Proposal, failed: bool) -> Trial {
    let state = if failed { TrialState::Failed } else { TrialState::Complete };
    let accuracy = proposal.architecture.choices.iter().filter(|c| **c == 2).count() as f64 / 6.0;
    let extra = Value::Null;
    let measurement = Measurement { accuracy, loss: 0.1, parameters: 0, flops: 0, epochs: 1, latency: None, extra };
    let failure = failed.then(|| Failure::new("panic", "it did"));
    let (measurement, arm) = ((!failed).then_some(measurement), "toy".into());
    Trial { id: number + 7, arm, number, proposal, state, seed: 1, measurement, failure, seconds: Some(1.0) }
}

/// Trials 0..n as a search with a lag makes them, every seventh of them failed.
fn history(strategy: &mut PolicySearch, trials: u64, lag: u64) -> Vec<Trial> {
    let mut made: Vec<Trial> = Vec::new();
    for n in 0..trials {
        if n > lag {
            let told = made[usize::try_from(n - lag - 1).unwrap()].clone();
            strategy.tell(&[told]).unwrap();
        }
        let proposal = ask(strategy, n);
        made.push(over(n, proposal, n % 7 == 6));
    }
    made
}

fn state(strategy: &PolicySearch) -> String {
    strategy.save().unwrap().to_string()
}

#[test]
fn asking_changes_nothing() {
    let mut strategy = fresh(PPO);
    history(&mut strategy, 30, 3);
    let (before, first) = (state(&strategy), strategy.ask(30..40).unwrap());
    assert_eq!(strategy.ask(30..40).unwrap(), first);
    assert_eq!(ask(&mut strategy, 35), first[5]);
    assert_eq!(state(&strategy), before);
}

#[test]
fn the_order_of_telling_does_not_matter() {
    for algorithm in [Algorithm::Reinforce, PPO] {
        let trials = history(&mut fresh(algorithm), 20, 19);
        let orders: [Vec<usize>; 3] =
            [(0..20).collect(), (0..20).rev().collect(), (0..20).map(|i| i * 7 % 20).collect()];
        let states = orders.map(|order| {
            let mut strategy = fresh(algorithm);
            for at in order {
                strategy.tell(&[trials[at].clone()]).unwrap();
            }
            assert_eq!(strategy.take_events().len(), 4);
            state(&strategy)
        });
        assert!(states.iter().all(|s| *s == states[0]), "{algorithm:?}");
        assert_ne!(states[0], state(&fresh(algorithm)));
    }
}

#[test]
fn a_batch_waits_for_its_last_trial() {
    let mut strategy = fresh(PPO);
    let trials = history(&mut fresh(PPO), 10, 9);
    let begin = ask(&mut strategy, 10);
    strategy.tell(&trials[1..5]).unwrap();
    strategy.tell(&trials[5..10]).unwrap();
    assert_eq!(ask(&mut strategy, 10), begin, "trial 0 is still out");
    assert!(strategy.take_events().is_empty());
    strategy.tell(&trials[..1]).unwrap();
    assert_eq!(strategy.take_events().len(), 2, "both batches are learned from at once");
    assert!(strategy.take_events().is_empty(), "events come once");
    assert_ne!(ask(&mut strategy, 10), begin);
}

#[test]
fn the_saved_state_is_all_there_is() {
    for algorithm in [Algorithm::Reinforce, PPO] {
        for trials in [0, 3, 5, 17, 32] {
            let mut strategy = fresh(algorithm);
            let made = history(&mut strategy, trials, 2);
            let text = state(&strategy);
            let mut other = fresh(algorithm);
            other.load(&serde_json::from_str(&text).unwrap()).unwrap();
            assert_eq!(state(&other), text);
            assert_eq!(other.ask(trials..trials + 9).unwrap(), strategy.ask(trials..trials + 9).unwrap());
            for trial in &made[made.len().saturating_sub(3)..] {
                other.tell(std::slice::from_ref(trial)).unwrap();
                strategy.tell(std::slice::from_ref(trial)).unwrap();
            }
            assert_eq!(state(&other), state(&strategy));
        }
    }
}

#[test]
fn failures_teach_nothing_unless_told_what_they_are_worth() {
    let all_failed = |config: ControllerConfig| {
        let space = Arc::new(Toy::operations(6, 4));
        let mut strategy = PolicySearch::new(space, config, Seed::new(3)).unwrap();
        for n in 0..5 {
            let proposal = ask(&mut strategy, n);
            strategy.tell(&[over(n, proposal, n != 2)]).unwrap();
        }
        match strategy.take_events().as_slice() {
            [Event::PolicyUpdated { trials, reward, best, .. }] => (*trials, *reward, *best),
            other => panic!("{other:?}"),
        }
    };
    let (trials, reward, best) = all_failed(config(Algorithm::Reinforce));
    assert_eq!((trials, reward), (1, best));
    let mut punishing = config(Algorithm::Reinforce);
    punishing.learning.failure_reward = Some(-1.0);
    let (trials, reward, _) = all_failed(punishing);
    assert_eq!(trials, 5);
    assert!((reward - (best - 4.0) / 5.0).abs() < 1e-12, "{reward}");
}

#[test]
fn notes_keep_what_the_policy_knew() {
    let mut strategy = fresh(PPO);
    let made = history(&mut strategy, 12, 0);
    for trial in &made {
        let note = &trial.proposal.note;
        let update: Option<Update> = serde_json::from_value(note["update"].clone()).unwrap();
        assert_eq!(update.map(|u| u.number), (trial.number >= 5).then_some(trial.number / 5));
        assert_eq!(note["log_probs"].as_array().unwrap().len(), 6);
    }
    let likely = strategy.controller().log_prob(&made[11].proposal.architecture).unwrap();
    assert_eq!(made[11].proposal.note["log_probs"], json!(likely.log_probs), "trial 11 came from the policy of now");
}

#[test]
fn a_trial_of_another_strategy_is_learned_from_too() {
    let mut strategy = fresh(PPO);
    for n in 0..5 {
        let mut rng = Seed::new(n).rng();
        let architecture = Toy::operations(6, 4).sample(&mut rng);
        let proposal = Proposal::new(architecture);
        strategy.tell(&[over(n, proposal, false)]).unwrap();
    }
    assert_eq!(strategy.take_events().len(), 1);
}

fn check_told(trial: Trial, expect: &str) {
    let mut strategy = fresh(PPO);
    history(&mut strategy, 8, 0);
    assert_eq!(strategy.tell(&[trial]).unwrap_err().to_string(), expect);
}

#[test]
fn trials_that_cannot_be_are_refused() {
    let good = ask(&mut fresh(PPO), 9);
    let again = "strategy `ppo` cannot learn from trial 3: it was told before";
    check_told(over(3, good.clone(), false), again);
    check_told(over(5, good.clone(), false), &again.replace('3', "5"));
    let mut short = good.clone();
    short.note["log_probs"] = json!([0.5]);
    check_told(
        over(9, short, false),
        "strategy `ppo` cannot learn from trial 9: its note must have 6 log-probabilities",
    );
    let mut alien = good;
    alien.architecture = Architecture { space: "darts".into(), choices: vec![0; 6] };
    let expect =
        "strategy `ppo` cannot learn from trial 9: the architecture belongs to the space `darts`, not to `toy`";
    check_told(over(9, alien, false), expect);
}

fn check_state(change: impl FnOnce(&mut Value), expect: &str) {
    let mut strategy = fresh(PPO);
    history(&mut strategy, 8, 0);
    let mut state = strategy.save().unwrap();
    change(&mut state);
    let message = fresh(PPO).load(&state).unwrap_err().to_string();
    assert!(message.starts_with("the saved state of strategy `ppo` cannot be used: "), "{message}");
    assert!(message.contains(expect), "{message} does not say {expect}");
}

#[test]
fn states_of_others_are_refused() {
    check_state(|s| s["strategy"] = json!("reinforce"), "it was saved by `reinforce`");
    check_state(|s| s["version"] = json!(2), "it has version 2, this program knows up to 1: update nas");
    check_state(|s| s["weights"] = json!("AAAA"), "its weights hold something that is no number");
    check_state(|s| s["weights"] = json!("*"), "its weights cannot be decoded");
    check_state(|s| s["weights"] = s["seen"].clone(), "it has 0 weights, this space needs");
    check_state(|s| s["config"]["policy"]["hidden"] = json!(7), "hidden: 7");
    check_state(|s| s["waiting"]["6"]["sample"]["choices"][0] = json!(9), "decision `d0` cannot be `option 9`");
    check_state(|s| *s = json!([1, 2]), "it does not say which strategy and version saved it");
}

#[test]
fn presets_search_real_spaces() {
    for known in nas_space::spaces::all() {
        for name in preset::NAMES {
            let space = nas_space::spaces::shared(known.name()).unwrap();
            let mut strategy = PolicySearch::new(space, preset::by_name(name).unwrap(), Seed::new(1)).unwrap();
            for n in 0..21 {
                let proposal = ask(&mut strategy, n);
                known.check(&proposal.architecture).unwrap();
                strategy.tell(&[over(n, proposal, false)]).unwrap();
            }
            assert!(!strategy.take_events().is_empty(), "{name} never learned in {}", known.name());
        }
    }
}

#[test]
fn networks_become_deeper_on_schedule_and_nothing_is_learned_of_the_depth() {
    let space = nas_space::spaces::shared("zoph-2-6").unwrap();
    let mut config = config(Algorithm::Reinforce);
    (config.deepen_every, config.learning.entropy_weight) = (Some(5), 0.1);
    let mut strategy = PolicySearch::new(Arc::clone(&space), config, Seed::new(4)).unwrap();
    for n in 0..25 {
        let proposal = ask(&mut strategy, n);
        space.check(&proposal.architecture).unwrap();
        assert_eq!(proposal.architecture.choices[0] as u64, (n / 5).min(2), "trial {n}");
        assert_eq!(proposal.note["log_probs"][0], 0.0, "what is settled is certain");
        let log_prob = strategy.controller().log_prob(&proposal.architecture).unwrap();
        assert_eq!(proposal.note["log_probs"], json!(log_prob.log_probs));
        strategy.tell(&[over(n, proposal, false)]).unwrap();
    }
    // Left to the policy, the depth is a decision as every other.
    let mut config = self::config(Algorithm::Reinforce);
    config.deepen_every = None;
    let mut strategy = PolicySearch::new(space, config, Seed::new(4)).unwrap();
    let depths: Vec<usize> = (0..30).map(|n| ask(&mut strategy, n).architecture.choices[0]).collect();
    assert!((0..3).all(|depth| depths.contains(&depth)), "{depths:?}");
}

#[test]
fn limits_are_kept_however_sure_the_policy_is() {
    use nas_space::spaces::NasBench201;
    use nas_space::{Limited, Limits, NetworkConfig};
    let network = NetworkConfig::cifar(4, 3);
    let parameters = |a: &nas_space::Architecture| NasBench201.lower(a, &network).unwrap().parameters() as u64;
    // About a tenth of the cells: no 3x3 convolution is among them.
    let limits = Limits { parameters: Some(6_000), flops: None };
    let space = Arc::new(Limited::new(Arc::new(NasBench201), network.clone(), limits));
    let mut config = small();
    // A policy that wants large convolutions everywhere, so that next to nothing it draws keeps to the limits.
    config.policy.favoured = Some(nas_controller::Favoured {
        options: vec!["nor_conv_3x3".into()],
        initial: 0.0,
        fixed: 50.0,
        fixed_in: None,
    });
    let mut search = PolicySearch::new(space, config, Seed::new(5)).unwrap();
    for proposal in search.ask(0..20).unwrap() {
        let found = parameters(&proposal.architecture);
        assert!(found <= 6_000, "{found} parameters");
    }
}

#[test]
fn a_controller_learns_from_what_it_is_handed() {
    let handed = Architecture { space: Toy::operations(6, 4).name().to_owned(), choices: vec![2; 6] };
    for algorithm in [Algorithm::Reinforce, PPO] {
        let mut strategy = nas_search::WarmStart::new(Box::new(fresh(algorithm)), vec![handed.clone(); 5]);
        let likely =
            |strategy: &PolicySearch| strategy.controller().log_prob(&handed).unwrap().log_probs.iter().sum::<f64>();
        let before = likely(&fresh(algorithm));
        let mut other = vec![1; 6];
        for number in 0..5 {
            let mut proposal = strategy.ask(number..number + 1).unwrap().remove(0);
            assert_eq!(proposal.architecture, handed);
            // Some of them worthless, so that there is something to prefer.
            if number > 2 {
                other[0] = usize::try_from(number).unwrap() % 2;
                proposal.architecture.choices.clone_from(&other);
            }
            strategy.tell(&[over(number, proposal, false)]).unwrap();
        }
        let mut learned = fresh(algorithm);
        learned.load(&strategy.save().unwrap()).unwrap();
        assert!(likely(&learned) > before, "{algorithm:?}: {} after {before}", likely(&learned));
    }
}
