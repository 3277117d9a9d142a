//! The recurrent controllers as search methods: which settings they take, and how they are made.

use std::sync::Arc;

use nas_controller::{Algorithm, ControllerConfig, PolicySearch, preset};
use nas_search::Strategy;
use nas_space::Chooses;

use crate::exit::usage;
use crate::strategies::{Method, Task};

/// What can be set of REINFORCE.
pub const REINFORCE: &[(&str, &str)] =
    &[PRESET, BATCH, RATE, ENTROPY, BASELINE, POWER, LAYERS, HIDDEN, TEMPERATURE, DEEPEN];

/// What can be set of PPO.
pub const PPO: &[(&str, &str)] = &[
    PRESET,
    BATCH,
    RATE,
    ENTROPY,
    BASELINE,
    POWER,
    LAYERS,
    HIDDEN,
    TEMPERATURE,
    DEEPEN,
    ("clip", "how far the ratio of probabilities may go from 1"),
    ("steps", "steps on each batch"),
];

const PRESET: (&str, &str) =
    ("preset", "a paper's settings: zoph, nasnet, enas-micro or enas-macro; else those for a few hundred trials");
const BATCH: (&str, &str) = ("batch", "trials in an update");
const RATE: (&str, &str) = ("rate", "learning rate of Adam");
const ENTROPY: (&str, &str) = ("entropy", "weight of the policy's entropy");
const BASELINE: (&str, &str) = ("baseline", "how much of the moving average of rewards stays at each trial");
const POWER: (&str, &str) = ("power", "the reward is the accuracy to this power");
const LAYERS: (&str, &str) = ("layers", "LSTM layers");
const HIDDEN: (&str, &str) = ("hidden", "units of each LSTM layer");
const TEMPERATURE: (&str, &str) = ("temperature", "what logits are divided by");
const DEEPEN: (&str, &str) =
    ("deepen", "in a space of several depths, such as zoph-6-20: trials of each, the shallowest first; 0: it decides");

/// REINFORCE, as asked for.
pub fn reinforce(method: &Method, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    let mut config = match chosen_preset(method)? {
        Some(config) => config,
        None => preset::small_reinforce(task.space.decisions().len()),
    };
    config.learning.algorithm = Algorithm::Reinforce;
    make(config, method, task)
}

/// PPO, as asked for.
pub fn ppo(method: &Method, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    let mut config = match chosen_preset(method)? {
        Some(config) => config,
        None => preset::small_ppo(task.space.decisions().len()),
    };
    let (clip, epochs) = match config.learning.algorithm {
        Algorithm::Ppo { clip, epochs } => (clip, epochs),
        // A preset of REINFORCE; what it leaves open is NASNet's.
        Algorithm::Reinforce => (0.2, 4),
    };
    let (clip, epochs) = (method.number("clip")?.unwrap_or(clip), method.number("steps")?.unwrap_or(epochs));
    config.learning.algorithm = Algorithm::Ppo { clip, epochs };
    make(config, method, task)
}

fn chosen_preset(method: &Method) -> anyhow::Result<Option<ControllerConfig>> {
    let Some(name) = method.text("preset") else { return Ok(None) };
    let known = preset::NAMES.join(", ");
    let config = preset::by_name(name);
    config.map(Some).ok_or_else(|| usage(format!("there is no preset `{name}` of a controller; they are {known}")))
}

/// The strategy of a preset with what was set besides.
fn make(mut config: ControllerConfig, method: &Method, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    set(&mut config.learning.batch, method, "batch")?;
    set(&mut config.learning.adam.learning_rate, method, "rate")?;
    set(&mut config.learning.entropy_weight, method, "entropy")?;
    set(&mut config.learning.baseline_decay, method, "baseline")?;
    set(&mut config.learning.reward.power, method, "power")?;
    set(&mut config.policy.layers, method, "layers")?;
    set(&mut config.policy.hidden, method, "hidden")?;
    set(&mut config.policy.temperature, method, "temperature")?;
    if let Some(every) = method.number::<u64>("deepen")? {
        config.deepen_every = Some(every).filter(|every| *every > 0);
        let has_depths = task.space.decisions().iter().any(|decision| decision.chooses == Chooses::Depth);
        if !has_depths {
            return Err(usage(format!(
                "`deepen` = {every} of `{}`: all networks of the space `{}` are equally deep; leave it out, or search a \
                 space of several depths, such as zoph-6-20",
                method.known.name,
                task.space.name()
            )));
        }
    }
    Ok(Box::new(PolicySearch::new(Arc::clone(&task.space), config, task.seed)?))
}

fn set<T: std::str::FromStr>(value: &mut T, method: &Method, key: &str) -> anyhow::Result<()> {
    if let Some(given) = method.number(key)? {
        *value = given;
    }
    Ok(())
}
