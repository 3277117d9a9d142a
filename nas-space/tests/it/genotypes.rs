//! Text forms: what is read, what is written, and what is said about what cannot be read.

use nas_space::spaces::{self, Darts, NasBench201};
use nas_space::{Blueprint, Genotype, Operation, SearchSpace};

use crate::cell;

#[test]
fn reads_every_spelling() {
    let expect = cell("DARTS_V2");
    let check = |text: &str| assert_eq!(Genotype::parse(text).expect(text), expect);
    let text = expect.to_string();
    check(&text);
    check(&text.replace('\'', "\""));
    check(&text.replace(' ', ""));
    check(&text.replace(", ", " ,\n\t "));
    check(&text.replace("[2, 3, 4, 5]", "range(2, 6)"));
    check(&text.replace("[2, 3, 4, 5]", "( 2, 3, 4, 5, )"));
    check(&text.replace("('sep_conv_3x3', 0)", "['sep_conv_3x3', 0]"));
    check(&serde_json::to_string(&expect).expect("it serializes"));
    check(&serde_json::to_string_pretty(&expect).expect("it serializes"));
    let (normal, reduce) = text["Genotype(".len()..text.len() - 1].split_once(", reduce=").expect("both cells");
    check(&format!("  Genotype(reduce={reduce}, {normal},)  "));
}

/// A genotype with one node per cell, each part replaceable.
fn small(normal: &str, concat: &str) -> String {
    let reduce = "reduce=[('none', 0), ('max_pool_3x3', 1)], reduce_concat=[2]";
    format!("Genotype(normal={normal}, normal_concat={concat}, {reduce})")
}

#[test]
fn bad_genotypes_say_what_is_wrong() {
    let check = |text: &str, expect: &str| {
        let message = Genotype::parse(text).expect_err("it must be refused").to_string();
        assert_eq!(message, expect);
    };
    let edges = "[('none', 0), ('skip_connect', 1)]";
    check(
        &small("[('none', 0), ('skip_connect', 2)]", "[2]"),
        "normal cell of the genotype: edge 1, `skip_connect`, reads state 2, which does not exist before node 0; it \
         can read states 0 to 1 (0 and 1 are the cell's inputs)",
    );
    check(
        &small("[('none', 0)]", "[2]"),
        "normal cell of the genotype: it has 1 edges; each node needs two, so their number must be even",
    );
    check(&small("[]", "[2]"), "normal cell of the genotype: it has no edges; give two for each node");
    check(
        &small(edges, "[]"),
        "normal cell of the genotype: its output lists no states; list at least one, such as its last node",
    );
    check(
        &small(edges, "range(2, 4)"),
        "normal cell of the genotype: its output lists state 3, which does not exist; its last state is 2",
    );
    check(
        &small(edges, "[2]").replace("reduce_concat=[2]", "reduce_concat=[1, 2]"),
        "reduce cell of the genotype: its output lists state 1, an input of the cell, which has twice the rows and \
         columns of its nodes; list nodes only, from state 2",
    );
    check(
        &small("[('sep_con_3x3', 0), ('none', 1)]", "[2]"),
        "there is no operation `sep_con_3x3` (did you mean `sep_conv_3x3`?); the operations are none, max_pool_3x3, \
         avg_pool_3x3, skip_connect, sep_conv_3x3, sep_conv_5x5, sep_conv_7x7, dil_conv_3x3, dil_conv_5x5, \
         conv_7x1_1x7, nor_conv_1x1, nor_conv_3x3, max_pool_2x2, max_pool_5x5, max_pool_7x7, dil_sep_conv_3x3, \
         dil_sep_conv_5x5, conv_1x1, conv_3x3, dilated_conv_3x3, conv_1x3_3x1, conv_1x7_7x1",
    );
    check(
        "Genotype(normal=[('none', 0), ('none', 1)])",
        "cannot read a genotype at `the end`: `normal_concat=` is missing",
    );
    check("Genotip()", "cannot read a genotype at `Genotip()`: it must begin with `Genotype(`");
    check("Genotype(normal=[('none', 0)", "cannot read a genotype at `the end`: expected `]`");
    check(
        "Genotype(normla=[])",
        "cannot read a genotype at `normla=[])`: expected one of normal, normal_concat, reduce, reduce_concat or `)`",
    );
    check("Genotype(normal=[], normal=[])", "cannot read a genotype at `normal=[])`: `normal` is given twice");
    check(
        &(small(edges, "[2]") + " and more"),
        "cannot read a genotype at `and more`: there is more text after the closing `)`",
    );
    check(
        &small(edges, "range(2, 99999999999)"),
        "cannot read a genotype at `range(2, 99999999999), r`: expected `range(start, end)` with an end of at most 4096",
    );
    check(
        &small("[('none', 99999999999999999999)]", "[2]"),
        "cannot read a genotype at `99999999999999999999)], `: expected the number of a state, such as 2",
    );
    let json = Genotype::parse("{\"normal\": [[\"none\", 0").expect_err("cut short").to_string();
    assert!(json.starts_with("cannot read a genotype at `") && json.contains("EOF"), "{json}");
}

#[test]
fn darts_refuses_what_lies_outside_it() {
    let check = |genotype: Genotype, expect: &str| {
        let message = Darts.from_genotype(&genotype).expect_err("it must be refused").to_string();
        assert!(message.contains(expect), "{message}");
    };
    check(cell("NASNet"), "it has 5 nodes; a cell of the space `darts` has 4");
    let mut changed = cell("DARTS_V2");
    changed.normal_concat = vec![4, 5];
    check(changed, "its output lists [4, 5]");
    let mut changed = cell("DARTS_V2");
    changed.reduce[7].0 = Operation::SepConv7x7;
    check(changed, "`sep_conv_7x7` is no operation of the space `darts`");
    let mut changed = cell("DARTS_V2");
    changed.normal[1].1 = 0;
    check(
        changed,
        "decision `normal.node0.input1` cannot be `c_{k-2}`: after the decisions before it, it may be c_{k-1}",
    );
    let mut changed = cell("DARTS_V2");
    changed.normal[0].0 = Operation::None;
    changed.normal[1].0 = Operation::None;
    check(changed, "decision `normal.node0.op1` cannot be `none`");
}

#[test]
fn published_darts_cells_are_points_of_darts() {
    for name in ["DARTS_V1", "DARTS_V2", "PC_DARTS_cifar", "PC_DARTS_image", "PDARTS", "GDAS_V1", "SNAS"] {
        let architecture = Darts.from_genotype(&cell(name)).expect("they were found in this space");
        assert_eq!(Darts.to_genotype(&architecture).expect("valid"), cell(name));
        assert_eq!(Darts.text(&architecture), cell(name).to_string());
    }
}

#[test]
fn bad_nasbench201_strings_say_what_is_wrong() {
    let check = |text: &str, expect: &str| {
        let message = NasBench201.parse(text).expect_err("it must be refused").to_string();
        assert_eq!(message, format!("cannot read a NAS-Bench-201 cell at {expect}"));
    };
    check("|none~0|", "`|none~0|`: it has 1 nodes joined by `+`; `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|` has 3");
    check("|none~0|+|none~0|+|none~0|none~1|none~2|", "`|none~0|`: node 2 needs 2 edges between `|`");
    check("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "`none~1`: expected `operation~0`");
    check(
        "|nor_conv~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "`nor_conv~0`: there is no operation `nor_conv` (did you mean `nor_conv_1x1`?); they are none, skip_connect, \
         nor_conv_1x1, nor_conv_3x3, avg_pool_3x3",
    );
    check("", "``: it has 1 nodes joined by `+`; `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|` has 3");
}

#[test]
fn blueprints_come_from_every_text() {
    let genotype = Blueprint::Genotype(cell("DARTS_V2"));
    let read = |text: &str| Blueprint::from_text(text).expect(text);
    assert_eq!(read(" darts_v2 "), genotype);
    assert_eq!(read(&genotype.text()), genotype);
    assert_eq!(read(&serde_json::to_string(&cell("DARTS_V2")).expect("it serializes")), genotype);
    let text = "|none~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|";
    assert_eq!(read(text).text(), text);
    assert_eq!(read(text).space(), "nasbench201");
    assert_eq!(read(text).default_config().layers, 15);
    assert_eq!(genotype.space(), "darts");
    let message = Blueprint::from_text("DARTS_V3").expect_err("there is none").to_string();
    assert!(
        message.contains("(did you mean `DARTS_V2`?)") || message.contains("(did you mean `DARTS_V1`?)"),
        "{message}"
    );
    assert!(message.contains("a NAS-Bench-201 string") && message.contains("an architecture file"), "{message}");
}

#[test]
fn spaces_are_found_by_name() {
    for space in spaces::all() {
        assert_eq!(spaces::by_name(space.name()).expect("it is known").summary(), space.summary());
    }
    let message = spaces::by_name("dart").err().expect("there is none").to_string();
    let known: Vec<&str> = spaces::all().into_iter().map(|space| space.name()).collect();
    assert_eq!(
        message,
        format!("there is no search space `dart` (did you mean `darts`?); the spaces are {}", known.join(", "))
    );
}
