//! `nas bench --proxy`: how well zero-cost proxies rank architectures whose accuracy is known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use nas_bench::Table;
use nas_bench::stats::spearman;
use nas_data::{LoadOptions, Normalization};
use nas_nn::proxy::{Minibatch, Proxy};
use nas_space::{Architecture, NetworkConfig, Seed};
use rand::RngExt;
use serde_json::json;

use crate::args::BenchArgs;
use crate::device;
use crate::exit::usage;
use crate::output::Output;
use crate::output::progress::Progress;
use crate::output::table::{Align, table};
use crate::units::{plural, seconds};
use crate::warm_start;

/// What a proxy came to.
struct Ranked {
    proxy: Proxy,
    /// The scores, in the order of the architectures.
    scores: Vec<f64>,
    seconds: f64,
}

/// Scores random architectures of the table by each proxy and correlates the scores with what the table judges by.
pub fn run(args: &BenchArgs, out: Output, table: &Table) -> anyhow::Result<()> {
    let proxies = asked(&args.proxy)?;
    let threads = args.threads.unwrap_or_else(device::cores);
    if threads == 0 {
        return Err(usage("threads = 0: it must be at least 1"));
    }
    device::use_threads(threads)?;
    let name = args.images.as_deref().unwrap_or(table.data());
    let set = nas_data::load(name, &LoadOptions::default())?;
    let images = Arc::new(set.train);
    let all: Arc<Vec<u32>> = Arc::new((0..images.labels.len() as u32).collect());
    let normalization = Normalization::of(&images, &all)?;
    let seed = Seed::new(args.seed).child("proxies");
    let batch = usize::try_from(args.batch_size).unwrap_or(usize::MAX);
    let minibatch = Minibatch::draw(&images, &all, &normalization, batch, seed.child("minibatch"))?;
    let usual = table.space().default_config();
    let network = NetworkConfig {
        input: images.shape,
        classes: set.classes.len(),
        channels: args.channels.unwrap_or(usual.channels),
        layers: args.layers.unwrap_or(usual.layers),
        ..usual
    };
    let (architectures, accuracies) = drawn(table, args.cells, seed.child("architectures"));
    out.note(&format!(
        "{} of {}, {} channels and {} cells, on {} of {name} ({}x{}x{})",
        plural(architectures.len() as u64, "random architecture"),
        table.name(),
        network.channels,
        network.layers,
        plural(batch as u64, "image"),
        images.shape.channels,
        images.shape.height,
        images.shape.width,
    ));
    let ranked = score(out, table, &proxies, &architectures, &network, &minibatch, seed.child("weights"))?;
    print(args, out, table, &network, &accuracies, &ranked);
    Ok(())
}

/// The proxies of a list; `all` stands for every one.
fn asked(names: &[String]) -> anyhow::Result<Vec<Proxy>> {
    let mut proxies = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let more = if name == "all" { Proxy::ALL.to_vec() } else { vec![warm_start::proxy(name)?] };
        proxies.extend(more);
    }
    proxies.dedup();
    Ok(proxies)
}

/// Different random architectures of a table whose accuracy is known, and that accuracy.
fn drawn(table: &Table, count: u64, seed: Seed) -> (Vec<Architecture>, Vec<f64>) {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(table.len());
    let mut rng = seed.rng();
    let mut rows = BTreeSet::new();
    let (mut architectures, mut accuracies) = (Vec::new(), Vec::new());
    // A table that holds a part of its space, or lacks accuracies, may not have so many: a bound on the draws.
    for _ in 0..100 * count {
        if architectures.len() == count {
            break;
        }
        let row = rng.random_range(0..table.len());
        if table.test(row).is_finite() && rows.insert(row) {
            architectures.push(table.architecture(row).clone());
            accuracies.push(table.test(row));
        }
    }
    (architectures, accuracies)
}

fn score(
    out: Output,
    table: &Table,
    proxies: &[Proxy],
    architectures: &[Architecture],
    network: &NetworkConfig,
    minibatch: &Minibatch,
    seed: Seed,
) -> anyhow::Result<Vec<Ranked>> {
    let mut ranked: Vec<Ranked> =
        proxies.iter().map(|&proxy| Ranked { proxy, scores: Vec::new(), seconds: 0.0 }).collect();
    let mut progress = Progress::new(out, architectures.len() as u64, "architectures");
    for (done, architecture) in architectures.iter().enumerate() {
        let graph = table.space().lower(architecture, network)?;
        for one in &mut ranked {
            let start = Instant::now();
            one.scores.push(one.proxy.score(&graph, minibatch, seed)?);
            one.seconds += start.elapsed().as_secs_f64();
        }
        progress.set(done as u64 + 1);
        progress.status(&format!("{} of {} scored", done + 1, architectures.len()));
    }
    progress.finish();
    Ok(ranked)
}

fn print(
    args: &BenchArgs,
    out: Output,
    table_of: &Table,
    network: &NetworkConfig,
    accuracies: &[f64],
    ranked: &[Ranked],
) {
    let count = accuracies.len();
    let each = |one: &Ranked| one.seconds / count.max(1) as f64;
    out.document(&json!({
        "table": table_of.name(),
        "judged_by": table_of.judge(),
        "architectures": count,
        "network": network,
        "batch_size": args.batch_size,
        "seed": args.seed,
        "proxies": ranked.iter().map(|one| json!({
            "proxy": one.proxy.name(),
            "spearman": spearman(&one.scores, accuracies),
            "seconds_each": each(one),
            "without_a_score": one.scores.iter().filter(|score| !score.is_finite()).count(),
        })).collect::<Vec<_>>(),
    }));
    let head = [("proxy", Align::Left), ("Spearman", Align::Right), ("each", Align::Right), ("from", Align::Left)];
    let row = |one: &Ranked| {
        let correlation = spearman(&one.scores, accuracies).map_or("none".into(), |rho| format!("{rho:.3}"));
        vec![one.proxy.name().to_owned(), correlation, seconds(each(one)), one.proxy.source().to_owned()]
    };
    let rows: Vec<Vec<String>> = ranked.iter().map(row).collect();
    out.result(&format!("rank correlation with the {}, {count} architectures", table_of.judge()));
    out.result(&table(&head, &rows));
}
