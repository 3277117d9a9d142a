//! Several lengths of training on a table: what they cost, and who is chosen.

use std::sync::Arc;

use nas_bench::{Contestant, Plan, Table, repeat, synthetic};
use nas_search::{HalvingConfig, RandomSearch, SuccessiveHalving};

fn contestants(table: &Table) -> [Contestant<'static>; 2] {
    let (space, other) = (table.space(), table.space());
    let config = HalvingConfig { rungs: table.epochs(), reduction: 8, bracket: None };
    [
        Contestant::new("asha", move |seed| {
            Ok(Box::new(SuccessiveHalving::new(Arc::clone(&space), config.clone(), seed)?))
        }),
        Contestant::new("random", move |seed| Ok(Box::new(RandomSearch::new(Arc::clone(&other), seed)))),
    ]
}

#[test]
fn a_long_training_counts_by_its_epochs() {
    let table = Arc::new(synthetic());
    let curves = repeat(&table, &contestants(&table), &Plan { queries: 100, runs: 30, ..Plan::default() }).unwrap();
    let [asha, random] = &curves[..] else { panic!("two were run") };
    // Eight short trainings as in random search, then a long one of 200 epochs, which takes 16 queries and two thirds and
    // says nothing before it has ended.
    assert_eq!(asha.test_at(8), random.test_at(8));
    assert_eq!(asha.test_at(24), asha.test_at(8));
    assert_ne!(random.test_at(24), random.test_at(8));
    // It trains the one longer that is the best so far: the choice stays the same.
    assert_eq!(asha.test_at(25), asha.test_at(8));
    assert_ne!(asha.test_at(100), asha.test_at(25));
}
