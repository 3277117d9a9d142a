//! NAS-Bench-101 against its tables, its counts and its rules.

use std::collections::{BTreeMap, BTreeSet};

use nas_space::spaces::{NasBench101, NasBench101Cell, VertexOperation};
use nas_space::{Architecture, Blueprint, NetworkConfig, SearchSpace, Seed};
use rand::RngExt;

use crate::tables::{Table, table};

/// The cell of the benchmark's notebook: an Inception block of 3x3 convolutions.
const NOTEBOOK: &str = "ModelSpec(matrix=[[0, 1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], \
    [0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]], \
    ops=['input', 'conv1x1-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'maxpool3x3', 'output'])";

fn read(text: &str) -> Architecture {
    NasBench101.parse(text).expect("a valid cell")
}

fn parameters(architecture: &Architecture) -> usize {
    NasBench101.lower(architecture, &NasBench101.default_config()).expect("it builds").parameters()
}

#[test]
fn the_notebook_s_cell_has_the_notebook_s_parameters() {
    let architecture = read(NOTEBOOK);
    assert_eq!(parameters(&architecture), 2_694_282);
    assert_eq!(NasBench101.text(&architecture), NOTEBOOK);
}

/// The architectures of a table's rows; repeated cells are read once.
fn rows(table: &Table) -> BTreeMap<String, (Architecture, usize)> {
    let [hash, adjacency, ops, params] = ["hash", "adjacency", "ops", "params"].map(|name| table.column(name));
    let architecture = |row: &Vec<String>| {
        let matrix: Vec<Vec<bool>> = row[adjacency].split('/').map(|r| r.chars().map(|c| c == '1').collect()).collect();
        let labels: Vec<i32> = row[ops].split(' ').map(|label| label.parse().expect("a label")).collect();
        let [-1, between @ .., -2] = &labels[..] else { panic!("{labels:?} has no input or output") };
        let operations: Vec<_> = between.iter().map(|&label| VertexOperation::ALL[label as usize]).collect();
        let architecture = NasBench101.architecture(&matrix, &operations).expect("the table's cells are valid");
        (row[hash].clone(), (architecture, row[params].parse().expect("a number")))
    };
    table.rows.iter().map(architecture).collect()
}

#[test]
fn cells_have_the_hashes_and_parameters_of_the_tables() {
    for (name, cells) in [("nb101_11k.csv", 11_000), ("ecnas_4epochs.csv", 2_532)] {
        let Some(table) = table(name) else { continue };
        let rows = rows(&table);
        assert_eq!(rows.len(), cells, "{name}");
        for (hash, (architecture, params)) in rows {
            assert_eq!(NasBench101.cell(&architecture).expect("it is valid").hash(), hash);
            assert_eq!(NasBench101.canonical(&architecture), format!("nasbench101:{hash}"));
            assert_eq!(parameters(&architecture), params, "{hash}");
        }
    }
}

#[test]
fn there_are_as_many_cells_as_were_published() {
    let mut total = 0;
    for (vertices, at_most) in [(2, 1), (3, 7), (4, 91), (5, 2_532), (6, 64_542), (7, 423_624)] {
        total += NasBench101.cells(vertices).len();
        assert_eq!(total, at_most, "{vertices} vertices");
    }
    assert!(NasBench101.cells(1).is_empty() && NasBench101.cells(8).is_empty());
}

#[test]
fn small_cells_are_each_enumerated_once_by_the_one_the_benchmark_lists() {
    let mut all = BTreeMap::new();
    for bits in 0..1_u32 << 10 {
        let matrix = matrix(5, bits);
        for number in 0..27 {
            let operations = [number % 3, number / 3 % 3, number / 9].map(|label| VertexOperation::ALL[label]);
            if let Ok(cell) = NasBench101Cell::new(&matrix, &operations) {
                let representative = all.entry(cell.hash()).or_insert_with(|| cell.representative());
                assert_eq!(cell.representative(), *representative);
            }
        }
    }
    let listed: BTreeSet<NasBench101Cell> = (2..=5).flat_map(|n| NasBench101.cells(n)).collect();
    assert_eq!(listed, all.into_values().collect());
}

/// The matrix of which a number's bits are the entries above the diagonal.
fn matrix(vertices: usize, bits: u32) -> Vec<Vec<bool>> {
    let mut matrix = vec![vec![false; vertices]; vertices];
    let places = (1..vertices).flat_map(|to| (0..to).map(move |from| (from, to)));
    for (bit, (from, to)) in places.enumerate() {
        matrix[from][to] = bits >> bit & 1 == 1;
    }
    matrix
}

#[test]
fn hashes_lead_back_to_cells() {
    for vertices in 2..=5 {
        for cell in NasBench101.cells(vertices).into_iter().step_by(11) {
            let found = NasBench101.by_hash(&cell.hash()).expect("it is listed");
            assert_eq!(NasBench101.cell(&found).expect("it is valid"), cell);
            assert_eq!(Blueprint::from_text(&cell.hash().to_uppercase()).expect("a hash"), Blueprint::Point(found));
        }
    }
    let message = NasBench101.by_hash("12ab").expect_err("it is too short").to_string();
    assert_eq!(message, "a cell of the space `nasbench101`: `12ab` is no hash, which has 32 hexadecimal digits");
}

#[test]
fn relabelled_cells_are_recognised() {
    // The same cell with its second and third vertex exchanged, and with a vertex that leads nowhere.
    let text = |matrix: &str, ops: &str| format!("ModelSpec(matrix={matrix}, ops=['input', {ops}, 'output'])");
    let a = read(&text("[[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]]", "'maxpool3x3', 'conv1x1-bn-relu'"));
    let b = read(&text("[[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]]", "'conv1x1-bn-relu', 'maxpool3x3'"));
    let c = read(&text(
        "[[0,1,1,1,0],[0,0,0,0,1],[0,0,0,0,0],[0,0,0,0,1],[0,0,0,0,0]]",
        "'maxpool3x3', 'conv3x3-bn-relu', 'conv1x1-bn-relu'",
    ));
    assert!(a != b && b != c && a != c);
    assert_eq!(NasBench101.canonical(&a), NasBench101.canonical(&b));
    assert_eq!(NasBench101.canonical(&a), NasBench101.canonical(&c));
    assert_eq!(NasBench101.cell(&c).expect("valid").vertices(), 4);
}

#[test]
fn choices_are_valid_exactly_where_the_benchmark_s_rules_say_so() {
    let mut rng = Seed::new(4).rng();
    let mut valid = 0;
    for _ in 0..4_000 {
        let bits = rng.random_range(0..1 << 21);
        let operations: Vec<_> = (0..5).map(|_| VertexOperation::ALL[rng.random_range(0..3)]).collect();
        let matrix = matrix(7, bits);
        let choices = (1..7).flat_map(|to| {
            let edges = (0..to).map(|from| usize::from(matrix[from][to])).collect::<Vec<_>>();
            edges.into_iter().chain((to < 6).then(|| operations[to - 1] as usize))
        });
        let architecture = Architecture { space: "nasbench101".into(), choices: choices.collect() };
        let cell = NasBench101Cell::new(&matrix, &operations);
        assert_eq!(NasBench101.check(&architecture).is_ok(), cell.is_ok(), "{bits:b}");
        valid += usize::from(cell.is_ok());
    }
    assert!(valid > 1_000, "{valid}");
}

/// Valid completions of a prefix, counted one by one.
fn completions(prefix: &mut Vec<usize>) -> u128 {
    if prefix.len() == NasBench101.decisions().len() {
        return 1;
    }
    let mut count = 0;
    for (choice, _) in NasBench101.allowed(prefix).into_iter().enumerate().filter(|(_, allowed)| *allowed) {
        prefix.push(choice);
        count += completions(prefix);
        prefix.pop();
    }
    count
}

#[test]
fn the_size_counts_what_the_decisions_allow() {
    // Only the last six decisions, the output's inputs, are constrained; operations constrain nothing.
    let mut count = 0;
    for bits in 0..1_u32 << 15 {
        let matrix = matrix(6, bits);
        let mut prefix: Vec<usize> = Vec::new();
        for to in 1..6 {
            prefix.extend((0..to).map(|from| usize::from(matrix[from][to])));
            prefix.push(0);
        }
        count += completions(&mut prefix);
    }
    assert_eq!(NasBench101.size(), Some(count * 243));
}

#[test]
fn bad_cells_say_what_is_wrong() {
    let check = |text: &str, expect: &str| {
        let message = NasBench101.parse(text).expect_err("it must be refused").to_string();
        assert!(message.contains(expect), "{message}");
    };
    let cell = |matrix: &str, ops: &str| format!("ModelSpec(matrix={matrix}, ops={ops})");
    let three = "[[0,1,0],[0,0,1],[0,0,0]]";
    check("ModelSpek()", "it must begin with `ModelSpec(`");
    check("ModelSpec(ops=[])", "expected `matrix=`");
    check(&cell("[[0,2],[0,0]]", "['input','output']"), "expected 0 or 1");
    check(&cell(three, "['input','output']"), "there are 2 operations for 3 rows of the matrix");
    check(&cell(three, "['output','conv3x3-bn-relu','input']"), "the first operation must be `input`");
    check(&cell(three, "['input','conv3x3-bn-rel','output']"), "(did you mean `conv3x3-bn-relu`?)");
    check(&cell("[[0,1],[0,0,0]]", "['input','output']"), "row 1 of its matrix has 3 entries; 2 rows need 2");
    check(
        &cell("[[0,0],[1,0]]", "['input','output']"),
        "an edge leads from vertex 1 to 0; edges lead to later vertices",
    );
    check(&cell("[[0,0],[0,0]]", "['input','output']"), "no path leads from its input to its output; add an edge");
    check(&cell("[[0]]", "['input']"), "must be `input`");
    let all = "[[0,1,1,1,1],[0,0,1,1,1],[0,0,0,1,1],[0,0,0,0,1],[0,0,0,0,0]]";
    let ops = "['input','maxpool3x3','maxpool3x3','maxpool3x3','output']";
    check(&cell(all, ops), "10 edges lie between its input and its output; at most 9 may");
    check(&format!("{}, 1", cell("[[0,1],[0,0]]", "['input','output']")), "more text after the closing `)`");
}

#[test]
fn channels_are_shared_out() {
    // Three vertices share 128 channels: 43, 43, 42; the vertex they all read has 43 and is narrowed for the last.
    let text = "ModelSpec(matrix=[[0,1,0,0,0,1],[0,0,1,1,1,0],[0,0,0,0,0,1],[0,0,0,0,0,1],[0,0,0,0,0,1],[0,0,0,0,0,0]], \
        ops=['input','conv1x1-bn-relu','maxpool3x3','maxpool3x3','maxpool3x3','output'])";
    let graph = NasBench101.lower(&read(text), &NasBench101.default_config()).expect("it builds");
    let shape = |name: &str| graph.nodes().find(|(_, node)| node.name == name).expect(name).1.shape.channels;
    assert_eq!(shape("stack0.module0.vertex_1.relu"), 43);
    assert_eq!(shape("stack0.module0.vertex_3.pool"), 43);
    assert_eq!(shape("stack0.module0.vertex_4.from_1"), 42);
    assert_eq!(shape("stack2.module2.output.add"), 512);
    let few = NetworkConfig::cifar(2, 3);
    let message = NasBench101.lower(&read(text), &few).expect_err("too few").to_string();
    assert!(message.contains("3 vertices of this cell share them out, so it needs at least 3"), "{message}");
    let config = NetworkConfig::imagenet(6, 3);
    let graph = NasBench101.lower(&read(text), &config).expect("it builds");
    assert_eq!(graph.nodes().find(|(_, n)| n.name == "stack0.module0.output.add").expect("it").1.shape.height, 28);
}
