//! The measured tables: facts that the literature knows of them.

use std::path::Path;
use std::sync::Arc;

use nas_bench::{Contestant, Costs, Plan, Table, repeat};
use nas_search::RandomSearch;
use nas_space::SearchSpace;
use nas_space::spaces::{NasBench101, NasBench201};

fn open(folder: &Path, data: &str) -> Table {
    Table::open("nasbench201", Some(data), None, Some(folder)).unwrap()
}

#[test]
fn nasbench201_has_the_best_cells_and_anchors_that_are_known() {
    let Some(folder) = crate::tables() else { return };
    for (data, index, test) in [("cifar10", 6111, 94.373), ("cifar100", 9930, 73.513), ("imagenet16", 857, 47.311)] {
        let best = open(&folder, data).optimum();
        assert_eq!(NasBench201.index(&best.architecture).unwrap(), index, "{data}");
        assert!((100.0 * best.test - test).abs() < 1e-3, "{data}: {}", best.test);
    }
    let table = open(&folder, "cifar10");
    assert!((100.0 * table.mean_test() - 87.063).abs() < 1e-3);
    // All 3x3 convolutions, and the cell that DARTS falls into there.
    let conv = NasBench201.architecture(1462).unwrap();
    assert!((100.0 * table.test(table.row(&conv).unwrap()) - 93.76).abs() < 0.01);
    assert_eq!(table.parameters(table.row(&conv).unwrap()), 1_531_546);
    let skip = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|";
    let skip = table.row(&NasBench201.parse(skip).unwrap()).unwrap();
    assert!((100.0 * table.test(skip) - 54.30).abs() < 0.01);
    assert_eq!(open(&folder, "cifar100").epochs(), [12], "no validation accuracy of CIFAR-100 after 200 epochs");
    assert_eq!(open(&folder, "imagenet16").epochs(), [12], "that of ImageNet16-120 has gaps");
}

#[test]
fn nasbench_macro_has_the_best_network_that_is_known() {
    let Some(folder) = crate::tables() else { return };
    let table = Table::open("nasbench-macro", None, None, Some(&folder)).unwrap();
    let best = table.optimum();
    let known = table.space().parse("22212220").unwrap();
    assert_eq!(
        table.space().canonical(&best.architecture),
        table.space().canonical(&known),
        "one of two equal networks"
    );
    assert!((100.0 * best.test - 93.1267).abs() < 1e-3 && (100.0 * table.mean_test() - 90.247).abs() < 1e-3);
    // The space counts what the table says.
    for row in [0, 77, 6_560] {
        let graph = table.space().lower(table.architecture(row), &table.space().default_config()).unwrap();
        assert_eq!(graph.parameters() as u64, table.parameters(row));
    }
}

#[test]
fn nasbench101_knows_its_cells_by_their_hash() {
    let Some(folder) = crate::tables() else { return };
    let table = Arc::new(Table::open("nasbench101", None, None, Some(&folder)).unwrap());
    assert_eq!((table.len(), table.epochs(), table.query_epochs()), (11_000, vec![4, 12, 36, 108], 108));
    // The first line of the file: 1,769 seconds for 108 epochs.
    let first = NasBench101.by_hash("00005c142e6f48ac74fdcf73e3439874").unwrap();
    let row = table.row(&first).unwrap();
    assert_eq!((row, table.parameters(row)), (0, 8_555_530));
    assert!((table.seconds(row, 108).unwrap() - 1_768.976).abs() < 1e-6);
    // A search asks for many cells that this part lacks: they cost it nothing.
    let space = table.space();
    let random = Contestant::new("random", move |seed| Ok(Box::new(RandomSearch::new(Arc::clone(&space), seed))));
    let curves = repeat(&table, &[random], &Plan { queries: 10, runs: 4, ..Plan::default() }).unwrap();
    assert!(curves[0].test_at(10).mean > 0.9);
    let seconds = curves[0].seconds_at(10).unwrap().mean;
    assert!((5_000.0..54_000.0).contains(&seconds), "{seconds} for ten trainings");
}

#[test]
fn random_search_is_as_good_as_others_measured() {
    let Some(folder) = crate::tables() else { return };
    let table = Arc::new(open(&folder, "cifar10"));
    let space = table.space();
    let random = Contestant::new("random", move |seed| Ok(Box::new(RandomSearch::new(Arc::clone(&space), seed))));
    let curves = repeat(&table, &[random], &Plan { queries: 300, runs: 300, ..Plan::default() }).unwrap();
    // Another program's 300 runs on the same table; four standard errors of a difference are 0.16, 0.1, 0.08 and 0.07.
    for (queries, expect, by) in [(50, 93.48, 0.16), (100, 93.73, 0.1), (200, 93.89, 0.08), (300, 93.95, 0.07)] {
        let found = 100.0 * curves[0].test_at(queries).mean;
        assert!((found - expect).abs() < by, "{found} after {queries} queries, {expect} elsewhere");
    }
}

#[test]
fn every_device_has_its_costs() {
    let Some(folder) = crate::tables() else { return };
    for device in nas_bench::DEVICES {
        let costs = Costs::open("nasbench201", device, None, Some(&folder)).unwrap();
        assert_eq!(costs.space().name(), NasBench201.name());
        let known = (0..15_625).filter_map(|index| costs.of(&NasBench201.architecture(index).unwrap())).count();
        // The edge TPU could not run all of them.
        assert!(known == 15_625 || device == "edgetpu_latency" && known > 10_000, "{device}: {known}");
    }
    let costs = Costs::open("nasbench201", "raspi4_latency", None, Some(&folder)).unwrap();
    // The first cell's 10.48 ms.
    let first = costs.of(&NasBench201.architecture(0).unwrap()).unwrap();
    assert!((first - 0.010_481_976_820_01).abs() < 1e-12);
}
