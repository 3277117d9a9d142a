//! The search on sampled paths: what it trains, what it tells its strategy, and that it goes on to the same bytes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nas_data::{Augment, LoadOptions, Normalization, load, split};
use nas_nn::trainer::{Deadline, Ended, Plan};
use nas_oneshot::{EnasConfig, EnasReport, EnasSearch, Idle, OnSharedWeights, SearchData, SearchOptions};
use nas_search::{Event, Proposal, RandomSearch, SearchError, Strategy, Trial, random_proposal};
use nas_space::spaces::{EnasMacro, EnasMacroForm, EnasMicro, NasBench201};
use nas_space::{NetworkConfig, PathSpace, Seed};
use serde_json::{Value, json};

const STEPS: usize = 3;
const SAMPLES: usize = 4;
const EPOCHS: usize = 2;
/// Events of a whole search: a step each.
const EVENTS: usize = EPOCHS * (STEPS + SAMPLES);

/// Proposes a random architecture, or the best it was told of: a strategy whose proposals depend on what it learned.
struct Greedy {
    space: Arc<dyn PathSpace>,
    best: Option<(f64, Proposal)>,
    told: u64,
}

impl Strategy for Greedy {
    fn name(&self) -> &str {
        "greedy"
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        let propose = |number: u64| match &self.best {
            Some((_, proposal)) if number % 2 == 1 => proposal.clone(),
            _ => Proposal::new(random_proposal(self.space.as_ref(), Seed::new(2), number)),
        };
        Ok(numbers.map(propose).collect())
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        for trial in trials {
            assert_eq!(trial.number, self.told, "every trial is told, in order");
            self.told += 1;
            let accuracy = trial.learned().unwrap().accuracy;
            if self.best.as_ref().is_none_or(|(best, _)| accuracy > *best) {
                self.best = Some((accuracy, trial.proposal.clone()));
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<Value, SearchError> {
        Ok(json!({ "best": self.best, "told": self.told }))
    }

    fn load(&mut self, state: &Value) -> Result<(), SearchError> {
        self.best = serde_json::from_value(state["best"].clone()).unwrap();
        self.told = state["told"].as_u64().unwrap();
        Ok(())
    }
}

fn data() -> SearchData {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let (_, few) = split(&digits.train, &digits.classes, 0.04, Seed::new(1)).unwrap();
    let (weights, architecture) = few.split_at(few.len() / 2);
    let normalization = Normalization::of(&digits.train, weights).unwrap();
    let (weights, architecture) = (Arc::new(weights[..24].to_vec()), Arc::new(architecture.to_vec()));
    SearchData { images: Arc::new(digits.train), weights, architecture, normalization }
}

fn config() -> EnasConfig {
    EnasConfig {
        epochs: EPOCHS,
        batch_size: 8,
        periods: 1,
        samples: SAMPLES,
        drawn: 2,
        candidates: 3,
        candidate_images: 20,
        augment: Augment { crop_padding: 1, ..Augment::default() },
        ..EnasConfig::default()
    }
}

fn search(space: &Arc<dyn PathSpace>, layers: usize, config: EnasConfig) -> EnasSearch {
    let data = data();
    let network = NetworkConfig { input: data.images.shape, ..NetworkConfig::cifar(2, layers) };
    let strategy = Box::new(Greedy { space: Arc::clone(space), best: None, told: 0 });
    EnasSearch::new(Arc::clone(space), network, strategy, data, config, Seed::new(5)).unwrap()
}

/// Runs on from a checkpoint, if it is there, until `stop_after` steps are done in all. Copies the checkpoint to `copy` when
/// `copy_after` steps are done, as it is then: what a kill at this moment would leave.
fn go_on(search: &mut EnasSearch, path: &Path, stop_after: usize, copy: Option<(usize, &Path)>) -> Ended {
    if path.exists() {
        search.restore(path).unwrap();
    }
    let stop = AtomicBool::new(false);
    let options =
        SearchOptions { checkpoint: Some(path), checkpoint_every: Duration::ZERO, stop: &stop, deadline: None };
    search
        .run(&options, &mut |event: &Event| {
            let Event::SupernetStep { epoch, step, steps, .. } = event else { return };
            assert_eq!(*steps as usize, STEPS + SAMPLES);
            let done = (*epoch as usize - 1) * (STEPS + SAMPLES) + *step as usize;
            if let Some((_, to)) = copy.filter(|(after, _)| *after == done && path.exists()) {
                std::fs::copy(path, to).unwrap();
            }
            stop.store(done >= stop_after, Ordering::Relaxed);
        })
        .unwrap()
}

/// Cuts a search after each of these numbers of steps, once by stopping it and once by a kill.
fn check(space: &Arc<dyn PathSpace>, layers: usize, config: &EnasConfig, cuts: &[usize]) -> EnasReport {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut whole = search(space, layers, config.clone());
    assert_eq!(whole.steps_per_epoch(), STEPS + SAMPLES);
    assert_eq!(go_on(&mut whole, &at("whole"), usize::MAX, None), Ended::Finished);
    let report = whole.report().unwrap();
    let bytes = std::fs::read(at("whole")).unwrap();
    for &cut in cuts {
        let (stopped, killed) = (format!("stopped{cut}"), format!("killed{cut}"));
        let mut first = search(space, layers, config.clone());
        assert_eq!(go_on(&mut first, &at(&stopped), cut, Some((cut, &at(&killed)))), Ended::Interrupted);
        for name in [&stopped, &killed] {
            let mut again = search(space, layers, config.clone());
            assert_eq!(go_on(&mut again, &at(name), usize::MAX, None), Ended::Finished);
            assert_eq!(again.report().unwrap(), report, "{name}");
            assert!(std::fs::read(at(name)).unwrap() == bytes, "{name}: another checkpoint at the end");
        }
    }
    report
}

#[test]
fn cells_go_on_to_the_same_bytes_after_any_step() {
    let space: Arc<dyn PathSpace> = Arc::new(EnasMicro);
    let report = check(&space, 3, &config(), &(2..EVENTS).collect::<Vec<_>>());
    assert_eq!((report.history.len(), report.ended), (EPOCHS, Ended::Finished));
    assert!(report.history.iter().all(|e| e.reward.is_some() && e.best >= e.drawn), "{report:?}");
    assert!(!report.candidates.is_empty() && report.candidates.len() <= 3);
    assert!(report.candidates.is_sorted_by(|a, b| a.accuracy >= b.accuracy));
}

#[test]
fn whole_networks_go_on_to_the_same_bytes() {
    let space: Arc<dyn PathSpace> = Arc::new(EnasMacro::new(4, EnasMacroForm::Search));
    check(&space, 4, &EnasConfig { idle: Idle::Move, ..config() }, &[2, 5, 9, 13]);
}

#[test]
fn a_search_that_ended_and_was_stopped_in_its_candidates_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("supernet.safetensors");
    let space: Arc<dyn PathSpace> = Arc::new(NasBench201);
    let mut search = search(&space, 3, EnasConfig { epochs: 1, ..config() });
    let stop = AtomicBool::new(false);
    let options =
        SearchOptions { checkpoint: Some(&path), checkpoint_every: Duration::ZERO, stop: &stop, deadline: None };
    // The stop comes with the end of the last epoch.
    let mut raise = |event: &Event| stop.store(matches!(event, Event::SharedEpoch { .. }), Ordering::Relaxed);
    assert_eq!(search.run(&options, &mut raise).unwrap(), Ended::Interrupted);
    assert_eq!(search.report().unwrap().ended, Ended::Interrupted);
    stop.store(false, Ordering::Relaxed);
    assert_eq!(search.run(&options, &mut |_: &Event| {}).unwrap(), Ended::Finished);
    assert_eq!(search.run(&options, &mut |_: &Event| panic!("it has ended")).unwrap(), Ended::Finished);
}

#[test]
fn a_search_that_is_late_ends_after_a_step_and_a_candidate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late");
    let space: Arc<dyn PathSpace> = Arc::new(NasBench201);
    let config = EnasConfig { epochs: 5, ..config() };
    let (stop, now) = (AtomicBool::new(false), Instant::now());
    let deadline = Some(Deadline { learning: now, measuring: now });
    let late = SearchOptions { checkpoint: Some(&path), checkpoint_every: Duration::ZERO, stop: &stop, deadline };
    let mut first = search(&space, 3, config.clone());
    let mut steps = 0;
    let mut count = |event: &Event| steps += usize::from(matches!(event, Event::SupernetStep { .. }));
    assert_eq!(first.run(&late, &mut count).unwrap(), Ended::Finished);
    let report = first.report().unwrap();
    assert_eq!((steps, report.history.len(), report.candidates.len(), report.ended), (1, 1, 1, Ended::Finished));
    assert_eq!((report.history[0].epochs, report.history[0].reward), (1, None));
    let said = ["1 of the 5 epochs planned for the supernet were done", "1 of the 3 candidates planned were measured"];
    assert_eq!(report.warnings[..2], said.map(|what| format!("time ran short: {what}")));
    // What was decided is saved: without a clock, too, nothing is left to do.
    let mut again = search(&space, 3, config);
    again.restore(&path).unwrap();
    let free = SearchOptions { deadline: None, ..late };
    assert_eq!(again.run(&free, &mut |_: &Event| panic!("it has ended")).unwrap(), Ended::Finished);
    assert_eq!(again.report().unwrap(), report);
}

#[test]
fn the_periods_of_fewer_epochs_are_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short");
    let space: Arc<dyn PathSpace> = Arc::new(NasBench201);
    let config = EnasConfig { epochs: 10_000, periods: 2, ..config() };
    let (stop, at) = (AtomicBool::new(false), Instant::now() + Duration::from_secs(2));
    let deadline = Some(Deadline { learning: at, measuring: at });
    let options = SearchOptions { checkpoint: Some(&path), checkpoint_every: Duration::MAX, stop: &stop, deadline };
    let mut search = search(&space, 3, config.clone());
    search.run(&options, &mut |_: &Event| std::thread::sleep(Duration::from_millis(20))).unwrap();
    let report = search.report().unwrap();
    assert!(report.history.len() < 100, "{}", report.history.len());
    let mut plan = Plan::new(config.epochs);
    for (done, epoch) in report.history.iter().enumerate() {
        let expect = config.learning_rate_after(config.epochs as f64 * plan.fraction(done as f64));
        assert_eq!(epoch.learning_rate, expect, "epoch {}", epoch.epoch);
        plan.change(done + 1, epoch.epochs as usize);
    }
    assert_eq!(plan.epochs(), report.history.len());
}

#[test]
fn the_checkpoint_of_another_search_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("supernet.safetensors");
    let space: Arc<dyn PathSpace> = Arc::new(NasBench201);
    go_on(&mut search(&space, 3, config()), &path, 1, None);
    let other = EnasConfig { weight_decay: 0.5, ..config() };
    let message = search(&space, 3, other).restore(&path).unwrap_err().to_string();
    assert!(message.contains("another search") && message.contains("`config.weight_decay`"), "{message}");
}

/// With gradients of zero and no decay, a weight that rests stays and one that moves follows its momentum.
#[test]
fn weights_off_the_path_rest_or_move() {
    let space: Arc<dyn PathSpace> = Arc::new(NasBench201);
    let run = |idle: Idle, steps: usize| {
        let config = EnasConfig { idle, samples: 0, weight_decay: 0.0, augment: Augment::default(), ..config() };
        let mut search = search(&space, 3, config);
        let stop = AtomicBool::new(false);
        let options = SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
        let mut done = 0;
        search
            .run(&options, &mut |event: &Event| {
                done += usize::from(matches!(event, Event::SupernetStep { .. }));
                stop.store(done >= steps, Ordering::Relaxed);
            })
            .unwrap();
        let values = search.weights().parameters().iter();
        values.map(|p| (p.name.clone(), p.var.flatten_all().unwrap().to_vec1::<f32>().unwrap())).collect::<Vec<_>>()
    };
    let path = |number: u64| {
        let network = NetworkConfig { input: data().images.shape, ..NetworkConfig::cifar(2, 3) };
        // Nothing was told, so the strategy draws by the number; steps have numbers of their own from 2^40 on.
        let architecture = random_proposal(space.as_ref(), Seed::new(2), (1 << 40) + number);
        let graph = space.path(&architecture, &network).unwrap();
        graph.nodes().map(|(_, node)| format!("{}.weight", node.name)).collect::<Vec<_>>()
    };
    let (first, second) = (path(0), path(1));
    let (mut rested, mut moved) = (0, 0);
    for idle in [Idle::Rest, Idle::Move] {
        for ((name, before), (_, after)) in run(idle, 1).into_iter().zip(run(idle, 2)) {
            let once = first.contains(&name) && !second.contains(&name);
            if !name.contains("edges") || second.contains(&name) {
                continue;
            }
            // What no path used yet has no momentum to follow.
            assert_eq!(before != after, idle == Idle::Move && once, "{name}");
            rested += usize::from(once && idle == Idle::Rest);
            moved += usize::from(once && idle == Idle::Move);
        }
    }
    assert!(rested > 0 && moved > 0, "the paths do not differ enough to tell");
}

/// The weights learn on any path: after a training on random ones, random architectures are judged better than chance.
#[test]
fn shared_weights_learn_and_judge_architectures_in_any_order() {
    let space: Arc<dyn PathSpace> = Arc::new(NasBench201);
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let (weights, architecture) = split(&digits.train, &digits.classes, 0.3, Seed::new(1)).unwrap();
    let normalization = Normalization::of(&digits.train, &weights).unwrap();
    let (weights, architecture) = (Arc::new(weights), Arc::new(architecture));
    let data = SearchData { images: Arc::new(digits.train), weights, architecture, normalization };
    let network = NetworkConfig { input: data.images.shape, ..NetworkConfig::cifar(4, 3) };
    let config = EnasConfig { epochs: 8, batch_size: 32, samples: 0, ..config() };
    let strategy = Box::new(RandomSearch::new(space.clone(), Seed::new(3)));
    let mut search =
        EnasSearch::new(space.clone(), network.clone(), strategy, data.clone(), config.clone(), Seed::new(5)).unwrap();
    let stop = AtomicBool::new(false);
    let options = SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
    search.run(&options, &mut |_: &Event| {}).unwrap();
    let report = search.report().unwrap();
    assert!(report.history[7].train_loss < 0.8 * report.history[0].train_loss, "{:?}", report.history);
    let judge = OnSharedWeights {
        space: space.clone(),
        network,
        weights: search.into_weights(),
        images: data.images,
        validation: data.architecture,
        normalization: data.normalization,
        batch_size: 64,
        batch_norm: config.batch_norm,
    };
    let draw = |number| random_proposal(space.as_ref(), Seed::new(9), number);
    let accuracy = |number| judge.measure(&draw(number)).unwrap().0.accuracy;
    let forward: Vec<f64> = (0..12).map(accuracy).collect();
    let mut backward: Vec<f64> = (0..12).rev().map(accuracy).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    assert!(forward.iter().sum::<f64>() / 12.0 > 0.3, "{forward:?}");
}
