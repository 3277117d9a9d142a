//! `nas search`: resolve the configuration, say what it is, make the folder, go.

mod divide;
mod length;

use std::path::Path;
use std::time::Instant;

use candle_core::Device;
use nas_search::{Study, StudyInfo};
use serde_json::json;

use crate::args::SearchArgs;
use crate::command_line::{self, Open};
use crate::config::{Config, Partial, read, render, render_for_study};
use crate::evaluators::TRAIN;
use crate::exit::usage;
use crate::folder::Folder;
use crate::hypernet;
use crate::images::{self, Data};
use crate::oneshot::OneShot;
use crate::output::table::{Align, table};
use crate::output::{Output, line};
use crate::plan;
use crate::presets::{self, Scaled};
use crate::run::{self, Run, TIME_KEY, TimePlan};
use crate::signal::Stop;
use crate::units::parse_seconds;
use crate::{batch, device, generated, memory, objectives, recipe, signal, strategies, tensorboard, warm_start};

/// Searches.
pub fn run(args: &SearchArgs) -> anyhow::Result<()> {
    if args.explain {
        line(plan::RULE.trim_end());
        return Ok(());
    }
    let out = Output::new(args.run.json, args.run.quiet);
    let below = args.config.as_deref().map(read).transpose()?.unwrap_or_default();
    let asked = args.partial().over(below);
    let ready = prepare(&asked, out, &mut |config| device::use_threads(threads_in_all(config)))?;
    let stop = signal::install()?;
    let config = &ready.config;
    let name = asked.data.name.as_deref().unwrap_or("digits");
    let method = match &config.search.method {
        Some(method) => method.clone(),
        None => format!("{}-{}", config.space.name, config.search.strategy_name()),
    };
    let stem = format!("{}-{method}-{}", images::short_name(name), config.seed);
    tensorboard::check_free(config.run.tensorboard.as_deref())?;
    let folder = Folder::create(args.out.as_deref(), &stem)?;
    begin(ready, folder, out, stop)
}

/// A search that is ready to begin: everything about it is known.
pub struct Ready {
    /// The resolved configuration.
    pub config: Config,
    /// The images, split.
    pub data: Data,
    /// Where networks are trained.
    pub device: Device,
    /// How the time is divided, under a budget in time.
    pub time: Option<TimePlan>,
    /// Of a method of a paper: the numbers that are not the paper's.
    pub scaled: Vec<Scaled>,
}

/// Resolves what was asked for into a search: what flags and file say, below it the method's preset, below that the rule;
/// under a budget in time by the measured speed of this machine.
///
/// `use_threads` is called once the configuration says how many there are, before anything is measured.
///
/// # Errors
/// Whatever is wrong with the settings or the data.
pub fn prepare(
    asked: &Partial,
    out: Output,
    use_threads: &mut dyn FnMut(&Config) -> anyhow::Result<()>,
) -> anyhow::Result<Ready> {
    let start = Instant::now();
    let preset = presets::asked(asked)?;
    let given = preset.map_or_else(|| Ok(asked.clone()), |preset| preset.under(asked.clone()))?;
    check_given(&given)?;
    let name = given.data.name.clone().unwrap_or_else(|| "digits".into());
    let set = nas_data::load(&name, &images::load_options(given.data.size, given.data.colour, given.data.image_size))?;
    let loading = start.elapsed().as_secs_f64();
    let facts = images::facts(&name, &set);
    let mut config = plan::resolve(given.clone(), &facts);
    config.data.name = images::full_name(&name);
    for weights in [&mut config.trial.weights, &mut config.finish.init].into_iter().flatten() {
        *weights = generated::full_name(weights)?;
    }
    device::check(&config.run.device)?;
    use_threads(&config)?;
    let data = Data::split(set, &config)?;
    let device = device::open(&config.run.device)?;
    let usual = batch::usual(&config, &data)?;
    let mut chosen = batch::of_search(&given, &mut config, &data, usual)?;
    let time = match &config.search.time {
        Some(text) => {
            let total = parse_seconds(text).map_err(usage)?;
            Some(divide::divide(total, &mut config, &given, &data, &device, loading, start, out)?)
        }
        None => None,
    };
    let scaled = match preset {
        Some(preset) => {
            let length = length::of(&config, &data, time.as_ref())?;
            preset.scale(asked, &mut config, &length)?
        }
        None => Vec::new(),
    };
    recipe::check(&config, &data)?;
    if let Some(first) = &chosen
        && time.is_some()
    {
        // The time may have chosen larger networks.
        chosen = batch::of_search(&given, &mut config, &data, first.images)?;
    }
    batch::say(&out, "a step of the search", chosen.as_ref());
    let chosen = batch::of_final(&given, &mut config, &data)?;
    batch::say(&out, "a step of the final training", chosen.as_ref());
    memory::check_search(&out, &config, &data)?;
    if config.run.jobs as u64 > config.search.lag + 1 && !config.run.in_process {
        out.warn(&format!(
            "{} workers, but only {} trials may be unfinished at a time; --lag {} would keep all of them busy",
            config.run.jobs,
            config.search.lag + 1,
            config.run.jobs - 1
        ));
    }
    Ok(Ready { config, data, device, time, scaled })
}

/// Makes the study in a new folder, says what will happen, and searches to the end.
///
/// # Errors
/// As [`run::search`].
pub fn begin(ready: Ready, folder: Folder, out: Output, stop: Stop) -> anyhow::Result<()> {
    let Ready { config, data, device, time, scaled } = ready;
    let study = create_study(&folder, &config, time.as_ref(), &scaled)?;
    announce(&out, &config, &folder, &data, time.as_ref(), &scaled);
    run::search(Run { folder, config, data, device, out, stop }, &study)
}

/// Refuses a search that makes no sense whatever the data are.
///
/// # Errors
/// Says what is wrong, and what to do.
pub fn check(asked: &Partial) -> anyhow::Result<()> {
    let preset = presets::asked(asked)?;
    check_given(&preset.map_or_else(|| Ok(asked.clone()), |preset| preset.under(asked.clone()))?)
}

/// Refuses what makes no sense whatever the data are, before anything is loaded.
fn check_given(given: &Partial) -> anyhow::Result<()> {
    let budget = nas_search::Budget { trials: given.search.trials, epochs: given.search.epochs, seconds: None };
    if budget.trials.is_some() || budget.epochs.is_some() {
        budget.check()?;
    }
    let budgets = [given.search.trials.is_some(), given.search.epochs.is_some(), given.search.time.is_some()];
    if budgets.into_iter().filter(|b| *b).count() > 1 {
        return Err(usage("give one budget: trials, epochs or time, not several"));
    }
    if given.search.recipe.is_some() && given.search.method.is_none() {
        return Err(usage("a recipe goes with a method: give --method, or set what you want of the training itself"));
    }
    for text in [&given.search.time, &given.search.trial_timeout].into_iter().flatten() {
        parse_seconds(text).map_err(usage)?;
    }
    let zero = [
        ("jobs", given.run.jobs == Some(0)),
        ("threads", given.run.threads == Some(0)),
        ("trial epochs", given.trial.epochs == Some(0)),
        ("final epochs", given.finish.epochs == Some(0)),
    ];
    if let Some((what, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
        return Err(usage(format!("{what} = 0: it must be at least 1")));
    }
    if let Some(name) = &given.search.strategy {
        let method = strategies::Method::parse(name)?;
        let flags = given.search.population.is_some() || given.search.sample.is_some();
        if flags && (method.sets("population") || method.sets("sample")) {
            return Err(usage(format!(
                "`{name}` sets the population or the sample already; set them there or apart from it"
            )));
        }
    }
    objectives::check(&given.search)?;
    let strategy = given.search.strategy.as_deref().unwrap_or(objectives::usual_strategy(&given.search));
    let one_shot = OneShot::of_both(strategy, given.search.evaluator.as_deref().unwrap_or(TRAIN))?;
    match &one_shot {
        Some(OneShot::Shared(_)) if hypernet::is_asked(strategy) => {
            return Err(usage(format!(
                "`{strategy}` trains the best that it scored from scratch; leave the evaluator of shared weights out, or \
                 choose another strategy"
            )));
        }
        Some(OneShot::Shared(_)) if given.search.epochs.is_some() => {
            return Err(usage(
                "trials on shared weights train for no epochs: give --trials or --time, and the supernet's own as in \
                 --evaluator supernet:epochs=30",
            ));
        }
        Some(OneShot::Gradient(_) | OneShot::Sharing(_)) if given.search.trials.is_some() => {
            return Err(usage(
                "a supernet is trained once, so its search has no budget in trials; give --epochs or --time",
            ));
        }
        _ => {}
    }
    let limited = [given.search.max_params, given.search.max_flops].iter().any(Option::is_some)
        || given.search.max_latency_ms.is_some();
    let is_read_off = matches!(one_shot, Some(OneShot::Gradient(_) | OneShot::Sharing(_)));
    if limited && is_read_off {
        return Err(usage(format!(
            "`{strategy}` reads its architectures off a supernet, whatever they cost: it cannot keep to limits; leave \
             them out, or search by another strategy, on shared weights too (--evaluator supernet)"
        )));
    }
    if let Some(text) = &given.search.warm_start {
        warm_start::parse(text)?;
        if is_read_off || hypernet::is_asked(strategy) {
            return Err(usage(format!(
                "`{strategy}` chooses no first trials, so it has no warm start; leave --warm-start out"
            )));
        }
    }
    let proxy = warm_start::evaluator(given.search.evaluator.as_deref().unwrap_or(TRAIN))?;
    if proxy.is_some() && (given.search.epochs.is_some() || hypernet::is_asked(strategy)) {
        return Err(usage(
            "trials scored by a proxy train for no epochs: give --trials or --time, and a strategy that proposes",
        ));
    }
    hypernet::check(given)?;
    if let (Some(asked), Some(name)) = (&one_shot, &given.space.name) {
        recipe::space(name)?;
        asked.check_space(name)?;
    }
    if let Some(name) = &given.space.name {
        recipe::space(name)?;
    }
    for weights in [&given.trial.weights, &given.finish.init].into_iter().flatten() {
        generated::check(weights)?;
    }
    if let Some(name) = &given.run.device {
        device::check(name)?;
    }
    Ok(())
}

/// The threads of this process: workers rest while it trains.
pub fn threads_in_all(config: &Config) -> usize {
    if config.run.in_process { config.run.threads } else { config.run.threads * config.run.jobs }
}

/// Makes the study, and the file of settings beside it.
fn create_study(folder: &Folder, config: &Config, time: Option<&TimePlan>, scaled: &[Scaled]) -> anyhow::Result<Study> {
    folder.write("nas.toml", &render(config, "The settings of this run, every one of them."))?;
    let open = time.map_or(Open::default(), |t| t.open);
    folder.write("command.txt", &format!("{}\n", command_line::wrap(&command_line::search(config, open))))?;
    if let Some(method) = &config.search.method {
        let text = json!({ "format": "nas-method", "version": 1, "method": method, "scaled": scaled });
        folder.write("method.json", &format!("{text:#}\n"))?;
    }
    let info = StudyInfo {
        seed: config.seed,
        space: config.space.name.clone(),
        lag: config.search.lag,
        config: render_for_study(config),
        program: crate::PROGRAM.into(),
    };
    let time = time.map(serde_json::to_string).transpose()?;
    let values: Vec<(&str, &str)> = time.iter().map(|text| (TIME_KEY, text.as_str())).collect();
    Ok(Study::create_with(folder.study(), &info, &values)?)
}

fn announce(out: &Output, config: &Config, folder: &Folder, data: &Data, time: Option<&TimePlan>, scaled: &[Scaled]) {
    let open = time.map_or(Open::default(), |t| t.open);
    let shape = data.shape();
    out.note(&format!(
        "{}: {} images of {}x{}x{} in {} classes to train on, {} to compare networks, {} for the test at the end",
        config.data.name,
        data.train.len(),
        shape.channels,
        shape.height,
        shape.width,
        data.classes.len(),
        data.validation.len(),
        data.test.len()
    ));
    if let Some(method) = &config.search.method {
        out.note(&format!("the method `{method}`, scaled to the budget (`nas methods --explain` has the rule):"));
        let cells = |s: &Scaled| [&s.what, &s.published, &s.here, &s.rule].map(String::clone).to_vec();
        let head = [("", Align::Left), ("published", Align::Left), ("here", Align::Left), ("", Align::Left)];
        out.note(&table(&head, &scaled.iter().map(cells).collect::<Vec<_>>()));
    }
    if objectives::measures_latency(&config.search) {
        out.note(
            "latency is measured on this machine as each trial begins; measured again it is not the same to the bit, nor is \
             what a search makes of it (a resumed search keeps what is recorded)",
        );
        if config.run.jobs > 1 && !config.run.in_process {
            out.warn(&format!("{} trials run at once: their latencies are those of a busy machine", config.run.jobs));
        }
    }
    out.note("this stands for:");
    out.note(&format!("  {}", command_line::wrap(&command_line::search(config, open)).replace('\n', "\n  ")));
    out.note(&format!("results go to {}; Ctrl-C stops, `{}` goes on", show(&folder.path), folder.resume_command()));
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
