//! A configuration as the command that asks for it, flag by flag: what a run without flags stands for.

use nas_nn::Precision;

use crate::config::Config;
use crate::evaluators::TRAIN;
use crate::folder::shell_word;
use crate::tensorboard::FOLDER;

/// Which parts of a configuration a time budget chose, so that a repetition must choose again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Open {
    /// Size of the final network.
    pub size: bool,
    /// Its epochs, and the part of the images where time is short.
    pub epochs: bool,
}

/// The words of the `nas search` command.
pub fn search(config: &Config, open: Open) -> Vec<String> {
    let mut words: Vec<String> = vec!["nas".into(), "search".into()];
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push(format!("--{name}"));
            words.push(shell_word(&value));
        }
    };
    let Config { data, space, search, trial, finish, training, run, .. } = config;
    flag("data", Some(data.name.clone()));
    flag("validation", Some(data.validation.to_string()));
    flag("size", data.size.map(|[rows, columns]| format!("{rows}x{columns}")));
    flag("colour", data.colour.map(|c| format!("{c:?}").to_lowercase()));
    flag("image-size", data.image_size.map(|side| side.to_string()));
    flag("flip", Some(data.flip.to_string()));
    flag("crop", Some(data.crop.to_string()));
    flag("cutout", Some(data.cutout.to_string()));
    flag("resized-crop", Some(data.resized_crop.to_string()));
    flag("jitter", Some(data.jitter.to_string()));
    flag("space", Some(space.name.clone()));
    flag("method", search.method.clone());
    flag("recipe", search.recipe.clone());
    flag("strategy", Some(search.strategy.clone()));
    flag("evaluator", Some(search.evaluator.clone()).filter(|name| name != TRAIN));
    flag("channels", Some(space.channels.to_string()));
    flag("layers", Some(space.layers.to_string()));
    flag("stem", Some(format!("{:?}", space.stem).to_lowercase()));
    flag("population", Some(search.population.to_string()));
    flag("sample", Some(search.sample.to_string()));
    flag("lag", Some(search.lag.to_string()));
    flag("trials", search.trials.map(|n| n.to_string()));
    flag("epochs", search.epochs.map(|n| n.to_string()));
    flag("time", search.time.clone());
    flag("trial-timeout", search.trial_timeout.clone());
    flag("max-params", search.max_params.map(|n| n.to_string()));
    flag("max-flops", search.max_flops.map(|n| n.to_string()));
    flag("max-latency-ms", search.max_latency_ms.map(|n| n.to_string()));
    flag("objectives", search.objectives.clone());
    flag("warm-start", search.warm_start.clone());
    flag("trial-epochs", Some(trial.epochs.to_string()));
    flag("trial-images", trial.images.map(|n| n.to_string()));
    flag("trial-weights", trial.weights.clone());
    flag("batch-size", Some(trial.batch_size.to_string()));
    flag("trial-validations", Some(trial.validations.to_string()));
    flag("final-channels", Some(finish.channels.to_string()).filter(|_| !open.size));
    flag("final-layers", Some(finish.layers.to_string()).filter(|_| !open.size));
    flag("final-epochs", Some(finish.epochs.to_string()).filter(|_| !open.epochs));
    flag("final-images", finish.images.map(|n| n.to_string()).filter(|_| !open.epochs));
    flag("final-batch-size", Some(finish.batch_size.to_string()));
    flag("init", finish.init.clone());
    flag("drop-path", Some(finish.drop_path.to_string()));
    flag("learning-rate", Some(training.learning_rate.to_string()));
    flag("schedule", Some(training.schedule.to_string()));
    flag("optimizer", Some(training.optimizer.to_string()));
    flag("momentum", Some(training.momentum.to_string()));
    flag("nesterov", Some(training.nesterov.to_string()));
    flag("weight-decay", Some(training.weight_decay.to_string()));
    flag("label-smoothing", Some(training.label_smoothing.to_string()));
    flag("warmup", Some(training.warmup.to_string()));
    flag("clip-norm", Some(training.clip_norm.to_string()));
    flag("precision", (training.precision == Precision::Bf16).then(|| "bf16".into()));
    flag("seed", Some(config.seed.to_string()));
    flag("jobs", Some(run.jobs.to_string()));
    flag("threads", Some(run.threads.to_string()));
    flag("device", Some(run.device.clone()));
    flag("tensorboard", run.tensorboard.clone().filter(|folder| folder != FOLDER));
    let switches = [
        ("--no-baseline", !search.baseline),
        ("--latency", search.latency),
        ("--auxiliary", finish.auxiliary),
        // A method's recipe may have one.
        ("--auxiliary=false", !finish.auxiliary && search.method.is_some()),
        ("--final-on-all", finish.on_all),
        ("--in-process", run.in_process),
        ("--tensorboard", run.tensorboard.as_deref() == Some(FOLDER)),
    ];
    words.extend(switches.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned()));
    words
}

/// Words as lines of at most 110 characters that a shell reads as one command.
pub fn wrap(words: &[String]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for (i, word) in words.iter().enumerate() {
        // A flag and its value stay together.
        let next = words.get(i + 1).filter(|next| word.starts_with("--") && !next.starts_with("--"));
        let needed = word.len() + next.map_or(0, |next| next.len() + 1);
        if width > 0 && width + needed + 3 > 110 && word.starts_with("--") {
            text += " \\\n    ";
            width = 4;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += word.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::plan;

    #[test]
    fn the_command_asks_for_exactly_this_configuration() {
        let mut config = plan::example();
        config.seed = 5;
        config.search.method = Some("amoebanet".into());
        config.search.recipe = Some("plain".into());
        (config.training.nesterov, config.training.schedule) = (false, "step:3:0.5".parse().unwrap());
        config.training.optimizer = "rmsprop:0.8:1".parse().unwrap();
        config.search.baseline = false;
        config.search.evaluator = "supernet:epochs=3".into();
        config.finish.on_all = true;
        config.data.size = Some([16, 24]);
        config.data.colour = Some(crate::config::Colour::Grey);
        config.trial.images = Some(500);
        config.trial.weights = Some("ghn:a".into());
        config.finish.init = Some("ghn:b".into());
        config.finish.images = Some(600);
        config.search.trial_timeout = Some("5m".into());
        config.search.max_params = Some(crate::config::Amount(200_000));
        config.search.max_flops = Some(crate::config::Amount(30_000_000));
        (config.search.max_latency_ms, config.search.latency) = (Some(2.5), true);
        config.search.warm_start = Some("proxy:naswot:50".into());
        (config.search.strategy, config.search.objectives) = ("nsga2".into(), Some("accuracy,latency".into()));
        config.run.tensorboard = Some("tensorboard".into());
        let Ok(cli) = Cli::try_parse_from(search(&config, Open::default())) else { panic!("not a command") };
        let Command::Search(args) = cli.command else { panic!("not a search") };
        // Facts that would lead the rule to something else everywhere.
        let image = nas_space::ImageShape { channels: 3, height: 224, width: 224 };
        let facts = plan::Facts { image, images: 1_000_000, mirror: true, cores: 7 };
        assert_eq!(plan::resolve(args.partial(), &facts), config);
    }

    #[test]
    fn what_time_chose_is_left_to_the_time() {
        let words = search(&plan::example(), Open { size: true, epochs: true });
        assert!(!words.iter().any(|w| w.starts_with("--final-channels") || w.starts_with("--final-epochs")));
    }

    #[test]
    fn lines_are_wrapped_between_flags() {
        let text = wrap(&search(&plan::example(), Open::default()));
        assert!(text.lines().all(|line| line.len() <= 112), "{text}");
        assert!(text.lines().skip(1).all(|line| line.trim_start().starts_with("--")), "{text}");
    }
}
