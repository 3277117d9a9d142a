//! `nas strategies`: the methods that search, and how trials are measured.

use serde_json::json;

use crate::args::ListArgs;
use crate::evaluators;
use crate::output::Output;
use crate::output::table::{Align, table};
use crate::strategies::{KNOWN, Known};

/// Lists them.
pub fn run(args: &ListArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let settings = |list: &[(&str, &str)]| -> Vec<_> {
        list.iter().map(|(key, summary)| json!({ "key": key, "summary": summary })).collect()
    };
    let document = |list: &[Known]| -> Vec<_> {
        let one = |known: &Known| {
            json!({
                "name": known.name,
                "summary": known.summary,
                "source": known.source,
                "settings": settings(known.settings),
            })
        };
        list.iter().map(one).collect()
    };
    out.document(&json!({ "strategies": document(KNOWN), "evaluators": document(evaluators::KNOWN) }));
    let rows = |list: &[Known]| -> Vec<_> {
        list.iter().map(|known| vec![known.name.into(), known.summary.into(), known.source.into()]).collect()
    };
    out.result("Search strategies (nas search --strategy NAME)");
    out.result(&table(&[("strategy", Align::Left), ("", Align::Left), ("paper", Align::Left)], &rows(KNOWN)));
    out.result("\nHow trials are measured (nas search --evaluator NAME)");
    let head = [("evaluator", Align::Left), ("", Align::Left), ("paper", Align::Left)];
    out.result(&table(&head, &rows(evaluators::KNOWN)));
    let rows: Vec<_> = KNOWN
        .iter()
        .chain(evaluators::KNOWN)
        .flat_map(|known| {
            known.settings.iter().map(|(key, about)| vec![format!("{}:{key}=", known.name), (*about).into()])
        })
        .collect();
    out.result("\nWhat can be set, joined by colons (--strategy evolution:population=20:sample=5)");
    out.result(&table(&[("setting", Align::Left), ("", Align::Left)], &rows));
    Ok(())
}
