//! A search that is stopped or killed after any step goes on to the same bytes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nas_data::{Augment, LoadOptions, Normalization, load, split};
use nas_nn::trainer::{Deadline, Ended, Plan};
use nas_oneshot::{Alphas, DartsConfig, DartsReport, DartsSearch, Guard, Order, SearchData, SearchOptions};
use nas_search::{Event, SupernetEpoch};
use nas_space::spaces::{Darts, NasBench201};
use nas_space::{MixedSpace, NetworkConfig, Seed};

const STEPS: usize = 3;
const EPOCHS: usize = 2;

fn data() -> SearchData {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let (_, few) = split(&digits.train, &digits.classes, 0.04, Seed::new(1)).unwrap();
    let (weights, architecture) = few.split_at(few.len() / 2);
    let normalization = Normalization::of(&digits.train, weights).unwrap();
    let (weights, architecture) = (Arc::new(weights[..24].to_vec()), Arc::new(architecture.to_vec()));
    SearchData { images: Arc::new(digits.train), weights, architecture, normalization }
}

fn search(space: Arc<dyn MixedSpace>, config: &DartsConfig) -> DartsSearch {
    let data = data();
    let network = NetworkConfig { input: data.images.shape, ..NetworkConfig::cifar(2, 3) };
    DartsSearch::new(space, network, data, config.clone(), Seed::new(5)).unwrap()
}

fn config(order: Order) -> DartsConfig {
    DartsConfig {
        order,
        epochs: EPOCHS,
        batch_size: 8,
        augment: Augment { crop_padding: 1, ..Augment::default() },
        guard: Guard { eigenvalue_every: 2, ..Guard::ACTING },
        ..DartsConfig::default()
    }
}

/// Runs on from a checkpoint, if it is there, until `stop_after` steps are done in all. Copies the checkpoint to `copy`
/// when `copy_after` steps are done, as it is then: what a kill at this moment would leave.
fn go_on(search: &mut DartsSearch, path: &Path, stop_after: usize, copy: Option<(usize, &Path)>) -> Ended {
    if path.exists() {
        search.restore(path).unwrap();
    }
    let stop = AtomicBool::new(false);
    let options =
        SearchOptions { checkpoint: Some(path), checkpoint_every: Duration::ZERO, stop: &stop, deadline: None };
    search
        .run(&options, &mut |event: &Event| {
            let Event::SupernetStep { epoch, step, .. } = event else { return };
            let done = (*epoch as usize - 1) * STEPS + *step as usize;
            if let Some((_, to)) = copy.filter(|(after, _)| *after == done && path.exists()) {
                std::fs::copy(path, to).unwrap();
            }
            stop.store(done >= stop_after, Ordering::Relaxed);
        })
        .unwrap()
}

/// Cuts a search after each of these numbers of steps, once by stopping it and once by a kill.
fn check(space: fn() -> Arc<dyn MixedSpace>, order: Order, cuts: &[usize]) -> DartsReport {
    check_config(space, &config(order), cuts)
}

fn check_config(space: fn() -> Arc<dyn MixedSpace>, config: &DartsConfig, cuts: &[usize]) -> DartsReport {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut whole = search(space(), config);
    assert_eq!(whole.steps_per_epoch(), STEPS);
    assert_eq!(go_on(&mut whole, &at("whole"), usize::MAX, None), Ended::Finished);
    let report = whole.report().unwrap().unwrap();
    let bytes = std::fs::read(at("whole")).unwrap();
    for &cut in cuts {
        let (stopped, killed) = (format!("stopped{cut}"), format!("killed{cut}"));
        let ended = go_on(&mut search(space(), config), &at(&stopped), cut, Some((cut, &at(&killed))));
        assert_eq!(ended, Ended::Interrupted);
        for name in [&stopped, &killed] {
            let mut again = search(space(), config);
            assert_eq!(go_on(&mut again, &at(name), usize::MAX, None), Ended::Finished);
            assert_eq!(again.report().unwrap().unwrap(), report, "{config:?}, {name}");
            assert!(std::fs::read(at(name)).unwrap() == bytes, "{config:?}, {name}: another checkpoint at the end");
        }
    }
    report
}

#[test]
fn first_order_goes_on_to_the_same_bytes() {
    check(|| Arc::new(Darts), Order::First, &[1, 3, 5]);
}

#[test]
fn second_order_goes_on_to_the_same_bytes() {
    let report = check(|| Arc::new(Darts), Order::Second, &[2, 3, 4]);
    assert_eq!(report.history.iter().filter(|epoch| epoch.eigenvalue.is_some()).count(), 1);
    let last = report.history.last().unwrap();
    assert!(last.entropy < 1.0 && last.alphas[0].len() == 14 && last.architecture.space == "darts");
}

#[test]
fn sampled_edges_go_on_to_the_same_bytes() {
    let report = check(|| Arc::new(Darts), Order::Sampled, &[1, 2, 3, 4, 5]);
    assert_eq!((report.history.len(), report.history[0].alphas[1].len()), (EPOCHS, 14));
    check(|| Arc::new(NasBench201), Order::Sampled, &[2]);
}

#[test]
fn drawn_weights_go_on_to_the_same_bytes() {
    check(|| Arc::new(Darts), Order::Dirichlet, &[2, 3]);
    check(|| Arc::new(NasBench201), Order::Dirichlet, &[4]);
}

#[test]
fn partial_channels_go_on_to_the_same_bytes() {
    let partial = |space: fn() -> Arc<dyn MixedSpace>| {
        let report =
            check_config(space, &DartsConfig { partial: 2, warmup_epochs: 1, ..config(Order::First) }, &[2, 4]);
        let [rested, moved] = [0, EPOCHS - 1].map(|epoch| report.history[epoch].alphas.clone());
        let fresh = Alphas::with_edges(&space().tables(), Seed::new(5).child("alphas")).unwrap().values().unwrap();
        assert_eq!(rested.len(), fresh.len());
        assert!(rested == fresh && moved != fresh, "the architecture rests for an epoch, and then learns");
    };
    partial(|| Arc::new(Darts));
    partial(|| Arc::new(NasBench201));
}

#[test]
fn the_space_of_nasbench201_goes_on_to_the_same_bytes() {
    let report = check(|| Arc::new(NasBench201), Order::First, &[4]);
    assert_eq!((report.architecture.space.as_str(), report.architecture.choices.len()), ("nasbench201", 6));
}

#[test]
fn the_checkpoint_of_another_search_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("supernet.safetensors");
    go_on(&mut search(Arc::new(Darts), &config(Order::First)), &path, 1, None);
    let message = search(Arc::new(Darts), &config(Order::Second)).restore(&path).unwrap_err().to_string();
    assert!(message.contains("another search") && message.contains("`config.order`"), "{message}");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let message = search(Arc::new(Darts), &config(Order::First)).restore(&path).unwrap_err().to_string();
    assert!(message.contains("cut short"), "{message}");
}

/// Every epoch of a search.
fn history(space: Arc<dyn MixedSpace>, config: &DartsConfig) -> Vec<SupernetEpoch> {
    let mut search = search(space, config);
    let stop = AtomicBool::new(false);
    let options = SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
    search.run(&options, &mut |_: &Event| {}).unwrap();
    search.report().unwrap().unwrap().history
}

#[test]
fn weights_and_architecture_learn() {
    let fast = DartsConfig { epochs: 8, alpha_learning_rate: 0.05, ..config(Order::Second) };
    let history = history(Arc::new(Darts), &fast);
    let (first, last) = (&history[0], &history[7]);
    assert!(last.train_loss < first.train_loss && last.loss < first.loss, "{first:?} {last:?}");
    assert!(last.entropy < first.entropy, "{} {}", first.entropy, last.entropy);
}

/// A validation loss that falls would take more than 24 images.
#[test]
fn weights_and_architecture_learn_on_partial_channels() {
    let fast = DartsConfig { epochs: 8, alpha_learning_rate: 0.05, partial: 2, ..config(Order::First) };
    let history = history(Arc::new(Darts), &fast);
    let (first, last) = (&history[0], &history[7]);
    assert!(last.train_loss < first.train_loss, "{first:?} {last:?}");
    assert!(last.entropy < first.entropy, "{} {}", first.entropy, last.entropy);
    let edges = |epoch: &SupernetEpoch| epoch.alphas[2..].concat().concat().iter().map(|a| a.abs()).sum::<f64>();
    assert!(edges(last) > 10.0 * 2.0 * 14.0 * 1e-3, "the edges' weights learn, too: {}", edges(last));
}

/// Other operations or weights on every edge at every step make losses jump, so means of ten epochs are compared.
fn learns_by_draws(order: Order) {
    let guard = Guard { eigenvalue_every: 0, early_stop: false, max_skips: None };
    let fast = DartsConfig { epochs: 60, learning_rate: 0.1, alpha_learning_rate: 0.02, guard, ..config(order) };
    let history = history(Arc::new(NasBench201), &fast);
    let mean = |epochs: &[SupernetEpoch]| epochs.iter().map(|e| e.train_loss).sum::<f64>() / epochs.len() as f64;
    let (first, last) = (mean(&history[..10]), mean(&history[50..]));
    assert!(last < first - 0.1, "{first} {last}");
    assert!(history[59].entropy < history[0].entropy - 0.01, "{} {}", history[0].entropy, history[59].entropy);
}

#[test]
fn weights_and_architecture_learn_on_sampled_edges() {
    learns_by_draws(Order::Sampled);
}

#[test]
fn weights_and_architecture_learn_on_drawn_weights() {
    learns_by_draws(Order::Dirichlet);
}

/// Runs to the end, saving into `path`, by a deadline so far away; each step takes `nap` at least.
fn run_by(search: &mut DartsSearch, path: &Path, left: Duration, nap: Duration) -> DartsReport {
    let (stop, at) = (AtomicBool::new(false), Instant::now() + left);
    let deadline = Some(Deadline { learning: at, measuring: at });
    let options = SearchOptions { checkpoint: Some(path), checkpoint_every: Duration::ZERO, stop: &stop, deadline };
    let mut rest = |event: &Event| {
        if matches!(event, Event::SupernetStep { .. }) {
            std::thread::sleep(nap);
        }
    };
    assert_eq!(search.run(&options, &mut rest).unwrap(), Ended::Finished);
    search.report().unwrap().unwrap()
}

#[test]
fn a_search_that_is_late_ends_after_a_step_and_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late");
    let config =
        DartsConfig { epochs: 5, guard: Guard { eigenvalue_every: 1, ..Guard::ACTING }, ..config(Order::First) };
    go_on(&mut search(Arc::new(Darts), &config), &path, STEPS + 1, None);
    let mut late = search(Arc::new(Darts), &config);
    late.restore(&path).unwrap();
    let report = run_by(&mut late, &path, Duration::ZERO, Duration::ZERO);
    assert_eq!((report.history.len(), report.epoch, report.ended), (2, 2, Ended::Finished));
    assert_eq!(report.history.iter().map(|epoch| epoch.epochs).collect::<Vec<_>>(), [5, 2]);
    assert!(report.history[1].eigenvalue.is_none(), "there is no time to measure it");
    assert!(report.warnings.contains(&"time ran short: 2 of the 5 epochs planned for the supernet were done".into()));
    // What was decided is saved: without a clock, too, nothing is left to do.
    let mut again = search(Arc::new(Darts), &config);
    again.restore(&path).unwrap();
    let stop = AtomicBool::new(false);
    let options = SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
    assert_eq!(again.run(&options, &mut |_: &Event| panic!("it has ended")).unwrap(), Ended::Finished);
    assert_eq!(again.report().unwrap().unwrap(), report);
}

#[test]
fn a_deadline_far_away_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    go_on(&mut search(Arc::new(Darts), &config(Order::First)), &at("free"), usize::MAX, None);
    run_by(&mut search(Arc::new(Darts), &config(Order::First)), &at("by"), Duration::from_secs(9999), Duration::ZERO);
    assert!(std::fs::read(at("free")).unwrap() == std::fs::read(at("by")).unwrap());
}

#[test]
fn where_time_is_short_the_learning_rate_falls_faster() {
    let folder = tempfile::tempdir().unwrap();
    // Steps of 20 ms or more, so that not nearly so many epochs fit.
    let config = DartsConfig { epochs: 10_000, ..config(Order::First) };
    let mut search = search(Arc::new(Darts), &config);
    let report = run_by(&mut search, &folder.path().join("short"), Duration::from_secs(2), Duration::from_millis(20));
    assert!(report.history.len() < 100, "{}", report.history.len());
    let mut plan = Plan::new(config.epochs);
    for (done, epoch) in report.history.iter().enumerate() {
        let expect = config.learning_rate_after(plan.fraction(done as f64));
        assert_eq!(epoch.learning_rate, expect, "epoch {}", epoch.epoch);
        plan.change(done + 1, epoch.epochs as usize);
        assert_eq!(plan.epochs() as u64, epoch.epochs);
    }
    assert_eq!(plan.epochs(), report.history.len());
}
