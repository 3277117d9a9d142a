//! NAS-Bench-201 (Dong & Yang 2020): all 15,625 cells, and the check that they are numbered as the authors number them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use nas_space::spaces::NasBench201;
use nas_space::{Architecture, SearchSpace};

use crate::csv::{Csv, Row};
use crate::table::{Index, Level, Table};
use crate::{BenchError, Optimum};

/// What is known of the official results on a data set.
struct Data {
    name: &'static str,
    /// How its parameter and multiply-add columns end.
    suffix: &'static str,
    /// The official index of the cell of the best mean test accuracy after 200 epochs.
    best: usize,
}

const DATA: [Data; 3] = [
    Data { name: "cifar10", suffix: "c10", best: 6111 },
    Data { name: "cifar100", suffix: "c100", best: 9930 },
    Data { name: "imagenet16", suffix: "in16", best: 857 },
];

/// Percent, as the file counts.
const WHOLE: f64 = 100.0;

/// Reads the file.
pub(super) fn read(path: &Path, data: &str) -> Result<Table, BenchError> {
    let data = DATA.iter().find(|known| known.name == data).unwrap_or(&DATA[0]);
    let csv = Csv::read(path)?;
    let name = |what: &str| format!("{}_{what}", data.name);
    let (val_12, val_200, test_200) = (name("val_12"), name("val_200"), name("test_200"));
    let (params, flops) = (format!("params_{}", data.suffix), format!("flops_{}", data.suffix));
    let (val_12, test) = (csv.column(&val_12)?, csv.column(&test_200)?);
    // Not every export has it for every data set.
    let val_200 = csv.find(&val_200);
    let (params, flops) = (csv.column(&params)?, csv.column(&flops)?);
    let mut short = Level { epochs: 12, validation: Vec::with_capacity(15_625) };
    let mut long = Level { epochs: 200, validation: Vec::new() };
    let (mut parameters, mut multiply_adds, mut judged, mut lines) = (vec![], vec![], vec![], vec![]);
    let rows = cells(&csv, |row| {
        short.validation.push(row.known_accuracy(val_12, WHOLE)?);
        if let Some(column) = val_200 {
            long.validation.push(row.accuracy(column, WHOLE)?);
        }
        judged.push(row.known_accuracy(test, WHOLE)?);
        parameters.push(row.count(params)?);
        multiply_adds.push(row.count(flops)?);
        lines.push(row.line);
        Ok(())
    })?;
    let space = Arc::new(NasBench201);
    let index = complete(&csv, &rows, &lines)?;
    // A length of training that some rows lack would favour the others.
    let whole = val_200.is_some() && long.validation.iter().all(|accuracy| accuracy.is_finite());
    let levels = if whole { vec![short, long] } else { vec![short] };
    let table = Table {
        name: "nasbench201".into(),
        data: data.name.into(),
        space,
        rows,
        index,
        levels,
        seen: 0,
        test: judged,
        judge: "test accuracy after 200 epochs, the mean over the official seeds".into(),
        parameters,
        flops: multiply_adds,
        seconds: None,
        costs: None,
    };
    check_numbering(&csv, &table.optimum(), data)?;
    Ok(table)
}

/// The cells of a file's rows, in order; `each` takes what else it wants of a row.
pub(super) fn cells(
    csv: &Csv,
    mut each: impl FnMut(&Row<'_>) -> Result<(), BenchError>,
) -> Result<Vec<Architecture>, BenchError> {
    let (text, digits, index) = (csv.find("arch_str"), csv.find("ops"), csv.find("index"));
    if text.is_none() && digits.is_none() {
        return Err(csv.fault("it says of no row which cell it is: there must be a column `arch_str` or `ops`"));
    }
    let mut rows = Vec::with_capacity(15_625);
    for row in csv.rows() {
        let row = row?;
        let from_digits = digits.map(|column| cell(&row, row.text(column))).transpose()?;
        let from_text = text.map(|column| NasBench201.parse(row.text(column)).map_err(|e| row.fault(e.to_string())));
        let from_text = from_text.transpose()?;
        if let (Some(a), Some(b)) = (&from_text, &from_digits)
            && a != b
        {
            let naslib = from_naslib(b) == *a;
            let reason = if naslib { NASLIB.to_owned() } else { "`ops` and `arch_str` are different cells".to_owned() };
            return Err(row.fault(reason));
        }
        let architecture = from_text.or(from_digits).expect("one of the two columns is there");
        if let Some(column) = index {
            let official = NasBench201.index(&architecture).map_err(|e| row.fault(e.to_string()))?;
            let given = row.count(column)?;
            if given != official as u64 {
                let reason = format!("`index` is {given}, but the official index of this cell is {official}; {WHY}");
                return Err(row.fault(reason));
            }
        }
        each(&row)?;
        rows.push(architecture);
    }
    Ok(rows)
}

const WHY: &str = "the file numbers its cells or its operations in another way";

const NASLIB: &str = "the operations are numbered as NASLib does (0 skip, 1 none, 2 conv 3x3, 3 conv 1x1, 4 pool; edges \
    01, 02, 03, 12, 13, 23); here they are 0 none, 1 skip, 2 conv 1x1, 3 conv 3x3, 4 pool on the edges 01, 02, 12, 03, 13, \
    23: translate them first";

/// The cell of six digits.
fn cell(row: &Row<'_>, digits: &str) -> Result<Architecture, BenchError> {
    let choices: Option<Vec<usize>> = digits.chars().map(|c| c.to_digit(5).map(|d| d as usize)).collect();
    match choices {
        Some(choices) if choices.len() == 6 => Ok(Architecture { space: NasBench201.name().into(), choices }),
        _ => Err(row.fault(format!("`ops` is `{digits}`; it must be six digits from 0 to 4"))),
    }
}

/// The index of a whole table, or what is missing or double in it.
pub(super) fn complete(csv: &Csv, rows: &[Architecture], lines: &[usize]) -> Result<Index, BenchError> {
    let index = Index::build(&NasBench201, rows).map_err(|(first, second)| {
        let cell = NasBench201.text(&rows[second]);
        csv.fault(&format!("lines {} and {} are both of the cell {cell}; leave one out", lines[first], lines[second]))
    })?;
    let size = 15_625;
    if rows.len() == size {
        return Ok(index);
    }
    let there: BTreeSet<&Architecture> = rows.iter().collect();
    let missing = (0..size).filter_map(|at| NasBench201.architecture(at)).find(|a| !there.contains(a));
    let missing = missing.map(|a| NasBench201.text(&a)).unwrap_or_default();
    Err(csv.fault(&format!(
        "it has {} of the {size} cells, {missing} is not among them; the file was cut short or filtered: get it whole",
        rows.len()
    )))
}

/// Whether the best cell is the one that is known to be: if the digits mean other operations, another one comes out.
fn check_numbering(csv: &Csv, found: &Optimum, data: &Data) -> Result<(), BenchError> {
    let best = NasBench201.architecture(data.best).expect("the indices of the best are below 15,625");
    if found.architecture == best {
        return Ok(());
    }
    if from_naslib(&found.architecture) == best {
        return Err(csv.fault(NASLIB));
    }
    Err(csv.fault(&format!(
        "its best cell on {} is {} with {:.2} %, but that of NAS-Bench-201 is {}; {WHY}, or these are other measurements",
        data.name,
        NasBench201.text(&found.architecture),
        100.0 * found.test,
        NasBench201.text(&best)
    )))
}

/// What six digits mean in NASLib.
fn from_naslib(architecture: &Architecture) -> Architecture {
    /// Its operations, as ours.
    const OPERATIONS: [usize; 5] = [1, 0, 3, 2, 4];
    /// Where each of our edges stands in its list.
    const EDGES: [usize; 6] = [0, 1, 3, 2, 4, 5];
    let choices = EDGES.iter().map(|edge| OPERATIONS[architecture.choices[*edge]]).collect();
    Architecture { space: architecture.space.clone(), choices }
}
