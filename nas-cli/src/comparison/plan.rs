//! A comparison before its first run: which methods, which runs.

use super::{Budget, Comparison, FORMAT, Published, Row, Run, State, VERSION};
use crate::config::Partial;
use crate::exit::usage;
use crate::presets::Preset;
use crate::strategies::{Method, RANDOM};
use crate::units::{parse_seconds, seconds};

/// The shortest budget in time. What is shorter is gone when loading, measuring the speed and the smallest trainings are.
const SHORTEST: f64 = 10.0;

/// A comparison of these methods, random search among them, with nothing run yet.
///
/// # Errors
/// If a method is unknown or named twice, a setting of it makes no sense, or the budget is too small.
pub fn plan(asked: Partial, methods: &[String], seeds: Vec<u64>) -> anyhow::Result<Comparison> {
    let budget = Budget {
        seconds: asked.search.time.as_deref().map(parse_seconds).transpose().map_err(usage)?,
        epochs: asked.search.epochs,
    };
    if let Some(short) = budget.seconds.filter(|time| *time < SHORTEST) {
        return Err(usage(format!(
            "--time {} is too short for a run, which begins by loading the images and measuring the speed; give {} or more",
            seconds(short),
            seconds(SHORTEST)
        )));
    }
    let mut rows: Vec<Row> = Vec::new();
    for text in methods.iter().map(|text| text.trim()).chain([RANDOM]) {
        let again = rows.iter().any(|row| row.method == text);
        if again && text != RANDOM {
            return Err(usage(format!("`{text}` is asked for twice; leave one out")));
        }
        if !again {
            rows.push(row(text, &seeds)?);
        }
    }
    Ok(Comparison {
        format: FORMAT.to_owned(),
        version: VERSION,
        program: crate::PROGRAM.to_owned(),
        state: State::Running,
        data: asked.data.name.clone().unwrap_or_default(),
        test_images: None,
        budget,
        seeds,
        methods: rows,
        asked,
    })
}

/// The search that a run of a method stands for.
///
/// # Errors
/// As [`plan`].
pub fn partial(asked: &Partial, method: &str, seed: u64) -> anyhow::Result<Partial> {
    let (preset, strategy) = read(method)?;
    let mut said = Partial { seed: Some(seed), ..asked.clone() };
    said.search.method = Some(preset.name.to_owned());
    said.search.strategy = strategy;
    Ok(said)
}

/// A method and, where settings were given, the strategy with them.
fn read(text: &str) -> anyhow::Result<(&'static Preset, Option<String>)> {
    let (name, settings) = text.split_once(':').map_or((text, None), |(name, settings)| (name, Some(settings)));
    let preset = Preset::by_name(name.trim())?;
    let strategy = settings.map(|settings| format!("{}:{settings}", preset.strategy_name()));
    if let Some(strategy) = &strategy {
        Method::parse(strategy)?;
    }
    Ok((preset, strategy))
}

fn row(text: &str, seeds: &[u64]) -> anyhow::Result<Row> {
    let (preset, strategy) = read(text)?;
    let p = &preset.published;
    let published = Published {
        model: p.model.to_owned(),
        gpus: p.gpus,
        days: p.gpu_days / f64::from(p.gpus),
        cifar10_error: p.error,
        cifar10_params: p.parameters * 1e6,
        imagenet_error: p.imagenet.as_ref().map(|imagenet| imagenet.error),
        imagenet_params: p.imagenet.as_ref().map(|imagenet| imagenet.parameters * 1e6),
    };
    // The settings of a method become part of a folder's name.
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let run = |seed: &u64| Run {
        seed: *seed,
        folder: format!("runs/{name}-{seed}"),
        state: State::Waiting,
        seconds: 0.0,
        reason: None,
        outcome: None,
    };
    Ok(Row {
        method: text.to_owned(),
        summary: preset.summary.to_owned(),
        authors: preset.authors.to_owned(),
        venue: preset.venue.to_owned(),
        year: preset.year,
        space: preset.space.to_owned(),
        strategy: strategy.unwrap_or_else(|| preset.strategy.to_owned()),
        test_error: None,
        test_error_std: None,
        mirrored_error: None,
        search_seconds: None,
        total_seconds: None,
        trials: None,
        epochs: None,
        params: None,
        flops: None,
        runs: seeds.iter().map(run).collect(),
        published,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(methods: &[&str]) -> anyhow::Result<Comparison> {
        let mut asked = Partial::default();
        asked.search.epochs = Some(4);
        plan(asked, &methods.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), vec![3, 4])
    }

    #[test]
    fn random_search_is_always_there_once() {
        let names = |methods: &[&str]| -> Vec<String> {
            named(methods).unwrap().methods.into_iter().map(|row| row.method).collect()
        };
        assert_eq!(names(&["zoph", "darts"]), ["zoph", "darts", "random"]);
        assert_eq!(names(&["random", "darts"]), ["random", "darts"]);
    }

    #[test]
    fn settings_reach_the_strategy_and_the_name_of_the_folder() {
        let comparison = named(&["amoebanet:population=5", "amoebanet"]).unwrap();
        let folders: Vec<&str> = comparison.runs().map(|run| run.folder.as_str()).collect();
        let theirs = ["runs/amoebanet-population-5-3", "runs/amoebanet-population-5-4", "runs/amoebanet-3"];
        assert_eq!(folders[..3], theirs);
        let one = partial(&comparison.asked, "amoebanet:population=5", 4).unwrap();
        assert_eq!((one.seed, one.search.method.as_deref()), (Some(4), Some("amoebanet")));
        assert_eq!(one.search.strategy.as_deref(), Some("evolution:population=5"));
        assert_eq!(partial(&comparison.asked, "amoebanet", 3).unwrap().search.strategy, None);
    }

    #[test]
    fn what_the_papers_report_stands_beside() {
        let published = named(&["nasnet"]).unwrap().methods[0].published.clone();
        assert_eq!((published.gpus, published.days, published.cifar10_error), (500, 4.0, 2.65));
        assert_eq!((published.model.as_str(), published.imagenet_error), ("NASNet-A", Some(26.0)));
    }
}
