//! The pages on spaces in `docs/spaces`: their pictures and figures are what the code says. `cargo xtask docs` writes them
//! anew; without it this test fails where they are out of date.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use nas_space::{Blueprint, Chooses, Decision, NetworkConfig, SearchSpace, cells_svg, published, spaces};

/// What stands between these lines is written by this file.
const BEGIN: &str = "<!-- written by cargo xtask docs -->\n";
const END: &str = "<!-- end -->\n";

/// A page, its spaces, and the architecture that its picture shows: its name and, where it is not published, its text.
struct Page {
    name: &'static str,
    spaces: &'static [&'static str],
    shown: (&'static str, Option<&'static str>),
}

const PAGES: [Page; 10] = [
    Page { name: "darts", spaces: &["darts"], shown: ("DARTS_V2", None) },
    Page { name: "nasnet", spaces: &["nasnet"], shown: ("NASNet-A", None) },
    Page { name: "amoebanet", spaces: &["amoebanet"], shown: ("AmoebaNet-A", None) },
    Page { name: "enas-micro", spaces: &["enas-micro"], shown: ("ENAS-micro", None) },
    Page {
        name: "enas-macro",
        spaces: &["enas-macro", "enas-macro-retrained", "enas-macro-released"],
        shown: ("ENAS-macro", None),
    },
    Page {
        name: "zoph",
        spaces: &["zoph", "zoph-strided"],
        shown: (
            "a network of six layers",
            Some("zoph-6: 3x3x36 | 5x3x48 1 | 7x5x36 1 1 | 3x7x48 0 1 1 | 5x5x64 1 0 0 1 | 7x7x48 0 1 0 1 1"),
        ),
    },
    Page {
        name: "ghn",
        spaces: &["ghn"],
        shown: (
            "a block of seven nodes",
            Some(
                "ghn-7: sep_conv_3x3 0 1 | nor_conv_1x1 1 1 | max_pool_3x3 0 2 | nor_conv_3x3 2 3 | skip_connect 4 5 | \
                 dil_conv_3x3 3 3 | sep_conv_5x5 1 6",
            ),
        ),
    },
    Page {
        name: "nasbench101",
        spaces: &["nasbench101"],
        shown: (
            "the cell of the benchmark's notebook",
            Some(
                "ModelSpec(matrix=[[0, 1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], \
                 [0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]], \
                 ops=['input', 'conv1x1-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', \
                 'maxpool3x3', 'output'])",
            ),
        ),
    },
    Page {
        name: "nasbench201",
        spaces: &["nasbench201"],
        shown: (
            "a cell among the best on CIFAR-10",
            Some("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"),
        ),
    },
    Page { name: "nasbench-macro", spaces: &["nasbench-macro"], shown: ("22212220", Some("22212220")) },
];

/// What seed 1 found in half an hour on Fashion-MNIST: the cells that the README shows.
const FASHION: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('none', 1), ('skip_connect', 0), ('dil_conv_3x3', 1), \
    ('skip_connect', 0), ('none', 1), ('max_pool_3x3', 0), ('sep_conv_3x3', 1)], normal_concat=[2, 3, 4, 5], \
    reduce=[('max_pool_3x3', 0), ('none', 1), ('max_pool_3x3', 1), ('dil_conv_3x3', 2), ('none', 0), \
    ('max_pool_3x3', 2), ('avg_pool_3x3', 0), ('sep_conv_3x3', 3)], reduce_concat=[2, 3, 4, 5])";

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Compares a file with what it should be, or writes it where that was asked for.
fn hold(name: &str, expect: &str) {
    let path = docs().join(name);
    if std::env::var_os("NAS_WRITE_DOCS").is_some() {
        fs::write(path, expect).expect("the docs can be written");
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expect, "docs/{name} is out of date: run `cargo xtask docs`");
}

/// A page as it is, with the part between the marks written anew.
fn with_block(name: &str, block: &str) -> String {
    let page = fs::read_to_string(docs().join(name)).expect("the page is in the repository");
    let (before, rest) = page.split_once(BEGIN).expect("a page has the mark of a beginning");
    let (_, after) = rest.split_once(END).expect("a page has the mark of an end");
    format!("{before}{BEGIN}\n{block}\n{END}{after}")
}

#[test]
fn every_space_has_a_page_with_its_picture_and_its_figures() {
    let named: Vec<&str> = PAGES.iter().flat_map(|page| page.spaces).copied().collect();
    let mut known: Vec<&str> = spaces::all().into_iter().map(|space| space.name()).collect();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    known.sort_unstable();
    assert_eq!(sorted, known, "a space without a page");
    let mut index = String::from("| space | architectures | decisions | |\n|---|---|---|---|\n");
    for page in &PAGES {
        let blueprint = Blueprint::from_text(page.shown.1.unwrap_or(page.shown.0)).expect("it is valid");
        hold(&format!("spaces/{}.svg", page.name), &cells_svg(&blueprint).expect("it is valid"));
        hold(
            &format!("spaces/{}.md", page.name),
            &with_block(&format!("spaces/{}.md", page.name), &block(page, &blueprint)),
        );
        for name in page.spaces {
            let space = spaces::by_name(name).expect("its name is known");
            let decisions = space.decisions().len();
            writeln!(index, "| [`{name}`]({}.md) | {} | {decisions} | {} |", page.name, size(space), space.summary())
                .expect("a string takes all text");
        }
    }
    hold("spaces/README.md", &with_block("spaces/README.md", index.trim_end()));
}

#[test]
fn the_readme_shows_the_cells_that_it_tells_of() {
    let blueprint = Blueprint::from_text(FASHION).expect("it is valid");
    let mut config = NetworkConfig::cifar(16, 5);
    config.input = nas_space::ImageShape { channels: 1, height: 28, width: 28 };
    assert_eq!(blueprint.lower(&config).expect("it builds").parameters(), 107_722, "the README's number");
    hold("fashion-mnist-cells.svg", &cells_svg(&blueprint).expect("it is valid"));
}

/// The picture, and the figures of each space.
fn block(page: &Page, blueprint: &Blueprint) -> String {
    let config = match page.shown.1 {
        None => published(page.shown.0).expect("it is published").network(),
        Some(_) => blueprint.default_config(),
    };
    let graph = blueprint.lower(&config).expect("it builds at the paper's size");
    let shown = page.shown.0;
    let mut out = format!(
        "![{shown}]({}.svg)\n\nThe picture shows {}: {} parameters and {} multiply-adds with {} channels and {} layers, on \
         {}x{} images in {} classes.\n",
        page.name,
        if page.shown.1.is_some() && shown != "22212220" { shown.to_owned() } else { format!("`{shown}`") },
        thousands(graph.parameters() as u128),
        thousands(u128::from(graph.flops())),
        config.channels,
        config.layers,
        config.input.height,
        config.input.width,
        thousands(config.classes as u128)
    );
    for name in page.spaces {
        let space = spaces::by_name(name).expect("its name is known");
        write!(out, "\n| `{name}` | |\n|---|---|\n| architectures | {} |\n", size(space))
            .expect("a string takes all text");
        for (kind, chooses) in [
            ("inputs", Chooses::Input),
            ("operations", Chooses::Operation),
            ("skips", Chooses::Skip),
            ("values", Chooses::Value),
        ] {
            let decisions: Vec<&Decision> = space.decisions().iter().filter(|d| d.chooses == chooses).collect();
            if !decisions.is_empty() {
                writeln!(out, "| {kind} | {} |", options(&decisions)).expect("a string takes all text");
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// How many decisions there are, and between what they choose.
fn options(decisions: &[&Decision]) -> String {
    let mut kinds: Vec<(usize, &[String])> = Vec::new();
    for decision in decisions {
        match kinds.iter_mut().find(|(_, options)| *options == decision.options) {
            Some((count, _)) => *count += 1,
            None => kinds.push((1, &decision.options)),
        }
    }
    let quoted = |options: &[String]| options.iter().map(|o| format!("`{o}`")).collect::<Vec<_>>().join(" ");
    let line = |(count, options): &(usize, &[String])| format!("{count} of {}", quoted(options));
    let grow = |pair: &[(usize, &[String])]| {
        let [(few, before), (many, after)] = pair else { return false };
        few == many && after.split_last().is_some_and(|(_, rest)| rest == *before)
    };
    match &kinds[..] {
        // Nodes that may each read all before: seven such lines say no more than the first, the second and the last.
        [first, second, .., (count, last)] if kinds.len() > 6 && kinds.windows(2).all(grow) => {
            let new = |options: &[String]| format!("`{}`", options[options.len() - 1]);
            format!("{}<br>{count} of these and {}<br>and so on, up to {}", line(first), new(second.1), new(last))
        }
        _ => kinds.iter().map(line).collect::<Vec<_>>().join("<br>"),
    }
}

/// The number of architectures: exactly, or by its logarithm where it has more than 128 bits.
fn size(space: &dyn SearchSpace) -> String {
    match (space.size(), space.size_log10()) {
        (Some(size), _) => thousands(size),
        (None, Some(log10)) => format!("about {:.2} · 10^{}", 10_f64.powf(log10.fract()), log10.trunc()),
        (None, None) => panic!("the size of {} is not known", space.name()),
    }
}

fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
