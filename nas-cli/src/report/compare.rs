//! The page of a comparison: methods side by side on one data set, what each of their runs came to, what they found, and what
//! their papers report.

use nas_bench::chart::{Chart, Ink, Mark, Point, Series};
use nas_space::{Blueprint, Drawing};

use super::figures::{chart, even, logarithmic, time_unit};
use super::page::{Block, Cell, Column, Figure, Page, Row as Line, Section, Table, Tile};
use crate::comparison::{Comparison, MIRRORED, Outcome, Row, Run, State};
use crate::folder::{Folder, shell_word};
use crate::strategies::RANDOM;
use crate::units::{count, plural, seconds, short};

/// The page of a comparison, finished or not.
pub fn page(comparison: &Comparison, folder: &Folder) -> Page {
    let mut sections = Vec::new();
    let mut add = |id, title, blocks: Vec<Block>| {
        if !blocks.is_empty() {
            sections.push(Section { id, title, blocks });
        }
    };
    let mut result = vec![Block::Tiles(tiles(comparison))];
    if comparison.state == State::Complete {
        result.extend(told(&comparison.verdict(folder)));
    }
    result.push(Block::Table(methods(comparison)));
    add("result", "Result", result);
    add("figures", "What it cost", figures(comparison));
    add("architectures", "What was found", architectures(comparison));
    add("runs", "Runs", vec![Block::Table(runs(comparison))]);
    add("published", "What the papers report", vec![Block::Table(published(comparison))]);
    add("reproduce", "How to do it again", reproduce(comparison));
    Page {
        kind: "comparison",
        title: format!("{} on {}", plural(comparison.methods.len() as u64, "method"), comparison.data),
        about: about(comparison),
        unfinished: unfinished(comparison, folder),
        sections,
        program: crate::PROGRAM,
        live: false,
    }
}

/// Words for a terminal as paragraphs; what is set in there is what one types.
fn told(words: &str) -> Vec<Block> {
    let is_typed = |line: &&str| line.starts_with("  ");
    let lines: Vec<&str> = words.lines().collect();
    let mut blocks = Vec::new();
    for part in lines.chunk_by(|a, b| is_typed(a) == is_typed(b) && !b.is_empty()).filter(|part| *part != [""]) {
        let typed = is_typed(&part[0]);
        let text = part.iter().map(|line| line.trim()).collect::<Vec<_>>().join(if typed { "\n" } else { " " });
        blocks.push(if typed { Block::Code(text) } else { Block::Text(text.trim().to_owned()) });
    }
    blocks
}

fn about(comparison: &Comparison) -> String {
    let budget = match (comparison.budget.seconds, comparison.budget.epochs) {
        (Some(time), _) => format!("{} for search and final training together", seconds(time)),
        (None, epochs) => format!("{} in the search", plural(epochs.unwrap_or(0), "epoch")),
    };
    let runs = plural(comparison.seeds.len() as u64, "run");
    format!("Each method had {budget}, in {runs}; every winner was trained by the same recipe.")
}

fn unfinished(comparison: &Comparison, folder: &Folder) -> Vec<String> {
    if comparison.state == State::Complete {
        return Vec::new();
    }
    let all = comparison.runs().count();
    let over = comparison.runs().filter(|run| matches!(run.state, State::Complete | State::Failed)).count();
    vec![
        format!(
            "This comparison is not finished; the report shows what there is. So far {over} of {all} runs have ended."
        ),
        format!("If it was stopped, `{}` goes on with it.", folder.resume_command()),
    ]
}

/// The methods with a result, the best first.
fn ranked(comparison: &Comparison) -> Vec<&Row> {
    let mut rows: Vec<&Row> = comparison.methods.iter().collect();
    rows.sort_by(|a, b| Row::by_error(a, b));
    rows
}

fn tiles(comparison: &Comparison) -> Vec<Tile> {
    let mut tiles = Vec::new();
    if let Some(best) = ranked(comparison).into_iter().find(|row| row.test_error.is_some()) {
        tiles.push(Tile::new("Lowest test error", best.error().unwrap_or_default(), best.method.clone()));
    }
    if let Some(random) = comparison.methods.iter().find(|row| row.method == RANDOM && row.test_error.is_some()) {
        tiles.push(Tile::new("Random search", random.error().unwrap_or_default(), "test error, the baseline"));
    }
    tiles.push(Tile::new(
        "Methods",
        comparison.methods.len().to_string(),
        plural(comparison.seeds.len() as u64, "run") + " each",
    ));
    if let Some(images) = comparison.test_images {
        tiles.push(Tile::new("Test images", count(images), "used once a run"));
    }
    tiles
}

fn outcomes(row: &Row) -> impl Iterator<Item = (&Run, &Outcome)> {
    row.runs.iter().filter_map(|run| Some((run, run.outcome.as_ref()?)))
}

fn methods(comparison: &Comparison) -> Table {
    let head = vec![
        Column::text("method"),
        Column::number("year").extra(),
        Column::number("search").extra(),
        Column::number("in all"),
        Column::number("networks").extra(),
        Column::number("epochs").extra(),
        Column::number("parameters").extra(),
        Column::number("multiply-adds").extra(),
        Column::number("test error"),
        Column::text("").extra(),
    ];
    let errors = || comparison.methods.iter().flat_map(outcomes).map(|(_, outcome)| outcome.test_error);
    let range = [errors().fold(f64::INFINITY, f64::min), errors().fold(f64::NEG_INFINITY, f64::max)];
    let row = |row: &&Row| {
        let mut cells: Vec<Cell> = row.cells("").map(Cell::Text).into();
        cells.push(Cell::Picture(strip(outcomes(row).map(|(_, outcome)| outcome.test_error), row.test_error, range)));
        Line { cells, below: None }
    };
    Table {
        title: String::new(),
        head,
        rows: ranked(comparison).iter().map(row).collect(),
        note: "Means over the runs, ± the standard deviation from run to run. Networks: trained in the search. Epochs: of the \
               supernet or hypernetwork, of methods that train one. At the right: a ring for each run, a dot for the mean; \
               further left is better."
            .into(),
    }
}

/// The errors of the runs on a line, and their mean.
fn strip(errors: impl Iterator<Item = f64>, mean: Option<f64>, [low, high]: [f64; 2]) -> String {
    let x = |error: f64| if high > low { 8.0 + 144.0 * (error - low) / (high - low) } else { 80.0 };
    let rings: String =
        errors.map(|e| format!("<circle class=\"ring\" cx=\"{:.1}\" cy=\"9\" r=\"4\"/>", x(e))).collect();
    let mean = mean.map_or(String::new(), |mean| format!("<circle cx=\"{:.1}\" cy=\"9\" r=\"3\"/>", x(mean)));
    format!("<svg class=\"range\" viewBox=\"0 0 160 18\"><path class=\"zero\" d=\"M4 9H156\"/>{rings}{mean}</svg>")
}

/// Accuracy against what it cost: parameters, and the time of the search.
fn figures(comparison: &Comparison) -> Vec<Block> {
    if comparison.methods.iter().flat_map(outcomes).count() < 2 {
        return Vec::new();
    }
    let longest = comparison.methods.iter().flat_map(outcomes).map(|(_, o)| o.search_seconds).fold(0.0, f64::max);
    let (unit, name) = time_unit(longest);
    let parameters = cloud(comparison, "Accuracy against parameters", logarithmic("parameters"), |o| o.params as f64);
    let time = cloud(comparison, "Accuracy against the time of the search", even(name), |o| o.search_seconds / unit);
    vec![Block::Figures(vec![
        Figure::of(&parameters, "by-parameters", "Each dot is the final network of a run."),
        Figure::of(&time, "by-time", "The final training comes on top."),
    ])]
}

fn cloud(comparison: &Comparison, title: &str, x: nas_bench::chart::Axis, of: impl Fn(&Outcome) -> f64) -> Chart {
    let mut colours = 0..;
    let series = comparison.methods.iter().map(|row| {
        let ink = if row.method == RANDOM { Ink::Baseline } else { Ink::Colour(colours.next().unwrap_or(0)) };
        let point = |(run, outcome): (&Run, &Outcome)| Point {
            x: of(outcome),
            y: 100.0 - outcome.test_error,
            note: format!(
                "{}, seed {}: {:.2} % test error, {} parameters",
                row.method,
                run.seed,
                outcome.test_error,
                count(outcome.params)
            ),
        };
        let points = outcomes(row).map(point).collect();
        Series { name: row.method.clone(), mark: Mark::Dots, ink, points, band: Vec::new() }
    });
    let series: Vec<Series> = series.collect();
    // The legend names what is in front first.
    chart(title, x, even("test accuracy (%)"), series.into_iter().rev().collect())
}

/// The architecture of each method's best run.
fn architectures(comparison: &Comparison) -> Vec<Block> {
    let mut blocks = Vec::new();
    for row in ranked(comparison) {
        let Some((run, outcome)) = outcomes(row).min_by(|a, b| a.1.test_error.total_cmp(&b.1.test_error)) else {
            continue;
        };
        let title = format!("{}: {:.2} % test error, seed {}", row.method, outcome.test_error, run.seed);
        // A text form of a newer program is shown as text.
        let drawing = Blueprint::from_text(&outcome.architecture).and_then(|blueprint| Drawing::of(&blueprint));
        match drawing {
            Ok(drawing) => blocks.push(Block::Drawings { title, pictures: super::search::panels(&drawing) }),
            Err(_) => {
                blocks.push(Block::Text(title));
                blocks.push(Block::Code(outcome.architecture.clone()));
            }
        }
    }
    blocks
}

/// The place behind the error in the table of runs.
const BEHIND_ERROR: usize = 4;

fn runs(comparison: &Comparison) -> Table {
    // The means of the methods have no place for it: their table is as wide as a page.
    let mirrored = comparison.is_mirrored();
    let mut head = vec![
        Column::text("method"),
        Column::number("seed"),
        Column::text("state"),
        Column::number("test error"),
        Column::number("in all").extra(),
        Column::number("final epochs").extra(),
        Column::text("folder").extra(),
    ];
    if mirrored {
        head.insert(BEHIND_ERROR, Column::number("and mirrored").extra());
    }
    let row = |(row, run): (&Row, &Run)| {
        let outcome = run.outcome.as_ref();
        let of = |show: fn(&Outcome) -> String| outcome.map_or(String::new(), show);
        let mut cells = vec![
            row.method.clone(),
            run.seed.to_string(),
            format!("{:?}", run.state).to_lowercase(),
            of(|o| format!("{:.2} %", o.test_error)),
            of(|o| seconds(o.total_seconds)),
            of(|o| o.final_epochs.to_string()),
            run.folder.clone(),
        ];
        if mirrored {
            cells.insert(BEHIND_ERROR, of(|o| o.mirrored_error.map_or(String::new(), |error| format!("{error:.2} %"))));
        }
        Line { below: run.reason.clone(), ..Line::of(cells) }
    };
    Table {
        head,
        rows: comparison.runs_of_methods().map(row).collect(),
        note: format!(
            "Every run is an ordinary folder of a search, with a report of its own.{}",
            if mirrored { format!(" And mirrored: {MIRRORED}.") } else { String::new() }
        ),
        ..Table::default()
    }
}

fn published(comparison: &Comparison) -> Table {
    let head = vec![
        Column::text("method"),
        Column::text("paper").extra(),
        Column::text("network"),
        Column::number("GPUs").extra(),
        Column::number("days").extra(),
        Column::number("CIFAR-10 error"),
        Column::number("parameters").extra(),
        Column::number("ImageNet error").extra(),
    ];
    let row = |row: &Row| {
        let published = &row.published;
        Line::of([
            row.method.clone(),
            format!("{}, {}", row.authors, row.venue),
            published.model.clone(),
            published.gpus.to_string(),
            published.days.to_string(),
            format!("{} %", published.cifar10_error),
            short(published.cifar10_params),
            published.imagenet_error.map_or(String::new(), |error| format!("{error} %")),
        ])
    };
    Table {
        head,
        rows: comparison.methods.iter().map(row).collect(),
        note:
            "Published figures: on other data, with other machines and far larger budgets. Nobody measured them here."
                .into(),
        ..Table::default()
    }
}

fn reproduce(comparison: &Comparison) -> Vec<Block> {
    let budget = comparison.budget_flag();
    let methods: Vec<&str> = comparison.methods.iter().map(|row| row.method.as_str()).collect();
    let first = comparison.seeds.iter().min().copied().unwrap_or(0);
    let command = format!(
        "nas compare --data {}{} {budget} --methods {} --seed {first} --seeds {}",
        shell_word(&comparison.data),
        comparison.reading(),
        shell_word(&methods.join(",")),
        comparison.seeds.len()
    );
    let said = format!(
        "{}. What else was asked for stands below; the folder of each run holds its exact command.",
        comparison.program
    );
    let mut blocks = vec![Block::Text(said), Block::Code(command)];
    blocks.extend(toml::Table::try_from(&comparison.asked).map(|asked| super::search::pairs(&asked)));
    blocks
}
