//! Outcomes for the eye: a line as each case is done, and two tables at the end.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::outcome::Outcome;

/// One rule under the head, as the program's own tables have.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// A case in one line.
pub(crate) fn line(outcome: &Outcome) -> String {
    let ours = format!("{}  {}", outcome.name, time(outcome.seconds));
    match (&outcome.pytorch, outcome.speedup()) {
        (Some(pytorch), Some(speedup)) => {
            format!("{ours}, PyTorch {} ({}), speedup {speedup:.2}", time(pytorch.seconds), pytorch.layout)
        }
        _ => ours,
    }
}

/// The passes of networks, and the operations, one copy each, with what the columns mean.
pub(crate) fn tables(outcomes: &[Outcome]) -> String {
    let (operations, networks): (Vec<&Outcome>, Vec<&Outcome>) = outcomes.iter().partition(|o| o.kind == "operation");
    let mut parts = Vec::new();
    if !networks.is_empty() {
        let head = [
            "case",
            "ours",
            "PyTorch",
            "speedup",
            "MB",
            "PyTorch MB",
            "GFLOP/s",
            "of gemm",
            "bf16",
            "MB",
            "PyTorch bf16",
        ];
        parts.push(table(&head, networks.iter().map(|o| [common(o), arithmetic(o), halves(o)].concat())));
    }
    if !operations.is_empty() {
        let head =
            ["operation", "ours", "PyTorch", "speedup", "MB", "PyTorch MB", "GFLOP/s", "of gemm", "GB/s", "of copy"];
        let row = |o: &&Outcome| [common(o), arithmetic(o), memory(o)].concat();
        parts.push(table(&head, operations.iter().map(row)));
    }
    parts.push(legend(outcomes));
    parts.join("\n\n")
}

/// Name, times and peaks.
fn common(o: &Outcome) -> Vec<String> {
    let pytorch = o.pytorch.as_ref();
    let mut row = vec![o.name.clone(), time(o.seconds)];
    row.push(shown(pytorch.map(|p| p.seconds), time));
    row.push(shown(o.speedup(), |speedup| format!("{speedup:.2}")));
    row.push(shown(o.peak_bytes, megabytes));
    row.push(shown(pytorch.and_then(|p| p.peak_bytes), megabytes));
    row
}

/// Activations in bf16.
fn halves(o: &Outcome) -> Vec<String> {
    vec![shown(o.half, time), shown(o.half_peak_bytes, megabytes), shown(o.bf16, time)]
}

fn arithmetic(o: &Outcome) -> Vec<String> {
    rate(o.gflops, o.ceiling_gflops)
}

fn memory(o: &Outcome) -> Vec<String> {
    let gigabytes = |bytes: Option<f64>| bytes.map(|bytes| bytes / 1e9);
    rate(gigabytes(o.bytes_per_second()), gigabytes(o.ceiling_bytes_per_second))
}

/// A rate and its share of the ceiling.
fn rate(rate: Option<f64>, ceiling: Option<f64>) -> Vec<String> {
    let share = rate.zip(ceiling).map(|(rate, ceiling)| 100.0 * rate / ceiling);
    vec![shown(rate, |rate| format!("{rate:.1}")), shown(share, |share| format!("{share:.0} %"))]
}

/// What the columns mean.
fn legend(outcomes: &[Outcome]) -> String {
    let mut lines = vec![
        "Times are medians over the rounds. MB: the process's peak, known on Linux only.".to_owned(),
        "GFLOP/s: two a multiply-add, three passes in a training step; gemm: a 2048x2048x2048 f32 product.".to_owned(),
    ];
    if outcomes.iter().any(|o| o.kind == "operation") {
        lines.push(
            "Operations: one of eight in a chain, forward and backward. GB/s: forward, input read and output".into(),
        );
        lines.push(
            "written; backward, input and gradient read and gradient written; nothing inside an operation.".into(),
        );
    }
    if let Some(pytorch) = outcomes.iter().find_map(|o| o.pytorch.as_ref()) {
        let imported = shown(pytorch.imported_bytes, megabytes);
        lines.push(format!("PyTorch {}: its faster layout counts; its bf16 has channels last.", pytorch.version));
        lines.push(format!("Of its peak, {imported} MB are there once it is imported."));
    }
    lines.join("\n")
}

/// A value, or a dash where there is none.
fn shown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", 1e3 * s),
        s => format!("{:.0} us", 1e6 * s),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1e6)
}

/// Rows below a head; all columns but the first are numbers.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(Cell::new));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!([12.345, 0.0123, 0.00000123].map(time), ["12.35 s", "12.30 ms", "1 us"]);
    }

    #[test]
    fn a_rate_has_its_share_and_what_is_unknown_a_dash() {
        assert_eq!(rate(Some(50.0), Some(200.0)), ["50.0", "25 %"]);
        assert_eq!(rate(None, Some(200.0)), ["-", "-"]);
        assert_eq!(rate(Some(50.0), None), ["50.0", "-"]);
    }
}
