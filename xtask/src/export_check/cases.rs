//! Which networks are exported, and in which ways.

/// The folder of made-up photographs.
pub(crate) const BITMAPS: &str = "bitmaps";

/// A network: its name, and the command that makes it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) make: Vec<String>,
}

/// A way to export.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) flags: &'static [&'static str],
}

/// The ways in which every network is exported. The comparison knows from the names what each reads.
pub(crate) const VARIANTS: [Variant; 3] = [
    Variant { name: "normalized", flags: &[] },
    Variant { name: "unit", flags: &["--normalize", "unit", "--fold-batch-norm"] },
    Variant { name: "bytes", flags: &["--normalize", "bytes", "--fold-batch-norm"] },
];

/// One sampled network of each of these is trained for a moment, with three cells.
const CELL_SPACES: [&str; 7] = ["darts", "nasnet", "amoebanet", "enas-micro", "nasbench101", "nasbench201", "ghn"];

/// The same for those that have a depth of their own; four layers, where that can be chosen.
const DEEP_SPACES: [&str; 6] =
    ["nasbench-macro", "zoph-4", "zoph-strided-4", "enas-macro-4", "enas-macro-retrained-4", "enas-macro-released-4"];

/// Published cells whose operations and wiring differ most.
const CELLS: [&str; 5] = ["DARTS_V1", "GDAS_V1", "NASNet-A", "AmoebaNet-A", "ENAS-micro"];

/// These are also made for larger, not square images, in colour.
const LARGE: [&str; 3] = ["DARTS_V2", "NASNet-A", "AmoebaNet-B"];

/// Networks with the stem for ImageNet, three convolutions down to an eighth, in DARTS's form and in NASNet's.
const STEMS: [&str; 2] = ["DARTS_V2", "NASNet-A-mobile"];

/// All of them: DARTS_V2 trained on the digits as well as it goes in a minute, and many that are trained for a moment.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = vec![case("DARTS_V2-digits", "train DARTS_V2 --channels 8 --layers 5 --epochs 12 --auxiliary")];
    let search = "--strategy random --trials 1 --trial-epochs 1 --trial-images 200 --no-baseline --seed 5";
    let sizes = "--channels 8 --final-channels 8 --final-epochs 2";
    for space in CELL_SPACES {
        let command = format!("search --space {space} {search} {sizes} --layers 3 --final-layers 3");
        cases.push(case(&format!("{space}-sampled"), &command));
    }
    for space in DEEP_SPACES {
        cases.push(case(&format!("{space}-sampled"), &format!("search --space {space} {search} {sizes}")));
    }
    for cell in CELLS {
        let command = format!("train {cell} --channels 8 --layers 6 --epochs 2 --auxiliary");
        cases.push(case(&format!("{cell}-digits"), &command));
    }
    for cell in LARGE {
        let command =
            format!("train {cell} --data {BITMAPS} --channels 8 --layers 6 --epochs 6 --batch-size 8 --auxiliary");
        cases.push(case(&format!("{cell}-bitmaps"), &command));
    }
    for cell in STEMS {
        let sizes = "--stem imagenet --image-size 64 --channels 8 --layers 5 --epochs 6 --batch-size 8 --auxiliary";
        cases.push(case(&format!("{cell}-imagenet"), &format!("train {cell} --data {BITMAPS} {sizes}")));
    }
    cases
}

fn case(name: &str, command: &str) -> Case {
    Case { name: name.to_owned(), make: command.split_whitespace().map(str::to_owned).collect() }
}
