//! `nas spaces`: the search spaces, and the published cells that can be named.

use nas_space::{SearchSpace, published_cells, spaces};
use serde_json::json;

use crate::args::ListArgs;
use crate::output::Output;
use crate::output::table::{Align, table};
use crate::units::short;

/// How many architectures a space has. Numbers that no unit reaches are written with an exponent: `1.6e29`.
fn size(space: &dyn SearchSpace) -> String {
    match (space.size(), space.size_log10()) {
        (Some(size), _) if size < 1_000_000_000_000_000 => short(size as f64),
        (_, Some(log10)) => format!("{:.1}e{}", 10_f64.powf(log10.fract()), log10.trunc()),
        _ => "?".into(),
    }
}

/// Lists them.
pub fn run(args: &ListArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let spaces = spaces::all();
    out.document(&json!({
        "spaces": spaces.iter().map(|s| json!({
            "name": s.name(),
            "summary": s.summary(),
            "decisions": s.decisions().len(),
            // As text: the number may be larger than what JSON readers keep exactly.
            "architectures": s.size().map(|n| n.to_string()),
            "architectures_log10": s.size_log10(),
            "network": s.default_config(),
        })).collect::<Vec<_>>(),
        "published": published_cells().iter().map(|c| json!({ "name": c.name, "source": c.source, "text": c.text }))
            .collect::<Vec<_>>(),
    }));
    let rows: Vec<Vec<String>> = spaces
        .iter()
        .map(|s| vec![s.name().into(), size(*s), s.decisions().len().to_string(), s.summary().into()])
        .collect();
    out.result("Search spaces (nas search --space NAME)");
    let head =
        [("space", Align::Left), ("architectures", Align::Right), ("decisions", Align::Right), ("", Align::Left)];
    out.result(&table(&head, &rows));
    let rows: Vec<Vec<String>> = published_cells().iter().map(|c| vec![c.name.into(), c.source.into()]).collect();
    out.result("\nPublished cells (nas show NAME, nas train NAME)");
    out.result(&table(&[("cell", Align::Left), ("", Align::Left)], &rows));
    Ok(())
}
