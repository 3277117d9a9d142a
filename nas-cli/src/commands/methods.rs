//! `nas methods`: the methods of the papers, and the recipes of their trainings.

use serde_json::json;

use crate::args::MethodsArgs;
use crate::output::table::{Align, pairs, table};
use crate::output::{Output, line};
use crate::presets::{PRESETS, Preset, RECIPES, RULE, Recipe};
use crate::units::count;

/// Lists them.
pub fn run(args: &MethodsArgs) -> anyhow::Result<()> {
    if args.explain {
        line(RULE.trim_end());
        return Ok(());
    }
    let out = Output::new(args.json, false);
    out.document(&json!({
        "methods": PRESETS.iter().map(method).collect::<Vec<_>>(),
        "recipes": RECIPES.iter().map(recipe).collect::<Vec<_>>(),
    }));
    let name = |p: &Preset| vec![p.name.into(), format!("{} {}", p.authors, p.year), p.summary.into()];
    out.result("Methods of papers (nas search --method NAME)");
    let head = [("method", Align::Left), ("paper", Align::Left), ("", Align::Left)];
    out.result(&table(&head, &PRESETS.iter().map(name).collect::<Vec<_>>()));

    out.result("\nWhat they are made of, and what the papers report on CIFAR-10");
    let head = [
        ("method", Align::Left),
        ("space", Align::Left),
        ("strategy", Align::Left),
        ("networks", Align::Right),
        ("epochs", Align::Right),
        ("GPU days", Align::Right),
        ("test error", Align::Right),
        ("parameters", Align::Right),
    ];
    out.result(&table(&head, &PRESETS.iter().map(row).collect::<Vec<_>>()));
    out.result(&notes(PRESETS.iter().map(|p| (p.name, p.published.note))));

    out.result("\nRecipes of their last trainings (nas train ARCH --recipe NAME)");
    let head = [
        ("recipe", Align::Left),
        ("channels", Align::Right),
        ("layers", Align::Right),
        ("epochs", Align::Right),
        ("batch", Align::Right),
        ("rate", Align::Right),
        ("schedule", Align::Left),
        ("optimiser", Align::Left),
        ("decay", Align::Right),
        ("", Align::Left),
    ];
    out.result(&table(&head, &RECIPES.iter().map(recipe_row).collect::<Vec<_>>()));
    out.result(&notes(RECIPES.iter().map(|r| (r.name, r.note))));
    out.result(
        "\nA search has a smaller budget than the papers: `nas methods --explain` says what is scaled, and how.",
    );
    Ok(())
}

/// What there is to say of some, a line each.
fn notes<'a>(of: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let said: Vec<(&str, String)> = of.filter(|(_, note)| !note.is_empty()).map(|(name, n)| (name, n.into())).collect();
    pairs(&said)
}

fn row(preset: &Preset) -> Vec<String> {
    let p = &preset.published;
    vec![
        preset.name.into(),
        preset.space.into(),
        preset.strategy.into(),
        p.networks.map_or("one for all".into(), count),
        p.epochs.map_or("?".into(), |epochs| epochs.to_string()),
        format!("{}", p.gpu_days),
        format!("{:.2} %", p.error),
        format!("{} M", p.parameters),
    ]
}

fn recipe_row(recipe: &Recipe) -> Vec<String> {
    vec![
        recipe.name.into(),
        recipe.size.channels.to_string(),
        recipe.size.layers.to_string(),
        recipe.epochs.to_string(),
        recipe.batch_size.to_string(),
        recipe.learning_rate.to_string(),
        recipe.schedule.into(),
        recipe.optimizer.into(),
        recipe.weight_decay.to_string(),
        recipe.source.into(),
    ]
}

fn method(preset: &Preset) -> serde_json::Value {
    let p = &preset.published;
    json!({
        "name": preset.name,
        "summary": preset.summary,
        "authors": preset.authors,
        "venue": preset.venue,
        "year": preset.year,
        "space": preset.space,
        "strategy": preset.strategy,
        "recipe": preset.recipe,
        "published": {
            "data": "cifar10",
            "networks": p.networks,
            "epochs": p.epochs,
            "images": p.images,
            "channels": p.size.map(|size| size.channels),
            "layers": p.size.map(|size| size.layers),
            "model": p.model,
            "gpus": p.gpus,
            "gpu_days": p.gpu_days,
            "test_error_percent": p.error,
            "parameters_millions": p.parameters,
            "imagenet": p.imagenet.as_ref().map(|imagenet| json!({
                "top1_error_percent": imagenet.error,
                "parameters_millions": imagenet.parameters,
            })),
            "note": p.note,
        },
    })
}

fn recipe(recipe: &Recipe) -> serde_json::Value {
    json!({
        "name": recipe.name,
        "source": recipe.source,
        "note": recipe.note,
        "channels": recipe.size.channels,
        "layers": recipe.size.layers,
        "stem": recipe.stem,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "schedule": recipe.schedule,
        "optimizer": recipe.optimizer,
        "momentum": recipe.momentum,
        "nesterov": recipe.nesterov,
        "weight_decay": recipe.weight_decay,
        "label_smoothing": recipe.label_smoothing,
        "clip_norm": recipe.clip_norm,
        "drop_path": recipe.drop_path,
        "auxiliary": recipe.auxiliary,
        "cutout": recipe.cutout,
    })
}
