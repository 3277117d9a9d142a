//! Writes a configuration as a `nas.toml` in which every key is explained.

use serde_json::Value;

use super::Config;

/// Every key, in the order of the file, with what it means. A key without a section comes first.
const KEYS: &[(&str, &str)] = &[
    ("seed", "the seed of everything random: same seed, same budget in trials, same bytes"),
    ("data.name", "digits, mnist, fashion-mnist, cifar10, cifar100 (see `nas data list`), or a folder"),
    ("data.validation", "share of the training split held out to compare networks"),
    ("data.size", "image folders: scale every image to [rows, columns]; without it all must be of one size"),
    ("data.colour", "image folders: \"grey\" or \"rgb\"; without it all must be of one mode"),
    (
        "data.image_size",
        "folders of large pictures: networks see squares of this side, each picture read when it is wanted",
    ),
    ("data.flip", "mirror images left to right while training; wrong where a mirror image is another class (digits)"),
    ("data.crop", "shift images by up to so many pixels while training"),
    ("data.cutout", "blank out a square of this side while training; 0 for none"),
    (
        "data.resized_crop",
        "train on random windows of at least this share of an image's area, such as 0.08; 0 for none",
    ),
    ("data.jitter", "change brightness, contrast, saturation by up to this share, the hue by half of it; 0 for none"),
    ("space.name", "the search space (see `nas spaces`)"),
    ("space.channels", "channels of the first cells of the networks searched"),
    ("space.layers", "number of their cells"),
    ("space.stem", "\"cifar\": one convolution at full resolution; \"imagenet\": three, down to an eighth"),
    ("search.method", "the method of a paper that space, strategy and training follow from (see `nas methods`)"),
    ("search.recipe", "with a method: another recipe than the paper's, or \"plain\", that of every search"),
    ("search.strategy", "how it searches, NAME or NAME:KEY=VALUE:KEY=VALUE (see `nas strategies`)"),
    (
        "search.evaluator",
        "how trials are measured: \"train\", \"supernet\", on shared weights, or \"proxy:NAME\" (see `nas strategies`)",
    ),
    ("search.trials", "budget: so many trials (give one of trials, epochs, time)"),
    ("search.epochs", "budget: so many epochs of training over all trials"),
    ("search.time", "budget: wall-clock time of search and final training together, such as \"30m\""),
    ("search.population", "evolution: how many networks live at a time"),
    ("search.sample", "evolution: how many are drawn, with replacement, to pick a parent"),
    ("search.lag", "how many trials may be unfinished when the next is proposed; one more than that can run at once"),
    ("search.baseline", "whether random search follows, with the same number of trials"),
    ("search.trial_timeout", "a trial that takes longer has failed, such as \"10m\""),
    ("search.max_params", "never train a network of more parameters, such as 200000 or \"1.5M\""),
    ("search.max_flops", "never train a network of more multiply-adds for one image"),
    (
        "search.max_latency_ms",
        "never train a network that takes longer for one image, measured on this machine as the trial begins",
    ),
    ("search.latency", "whether the latency of every trial's network is measured and recorded"),
    ("search.objectives", "what nsga2 optimises, two or more of \"accuracy,params,flops,latency\""),
    (
        "search.warm_start",
        "begin with the best of 100 random networks by a zero-cost proxy: \"proxy:synflow\", or of 500: \"proxy:synflow:500\"",
    ),
    ("trial.epochs", "passes of each trial over its training images"),
    ("trial.images", "use so many of the training images only; without it all of them"),
    ("trial.batch_size", "images per step of a trial, or \"auto\": as many as are usual, or as the memory does for"),
    (
        "trial.validations",
        "so many of its last epochs are validated; its accuracy is the last, a controller may take the best",
    ),
    ("trial.weights", "score trials with generated weights instead of training them: \"ghn:DIR\""),
    ("final.channels", "channels of the first cells of the final network"),
    ("final.layers", "number of its cells"),
    ("final.epochs", "passes of the final training over its images"),
    ("final.images", "use so many of the training images only; without it all of them"),
    ("final.batch_size", "images per step of the final training, or \"auto\""),
    ("final.drop_path", "the odds of dropping a path at the last epoch, rising from 0"),
    ("final.auxiliary", "whether an auxiliary classifier (weight 0.4) helps the final training"),
    ("final.on_all", "whether the winner trains on the validation images too (then no validation accuracy is known)"),
    ("final.init", "begin with generated weights: \"ghn:DIR\", the folder of a search by ghn; without it random ones"),
    ("training.learning_rate", "the highest learning rate"),
    ("training.schedule", "how it falls: cosine, cosine:TO, constant, exponential:FACTOR an epoch, step:EPOCHS:FACTOR"),
    ("training.optimizer", "what takes the steps: muon:SHARE:DECAY, sgd, or rmsprop:RHO:EPSILON, as TensorFlow has it"),
    ("training.momentum", "its momentum"),
    ("training.nesterov", "whether the momentum of muon and sgd is Nesterov's"),
    ("training.weight_decay", "weight decay, on weights of convolutions and linear layers only"),
    ("training.label_smoothing", "label smoothing"),
    ("training.warmup", "share of the steps over which the learning rate rises"),
    ("training.clip_norm", "largest global norm of the gradient"),
    ("training.precision", "what training keeps activations in: \"f32\", or \"bf16\" for half the memory"),
    ("run.jobs", "worker processes; nothing in this section changes a result"),
    ("run.threads", "threads of each worker"),
    ("run.in_process", "run the trials inside this process, one after another"),
    ("run.device", "\"cpu\" or \"cuda:0\""),
    ("run.tensorboard", "write event files for TensorBoard here; a relative path is inside the folder of results"),
];

/// What the sections are.
const SECTIONS: &[(&str, &str)] = &[
    ("data", "The images."),
    ("space", "The space and the size of the networks that are searched."),
    ("search", "The method and its budget."),
    ("trial", "How long each trial trains."),
    ("final", "The winner's network and its training."),
    ("training", "How networks are trained, in trials and at the end."),
    ("run", "How the work is laid out on this machine."),
];

/// The configuration as a commented `nas.toml`.
pub fn render(config: &Config, head: &str) -> String {
    write(config, head, "")
}

/// The same without `[run]`, which must not tell equal studies apart.
pub fn render_for_study(config: &Config) -> String {
    let text = render(config, "The settings of this search.");
    text.split("\n# How the work is laid out").next().unwrap_or_default().to_owned()
}

/// A commented `nas.toml` in which every value is a default, commented out: what is not changed follows the rule.
pub fn template(config: &Config, head: &str) -> String {
    write(config, head, "# ")
}

fn write(config: &Config, head: &str, mark: &str) -> String {
    let value = serde_json::to_value(config).expect("a configuration holds numbers and strings only");
    let mut text: String = head.lines().map(|line| format!("# {line}\n")).collect();
    let mut section = "";
    for (key, meaning) in KEYS {
        let (of, name) = key.split_once('.').unwrap_or(("", key));
        if of != section {
            section = of;
            let about = SECTIONS.iter().find(|(s, _)| *s == of).map_or("", |(_, about)| about);
            text += &format!("\n# {about}\n[{of}]\n");
        }
        let found = if of.is_empty() { &value[name] } else { &value[of][name] };
        let (mark, shown) = match toml_value(found) {
            Some(shown) => (mark, shown),
            None => ("# ", "(not set)".to_owned()),
        };
        text += &format!("# {meaning}\n{mark}{name} = {shown}\n");
    }
    text
}

/// A JSON value in TOML; nothing for null.
fn toml_value(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(toml::Value::String(text.clone()).to_string()),
        Value::Number(number) if number.is_f64() => Some(toml::Value::Float(number.as_f64()?).to_string()),
        other => Some(other.to_string().replace(',', ", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::parse;
    use crate::plan;

    fn config() -> Config {
        plan::example()
    }

    #[test]
    fn every_key_is_explained_and_none_is_invented() {
        let value = serde_json::to_value(config()).unwrap();
        let mut keys = Vec::new();
        for (name, inner) in value.as_object().unwrap() {
            match inner.as_object() {
                Some(section) => keys.extend(section.keys().map(|k| format!("{name}.{k}"))),
                None => keys.push(name.clone()),
            }
        }
        let explained: Vec<&str> = KEYS.iter().map(|(k, _)| *k).collect();
        assert_eq!(keys, explained);
    }

    #[test]
    fn what_is_written_reads_back_whole() {
        let config = config();
        let text = render(&config, "A test.");
        let read: Config = toml::from_str(&text).unwrap();
        assert_eq!(read, config);
        parse(&text).unwrap();
    }

    #[test]
    fn a_study_keeps_all_but_the_machine() {
        let mut config = config();
        let text = render_for_study(&config);
        assert!(!text.contains("\njobs = "), "{text}");
        config.run = crate::config::RunConfig::default();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn the_template_holds_nothing_but_comments_and_sections() {
        let read = parse(&template(&config(), "A test.")).unwrap();
        assert_eq!(read, crate::config::Partial::default());
    }
}
