//! What is said of a NAS-Bench-201 file that is not one. The files are made up: every cell as the format has it, with the
//! best where it is known to be.

use std::path::{Path, PathBuf};

use nas_bench::{Costs, Table, synthetic};
use nas_space::spaces::NasBench201;
use nas_space::{Architecture, SearchSpace};

/// The official index of the best cell on CIFAR-10.
const BEST: usize = 6111;

const HEADER: &str = "index,arch_str,ops,cifar10_test_200,cifar10_val_12,cifar10_val_200,params_c10,flops_c10";

fn digits(architecture: &Architecture) -> String {
    architecture.choices.iter().map(usize::to_string).collect()
}

/// Every line below the header, in the official order.
fn lines() -> Vec<[String; 8]> {
    let table = synthetic();
    (0..table.len())
        .map(|index| {
            let architecture = table.architecture(index);
            let test = if index == BEST { 99.0 } else { 90.0 * table.test(index) };
            let percent = |epochs: u64| (100.0 * table.validation(index, epochs).unwrap()).to_string();
            [
                index.to_string(),
                NasBench201.text(architecture),
                digits(architecture),
                test.to_string(),
                percent(12),
                percent(200),
                table.parameters(index).to_string(),
                table.flops(index).to_string(),
            ]
        })
        .collect()
}

fn file(header: &str, lines: &[[String; 8]]) -> String {
    let body: String = lines.iter().map(|line| line.join(",") + "\n").collect();
    format!("{header}\n{body}")
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("nasbench201.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn open(text: &str) -> Result<Table, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), text);
    let opened = Table::open("nasbench201", None, None, Some(folder.path())).map_err(|e| e.to_string());
    // The path is the test's own; what comes after it is what matters.
    opened.map_err(|message| message.replace(&path.display().to_string(), "FILE"))
}

fn check(text: &str, expect: &[&str]) {
    let message = open(text).err().expect("it is wrong");
    assert!(message.starts_with("FILE"), "{message} does not name the file");
    for part in expect {
        assert!(message.contains(part), "{message} does not say {part}");
    }
}

#[test]
fn a_whole_file_is_read_in_any_order() {
    let mut lines = lines();
    let straight = open(&file(HEADER, &lines)).unwrap();
    lines.reverse();
    let backwards = open(&file(HEADER, &lines)).unwrap();
    assert_eq!((straight.len(), straight.epochs(), straight.query_epochs()), (15_625, vec![12, 200], 12));
    for index in [0, 7, BEST, 15_624] {
        let architecture = NasBench201.architecture(index).unwrap();
        let [a, b] = [&straight, &backwards].map(|t| (t.row(&architecture).unwrap(), t));
        assert_eq!(a.1.test(a.0), b.1.test(b.0));
        assert_eq!(a.1.validation(a.0, 12), b.1.validation(b.0, 12));
    }
    assert_eq!(straight.optimum().architecture, NasBench201.architecture(BEST).unwrap());
    assert_eq!(straight.optimum().test, 0.99);
}

#[test]
fn missing_and_double_rows_are_named() {
    let all = lines();
    let mut missing = all.clone();
    let gone = missing.remove(77);
    check(&file(HEADER, &missing), &["15624 of the 15625 cells", &gone[1], "cut short or filtered"]);
    let mut double = all.clone();
    double[100] = all[99].clone();
    check(&file(HEADER, &double), &["lines 101 and 102", &all[99][1], "leave one out"]);
}

#[test]
fn a_file_cut_short_says_so() {
    let text = file(HEADER, &lines());
    // In the middle of a line, and at the end of one.
    let middle = text[..text.len() / 2].rfind(',').unwrap() + 1;
    let cut = &text[..text[..middle].rfind("|+|").unwrap()];
    check(cut, &["line ", "fields, the header has 8", "the file was cut short: get it again"]);
    check(&text[..=text[..text.len() / 2].rfind('\n').unwrap()], &["of the 15625 cells", "cut short or filtered"]);
    check("", &["the file is empty"]);
}

#[test]
fn values_that_are_none_are_named_with_line_and_column() {
    let with = |line: usize, field: usize, value: &str| {
        let mut lines = lines();
        lines[line][field] = value.into();
        file(HEADER, &lines)
    };
    check(&with(5, 3, "NaN"), &["line 7", "`cifar10_test_200` is `NaN`, which is not a number"]);
    check(&with(5, 4, "inf"), &["line 7", "`cifar10_val_12` is `inf`"]);
    check(&with(0, 4, "101.5"), &["line 2", "101.5, which is no accuracy from 0 to 100"]);
    check(&with(0, 3, ""), &["line 2", "`cifar10_test_200` is empty; every row must have it"]);
    check(&with(9, 6, "-3"), &["line 11", "`params_c10` is `-3`, which is not a count"]);
    check(&with(9, 1, "|nor_conv_3x3~0|"), &["line 11", "1 nodes"]);
    check(&with(9, 2, "01234"), &["line 11", "six digits from 0 to 4"]);
    check(&with(9, 2, "012345"), &["line 11", "six digits from 0 to 4"]);
    check(&with(9, 0, "10"), &["line 11", "`index` is 10, but the official index of this cell is 9"]);
    check(
        &file(&HEADER.replace("cifar10_val_12", "val"), &lines()),
        &["no column `cifar10_val_12`", "its columns are"],
    );
    check(&with(5, 4, ""), &["line 7", "`cifar10_val_12` is empty"]);
    // The longer training is not needed by every search: with gaps it is left out.
    assert_eq!(open(&with(5, 5, "")).unwrap().epochs(), [12]);
}

/// The six digits by which NASLib writes a cell: operations and edges in its own order.
fn naslib(architecture: &Architecture) -> String {
    // Ours: none, skip, 1x1, 3x3, pool on the edges 01, 02, 12, 03, 13, 23. Its: skip, none, 3x3, 1x1, pool on 01, 02, 03,
    // 12, 13, 23.
    [0, 1, 3, 2, 4, 5].map(|edge| ["1", "0", "3", "2", "4"][architecture.choices[edge]]).concat()
}

#[test]
fn naslib_s_numbering_is_known_by_the_best_cell() {
    let header = HEADER.replace("index,arch_str,", "");
    let renumbered = |with_text: bool| {
        let mut lines = lines();
        for (index, line) in lines.iter_mut().enumerate() {
            line[2] = naslib(&NasBench201.architecture(index).unwrap());
        }
        let skip = if with_text { 1 } else { 2 };
        let body: String = lines.iter().map(|line| line[skip..].join(",") + "\n").collect();
        format!("{}\n{body}", if with_text { HEADER.replace("index,", "") } else { header.clone() })
    };
    let expect =
        "numbered as NASLib does (0 skip, 1 none, 2 conv 3x3, 3 conv 1x1, 4 pool; edges 01, 02, 03, 12, 13, 23)";
    check(&renumbered(false), &[expect, "translate them first"]);
    check(&renumbered(true), &["line 2", expect]);
    let mut other = lines();
    other[3][3] = "99.5".into();
    check(
        &file(HEADER, &other),
        &["its best cell on cifar10 is", "99.50 %", "but that of NAS-Bench-201 is", &lines()[BEST][1]],
    );
}

#[test]
fn what_is_asked_for_must_exist() {
    let fails = |result: Result<Table, nas_bench::BenchError>| result.err().expect("it is wrong").to_string();
    let message = fails(Table::open("nasbench2o1", None, None, None));
    assert!(message.starts_with("there is no table `nasbench2o1`; the tables are nasbench201, "), "{message}");
    let message = fails(Table::open("nasbench201", Some("mnist"), None, None));
    assert_eq!(message, "the table `nasbench201` has no results on `mnist`; it has cifar10, cifar100, imagenet16");
    let message = fails(Table::open("nasbench201", None, None, None));
    assert!(message.contains("--table FILE") && message.contains("NAS_TABLES"), "{message}");
    let message = fails(Table::open("nasbench201", None, Some(Path::new("nowhere.csv")), None));
    assert!(message.starts_with("cannot read the table nowhere.csv: "), "{message}");
    let message = Costs::open("nasbench201", "raspi5_latency", None, None).err().expect("no such device").to_string();
    assert!(message.contains("no column `raspi5_latency`; it has edgegpu_latency"), "{message}");
}

/// Every network of NAS-Bench-Macro with made-up accuracies, the known best being best.
fn networks() -> Vec<[String; 7]> {
    let name = |number: usize| (0..8).rev().map(|at| (number / 3_usize.pow(at) % 3).to_string()).collect::<String>();
    let network = |number: usize| {
        let name = name(number);
        let accuracy = if name == "22212220" { "95" } else { "90" };
        [name, accuracy.into(), accuracy.into(), accuracy.into(), accuracy.into(), "1000".into(), "2000".into()]
    };
    (0..6_561).map(network).collect()
}

const MACRO: &str = "arch,acc_0,acc_1,acc_2,mean_acc,params,flops";

fn open_macro(text: &str) -> Result<Table, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, text).unwrap();
    Table::open("nasbench-macro", None, Some(&path), None).map_err(|e| e.to_string())
}

#[test]
fn nasbench_macro_is_checked_in_both_its_forms() {
    let csv = |lines: &[[String; 7]]| -> String {
        let body: String = lines.iter().map(|line| line.join(",") + "\n").collect();
        format!("{MACRO}\n{body}")
    };
    let json = |lines: &[[String; 7]]| -> String {
        let network = |[name, a, b, c, _, params, flops]: &[String; 7]| {
            format!(
                "\"{name}\": {{\"test_acc\": [{a}, {b}, {c}], \"mean_acc\": {a}, \"params\": {params}, \"flops\": {flops}}}"
            )
        };
        format!("{{{}}}", lines.iter().map(network).collect::<Vec<_>>().join(", "))
    };
    let check = |text: String, expect: &str| {
        let message = open_macro(&text).err().expect("it is wrong");
        assert!(message.contains(expect), "{message} does not say {expect}");
    };
    let all = networks();
    for text in [csv(&all), json(&all)] {
        let table = open_macro(&text).unwrap();
        assert_eq!((table.len(), table.query_epochs()), (6_561, 50));
        assert!((table.optimum().test - 0.95).abs() < 1e-12);
    }
    check(csv(&all[1..]), "it has 6560 of the 6561 networks");
    check(json(&all[1..]), "it has 6560 of the 6561 networks");
    check(json(&all)[..2_000].to_owned(), "or was cut short: get it again");
    let with = |line: usize, field: usize, value: &str| {
        let mut lines = networks();
        lines[line][field] = value.into();
        lines
    };
    check(
        csv(&with(4, 0, "00000012")),
        "line 7 and line 6 are both of the network 00000012".replace("line 7 and line 6", "line 6 and line 7").as_str(),
    );
    check(csv(&with(4, 0, "0000003")), "must be 8 digits from 0 to 2");
    check(csv(&with(4, 2, "nan")), "line 6: `acc_1` is `nan`");
    check(json(&with(4, 2, "190")), "which are no accuracies in %");
    let better = with(4, 1, "100");
    let better: Vec<_> = better
        .into_iter()
        .map(|mut l| {
            if l[1] == "100" {
                l[2] = "100".into();
                l[3] = "100".into();
            }
            l
        })
        .collect();
    check(csv(&better), "but that of NAS-Bench-Macro is 22212220");
}

#[test]
fn nasbench101_is_checked_by_its_hashes() {
    let header = "hash,n_vertices,adjacency,ops,val_acc_4,val_acc_12,val_acc_36,val_acc_108,train_time_108_s,params";
    let line = "00005c142e6f48ac74fdcf73e3439874,7,0100110/0010000/0001001/0000010/0000010/0000001/0000000,\
        -1 0 2 0 0 1 -2,0.360477,0.421975,0.900140,0.930489,1768.976,8555530";
    let open = |lines: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("nb101_11k.csv"), format!("{header}\n{lines}\n")).unwrap();
        Table::open("nasbench101", None, None, Some(folder.path())).map_err(|e| e.to_string())
    };
    assert_eq!(open(line).unwrap().len(), 1);
    let check = |lines: &str, expect: &str| {
        let message = open(lines).err().expect("it is wrong");
        assert!(message.contains(expect), "{message} does not say {expect}");
    };
    check(
        &line.replace("-1 0 2 0 0 1 -2", "-1 1 2 1 1 0 -2"),
        "line 2: `hash` is 00005c142e6f48ac74fdcf73e3439874, but the cell's is",
    );
    check(&format!("{line}\n{line}"), "lines 2 and 3 are of the same cell");
    check(&line.replace("0.421975", ""), "line 2: `val_acc_12` is empty");
    check(&line.replace("0.421975", "42.1975"), "which is no accuracy from 0 to 1");
    check(&line.replace("0100110/", "0200110/"), "rows of 0 and 1 between slashes");
    check(&line.replace("-1 0 2 0 0 1 -2", "-1 0 5 0 0 1 -2"), "0, 1 or 2 between");
    check("", "it has a header and no row");
}
