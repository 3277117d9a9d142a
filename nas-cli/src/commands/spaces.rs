//! `nas spaces`: the search spaces, and the published cells that can be named.

use nas_space::{published_cells, spaces};
use serde_json::json;

use crate::args::ListArgs;
use crate::output::Output;
use crate::output::table::{Align, table};
use crate::units::short;

/// Numbers that no unit reaches are written with an exponent: `1.6e29`.
fn size(architectures: f64) -> String {
    if architectures < 1e15 { short(architectures) } else { format!("{architectures:.1e}") }
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
            "network": s.default_config(),
        })).collect::<Vec<_>>(),
        "published": published_cells().iter().map(|c| json!({ "name": c.name, "source": c.source, "text": c.text }))
            .collect::<Vec<_>>(),
    }));
    let rows: Vec<Vec<String>> = spaces
        .iter()
        .map(|s| {
            let size = s.size().map_or("?".into(), |n| size(n as f64));
            vec![s.name().into(), size, s.decisions().len().to_string(), s.summary().into()]
        })
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
