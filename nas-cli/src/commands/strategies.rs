//! `nas strategies`: the methods that search.

use serde_json::json;

use crate::args::ListArgs;
use crate::exit::usage;
use crate::output::Output;
use crate::output::table::{Align, table};
use crate::units::nearest;

/// Name, what it does, and the paper it comes from.
pub const STRATEGIES: [(&str, &str, &str); 2] = [
    (
        "evolution",
        "regularized evolution: the best of a small sample gets a mutated child, the oldest dies",
        "Real, Aggarwal, Huang & Le 2019",
    ),
    ("random", "uniform random search: the baseline that every method must beat", "Li & Talwalkar 2019"),
];

/// Lists them.
pub fn run(args: &ListArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let list = STRATEGIES.map(|(name, summary, source)| json!({ "name": name, "summary": summary, "source": source }));
    out.document(&json!({ "strategies": list }));
    let rows = STRATEGIES.map(|(name, summary, source)| vec![name.into(), summary.into(), source.into()]);
    out.result("Search strategies (nas search --strategy NAME)");
    out.result(&table(&[("strategy", Align::Left), ("", Align::Left), ("paper", Align::Left)], &rows));
    Ok(())
}

/// Checks a strategy's name.
///
/// # Errors
/// Lists the names, and suggests the nearest.
pub fn check(name: &str) -> anyhow::Result<()> {
    let known = STRATEGIES.map(|(name, _, _)| name);
    if known.contains(&name) {
        return Ok(());
    }
    let hint = nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(usage(format!("there is no search strategy `{name}`; the strategies are {}{hint}", known.join(", "))))
}
