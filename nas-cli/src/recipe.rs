//! From a configuration to what the crates below want: network sizes, training settings, spaces.

use std::sync::Arc;
use std::time::Duration;

use candle_core::Device;
use nas_nn::proxy::{Minibatch, OnProxy};
use nas_nn::trainer::{BatchNormMode, TrainConfig, TrainData};
use nas_nn::{TrainFromScratch, WithLatency};
use nas_search::Evaluator;
use nas_space::spaces;
use nas_space::{Blueprint, Chooses, Limited, NetworkConfig, SearchSpace, Seed};

use crate::config::Config;
use crate::generated;
use crate::hypernet::{self, Hypernet};
use crate::images::{Data, augment};
use crate::memory::Machine;
use crate::objectives;
use crate::oneshot::{self, OneShot};
use crate::plan::{self, Size};
use crate::strategies::{Epochs, Method, Task};
use crate::warm_start;

/// A search space by name.
///
/// # Errors
/// Lists the names, and suggests the nearest.
pub fn space(name: &str) -> anyhow::Result<Arc<dyn SearchSpace>> {
    Ok(spaces::shared(name)?)
}

/// What is searched: the space of the configuration, without the architectures whose networks, of the size searched, are
/// beyond its limits.
///
/// # Errors
/// If there is no such space.
pub fn searched_space(config: &Config, data: &Data) -> anyhow::Result<Arc<dyn SearchSpace>> {
    let limits = config.search.limits();
    let whole = space(&config.space.name)?;
    Ok(if limits.is_empty() { whole } else { Arc::new(limited(config, whole, trial_network(config, data))) })
}

/// The part of a space whose networks of a size keep to the limits.
pub fn limited(config: &Config, space: Arc<dyn SearchSpace>, network: NetworkConfig) -> Limited {
    Limited::new(space, network, config.search.limits())
}

/// The seed of the search methods. All arms share it, and so the random beginnings of their methods.
pub fn strategy_seed(config: &Config) -> Seed {
    Seed::new(config.seed).child("strategy")
}

/// A method by name, with its settings and what the configuration says besides, and the task it is made for.
///
/// # Errors
/// If there is no such method or setting.
pub fn method(config: &Config, text: &str, space: &Arc<dyn SearchSpace>) -> anyhow::Result<(Method, Task)> {
    let search = &config.search;
    let mut method = Method::parse(text)?;
    // A population set with the method has a sample of its own.
    if !method.sets("population") {
        method = method.or("population", search.population).or("sample", search.sample);
    }
    let epochs = config.trial.epochs.max(1) as u64;
    let trials = search.trials.or(search.epochs.map(|e| e.div_ceil(epochs))).unwrap_or(5 * search.population as u64);
    let task = Task {
        space: Arc::clone(space),
        seed: strategy_seed(config),
        trials,
        epochs: Epochs::UpTo(epochs),
        objectives: search.objectives.as_deref().map_or_else(|| Ok(objectives::USUAL.to_vec()), objectives::parse)?,
    };
    Ok((method, task))
}

/// The network of trials.
pub fn trial_network(config: &Config, data: &Data) -> NetworkConfig {
    let (channels, layers) = (config.space.channels, config.space.layers);
    NetworkConfig { channels, layers, auxiliary: false, ..final_network(config, data) }
}

/// The final network.
pub fn final_network(config: &Config, data: &Data) -> NetworkConfig {
    NetworkConfig {
        input: data.shape(),
        classes: data.classes.len(),
        channels: config.finish.channels,
        layers: config.finish.layers,
        stem: config.space.stem,
        auxiliary: config.finish.auxiliary,
    }
}

/// The layers of an architecture's network of a size: its own number where its space leaves that to it.
pub fn layers(blueprint: &Blueprint, network: &NetworkConfig) -> usize {
    let Blueprint::Point(architecture) = blueprint else { return network.layers };
    let Ok(space) = spaces::by_name(&architecture.space) else { return network.layers };
    let first = space.decisions().first().filter(|decision| decision.chooses == Chooses::Depth);
    let chosen = first.zip(architecture.choices.first()).and_then(|(d, &choice)| d.options.get(choice)?.parse().ok());
    chosen.unwrap_or(network.layers)
}

/// The size nearest to one of a ladder that networks of a space can have.
pub fn fitting(space: &dyn SearchSpace, size: Size) -> Size {
    Size { layers: space.nearest_layers(size.layers), ..size }
}

/// A network of another size of a ladder, as near as the space has it.
pub fn sized(space: &dyn SearchSpace, network: &NetworkConfig, size: Size) -> NetworkConfig {
    let Size { channels, layers } = fitting(space, size);
    NetworkConfig { channels, layers, ..network.clone() }
}

/// How a trial trains. Only its end is validated.
pub fn trial_training(config: &Config) -> TrainConfig {
    let epochs = config.trial.epochs;
    TrainConfig {
        epochs,
        batch_size: config.trial.batch_size,
        warmup_epochs: config.training.warmup * epochs as f64,
        augment: augment(&config.data, false),
        evaluate_every: epochs.max(1),
        evaluate_last: config.trial.validations,
        // After a few dozen steps the running statistics still lag behind the weights, and would rank by luck.
        batch_norm: BatchNormMode::Batch,
        ..shared(config)
    }
}

/// How the winner trains.
pub fn final_training(config: &Config) -> TrainConfig {
    let epochs = config.finish.epochs;
    TrainConfig {
        epochs,
        batch_size: config.finish.batch_size,
        warmup_epochs: config.training.warmup * epochs as f64,
        augment: augment(&config.data, true),
        drop_path: config.finish.drop_path,
        ..shared(config)
    }
}

fn shared(config: &Config) -> TrainConfig {
    config.training.optimizer.of(TrainConfig {
        learning_rate: config.training.learning_rate,
        momentum: config.training.momentum,
        nesterov: config.training.nesterov && config.training.momentum > 0.0,
        schedule: config.training.schedule.0,
        weight_decay: config.training.weight_decay,
        clip_norm: config.training.clip_norm,
        precision: config.training.precision,
        label_smoothing: config.training.label_smoothing,
        ..TrainConfig::default()
    })
}

/// Trials that see more images than this save their training on the way; shorter ones begin anew after a kill.
const WORTH_SAVING: usize = 200_000;

/// What measures the trials of a search, their latency included where it is wanted.
pub fn evaluator(config: &Config, data: &Data, device: Device) -> anyhow::Result<Box<dyn Evaluator>> {
    with_latency(config, data, device.clone(), training_evaluator(config, data, device)?)
}

/// An evaluator that measures latency first, where the search wants that.
pub fn with_latency(
    config: &Config,
    data: &Data,
    device: Device,
    evaluator: Box<dyn Evaluator>,
) -> anyhow::Result<Box<dyn Evaluator>> {
    if !objectives::measures_latency(&config.search) {
        return Ok(evaluator);
    }
    Ok(Box::new(WithLatency {
        evaluator,
        space: space(&config.space.name)?,
        network: trial_network(config, data),
        device,
        limit: config.search.max_latency_ms.map(|limit| limit / 1e3),
    }))
}

/// The images that proxies look at: the same for every architecture.
pub fn minibatch(config: &Config, data: &Data) -> anyhow::Result<Minibatch> {
    let seed = Seed::new(config.seed).child("proxy");
    Ok(Minibatch::draw(&data.images, &data.train, &data.normalization, warm_start::IMAGES, seed)?)
}

fn training_evaluator(config: &Config, data: &Data, device: Device) -> anyhow::Result<Box<dyn Evaluator>> {
    if let Some(proxy) = warm_start::evaluator(&config.search.evaluator)? {
        let (space, minibatch) = (space(&config.space.name)?, minibatch(config, data)?);
        let network = trial_network(config, data);
        return Ok(Box::new(OnProxy { proxy, space, network, minibatch }));
    }
    if let Some(weights) = &config.trial.weights {
        return Ok(Box::new(generated::evaluator(weights, config, data)?));
    }
    let images = data.trial_images(config)?;
    let seen = images.len() * config.trial.epochs;
    // The list is shuffled, so its beginning is a fair sample.
    let validation = data.validation[..plan::validated(seen, data.validation.len())].to_vec();
    let train = TrainData {
        images: Arc::clone(&data.images),
        train: images,
        validation: Some(Arc::new(validation)),
        normalization: data.normalization.clone(),
    };
    let network = trial_network(config, data);
    Ok(Box::new(TrainFromScratch {
        device,
        checkpoint_every: (seen > WORTH_SAVING).then_some(Duration::from_secs(60)),
        // A network beyond the whole machine is a failed trial anywhere on it, however many trials run at once.
        memory_limit: Machine::ask().map(|machine| machine.whole),
        ..TrainFromScratch::new(space(&config.space.name)?, network, trial_training(config), train)
    }))
}

/// Checks everything about a configuration that can be told before the first trial.
///
/// # Errors
/// Names the setting at fault.
pub fn check(config: &Config, data: &Data) -> anyhow::Result<()> {
    let network = trial_network(config, data);
    limited(config, space(&config.space.name)?, network).check_possible()?;
    let space = searched_space(config, data)?;
    let any = space.sample(&mut nas_space::Seed::new(0).rng());
    space.lower(&any, &trial_network(config, data))?;
    space.lower(&any, &final_network(config, data))?;
    trial_training(config).validate_for(data.shape())?;
    final_training(config).validate_for(data.shape())?;
    data.trial_images(config)?;
    data.final_images(config)?;
    if let Some(asked) = Hypernet::asked(&config.search.strategy)? {
        return hypernet::build(config, data, &asked, None).map(drop);
    }
    if let Some(asked) = OneShot::of(&config.search)? {
        oneshot::build(config, data, &asked, None)?;
    }
    match OneShot::asked(&config.search.strategy)? {
        Some(_) => Ok(()),
        None => {
            let (method, task) = method(config, &config.search.strategy, &space)?;
            method.make(&task).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_space_can_be_searched() {
        for known in nas_space::spaces::all() {
            assert_eq!(super::space(known.name()).unwrap().name(), known.name());
        }
        let message = super::space("dart").err().unwrap().to_string();
        assert!(message.contains("darts"), "{message}");
    }
}
