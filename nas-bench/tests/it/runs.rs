//! Repeated runs: the same at any number of threads, judged by what the search did not see.

use std::sync::Arc;

use nas_bench::{BenchError, Contestant, Costs, Curves, Plan, Table, repeat, synthetic};
use nas_search::{
    Evaluator, Failure, Job, Measurement, Proposal, RandomSearch, SearchError, Strategy, Trial, random_proposal,
};
use nas_space::Seed;

fn random(table: &Table) -> Contestant<'static> {
    let space = table.space();
    Contestant::new("random", move |seed| Ok(Box::new(RandomSearch::new(Arc::clone(&space), seed))))
}

fn run(table: &Arc<Table>, plan: Plan) -> Vec<Curves> {
    repeat(table, &[random(table)], &plan).unwrap()
}

#[test]
fn threads_change_no_bit() {
    let table =
        Arc::new(synthetic().with_costs(Costs::open("synthetic", "raspi4_latency", None, None).unwrap()).unwrap());
    let plan = Plan { queries: 40, runs: 9, seed: 5, lag: 2, threads: 1 };
    let all = |curves: &[Curves]| -> Vec<_> {
        (1..=40).map(|n| (curves[0].test_at(n), curves[0].hypervolume_at(n).unwrap())).collect()
    };
    let one = all(&run(&table, plan));
    assert_eq!(all(&run(&table, Plan { threads: 4, ..plan })), one);
    assert_ne!(all(&run(&table, Plan { seed: 6, ..plan })), one);
}

#[test]
fn the_choice_is_made_by_what_was_seen_and_judged_by_what_was_not() {
    let table = Arc::new(synthetic());
    let curves = run(&table, Plan { queries: 25, runs: 6, seed: 3, lag: 0, threads: 2 });
    for queries in [1, 2, 25] {
        let tests: Vec<f64> = (0..6)
            .map(|run| {
                let seed = Seed::new(3).child("run").index(run).child("strategy");
                let rows = (0..queries).map(|n| table.row(&random_proposal(table.space().as_ref(), seed, n)).unwrap());
                let seen = |row: &usize| table.validation(*row, 12).unwrap();
                table.test(rows.reduce(|best, row| if seen(&row) > seen(&best) { row } else { best }).unwrap())
            })
            .collect();
        let summary = curves[0].test_at(queries as usize);
        assert_eq!(summary.mean, tests.iter().sum::<f64>() / 6.0, "after {queries} queries");
    }
    assert_eq!((curves[0].runs(), curves[0].queries()), (6, 25));
    assert!(curves[0].hypervolume_at(3).is_none() && curves[0].seconds_at(3).is_none());
    assert!(curves[0].test_at(26).mean.is_nan() && curves[0].test_at(0).mean.is_nan());
}

#[test]
fn equal_contestants_do_not_differ() {
    let table = Arc::new(synthetic());
    let curves =
        repeat(&table, &[random(&table), random(&table)], &Plan { queries: 10, runs: 8, ..Plan::default() }).unwrap();
    let difference = curves[0].against(&curves[1], 10);
    assert_eq!((difference.mean, difference.low, difference.high), (0.0, 0.0, 0.0));
}

#[test]
fn a_table_measures_what_it_holds_and_nothing_else() {
    let table = Arc::new(synthetic());
    let mut evaluator = nas_bench::TableEvaluator::new(Arc::clone(&table));
    let architecture = table.architecture(123).clone();
    let mut job = Job { id: 0, architecture, seed: 0, epochs: None, folder: "unused".into() };
    let mut measure = |job: &Job| evaluator.evaluate(job, &mut |_, _| true);
    let seen: Measurement = measure(&job).unwrap();
    assert_eq!((Some(seen.accuracy), seen.epochs), (table.validation(123, 12), 12));
    job.epochs = Some(200);
    assert_eq!(Some(measure(&job).unwrap().accuracy), table.validation(123, 200));
    job.epochs = Some(50);
    let refused: Failure = measure(&job).unwrap_err();
    assert!(refused.reason.contains("after 50 epochs; it may have some after 12, 200"), "{}", refused.reason);
    job.architecture.space = "darts".into();
    assert!(measure(&job).unwrap_err().reason.contains("has no row for"));
}

/// A strategy that gives up in one of its runs.
struct Fails(RandomSearch);

impl Strategy for Fails {
    fn name(&self) -> &str {
        "fails"
    }

    fn ask(&mut self, numbers: std::ops::Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        match numbers.start {
            7 => Err(SearchError::NoBudget),
            _ => self.0.ask(numbers),
        }
    }

    fn tell(&mut self, _: &[Trial]) -> Result<(), SearchError> {
        Ok(())
    }

    fn save(&self) -> Result<serde_json::Value, SearchError> {
        self.0.save()
    }

    fn load(&mut self, state: &serde_json::Value) -> Result<(), SearchError> {
        self.0.load(state)
    }
}

#[test]
fn failures_and_impossible_plans_are_errors() {
    let table = Arc::new(synthetic());
    let error =
        |plan: Plan, contestant: Contestant<'_>| repeat(&table, &[contestant], &plan).err().unwrap().to_string();
    let plan = Plan { queries: 10, runs: 3, ..Plan::default() };
    assert_eq!(error(Plan { runs: 0, ..plan }, random(&table)), "runs = 0: there must be one at least");
    assert_eq!(error(Plan { queries: 0, ..plan }, random(&table)), "queries = 0: there must be one at least");
    let fails = Contestant::new("it", |seed| Ok(Box::new(Fails(RandomSearch::new(table.space(), seed)))));
    assert!(error(plan, fails).starts_with("strategy `it`, run 0: the search has no budget"));
    let unmade = Contestant::new("it", |_| Err("nothing to make".into()));
    assert_eq!(error(plan, unmade), "strategy `it`, run 0: nothing to make");
    assert!(matches!(nas_bench::known("x"), Err(BenchError::UnknownTable { .. })));
}
