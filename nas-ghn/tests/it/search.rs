//! A whole search on the digits: it learns, and one that is stopped or killed after any step goes on to the same bytes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nas_data::{Augment, LoadOptions, Normalization, load, split};
use nas_ghn::{GhnConfig, GhnReport, GhnSearch, Predicted, SearchConfig, SearchOptions, Task};
use nas_nn::trainer::{Deadline, Ended, TrainData};
use nas_search::{Evaluator, Event, Job};
use nas_space::spaces::{Darts, Ghn};
use nas_space::{NetworkConfig, Seed};

const STEPS: usize = 3;

fn data() -> TrainData {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let (_, few) = split(&digits.train, &digits.classes, 0.06, Seed::new(1)).unwrap();
    let (train, validation) = few.split_at(24);
    TrainData {
        normalization: Normalization::of(&digits.train, train).unwrap(),
        images: Arc::new(digits.train),
        train: Arc::new(train.to_vec()),
        validation: Some(Arc::new(validation.to_vec())),
    }
}

/// Blocks of four nodes that are learned on blocks of two.
fn blocks() -> Task {
    let network = |layers| NetworkConfig { input: data().images.shape, ..NetworkConfig::cifar(4, layers) };
    Task {
        space: Arc::new(Ghn::new(4)),
        network: network(3),
        learn_from: Arc::new(Ghn::new(2)),
        learn_network: network(2),
    }
}

/// Cells of DARTS, learned on themselves.
fn darts() -> Task {
    let network = NetworkConfig { input: data().images.shape, ..NetworkConfig::cifar(2, 3) };
    Task { space: Arc::new(Darts), network: network.clone(), learn_from: Arc::new(Darts), learn_network: network }
}

fn config(ghn: GhnConfig) -> SearchConfig {
    SearchConfig {
        ghn: GhnConfig { hidden: 8, message: 8, decoder: 8, channels: 8, ..ghn },
        epochs: 2,
        batch_size: 8,
        augment: Augment { crop_padding: 1, ..Augment::default() },
        held_back: 3,
        samples: 4,
        best: 2,
        score_batch_size: 31,
        ..SearchConfig::default()
    }
}

fn search(task: Task, config: &SearchConfig) -> GhnSearch {
    GhnSearch::new(task, data(), config.clone(), Seed::new(5)).unwrap()
}

/// Runs on from a checkpoint, if it is there, until `stop_after` steps and scores are done in all. Copies the
/// checkpoint to `copy` when `copy_after` of them are done, as it is then: what a kill at this moment would leave.
fn go_on(search: &mut GhnSearch, path: &Path, stop_after: usize, copy: Option<(usize, &Path)>) -> Ended {
    if path.exists() {
        search.restore(path).unwrap();
    }
    let stop = AtomicBool::new(false);
    let options =
        SearchOptions { checkpoint: Some(path), checkpoint_every: Duration::ZERO, stop: &stop, deadline: None };
    search
        .run(&options, &mut |event: &Event| {
            let done = match event {
                Event::GhnStep { epoch, step, .. } => (*epoch as usize - 1) * STEPS + *step as usize,
                Event::GhnScored { scored, .. } => 2 * STEPS + *scored as usize,
                _ => return,
            };
            if let Some((_, to)) = copy.filter(|(after, _)| *after == done && path.exists()) {
                std::fs::copy(path, to).unwrap();
            }
            stop.store(done >= stop_after, Ordering::Relaxed);
        })
        .unwrap()
}

/// Cuts a search after each of these numbers of steps and scores, once by stopping it and once by a kill.
fn check(task: fn() -> Task, config: &SearchConfig, cuts: &[usize]) -> GhnReport {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut whole = search(task(), config);
    assert_eq!(whole.steps_per_epoch(), STEPS);
    assert_eq!(go_on(&mut whole, &at("whole"), usize::MAX, None), Ended::Finished);
    let report = whole.report();
    let bytes = std::fs::read(at("whole")).unwrap();
    for &cut in cuts {
        let (stopped, killed) = (format!("stopped{cut}"), format!("killed{cut}"));
        let ended = go_on(&mut search(task(), config), &at(&stopped), cut, Some((cut, &at(&killed))));
        assert_eq!(ended, Ended::Interrupted);
        for name in [&stopped, &killed] {
            let mut again = search(task(), config);
            assert_eq!(go_on(&mut again, &at(name), usize::MAX, None), Ended::Finished);
            assert_eq!(again.report(), report, "{name}");
            assert!(std::fs::read(at(name)).unwrap() == bytes, "{name}: another checkpoint at the end");
        }
    }
    report
}

#[test]
fn a_search_over_blocks_goes_on_to_the_same_bytes() {
    let report = check(blocks, &config(GhnConfig::default()), &[1, 3, 5, 8]);
    assert_eq!((report.history.len(), report.scored.len(), report.best.len()), (2, 4, 2));
    assert!(report.best.iter().all(|best| best.space == "ghn-4"));
    let last = report.history.last().unwrap();
    assert_eq!((last.held_back.len(), last.steadiness.is_some()), (3, true));
}

#[test]
fn so_does_one_in_the_manner_of_ghn2() {
    check(darts, &SearchConfig { meta_batch: 2, ..config(GhnConfig::ghn2()) }, &[2, 4, 7]);
}

#[test]
fn a_search_that_is_late_ends_after_a_step_and_scores_what_is_handed_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late");
    let config = SearchConfig { epochs: 5, ..config(GhnConfig::default()) };
    go_on(&mut search(blocks(), &config), &path, STEPS + 1, None);
    let (stop, now) = (AtomicBool::new(false), Instant::now());
    let deadline = Some(Deadline { learning: now, measuring: now });
    let late = SearchOptions { checkpoint: Some(&path), checkpoint_every: Duration::ZERO, stop: &stop, deadline };
    let mut first = search(blocks(), &config);
    first.restore(&path).unwrap();
    assert_eq!(first.run(&late, &mut |_: &Event| {}).unwrap(), Ended::Finished);
    let report = first.report();
    assert_eq!((report.history.len(), report.scored.len(), report.best.len()), (2, 2, 2));
    assert_eq!(report.history.iter().map(|epoch| epoch.epochs).collect::<Vec<_>>(), [5, 2]);
    let said =
        ["2 of the 5 epochs planned for the hypernetwork were done", "2 of the 4 architectures planned were scored"];
    assert_eq!(report.warnings, said.map(|what| format!("time ran short: {what}")));
    // What was decided is saved: without a clock, too, nothing is left to do.
    let mut again = search(blocks(), &config);
    again.restore(&path).unwrap();
    let free = SearchOptions { deadline: None, ..late };
    assert_eq!(again.run(&free, &mut |_: &Event| panic!("it has ended")).unwrap(), Ended::Finished);
    assert_eq!(again.report(), report);
}

#[test]
fn threads_change_nothing() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        pool.install(|| {
            let config = SearchConfig { meta_batch: 2, ..config(GhnConfig::default()) };
            go_on(&mut search(blocks(), &config), &path, usize::MAX, None);
        });
        std::fs::read(&path).unwrap()
    };
    assert!(run(1) == run(3));
}

#[test]
fn the_checkpoint_of_another_search_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ghn.safetensors");
    go_on(&mut search(blocks(), &config(GhnConfig::default())), &path, 1, None);
    let refused = |mut search: GhnSearch| search.restore(&path).unwrap_err().to_string();
    let other = SearchConfig { learning_rate: 0.5, ..config(GhnConfig::default()) };
    let message = refused(search(blocks(), &other));
    assert!(message.contains("another search") && message.contains("`config.learning_rate`"), "{message}");
    let message = refused(search(darts(), &config(GhnConfig::default())));
    assert!(message.contains("`space`"), "{message}");
}

#[test]
fn it_learns_and_what_it_learned_can_be_kept() {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let (train, validation) = split(&digits.train, &digits.classes, 0.2, Seed::new(1)).unwrap();
    let normalization = Normalization::of(&digits.train, &train).unwrap();
    let (train, validation) = (Arc::new(train), Some(Arc::new(validation)));
    let data = TrainData { images: Arc::new(digits.train), train, validation, normalization };
    let config = SearchConfig { epochs: 8, batch_size: 32, samples: 1, held_back: 4, ..SearchConfig::default() };
    let mut search = GhnSearch::new(blocks(), data, config, Seed::new(1)).unwrap();
    let stop = AtomicBool::new(false);
    let options = SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
    search.run(&options, &mut |_: &Event| {}).unwrap();
    let report = search.report();
    let (first, last) = (&report.history[0], report.history.last().unwrap());
    // After 280 steps it is not good, but one in ten would be right by chance.
    assert!(last.train_loss < first.train_loss - 0.15 && last.train_accuracy > 0.17, "{first:?} {last:?}");

    // The same scores from a file, and by the evaluator that any strategy can use.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ghn.safetensors");
    nas_ghn::save(&path, search.ghn(), &Default::default()).unwrap();
    let scored = &report.scored[0];
    let Task { space, network, .. } = blocks();
    let ghn = nas_ghn::load(&path).unwrap().0;
    let mut predicted = Predicted { ghn, space, network, data: search.score_data() };
    let job = Job {
        id: 0,
        architecture: scored.architecture.clone(),
        seed: 3,
        epochs: None,
        folder: folder.path().to_owned(),
    };
    let found = predicted.evaluate(&job, &mut |_, _| true).unwrap();
    assert_eq!((found.accuracy, found.loss, found.parameters), (scored.accuracy, scored.loss, scored.parameters));
}
