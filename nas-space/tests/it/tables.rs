//! Tables of measured architectures; all of NAS-Bench-201 against its own.

use std::path::PathBuf;

use nas_space::SearchSpace;
use nas_space::spaces::NasBench201;

/// A table of measured architectures.
pub(crate) struct Table {
    header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// The position of a column.
    pub(crate) fn column(&self, name: &str) -> usize {
        self.header.iter().position(|h| h == name).expect(name)
    }
}

/// Reads a table of the folder that NAS_TABLES names; says so where there is none.
pub(crate) fn table(name: &str) -> Option<Table> {
    let Some(folder) = std::env::var_os("NAS_TABLES") else {
        crate::skipped("NAS_TABLES names no folder");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        crate::skipped(&format!("there is no table at {}", path.display()));
        return None;
    };
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect());
    Some(Table { header: lines.next().expect("a header"), rows: lines.collect() })
}

#[test]
fn every_cell_has_the_index_the_parameters_and_the_multiply_adds_of_the_table() {
    let Some(table) = table("nasbench201.csv") else { return };
    let (index, text, ops) = (table.column("index"), table.column("arch_str"), table.column("ops"));
    let (params, flops) = (table.column("params_c10"), table.column("flops_c10"));
    let config = NasBench201.default_config();
    let mut rows = 0;
    for row in &table.rows {
        let architecture = NasBench201.parse(&row[text]).expect("the table's strings are valid");
        let digits: String = architecture.choices.iter().map(usize::to_string).collect();
        assert_eq!(digits, row[ops]);
        assert_eq!(NasBench201.text(&architecture), row[text]);
        let number: usize = row[index].parse().expect("an index");
        assert_eq!(NasBench201.index(&architecture).expect("valid"), number);
        assert_eq!(NasBench201.architecture(number).as_ref(), Some(&architecture));
        let graph = NasBench201.lower(&architecture, &config).expect("it builds");
        assert_eq!(graph.parameters().to_string(), row[params], "{row:?}");
        assert_eq!(graph.flops().to_string(), row[flops], "{row:?}");
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
