//! `nas bench`: every strategy many times on a table, and what came of it as a table, as JSON, as curves.

mod proxies;
mod report;

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nas_bench::{Contestant, Costs, Plan, Table, repeat};
use nas_search::files::write_atomically;
use nas_search::pareto::Objective;
use nas_space::Seed;

use crate::args::BenchArgs;
use crate::exit::usage;
use crate::output::Output;
use crate::strategies::{Epochs, Method, RANDOM, Task};
use crate::units::{plural, seconds};

/// The environment variable that names the folder of tables.
const FOLDER: &str = "NAS_TABLES";

/// Compares strategies.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    if !args.proxy.is_empty() {
        return proxies::run(args, out, &open(args)?);
    }
    let methods = methods(&args.strategy)?;
    let start = Instant::now();
    let table = Arc::new(open(args)?);
    let loaded = start.elapsed().as_secs_f64();
    out.note(&format!(
        "{}: {} on {}, read in {}",
        table.name(),
        plural(table.len() as u64, "architecture"),
        table.data(),
        seconds(loaded)
    ));
    let task = |seed: Seed| Task {
        space: table.space(),
        seed,
        trials: args.queries,
        epochs: Epochs::Only(table.epochs()),
        objectives: vec![
            Objective::Accuracy,
            if table.costs().is_some() { Objective::Latency } else { Objective::Parameters },
        ],
    };
    // Once before anything runs, so that a wrong setting is named plainly.
    for method in &methods {
        method.make(&task(Seed::new(args.seed)))?;
    }
    let contestants: Vec<Contestant<'_>> = methods
        .iter()
        .map(|method| Contestant::new(method.to_string(), |seed| method.make(&task(seed)).map_err(Into::into)))
        .collect();
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    if threads == 0 {
        return Err(usage("threads = 0: it must be at least 1"));
    }
    let plan = Plan { queries: args.queries, runs: args.runs, seed: args.seed, lag: args.lag, threads };
    let start = Instant::now();
    let curves = repeat(&table, &contestants, &plan)?;
    out.note(&format!(
        "{} of {} each, {}",
        plural(args.runs * methods.len() as u64, "run"),
        plural(args.queries, "query").replace("querys", "queries"),
        seconds(start.elapsed().as_secs_f64())
    ));
    let report = report::Report { table: &table, plan, methods: &methods, curves: &curves };
    out.document(&report.document());
    out.result(&report.text());
    if let Some(path) = &args.svg {
        write_atomically(path, report.svg().as_bytes())?;
        out.note(&format!("curves drawn into {}", path.display()));
    }
    Ok(())
}

/// The strategies asked for, random search at the end if it was not.
fn methods(asked: &[String]) -> anyhow::Result<Vec<Method>> {
    let mut methods: Vec<Method> = Vec::new();
    for text in asked.iter().map(String::as_str).chain([RANDOM]) {
        let method = Method::parse(text)?;
        let again = methods.iter().any(|known| known.to_string() == method.to_string());
        if again && text != RANDOM {
            return Err(usage(format!("`{text}` is asked for twice; leave one out")));
        }
        if !again {
            methods.push(method);
        }
    }
    Ok(methods)
}

/// Opens the table, with the costs that were asked for.
fn open(args: &BenchArgs) -> anyhow::Result<Table> {
    let folder = std::env::var_os(FOLDER);
    let folder = folder.as_deref().map(Path::new);
    let table = Table::open(&args.table, args.data.as_deref(), args.file.as_deref(), folder)?;
    Ok(match &args.cost {
        Some(cost) => table.with_costs(Costs::open(&args.table, cost, args.cost_table.as_deref(), folder)?)?,
        None => table,
    })
}
