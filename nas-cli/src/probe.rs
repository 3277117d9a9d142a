//! The speed probe: how fast this machine trains, measured by training for a second or two.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candle_core::{DType, Device};
use nas_nn::trainer::{TrainConfig, TrainData, TrainEvent};
use nas_nn::{Network, NnError, Trainer};
use nas_oneshot::SearchOptions;
use nas_search::Event;
use nas_space::{Architecture, NetworkConfig, NetworkGraph, SearchSpace, Seed};

use crate::config::Config;
use crate::hypernet::{self, Hypernet};
use crate::images::Data;
use crate::oneshot::Search;
use crate::plan::{HypernetPlan, SEARCH_SIZES, Size, Speed};
use crate::recipe;

/// How many architectures stand for a space.
const SAMPLES: u64 = 9;

/// How long one measurement trains, after its first step.
const MEASURE: Duration = Duration::from_millis(400);

/// Measurements, one after another; the fastest counts. Whatever else the machine does for a moment only slows.
const MEASUREMENTS: usize = 3;

/// Activation values of one image: the measure of work that speeds are given in.
pub fn work_of(graph: &NetworkGraph) -> f64 {
    graph.activation_bytes(1) as f64 / 4.0
}

/// The mean work of a space's networks of a size; `None` where they cannot be built.
pub fn mean_work(space: &dyn SearchSpace, network: &NetworkConfig, size: Size) -> Option<f64> {
    let network = recipe::sized(space, network, size);
    let works = samples(space).into_iter().map(|a| space.lower(&a, &network).ok().map(|g| work_of(&g)));
    works.sum::<Option<f64>>().map(|sum| sum / SAMPLES as f64)
}

/// Architectures that stand for a space.
pub fn samples(space: &dyn SearchSpace) -> Vec<Architecture> {
    (0..SAMPLES).map(|i| space.sample(&mut Seed::new(0).child("probe").index(i).rng())).collect()
}

/// Measures how fast workers train, all of them busy, and how fast one process with all threads does.
pub fn speed(config: &Config, data: &Data, device: &Device) -> anyhow::Result<Speed> {
    let network = recipe::trial_network(config, data);
    let space = recipe::searched_space(config, data)?;
    // The sample of middle size is neither lucky nor unlucky.
    let mut sampled: Vec<_> = samples(space.as_ref())
        .into_iter()
        .map(|a| Ok((work_of(&space.lower(&a, &recipe::sized(space.as_ref(), &network, SEARCH_SIZES[0]))?) as u64, a)))
        .collect::<Result<_, nas_space::SpaceError>>()?;
    sampled.sort();
    let middle = &sampled[sampled.len() / 2].1;
    let lower = |size| space.lower(middle, &recipe::sized(space.as_ref(), &network, size));
    let train = recipe::trial_training(config);
    let (jobs, threads) =
        if config.run.in_process { (1, config.run.threads) } else { (config.run.jobs, config.run.threads) };
    let small = lower(SEARCH_SIZES[0])?;
    let worker = std::thread::scope(|scope| {
        let probes: Vec<_> = (0..jobs)
            .map(|_| {
                let (graph, train) = (small.clone(), train.clone());
                scope.spawn(move || {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build()?;
                    Ok::<f64, anyhow::Error>(pool.install(|| images_per_second(graph, data, &train, device))?)
                })
            })
            .collect();
        let died = |_| anyhow::anyhow!("the speed probe panicked");
        let speeds = probes.into_iter().map(|p| p.join().map_err(died)?).collect::<anyhow::Result<Vec<f64>>>()?;
        Ok::<f64, anyhow::Error>(speeds.iter().sum::<f64>() / speeds.len() as f64)
    })?;
    let large = lower(SEARCH_SIZES[2]).or_else(|_| lower(SEARCH_SIZES[0]))?;
    let whole = images_per_second(large.clone(), data, &train, device)? * work_of(&large);
    Ok(Speed { worker: worker * work_of(&small), whole })
}

/// Images that training a network takes in per second, on the threads of the calling pool, while nothing else runs.
pub fn images_per_second(
    graph: NetworkGraph,
    data: &Data,
    train: &TrainConfig,
    device: &Device,
) -> Result<f64, NnError> {
    let network = Network::init(graph, Seed::new(0).child("probe"), DType::F32, device)?;
    // Enough epochs that the probe never comes to an end of its own, and no validation.
    let train = TrainConfig { epochs: 100_000, evaluate_every: 100_000, warmup_epochs: 0.0, ..train.clone() };
    let data = TrainData {
        images: Arc::clone(&data.images),
        train: Arc::clone(&data.train),
        validation: None,
        normalization: data.normalization.clone(),
    };
    let batch = train.batch_size.min(data.train.len());
    let mut trainer = Trainer::new(network, data, train, Seed::new(0).child("probe"))?;
    // The first step allocates what later ones reuse, so the clock starts behind it.
    let mut window: Option<(Instant, usize)> = None;
    let mut speeds = Vec::new();
    trainer.run(&Default::default(), &mut |event| {
        let TrainEvent::Step(_) = event else { return true };
        if let Some((begin, steps)) = &mut window {
            *steps += 1;
            let elapsed = begin.elapsed();
            if elapsed < MEASURE || *steps < 2 {
                return true;
            }
            speeds.push((*steps * batch) as f64 / elapsed.as_secs_f64());
        }
        window = Some((Instant::now(), 0));
        speeds.len() < MEASUREMENTS
    })?;
    Ok(speeds.into_iter().fold(0.0, f64::max))
}

/// Seconds of a step of a search on a supernet, its batches included, while nothing else runs.
pub fn supernet_step_seconds(mut search: Search) -> anyhow::Result<f64> {
    let stop = AtomicBool::new(false);
    let options = SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
    // The first step allocates what later ones reuse, so the clock starts behind it.
    let mut window: Option<(Instant, usize)> = None;
    let mut times = Vec::new();
    search.run(&options, &mut |event: &Event| {
        let Event::SupernetStep { .. } = event else { return };
        if let Some((begin, steps)) = &mut window {
            *steps += 1;
            let elapsed = begin.elapsed();
            if elapsed < MEASURE || *steps < 2 {
                return;
            }
            times.push(elapsed.as_secs_f64() / *steps as f64);
        }
        window = Some((Instant::now(), 0));
        stop.store(times.len() >= MEASUREMENTS, Ordering::Relaxed);
    })?;
    Ok(times.into_iter().fold(f64::INFINITY, f64::min))
}

/// Seconds of a step of the hypernetwork that is asked for and of a score, while nothing else runs.
pub fn hypernet_seconds(config: &Config, data: &Data, asked: &Hypernet) -> anyhow::Result<(f64, f64)> {
    const SCORES: u64 = 5;
    // So many epochs that the probe never comes to an end of its own.
    let endless = HypernetPlan { epochs: 1_000_000, images: asked.images, samples: 1 };
    let mut search = hypernet::build(config, data, asked, Some(&endless))?;
    let stop = AtomicBool::new(false);
    let options =
        nas_ghn::SearchOptions { checkpoint: None, checkpoint_every: Duration::MAX, stop: &stop, deadline: None };
    let begin = Instant::now();
    let (mut last, mut steps) = (begin, Vec::new());
    search.run(&options, &mut |event: &Event| {
        let Event::GhnStep { .. } = event else { return };
        steps.push(last.elapsed().as_secs_f64());
        last = Instant::now();
        stop.store(begin.elapsed() > MEASUREMENTS as u32 * MEASURE && steps.len() > 4, Ordering::Relaxed);
    })?;
    // Architectures differ in cost, so the mean counts; the first step allocates what later ones reuse.
    let step = steps[1..].iter().sum::<f64>() / (steps.len() - 1) as f64;
    let begin = Instant::now();
    for number in 0..SCORES {
        search.score_sample(number)?;
    }
    Ok((step, begin.elapsed().as_secs_f64() / SCORES as f64))
}
