//! All of NAS-Bench-201 against the measured table.

use std::path::PathBuf;

use nas_space::SearchSpace;
use nas_space::spaces::NasBench201;

#[test]
fn every_cell_has_the_index_the_parameters_and_the_multiply_adds_of_the_table() {
    let Some(folder) = std::env::var_os("NAS_TABLES") else {
        crate::skipped("NAS_TABLES names no folder");
        return;
    };
    let path = PathBuf::from(folder).join("nasbench201.csv");
    let Ok(table) = std::fs::read_to_string(&path) else {
        crate::skipped(&format!("there is no table at {}", path.display()));
        return;
    };
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).expect(name);
    let (index, text, ops) = (column("index"), column("arch_str"), column("ops"));
    let (params, flops) = (column("params_c10"), column("flops_c10"));
    let config = NasBench201.default_config();
    let mut rows = 0;
    for line in lines {
        let row: Vec<&str> = line.split(',').collect();
        let architecture = NasBench201.parse(row[text]).expect("the table's strings are valid");
        let digits: String = architecture.choices.iter().map(usize::to_string).collect();
        assert_eq!(digits, row[ops]);
        assert_eq!(NasBench201.text(&architecture), row[text]);
        let number: usize = row[index].parse().expect("an index");
        assert_eq!(NasBench201.index(&architecture).expect("valid"), number);
        assert_eq!(NasBench201.architecture(number).as_ref(), Some(&architecture));
        let graph = NasBench201.lower(&architecture, &config).expect("it builds");
        assert_eq!(graph.parameters().to_string(), row[params], "{line}");
        assert_eq!(graph.flops().to_string(), row[flops], "{line}");
        rows += 1;
    }
    assert_eq!(Some(rows), NasBench201.size());
}

#[test]
fn the_official_order_needs_no_table() {
    let check = |index: usize, digits: [usize; 6]| {
        let architecture = NasBench201.architecture(index).expect("it exists");
        assert_eq!(architecture.choices, digits);
        assert_eq!(NasBench201.index(&architecture).expect("valid"), index);
    };
    check(0, [4, 2, 1, 2, 1, 1]);
    check(1, [3, 3, 4, 1, 3, 1]);
    check(2, [4, 3, 3, 4, 4, 4]);
    let mut seen = vec![false; 15_625];
    for index in 0..15_625 {
        let architecture = NasBench201.architecture(index).expect("it exists");
        let number = architecture.choices.iter().fold(0, |n, c| n * 5 + c);
        assert!(!std::mem::replace(&mut seen[number], true));
    }
    assert_eq!(NasBench201.architecture(15_625), None);
}
