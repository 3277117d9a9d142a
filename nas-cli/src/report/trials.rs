//! The trials of a search as figures and tables: the best so far, what accuracy costs, the best of all, what failed.

use std::collections::BTreeMap;

use nas_bench::chart::{Chart, Ink, Mark, Point, Series};
use nas_search::pareto::{self, Objective};
use nas_search::{Trial, TrialState};

use super::figures::{chart, counted, even, logarithmic, time_unit};
use super::page::{Block, Cell, Column, Figure, Row, Table};
use super::run::Arm;
use crate::run::{accuracy, brief};
use crate::strategies::RANDOM;
use crate::units::{count, percent, plural, seconds, short};

/// How many of the strategy's trials the table lists, and how many random ones below them.
const LISTED: [usize; 2] = [10, 3];
/// The fewest trials of a strategy whose course is worth a chart.
const COURSE: usize = 3;

/// The colour of an arm: random search is what others are measured against.
fn ink(arm: &Arm, number: usize) -> Ink {
    if arm.name == RANDOM && number > 0 { Ink::Baseline } else { Ink::Colour(number) }
}

fn complete(arm: &Arm) -> impl Iterator<Item = &Trial> {
    arm.trials.iter().filter(|trial| trial.state == TrialState::Complete && trial.measurement.is_some())
}

/// A trial in words.
fn words(trial: &Trial) -> String {
    let Some(m) = &trial.measurement else { return String::new() };
    format!(
        "{}, trial {}: {}, {} parameters, {} multiply-adds\n{}",
        trial.arm,
        trial.number + 1,
        percent(m.accuracy),
        count(m.parameters),
        short(m.flops as f64),
        brief(&trial.proposal.architecture)
    )
}

/// The best so far over trials and over time, and what accuracy costs.
pub fn figures(arms: &[Arm]) -> Vec<Block> {
    if arms.first().is_none_or(|arm| complete(arm).count() < COURSE) {
        return Vec::new();
    }
    let mut figures = vec![Figure::of(
        &course(arms, "Best so far, by trials", "trial", 1.0, |_, trial| trial.number as f64 + 1.0),
        "over-trials",
        "The line is the best validation accuracy so far, each dot a trial.",
    )];
    let spent: Vec<Vec<f64>> = arms.iter().map(spent).collect();
    let longest = spent.iter().flatten().copied().fold(0.0, f64::max);
    if longest > 0.0 {
        let (unit, name) = time_unit(longest);
        let label = format!("{name} of training, all trials added up");
        let at = |arm: usize, trial: &Trial| spent[arm].get(trial.number as usize).copied().unwrap_or(f64::NAN) / unit;
        figures.push(Figure::of(
            &course(arms, "Best so far, by time", &label, 0.0, at),
            "over-time",
            "The same by the time that the trials took, one after another.",
        ));
    }
    for (objective, title, label, id) in [
        (Objective::Parameters, "Accuracy against parameters", "parameters", "by-parameters"),
        (Objective::Flops, "Accuracy against multiply-adds", "multiply-adds for one image", "by-flops"),
        (Objective::Latency, "Accuracy against latency", "seconds for one image", "by-latency"),
    ] {
        figures.extend(
            trade_off(arms, objective, title, label)
                .map(|chart| Figure::of(&chart, id, "Dots on the line are those that no other trial beats in both.")),
        );
    }
    vec![Block::Figures(figures)]
}

/// Seconds after each trial of an arm, by its number.
fn spent(arm: &Arm) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |trial: &Trial| {
        sum += trial.seconds.unwrap_or(0.0);
        sum
    };
    arm.trials.iter().map(add).collect()
}

fn course(arms: &[Arm], title: &str, label: &str, first: f64, at: impl Fn(usize, &Trial) -> f64) -> Chart {
    let (mut dots, mut lines, mut low, mut end) = (Vec::new(), Vec::new(), f64::INFINITY, first);
    for (number, arm) in arms.iter().enumerate().rev() {
        let point = |trial: &Trial| Point { x: at(number, trial), y: 100.0 * accuracy(trial), note: words(trial) };
        let points: Vec<Point> = complete(arm).map(point).collect();
        let mut best = f64::NEG_INFINITY;
        let risen = points
            .iter()
            .filter(|p| {
                p.y > best && {
                    best = p.y;
                    true
                }
            })
            .cloned()
            .collect::<Vec<_>>();
        let mut sorted: Vec<f64> = points.iter().map(|p| p.y).collect();
        sorted.sort_by(f64::total_cmp);
        // The worst trials would flatten everything else; what is below a tenth of them is left out.
        low = sorted.get(sorted.len() / 10).copied().into_iter().chain(risen.first().map(|p| p.y)).fold(low, f64::min);
        end = points.iter().map(|p| p.x).fold(end, f64::max);
        let of =
            |name: &str, mark, points| Series { name: name.into(), mark, ink: ink(arm, number), points, band: vec![] };
        dots.push(of("", Mark::Specks, points));
        lines.push(of(&arm.name, Mark::Steps, risen));
    }
    let high = lines.iter().flat_map(|line| line.points.iter().map(|p| p.y)).fold(f64::NEG_INFINITY, f64::max);
    let room = 0.06 * (high - low).max(0.5);
    let mut x = if first > 0.0 { counted(label) } else { even(label) };
    x.range = Some([first, end.max(first + 1e-9)]);
    let mut y = even("validation accuracy (%)");
    y.range = Some([low - room, high + room]);
    chart(title, x, y, dots.into_iter().chain(lines).collect())
}

/// Accuracy against a cost, with the front of all arms.
fn trade_off(arms: &[Arm], objective: Objective, title: &str, label: &str) -> Option<Chart> {
    let mut all: Vec<(Point, Vec<f64>)> = Vec::new();
    let mut series = Vec::new();
    for (number, arm) in arms.iter().enumerate().rev() {
        let mut specks = Vec::new();
        for trial in complete(arm) {
            let Some(m) = &trial.measurement else { continue };
            let Some(costs) = pareto::costs(&[Objective::Accuracy, objective], m).filter(|c| c[1] > 0.0) else {
                continue;
            };
            let point = Point { x: costs[1], y: 100.0 * m.accuracy, note: words(trial) };
            specks.push(point.clone());
            all.push((point, costs));
        }
        let (name, ink) = (arm.name.clone(), ink(arm, number));
        series.push(Series { name, mark: Mark::Specks, ink, points: specks, band: Vec::new() });
    }
    // Where all cost the same there is nothing to trade.
    let differ = all.windows(2).any(|pair| pair[0].1[1] != pair[1].1[1]);
    if !differ {
        return None;
    }
    let costs: Vec<Vec<f64>> = all.iter().map(|(_, costs)| costs.clone()).collect();
    let mut front: Vec<Point> = pareto::front(&costs).into_iter().map(|at| all[at].0.clone()).collect();
    front.sort_by(|a, b| a.x.total_cmp(&b.x));
    front.dedup_by(|a, b| a.x == b.x && a.y == b.y);
    let quiet = front.iter().map(|p| Point { note: String::new(), ..p.clone() }).collect();
    let ink = Ink::Colour(1);
    series.push(Series { name: "front".into(), mark: Mark::Steps, ink, points: quiet, band: Vec::new() });
    series.push(Series { name: String::new(), mark: Mark::Dots, ink, points: front, band: Vec::new() });
    Some(chart(title, logarithmic(label), even("validation accuracy (%)"), series))
}

/// The best trials, and how many failed.
pub fn tables(arms: &[Arm]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let head = vec![
        Column::text("arm"),
        Column::number("trial"),
        Column::number("validation"),
        Column::number("parameters"),
        Column::number("multiply-adds").extra(),
        Column::number("epochs").extra(),
        Column::number("time").extra(),
    ];
    let mut rows = Vec::new();
    for (number, arm) in arms.iter().enumerate() {
        // What was measured once is listed once.
        let twin = |trial: &Trial| trial.measurement.as_ref().is_some_and(|m| m.twin_of().is_some());
        let mut best: Vec<&Trial> = complete(arm).filter(|trial| !twin(trial)).collect();
        // Stable: of equals the earliest stays in front, as strategies have it.
        best.sort_by(|a, b| accuracy(b).total_cmp(&accuracy(a)));
        rows.extend(best.into_iter().take(LISTED[number.min(1)]).filter_map(row));
    }
    if !rows.is_empty() {
        let mut note =
            "Validation: the accuracy on images held out of the training split, which the search looks at.".to_owned();
        let is_cells = |row: &Row| row.below.as_ref().is_some_and(|text| text.contains(" | "));
        if rows.iter().any(is_cells) {
            note += " Cells in short: two operations a node, the normal cell before the bar, the reduction cell behind it; sk \
                     is skip_connect, mx and av are max and average pooling, s, d and a number are separable and dilated \
                     convolutions of that window, and - is none.";
        }
        blocks.push(Block::Table(Table { title: String::new(), head, rows, note }));
    }
    blocks.extend(failures(arms));
    blocks
}

fn row(trial: &Trial) -> Option<Row> {
    let m = trial.measurement.as_ref()?;
    let cells = [
        trial.arm.clone(),
        (trial.number + 1).to_string(),
        percent(m.accuracy),
        count(m.parameters),
        short(m.flops as f64),
        m.epochs.to_string(),
        seconds(trial.seconds.unwrap_or(0.0)),
    ];
    let cells = cells.into_iter().map(Cell::Text).collect();
    Some(Row { cells, below: Some(brief(&trial.proposal.architecture)) })
}

fn failures(arms: &[Arm]) -> Option<Block> {
    let mut kinds: BTreeMap<(&str, &str), (u64, &str)> = BTreeMap::new();
    for (arm, trial) in arms.iter().flat_map(|arm| arm.trials.iter().map(move |trial| (arm, trial))) {
        if let Some(failure) = trial.failure.as_ref().filter(|_| trial.state == TrialState::Failed) {
            kinds.entry((&arm.name, &failure.kind)).or_insert((0, &failure.reason)).0 += 1;
        }
    }
    if kinds.is_empty() {
        return None;
    }
    let row = |((arm, kind), (times, reason)): (&(&str, &str), &(u64, &str))| Row {
        cells: [(*arm).to_owned(), kind.replace('_', " "), count(*times)].into_iter().map(Cell::Text).collect(),
        below: Some((*reason).to_owned()),
    };
    let all: u64 = kinds.values().map(|(times, _)| times).sum();
    Some(Block::Table(Table {
        title: format!("{} failed", plural(all, "trial")),
        head: vec![Column::text("arm"), Column::text("kind"), Column::number("trials")],
        rows: kinds.iter().map(row).collect(),
        note: "Below each kind stands the first reason. A failed trial is recorded, and the search goes on.".into(),
    }))
}
