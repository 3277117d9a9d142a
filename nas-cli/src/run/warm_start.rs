//! The warm start of an arm: random architectures are scored by a proxy once, and the study keeps the best of them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use anyhow::Context;
use nas_nn::proxy::Proxy;
use nas_search::{Study, random_proposal};
use nas_space::Architecture;
use serde::{Deserialize, Serialize};

use super::Run;
use super::clock::{self, Clock};
use crate::output::progress::Progress;
use crate::recipe;
use crate::strategies::Method;
use crate::units::{plural, seconds};
use crate::warm_start;

/// The key under which a study keeps what was scored.
const KEY: &str = "nas/warm_start";

/// The key under which a study keeps the seconds that scoring has used so far.
const SECONDS: &str = "nas/warm_start_seconds";

/// What the scoring came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warm {
    /// The proxy's name.
    pub proxy: String,
    /// Different random architectures scored.
    pub scored: u64,
    /// The best of them, the best first, which are the arm's first trials.
    pub first: Vec<Architecture>,
    /// Their scores.
    pub scores: Vec<f64>,
    /// Seconds it took.
    pub seconds: f64,
}

/// What the study holds of a warm start.
pub fn known(study: &Study) -> anyhow::Result<Option<Warm>> {
    let text = study.get(KEY)?;
    text.map(|text| serde_json::from_str(&text).context("the study's warm start cannot be read")).transpose()
}

/// Seconds that a warm start took.
pub fn seconds_used(study: &Study) -> anyhow::Result<f64> {
    known(study)?.map_or_else(|| clock::seconds_used(study, SECONDS), |warm| Ok(warm.seconds))
}

/// The warm start that the search asks for, scored now or found in the study.
pub fn begin(run: &Run, study: &Study) -> anyhow::Result<Option<Warm>> {
    let Some(text) = &run.config.search.warm_start else { return Ok(None) };
    if let Some(known) = known(study)? {
        return Ok(Some(known));
    }
    let asked = warm_start::parse(text)?;
    let method = Method::parse(&run.config.search.strategy)?;
    // As many as the strategy begins with at random.
    let handed = method.number("population")?.unwrap_or(run.config.search.population);
    let warm = score(run, asked, handed, Clock::of_study(study, SECONDS)?)?;
    let names = [plural(warm.scored, "random architecture"), plural(warm.first.len() as u64, "trial")];
    run.out.note(&format!(
        "\nwarm start: {} scored by {} in {}; the best are the first {}",
        names[0],
        warm.proxy,
        seconds(warm.seconds),
        names[1],
    ));
    study.set(KEY, &serde_json::to_string(&warm)?)?;
    Ok(Some(warm))
}

/// Scores random architectures, each network once, and keeps the best.
fn score(run: &Run, asked: warm_start::WarmStart, handed: usize, mut clock: Clock<'_>) -> anyhow::Result<Warm> {
    let space = run.space()?;
    let network = recipe::trial_network(&run.config, &run.data);
    let minibatch = recipe::minibatch(&run.config, &run.data)?;
    let seed = recipe::strategy_seed(&run.config).child("warm start");
    let mut progress = Progress::new(run.out, asked.scored, "warm start");
    let (mut seen, mut scored) = (BTreeSet::new(), Vec::new());
    for number in 0..asked.scored {
        if run.stop.load(Ordering::Relaxed) {
            progress.finish();
            clock.keep()?;
            return Err(run.interrupted());
        }
        let architecture = random_proposal(space.as_ref(), seed, number);
        if seen.insert(space.canonical(&architecture)) {
            // What cannot be built or scored is no beginning.
            let score = space
                .lower(&architecture, &network)
                .map_err(nas_nn::NnError::from)
                .and_then(|graph| asked.proxy.score(&graph, &minibatch, seed.child("weights")))?;
            scored.push((score, architecture));
        }
        progress.set(number + 1);
        clock.note_now_and_then();
    }
    progress.finish();
    clock.keep()?;
    Ok(best(asked.proxy, scored, handed, clock.used()))
}

/// The best of what was scored, the earlier of equals first; what came out as no number is never among them.
fn best(proxy: Proxy, mut scored: Vec<(f64, Architecture)>, handed: usize, seconds: f64) -> Warm {
    let count = scored.len() as u64;
    scored.retain(|(score, _)| score.is_finite());
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.truncate(handed);
    let (scores, first) = scored.into_iter().unzip();
    Warm { proxy: proxy.name().to_owned(), scored: count, first, scores, seconds }
}
