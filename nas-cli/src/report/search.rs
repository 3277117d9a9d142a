//! The page of a run: what was found, what it is worth, how the search went, how to do it again.

use nas_search::{Trial, TrialState};
use nas_space::{Blueprint, Drawing, NetworkConfig};
use serde_json::Value;

use super::page::{Block, Column, Group, Page, Row, Section, Table, Tile};
use super::run::{Facts, Supernet};
use super::weights::{legend, weights};
use super::{FLOP_CONVENTION, learning, trials};
use crate::config::render;
use crate::measured::TOGETHER;
use crate::oneshot::mixed_space;
use crate::run::{accuracy, tabulated};
use crate::strategies::RANDOM;
use crate::units::{count, percent, plural, seconds, short};

/// The page of a run, finished or not.
///
/// # Errors
/// If what was found cannot be drawn.
pub fn page(facts: &Facts) -> anyhow::Result<Page> {
    let config = &facts.config;
    let (kind, title) = if facts.is_search {
        let by = config.search.method.as_deref().unwrap_or(config.search.strategy_name());
        ("architecture search", format!("{} on {}", by, config.data.name))
    } else {
        ("training", format!("Training on {}", config.data.name))
    };
    let mut sections = Vec::new();
    let mut add = |id, title, blocks: Vec<Block>| {
        if !blocks.is_empty() {
            sections.push(Section { id, title, blocks });
        }
    };
    add("result", "Result", result(facts));
    add("architecture", "Architecture", architecture(facts)?);
    let mut course = trials::figures(&facts.arms);
    course.extend(learning::policy(&facts.arms));
    add("search", "Search", course);
    add("supernet", "Supernet", supernet(facts));
    add(
        "hypernetwork",
        "Hypernetwork",
        facts.hypernet.as_ref().map_or_else(Vec::new, |h| learning::hypernet(h, &facts.arms)),
    );
    add("trials", "Best trials", trials::tables(&facts.arms));
    add("training", "Final training", learning::training(&facts.training));
    add("method", "The method, scaled", method(facts));
    add("reproduce", "How to do it again", reproduce(facts));
    add("settings", "Settings", settings(facts));
    Ok(Page {
        kind,
        title,
        about: about(facts),
        unfinished: unfinished(facts),
        sections,
        program: crate::PROGRAM,
        live: false,
    })
}

/// What was done, in a sentence or two.
fn about(facts: &Facts) -> String {
    let config = &facts.config;
    if !facts.is_search {
        return format!("One architecture of the space {}, trained with seed {}.", space_name(facts), config.seed);
    }
    let budget = match (config.search.trials, config.search.epochs, &config.search.time) {
        (Some(trials), _, _) => plural(trials, "trial"),
        (_, Some(epochs), _) => plural(epochs, "epoch"),
        (_, _, Some(time)) => format!("{time} in all"),
        _ => "the published budget".into(),
    };
    format!(
        "The strategy {} in the space {}, with a budget of {budget} and seed {}.",
        config.search.strategy, config.space.name, config.seed
    )
}

fn space_name(facts: &Facts) -> &str {
    facts.blueprint.as_ref().map_or(&facts.config.space.name, Blueprint::space)
}

/// What is missing, and how to go on; nothing of a finished run.
fn unfinished(facts: &Facts) -> Vec<String> {
    if facts.metrics.is_some() {
        return Vec::new();
    }
    let mut done: Vec<String> = Vec::new();
    match &facts.supernet {
        Some(Supernet::Gradient { history, found: None, .. }) => {
            done.push(supernet_so_far(history.last().map(|e| (e.epoch, e.epochs))))
        }
        Some(Supernet::Shared { history, candidates, .. }) if candidates.is_empty() => {
            done.push(supernet_so_far(history.last().map(|e| (e.epoch, e.epochs))));
        }
        _ => {}
    }
    if let Some(found) = facts.hypernet.as_ref().filter(|found| found.best.is_empty()) {
        let (epoch, epochs) = found.history.last().map_or((0, 0), |e| (e.epoch, e.epochs));
        let scored = plural(found.scored.len() as u64, "architecture");
        done.push(format!(
            "the hypernetwork has learned for {epoch} of {} and scored {scored}",
            plural(epochs, "epoch")
        ));
    }
    for arm in facts.arms.iter().filter(|arm| !arm.trials.is_empty()) {
        let over = arm.trials.iter().filter(|t| t.state.is_over()).count() as u64;
        let begun = arm.trials.iter().filter(|t| t.state == TrialState::Running).count() as u64;
        let begun = if begun > 0 { format!(", {begun} begun") } else { String::new() };
        done.push(format!("{}: {} done{begun}", arm.name, plural(over, "trial")));
    }
    if let Some(last) = facts.training.last() {
        done.push(format!("final training: {} of {} done", last.epoch, plural(last.epochs as u64, "epoch")));
    }
    if done.is_empty() {
        done.push("nothing has been measured yet".into());
    }
    let what = if facts.is_search { "search" } else { "training" };
    vec![
        format!("This {what} is not finished; the report shows what there is. So far {}.", done.join("; ")),
        format!("If it was stopped, `{}` goes on with it.", facts.folder.resume_command()),
    ]
}

fn supernet_so_far(last: Option<(u64, u64)>) -> String {
    last.map_or_else(
        || "the supernet is in its first epoch".into(),
        |(epoch, epochs)| format!("the supernet has been trained for {epoch} of {}", plural(epochs, "epoch")),
    )
}

/// The best trial of the strategy's own arm, so far.
fn winner(facts: &Facts) -> Option<&Trial> {
    let complete = |t: &&Trial| t.state == TrialState::Complete && accuracy(t).is_finite();
    let trials = facts.arms.first()?.trials.iter().filter(complete);
    trials.reduce(|best, trial| if accuracy(trial) > accuracy(best) { trial } else { best })
}

fn result(facts: &Facts) -> Vec<Block> {
    let mut tiles = Vec::new();
    if let Some(metrics) = &facts.metrics {
        let (test, network) = (&metrics["test"], &metrics["network"]);
        if let Some(found) = test["accuracy"].as_f64() {
            let remark = format!("{} of {} images, measured once", whole(&test["correct"]), whole(&test["count"]));
            tiles.push(Tile::new("Test accuracy", percent(found), remark));
        }
        if let Some(found) = metrics["test_mirrored"]["accuracy"].as_f64() {
            tiles.push(Tile::new("And mirrored", percent(found), TOGETHER));
        }
        let size: Option<NetworkConfig> = serde_json::from_value(network.clone()).ok();
        let size = size.map_or(String::new(), |n| format!("{} channels, {} cells", n.channels, n.layers));
        tiles.push(Tile::new("Parameters", whole(&metrics["parameters"]), size));
        let flops = metrics["flops"].as_u64().map_or(String::new(), |n| short(n as f64));
        tiles.push(Tile::new("Multiply-adds", flops, "for one image"));
    }
    if let Some(best) = winner(facts) {
        let remark = format!("in the search: trial {} of {}", best.number + 1, best.arm);
        tiles.push(Tile::new("Best validation", percent(accuracy(best)), remark));
    }
    let random = facts.arms.iter().skip(1).flat_map(|arm| &arm.trials).map(accuracy).fold(f64::NEG_INFINITY, f64::max);
    if random.is_finite() {
        tiles.push(Tile::new("Best of random search", percent(random), "validation, the baseline"));
    }
    for arm in facts.arms.iter().filter(|arm| !arm.trials.is_empty()) {
        let over = arm.trials.iter().filter(|t| t.state.is_over()).count() as u64;
        let failed = arm.trials.iter().filter(|t| t.state == TrialState::Failed).count() as u64;
        let took = arm.trials.iter().filter_map(|t| t.seconds).sum();
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let name = if arm.name == RANDOM { "Random trials".into() } else { format!("Trials of {}", arm.name) };
        tiles.push(Tile::new(name, count(over), format!("{} of training{failed}", seconds(took))));
    }
    let mut blocks = vec![];
    if let Some(metrics) = &facts.metrics {
        let took = &metrics["seconds"];
        let parts = [("search", &took["search"]), ("final training", &took["final"])];
        let parts: Vec<String> =
            parts.iter().filter_map(|(name, s)| Some(format!("{} {name}", seconds(s.as_f64()?)))).collect();
        let all: f64 = [&took["search"], &took["final"]].into_iter().filter_map(Value::as_f64).sum();
        tiles.push(Tile::new("Time", seconds(all), parts.join(", ")));
    }
    if !tiles.is_empty() {
        blocks.push(Block::Tiles(tiles));
    }
    if winner(facts).is_some_and(|best| random > accuracy(best)) {
        let name = facts.config.search.strategy_name();
        let kept = if facts.metrics.is_some() {
            format!(" It is in arch-random.json; what was trained is the best of {name}.")
        } else {
            String::new()
        };
        blocks.push(Block::Text(format!("Random search found a better one in its trials.{kept}")));
    }
    blocks.extend(facts.warnings().iter().map(|warning| Block::Text(warning.clone())));
    let found = facts.metrics.as_ref().and_then(|metrics| tabulated::Tabulated::read(&metrics["tabulated"]));
    blocks.extend(found.map(|found| Block::Text(found.sentence())));
    blocks
}

/// A whole number in a document, as people write it.
fn whole(value: &Value) -> String {
    value.as_u64().map_or(String::new(), count)
}

fn architecture(facts: &Facts) -> anyhow::Result<Vec<Block>> {
    let best = winner(facts).map(|trial| Blueprint::Point(trial.proposal.architecture.clone()));
    let Some(blueprint) = facts.blueprint.as_ref().or(best.as_ref()) else { return Ok(Vec::new()) };
    let drawing = Drawing::of(blueprint)?;
    let mut blocks = Vec::new();
    if facts.blueprint.is_none() {
        blocks.push(Block::Text("The best so far.".into()));
    }
    blocks.push(Block::Drawings { title: String::new(), pictures: panels(&drawing) });
    blocks.push(Block::Code(blueprint.text()));
    Ok(blocks)
}

/// A picture for each panel of a drawing, so that they stand below one another where the page is narrow.
pub fn panels(drawing: &Drawing) -> Vec<String> {
    let one = |panel: &nas_space::draw::Panel| Drawing { panels: vec![panel.clone()], ..drawing.clone() };
    drawing.panels.iter().map(|panel| one(panel).to_svg()).collect()
}

fn supernet(facts: &Facts) -> Vec<Block> {
    match &facts.supernet {
        None => Vec::new(),
        Some(Supernet::Shared { history, .. }) if history.is_empty() => Vec::new(),
        Some(Supernet::Shared { history, candidates, .. }) => {
            let mut blocks = learning::shared(history);
            if let Some(best) = candidates.first() {
                blocks.push(Block::Text(format!(
                    "At the end {} were compared on shared weights; the best has {} there.",
                    plural(candidates.len() as u64, "different candidate"),
                    percent(best.accuracy)
                )));
            }
            blocks
        }
        Some(Supernet::Gradient { history, .. }) if history.is_empty() => Vec::new(),
        Some(Supernet::Gradient { history, found, .. }) => {
            let mut blocks = learning::gradient(history);
            // A study of a space that this program does not know could not have been read.
            let Ok(space) = mixed_space(&facts.config.space.name) else { return blocks };
            blocks.push(Block::Text(legend(space.as_ref(), history)));
            blocks.extend(weights(space.as_ref(), history, found.as_ref()).into_iter().map(Block::Weights));
            blocks
        }
    }
}

fn method(facts: &Facts) -> Vec<Block> {
    let Some((name, scaled)) = &facts.method else { return Vec::new() };
    let row = |s: &crate::presets::Scaled| Row::of([&s.what, &s.published, &s.here, &s.rule].map(String::clone));
    vec![
        Block::Text(format!("The method {name}, and every number in which this search differs from its paper.")),
        Block::Table(Table {
            head: ["", "published", "here", "rule"].map(Column::text).to_vec(),
            rows: scaled.iter().map(row).collect(),
            ..Table::default()
        }),
    ]
}

fn reproduce(facts: &Facts) -> Vec<Block> {
    let mut blocks = Vec::new();
    let seed = facts.config.seed;
    let program = facts.program.as_deref().unwrap_or("another version");
    if let Some(command) = &facts.command {
        let same = match &facts.config.search.time {
            None => "The same seed gives the same bits, at any number of workers and threads.",
            Some(_) => {
                "The budget is in time, so another run makes the same trials in the same order, but as many as fit into it."
            }
        };
        blocks.push(Block::Text(format!("{program}, seed {seed}. {same}")));
        blocks.push(Block::Code(command.trim_end().to_owned()));
    } else {
        blocks.push(Block::Text(format!("{program}, seed {seed}, with the settings below.")));
    }
    blocks.push(Block::Text(format!("Multiply-adds are {FLOP_CONVENTION}.")));
    blocks
}

/// The resolved configuration.
fn settings(facts: &Facts) -> Vec<Block> {
    vec![pairs(&render(&facts.config, "").parse().unwrap_or_default())]
}

/// Settings, section by section.
pub fn pairs(settings: &toml::Table) -> Block {
    let shown = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut groups = vec![Group { title: "general".into(), pairs: Vec::new() }];
    for (name, value) in settings {
        match value {
            toml::Value::Table(section) => groups.push(Group {
                title: name.clone(),
                pairs: section.iter().map(|(key, value)| (key.clone(), shown(value))).collect(),
            }),
            other => groups[0].pairs.push((name.clone(), shown(other))),
        }
    }
    groups.retain(|group| !group.pairs.is_empty());
    Block::Pairs(groups)
}
