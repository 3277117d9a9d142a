//! NAS-Bench-Macro (Su et al. 2021): all 6,561 networks of eight layers, each trained with three seeds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use nas_space::spaces::NasBenchMacro;
use nas_space::{Architecture, SearchSpace};
use serde::Deserialize;

use crate::BenchError;
use crate::csv::{Csv, Row};
use crate::table::{Index, Level, Table};

/// Layers, and so digits of a name.
const LAYERS: usize = 8;
/// Networks of the space.
const SIZE: usize = 6_561;
/// The best network, by the mean over the seeds.
const BEST: &str = "22212220";
/// Percent, as the file counts.
const WHOLE: f64 = 100.0;

/// A network of the file.
struct Network {
    name: String,
    /// Where it stands, for messages.
    place: String,
    /// Shares from 0 to 1.
    seeds: [f64; 3],
    parameters: u64,
    flops: u64,
}

/// Reads the file: comma-separated, or the authors' own JSON. There is no validation split and no short training in it: a
/// search sees the test accuracy of the first seed, and its choice is judged by the mean of all three.
pub(super) fn read(path: &Path, data: &str) -> Result<Table, BenchError> {
    let csv = Csv::read(path)?;
    let networks = if csv.text().starts_with('{') { from_json(&csv)? } else { from_csv(&csv)? };
    let (mut rows, mut seen, mut test) = (vec![], vec![], vec![]);
    for Network { name, place, seeds, .. } in &networks {
        let choices: Option<Vec<usize>> = name.chars().map(|c| c.to_digit(3).map(|d| d as usize)).collect();
        let Some(choices) = choices.filter(|choices| choices.len() == LAYERS) else {
            return Err(csv.fault(&format!("{place}: the network is `{name}`; it must be {LAYERS} digits from 0 to 2")));
        };
        rows.push(Architecture { space: NasBenchMacro.name().into(), choices });
        seen.push(seeds[0]);
        test.push(seeds.iter().sum::<f64>() / 3.0);
    }
    let lines: Vec<&str> = networks.iter().map(|network| network.place.as_str()).collect();
    let (parameters, multiply_adds) = networks.iter().map(|n| (n.parameters, n.flops)).unzip();
    let index = Index::build(&NasBenchMacro, &rows).map_err(|(a, b)| {
        let (text, a, b) = (NasBenchMacro.text(&rows[b]), lines[a], lines[b]);
        csv.fault(&format!("{a} and {b} are both of the network {text}; leave one out"))
    })?;
    if rows.len() != SIZE {
        let count = rows.len();
        return Err(
            csv.fault(&format!("it has {count} of the {SIZE} networks; it was cut short or filtered: get it whole"))
        );
    }
    // The best is known: if the digits mean other blocks, another comes out.
    let best = (0..SIZE).reduce(|best, row| if test[row] > test[best] { row } else { best }).unwrap_or_default();
    let known = NasBenchMacro.parse(BEST).expect("it is eight digits");
    // Twins, which differ in the place of an identity, have the same accuracies.
    if NasBenchMacro.canonical(&rows[best]) != NasBenchMacro.canonical(&known) {
        let found = NasBenchMacro.text(&rows[best]);
        return Err(csv.fault(&format!(
            "its best network is {found}, but that of NAS-Bench-Macro is {BEST} (a digit a layer: 0 identity, 1 MB3-K3, 2 \
             MB6-K5); the file numbers its blocks in another way, or these are other measurements"
        )));
    }
    Ok(Table {
        name: "nasbench-macro".into(),
        data: data.into(),
        space: Arc::new(NasBenchMacro),
        rows,
        index,
        // The benchmark's training (section 5.1 of the paper): 50 epochs.
        levels: vec![Level { epochs: 50, validation: seen }],
        seen: 0,
        test,
        judge: "test accuracy, the mean of three seeds, the first of which the search sees".into(),
        parameters,
        flops: multiply_adds,
        seconds: None,
        costs: None,
    })
}

fn from_csv(csv: &Csv) -> Result<Vec<Network>, BenchError> {
    let (name, params, flops) = (csv.column("arch")?, csv.column("params")?, csv.column("flops")?);
    let seeds = [csv.column("acc_0")?, csv.column("acc_1")?, csv.column("acc_2")?];
    let network = |row: Row<'_>| {
        let [first, second, third] = seeds.map(|column| row.known_accuracy(column, WHOLE));
        Ok(Network {
            name: row.text(name).to_owned(),
            place: format!("line {}", row.line),
            seeds: [first?, second?, third?],
            parameters: row.count(params)?,
            flops: row.count(flops)?,
        })
    };
    csv.rows().map(|row| row.and_then(network)).collect()
}

/// A network in the authors' file.
#[derive(Deserialize)]
struct Official {
    test_acc: [f64; 3],
    params: u64,
    flops: u64,
}

fn from_json(csv: &Csv) -> Result<Vec<Network>, BenchError> {
    let read: BTreeMap<String, Official> = serde_json::from_str(csv.text()).map_err(|e| {
        csv.fault(&format!("{e}; it is not the authors' nas-bench-macro_cifar10.json, or was cut short: get it again"))
    })?;
    let network = |(name, found): (String, Official)| {
        let place = format!("network {name}");
        let seeds = found.test_acc.map(|accuracy| accuracy / WHOLE);
        if !seeds.iter().all(|accuracy| (0.0..=1.0).contains(accuracy)) {
            return Err(
                csv.fault(&format!("{place}: `test_acc` is {:?}, which are no accuracies in %", found.test_acc))
            );
        }
        Ok(Network { name, place, seeds, parameters: found.params, flops: found.flops })
    };
    read.into_iter().map(network).collect()
}
