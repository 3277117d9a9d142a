//! Many runs of several strategies on a table, over threads, with the same result at any number of them.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nas_search::{Budget, Evaluator, Failure, Job, Measurement, Progress, Settings, Strategy, run_in_memory};
use nas_space::Seed;

use crate::curves::{Curve, Curves, Front, curve};
use crate::{BenchError, Table, TableEvaluator};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Make<'a> = Box<dyn Fn(Seed) -> Result<Box<dyn Strategy>, Error> + Sync + 'a>;

/// A strategy under test: its name and how a fresh one is made from a seed.
pub struct Contestant<'a> {
    name: String,
    make: Make<'a>,
}

impl<'a> Contestant<'a> {
    /// A contestant. Of run `r`, every contestant gets the same seed, so that runs can be compared in pairs.
    pub fn new(name: impl Into<String>, make: impl Fn(Seed) -> Result<Box<dyn Strategy>, Error> + Sync + 'a) -> Self {
        Self { name: name.into(), make: Box::new(make) }
    }
}

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How many queries of the table each run may make. A query trains for [`Table::query_epochs`]; longer and shorter
    /// trainings count by their epochs.
    pub queries: u64,
    /// How many runs of each strategy.
    pub runs: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// How many queries may be out when the next is proposed.
    pub lag: u64,
    /// Threads; nothing in the result depends on them.
    pub threads: usize,
}

impl Default for Plan {
    /// 100 runs of 100 queries one after another, on every core.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { queries: 100, runs: 100, seed: 0, lag: 0, threads }
    }
}

/// Runs every contestant as often as planned.
///
/// A query is paid for each time it is made: a strategy that asks for the same architecture twice gets nothing for it. What
/// the table does not hold costs nothing, and the strategy is told of a failed trial.
///
/// # Errors
/// A plan without runs or queries, and the first strategy that fails, by its place in the list and then by run.
pub fn repeat(table: &Arc<Table>, contestants: &[Contestant<'_>], plan: &Plan) -> Result<Vec<Curves>, BenchError> {
    for (setting, value) in [("queries", plan.queries), ("runs", plan.runs)] {
        if value == 0 {
            let reason = "there must be one at least".into();
            return Err(BenchError::Setting { setting, value: "0".into(), reason });
        }
    }
    let front = table.costs().is_some().then(|| Front::of(table));
    let runs = usize::try_from(plan.runs).unwrap_or(usize::MAX);
    let jobs = contestants.len() * runs;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return done;
            }
            let (contestant, run) = (&contestants[job / runs], (job % runs) as u64);
            let result = one(table, contestant, run, plan, front.as_ref());
            let failed = result.is_err();
            done.push((job, result));
            if failed {
                // The others finish what they are at, and nobody begins anything new.
                next.store(jobs, Ordering::Relaxed);
            }
        }
    };
    let mut results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads.clamp(1, jobs.max(1))).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
    });
    results.sort_by_key(|(job, _)| *job);
    let curves: Vec<Curve> = results.into_iter().map(|(_, result)| result).collect::<Result<_, _>>()?;
    let mut curves = curves.into_iter();
    let grouped = contestants.iter().map(|contestant| Curves::new(contestant.name.clone(), curves.by_ref().take(runs)));
    Ok(grouped.collect())
}

/// How many proposals may come on one query: in a table of a part of its space most are not in it.
const PROPOSALS: u64 = 1000;

/// Stops the run when its queries are used up. What the table cannot answer costs nothing.
struct Metered {
    inner: TableEvaluator,
    left: u64,
    stop: Arc<AtomicBool>,
}

impl Evaluator for Metered {
    fn evaluate(&mut self, job: &Job, progress: &mut Progress<'_>) -> Result<Measurement, Failure> {
        let measurement = self.inner.evaluate(job, progress)?;
        self.left = self.left.saturating_sub(measurement.epochs);
        self.stop.store(self.left == 0, Ordering::Relaxed);
        Ok(measurement)
    }
}

/// One run of one contestant.
fn one(
    table: &Arc<Table>,
    contestant: &Contestant<'_>,
    run: u64,
    plan: &Plan,
    front: Option<&Front>,
) -> Result<Curve, BenchError> {
    let failed = |source: Error| BenchError::Strategy { strategy: contestant.name.clone(), run, source };
    let seed = Seed::new(plan.seed).child("run").index(run);
    let mut strategy = (contestant.make)(seed.child("strategy")).map_err(failed)?;
    let stop = Arc::new(AtomicBool::new(false));
    let limit = plan.queries.saturating_mul(table.query_epochs());
    let mut evaluator = Metered { inner: TableEvaluator::new(Arc::clone(table)), left: limit, stop: Arc::clone(&stop) };
    let settings = Settings {
        reuse_twins: false,
        give_up_after: u64::MAX,
        stop,
        ..Settings::new(strategy.name(), Budget::trials(plan.queries.saturating_mul(PROPOSALS)), "")
    };
    let space = table.space();
    let outcome = run_in_memory(space.as_ref(), strategy.as_mut(), &mut evaluator, seed.value(), plan.lag, &settings)
        .map_err(|e| failed(e.into()))?;
    Ok(curve(table, strategy.as_ref(), &outcome.trials, plan.queries, front))
}
