//! Whether scores with generated weights rank architectures as training does, and what they cost.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use candle_core::DType;
use nas_ghn::{Ghn, kendall_tau_interval, score};
use nas_nn::TrainFromScratch;
use nas_search::{Evaluator, Job};
use nas_space::{NetworkConfig, NetworkGraph};
use serde_json::{Value, json};

use crate::Arguments;
use crate::setup::Setup;

/// Lists drawn for an interval.
const RESAMPLES: usize = 10_000;

/// The accuracy with generated weights over architectures never seen.
pub(crate) fn unseen(setup: &Setup, ghn: &mut Ghn, count: usize) -> anyhow::Result<Value> {
    let data = setup.score_data();
    let mut accuracies = Vec::with_capacity(count);
    for number in 0..count as u64 {
        accuracies.push(score(ghn, graph(setup, "unseen", number)?, &data)?.accuracy);
    }
    accuracies.sort_by(f64::total_cmp);
    let mean = accuracies.iter().sum::<f64>() / count as f64;
    let variance = accuracies.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (count as f64 - 1.0);
    Ok(json!({
        "architectures": count,
        "mean": mean,
        "standard_deviation": variance.sqrt(),
        "least": accuracies.first(),
        "median": accuracies.get(count / 2),
        "most": accuracies.last(),
    }))
}

/// Kendall's tau between the accuracy after a real training and four scores: the accuracy with generated weights, their
/// loss (the smaller the better), the accuracy with those of a hypernetwork that has learned nothing, and the number of
/// parameters. Trainings that were done `before` are not done again.
pub(crate) fn ranking(
    setup: &Setup,
    ghn: &mut Ghn,
    mut untrained: Ghn,
    before: &[Vec<f64>],
    arguments: &Arguments,
) -> anyhow::Result<Value> {
    let data = setup.score_data();
    let epochs = arguments.trial_epochs;
    let mut trainer = TrainFromScratch::new(
        std::sync::Arc::clone(&setup.task.space),
        setup.task.network.clone(),
        setup.training(epochs, epochs),
        setup.real.clone(),
    );
    let (mut truth, mut trained) = (Vec::new(), Vec::new());
    let (mut generated, mut losses) = (Vec::new(), Vec::new());
    let (mut random, mut parameters) = (Vec::new(), Vec::new());
    for number in 0..arguments.ranked as u64 {
        let architecture = setup.architecture("ranked", number);
        let graph = setup.task.space.lower(&architecture, &setup.task.network)?;
        parameters.push(graph.parameters() as f64);
        let found = score(ghn, graph.clone(), &data)?;
        generated.push(found.accuracy);
        losses.push(-found.loss);
        random.push(score(&mut untrained, graph, &data)?.accuracy);
        let mut job = Job { id: number, architecture, seed: 0, epochs: None, folder: PathBuf::new() };
        let mut accuracies = before.get(number as usize).cloned().unwrap_or_default();
        for training in accuracies.len() as u64..arguments.trainings {
            // All architectures see the same images in the same order: one source of chance less between them.
            job.seed = setup.seed.child("trials").index(training).value();
            let found = trainer.evaluate(&job, &mut |_, _| true).map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
            accuracies.push(found.accuracy);
        }
        let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        eprintln!(
            "architecture {} of {}: trained {mean:.4}, generated {:.4}",
            number + 1,
            arguments.ranked,
            found.accuracy
        );
        truth.push(mean);
        trained.push(accuracies);
    }
    let tau = |scores: &[f64], name: &str| {
        kendall_tau_interval(scores, &truth, RESAMPLES, setup.seed.child("resamples").child(name))
    };
    Ok(json!({
        "architectures": truth.len(),
        "trial_epochs": epochs,
        "generated": tau(&generated, "generated"),
        "generated_loss": tau(&losses, "generated loss"),
        "parameters": tau(&parameters, "parameters"),
        "untrained": tau(&random, "untrained"),
        "trained_accuracies": trained,
        "generated_accuracies": generated,
        "generated_losses": losses.iter().map(|loss| -loss).collect::<Vec<f64>>(),
        "untrained_accuracies": random,
        "parameter_counts": parameters,
    }))
}

/// The accuracies after the real trainings that an earlier document holds, architecture by architecture.
///
/// # Errors
/// If it holds none, or of other architectures.
pub(crate) fn trained_before(path: &Path, setup: &Setup) -> anyhow::Result<Vec<Vec<f64>>> {
    let read = || -> anyhow::Result<(Vec<Vec<f64>>, Vec<usize>)> {
        let document: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let [trained, parameters] =
            ["trained_accuracies", "parameter_counts"].map(|field| document["ranking"][field].clone());
        let parameters: Vec<f64> = serde_json::from_value(parameters)?;
        Ok((serde_json::from_value(trained)?, parameters.into_iter().map(|count| count as usize).collect()))
    };
    let name = path.display();
    let (trained, parameters) =
        read().with_context(|| format!("--trained {name}: give what an earlier measurement wrote with --json"))?;
    for (number, parameters) in (0..).zip(parameters) {
        let same = graph(setup, "ranked", number)?.parameters() == parameters;
        anyhow::ensure!(
            same,
            "--trained {name} holds other architectures; measure with its data, nodes, channels and seed"
        );
    }
    Ok(trained)
}

/// Milliseconds to generate all weights of a network of 32 channels, and to score one of the search's size.
pub(crate) fn speed(setup: &Setup, ghn: &mut Ghn) -> anyhow::Result<Value> {
    const REPEATS: u64 = 20;
    let large = NetworkConfig { channels: 32, ..setup.task.network.clone() };
    let (mut plan_ms, mut generate_ms, mut build_ms) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..REPEATS {
        let graph = setup.task.space.lower(&setup.architecture("speed", number), &large)?;
        let start = Instant::now();
        let plan = ghn.plan(graph)?;
        plan_ms.push(milliseconds(start));
        let start = Instant::now();
        let generated = ghn.generate(&plan);
        generate_ms.push(milliseconds(start));
        let start = Instant::now();
        drop(plan.network(&generated, DType::F32)?);
        build_ms.push(milliseconds(start));
    }
    let data = setup.score_data();
    let start = Instant::now();
    for number in 0..REPEATS {
        score(ghn, graph(setup, "speed", number)?, &data)?;
    }
    Ok(json!({
        "plan_ms_at_32_channels": median(plan_ms),
        "generate_ms_at_32_channels": median(generate_ms),
        "build_ms_at_32_channels": median(build_ms),
        "score_ms": milliseconds(start) / REPEATS as f64,
        "score_images": data.indices.len(),
    }))
}

fn graph(setup: &Setup, purpose: &str, number: u64) -> anyhow::Result<NetworkGraph> {
    Ok(setup.task.space.lower(&setup.architecture(purpose, number), &setup.task.network)?)
}

fn milliseconds(start: Instant) -> f64 {
    1e3 * start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
