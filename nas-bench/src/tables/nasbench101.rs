//! NAS-Bench-101 (Ying et al. 2019), in part: cells with their accuracies after 4, 12, 36 and 108 epochs.

use std::path::Path;
use std::sync::Arc;

use nas_space::SearchSpace;
use nas_space::spaces::{NasBench101, VertexOperation};

use crate::BenchError;
use crate::csv::{Csv, Row};
use crate::table::{Index, Level, Table};

const EPOCHS: [u64; 4] = [4, 12, 36, 108];
/// Accuracies are shares in this file.
const WHOLE: f64 = 1.0;

/// Reads the file. It may hold any part of the 423,624 cells. A search sees the accuracy after 108 epochs; the file has no
/// test accuracy, so its choice is judged by the same.
pub(super) fn read(path: &Path, data: &str) -> Result<Table, BenchError> {
    let csv = Csv::read(path)?;
    let (hash, matrix, operations) = (csv.column("hash")?, csv.column("adjacency")?, csv.column("ops")?);
    let (seconds, params) = (csv.column("train_time_108_s")?, csv.column("params")?);
    let names = EPOCHS.map(|epochs| format!("val_acc_{epochs}"));
    let columns = names.each_ref().map(|name| csv.column(name));
    let mut levels: Vec<Level> = EPOCHS.map(|epochs| Level { epochs, validation: Vec::new() }).into();
    let (mut rows, mut keys, mut lines, mut parameters, mut times) = (vec![], vec![], vec![], vec![], vec![]);
    let columns = columns.into_iter().collect::<Result<Vec<_>, _>>()?;
    for row in csv.rows() {
        let row = row?;
        let architecture = NasBench101
            .architecture(&edges(&row, row.text(matrix))?, &vertices(&row, row.text(operations))?)
            .map_err(|e| row.fault(e.to_string()))?;
        let key = NasBench101.canonical(&architecture);
        let given = row.text(hash);
        if key.rsplit(':').next() != Some(given) {
            return Err(row.fault(format!(
                "`hash` is {given}, but the cell's is {}; the file numbers the operations in another way (here 0 is conv3x3, \
                 1 conv1x1, 2 maxpool3x3, -1 the input, -2 the output), or the line was changed",
                key.rsplit(':').next().unwrap_or_default()
            )));
        }
        for (level, column) in levels.iter_mut().zip(&columns) {
            level.validation.push(row.known_accuracy(*column, WHOLE)?);
        }
        // It is measured for the longest training; training takes the same time in every epoch.
        times.push(row.number(seconds)? / 108.0);
        parameters.push(row.count(params)?);
        rows.push(architecture);
        keys.push(key);
        lines.push(row.line);
    }
    if rows.is_empty() {
        return Err(csv.fault("it has a header and no row; get it again"));
    }
    let index = Index::of_keys(keys).map_err(|(a, b)| {
        csv.fault(&format!("lines {} and {} are of the same cell; leave one out", lines[a], lines[b]))
    })?;
    let test = levels[3].validation.clone();
    Ok(Table {
        name: "nasbench101".into(),
        data: data.into(),
        space: Arc::new(NasBench101),
        flops: vec![0; rows.len()],
        rows,
        index,
        levels,
        seen: 3,
        test,
        judge: "validation accuracy after 108 epochs (this part of the benchmark has no test accuracy)".into(),
        parameters,
        seconds: Some(times),
        costs: None,
    })
}

/// `0110/0010/0001/0000`: which vertex leads to which.
fn edges(row: &Row<'_>, text: &str) -> Result<Vec<Vec<bool>>, BenchError> {
    let bit = |c: char| match c {
        '0' => Ok(false),
        '1' => Ok(true),
        _ => Err(row.fault(format!("`adjacency` is `{text}`; it must be rows of 0 and 1 between slashes"))),
    };
    text.split('/').map(|line| line.chars().map(bit).collect()).collect()
}

/// `-1 0 2 -2`: the operations between input and output.
fn vertices(row: &Row<'_>, text: &str) -> Result<Vec<VertexOperation>, BenchError> {
    let wrong =
        || row.fault(format!("`ops` is `{text}`; it must begin with -1, end with -2 and have 0, 1 or 2 between"));
    let inner = text.strip_prefix("-1").and_then(|t| t.strip_suffix("-2")).ok_or_else(wrong)?;
    let operation = |word: &str| match word {
        "0" => Ok(VertexOperation::Conv3x3),
        "1" => Ok(VertexOperation::Conv1x1),
        "2" => Ok(VertexOperation::MaxPool3x3),
        _ => Err(wrong()),
    };
    inner.split_whitespace().map(operation).collect()
}
