//! The page of a benchmark: what `nas bench --json` printed, as curves and a table. `nas bench --svg` draws the same curves.

use std::path::Path;

use nas_bench::chart::{Chart, Ink, Mark, Point, Series};
use serde::Deserialize;
use serde_json::Value;

use super::figures::{chart as of, counted, even, over, time_unit};
use super::page::{Block, Cell, Column, Figure, Page, Row, Section, Table, Tile};
use crate::exit::file;
use crate::folder::shell_word;
use crate::strategies::RANDOM;
use crate::units::{count, plural};

/// The newest version of the document that this program writes and reads.
pub const VERSION: u64 = 1;

/// What `nas bench --json` prints. Accuracies are in percent; what is no number there was not measured yet.
#[derive(Clone, Debug, Deserialize)]
pub struct Document {
    /// The program that wrote it; older ones did not say.
    #[serde(default)]
    program: Option<String>,
    #[serde(default)]
    version: u64,
    table: String,
    data: String,
    architectures: u64,
    judged_by: String,
    epochs_per_query: u64,
    cost: Option<String>,
    optimum: Optimum,
    mean_of_table: f64,
    queries: u64,
    runs: u64,
    seed: u64,
    lag: u64,
    strategies: Vec<Strategy>,
}

#[derive(Clone, Debug, Deserialize)]
struct Optimum {
    test: f64,
    architecture: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Strategy {
    /// With its settings.
    method: String,
    curve: Vec<After>,
}

/// After so many queries.
#[derive(Clone, Debug, Deserialize)]
struct After {
    queries: u64,
    mean_test: Option<f64>,
    std_test: Option<f64>,
    lower_quartile_test: Option<f64>,
    median_test: Option<f64>,
    upper_quartile_test: Option<f64>,
    against_random: Against,
    hypervolume: Option<Spread>,
    simulated_seconds: Option<Spread>,
}

#[derive(Clone, Debug, Deserialize)]
struct Against {
    mean: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Spread {
    mean: Option<f64>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read or is not such a document.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| file(format!("cannot read {shown}: {e}")))?;
        let value: Value = serde_json::from_str(&text).map_err(|e| {
            file(format!(
                "{shown} is no JSON document ({e}); give the folder of a run, or a file that `nas bench --json` printed"
            ))
        })?;
        let document = Self::of(value)
            .map_err(|e| file(format!("{shown} is not what `nas bench --json` prints ({e}); make it again")))?;
        if document.version > VERSION {
            let found = document.version;
            return Err(file(format!(
                "{shown} has version {found} of what `nas bench --json` prints, this program reads up to {VERSION}: update nas"
            )));
        }
        Ok(document)
    }

    /// The same from a document in memory.
    ///
    /// # Errors
    /// Says which field is missing or wrong.
    pub fn of(value: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value)
    }

    /// Strategies, the best at the end first.
    fn ranked(&self) -> Vec<&Strategy> {
        let end = |s: &Strategy| s.curve.last().and_then(|after| after.mean_test).unwrap_or(f64::NEG_INFINITY);
        let mut order: Vec<&Strategy> = self.strategies.iter().collect();
        order.sort_by(|a, b| end(b).total_cmp(&end(a)));
        order
    }

    /// The command that prints it.
    fn command(&self) -> String {
        let methods: Vec<&str> = self.strategies.iter().map(|s| s.method.as_str()).collect();
        let cost = self.cost.as_ref().map_or(String::new(), |cost| format!(" --cost {}", shell_word(cost)));
        format!(
            "nas bench {} --data {} --strategy {}{cost} --queries {} --runs {} --seed {} --lag {} --json",
            shell_word(&self.table),
            shell_word(&self.data),
            shell_word(&methods.join(",")),
            self.queries,
            self.runs,
            self.seed,
            self.lag
        )
    }
}

/// The colours of the strategies, in the order of the document; random search is what others are measured against.
fn inks(document: &Document) -> Vec<Ink> {
    let mut next = 0;
    let mut ink = |strategy: &Strategy| {
        if strategy.method == RANDOM {
            return Ink::Baseline;
        }
        next += 1;
        Ink::Colour(next - 1)
    };
    document.strategies.iter().map(&mut ink).collect()
}

/// The accuracy of the choice so far over the queries, with quartiles around the means.
pub fn chart(document: &Document) -> Chart {
    let line = |(strategy, ink): (&Strategy, Ink)| Series {
        name: strategy.method.clone(),
        mark: Mark::Line,
        ink,
        points: strategy.curve.iter().map(|after| point(&strategy.method, after)).collect(),
        band: strategy
            .curve
            .iter()
            .map(|after| [after.lower_quartile_test, after.upper_quartile_test].map(|q| q.unwrap_or(f64::NAN)))
            .collect(),
    };
    let series: Vec<Series> = document.strategies.iter().zip(inks(document)).map(line).collect();
    // The first queries are far below everything that is worth a look.
    let early = (document.queries.div_ceil(15) as usize).saturating_sub(1);
    let lowest = series.iter().filter_map(|line| line.points.get(early)).map(|p| p.y).filter(|y| y.is_finite());
    let (best, lowest) = (document.optimum.test, lowest.fold(document.optimum.test, f64::min));
    let room = 0.06 * (best - lowest).max(0.01);
    let mut y = even("test accuracy of the choice so far (%)");
    y.range = Some([lowest - room, best + 2.0 * room]);
    Chart {
        level: Some((format!("best of the table: {best:.2} %"), best)),
        note: format!(
            "Mean of {}; bands hold the middle half of them.\nJudged by {}.",
            plural(document.runs, "run"),
            document.judged_by
        ),
        ..of(
            &format!("{}, {}", document.table, document.data),
            counted(&format!("queries (trainings of {})", plural(document.epochs_per_query, "epoch"))),
            y,
            series,
        )
    }
}

fn point(method: &str, after: &After) -> Point {
    let y = after.mean_test.unwrap_or(f64::NAN);
    let spread = after.std_test.unwrap_or(f64::NAN);
    let note = format!("{method} after {}: {y:.2} ± {spread:.2} %", queries(after.queries));
    Point { x: after.queries as f64, y, note }
}

fn queries(number: u64) -> String {
    if number == 1 { "1 query".into() } else { format!("{} queries", count(number)) }
}

/// The page.
pub fn page(document: &Document) -> Page {
    let main = chart(document);
    let mut figures = vec![Figure::of(&main, "curves", main.note.replace('\n', " "))];
    figures.extend(regret(document));
    figures.extend(hypervolume(document));
    let seconds = document.strategies.iter().find_map(|s| s.curve.last()?.simulated_seconds.as_ref()?.mean);
    let mut tiles = vec![
        Tile::new(
            "Strategies",
            document.strategies.len().to_string(),
            format!("{} each", plural(document.runs, "run")),
        ),
        Tile::new(
            "Queries of each run",
            count(document.queries),
            format!("trainings of {}", plural(document.epochs_per_query, "epoch")),
        ),
        Tile::new(
            "Best of the table",
            format!("{:.2} %", document.optimum.test),
            "what a perfect search would choose".to_owned(),
        ),
        Tile::new(
            "Mean of the table",
            format!("{:.2} %", document.mean_of_table),
            format!("of {}", plural(document.architectures, "architecture")),
        ),
    ];
    if let Some(seconds_each) = seconds {
        let (unit, name) = time_unit(seconds_each);
        tiles.push(Tile::new(
            "Training saved",
            format!("{:.1} {name}", seconds_each / unit),
            "what the queries of one run would have taken",
        ));
    }
    let best = Block::Text(format!("The best of the table is {}.", document.optimum.architecture));
    let section = |id, title, blocks| Section { id, title, blocks };
    let mut again = vec![
        Block::Text(format!(
            "{}, seed {}. The same seed gives the same bytes at any number of threads. The table is a file of others; \
             docs/bench.md says where to get it.",
            document.program.as_deref().unwrap_or("nas"),
            document.seed
        )),
        Block::Code(document.command()),
    ];
    again.push(Block::Text(format!(
        "Run after run, every strategy gets the same seed. A choice is judged by {}, which no search sees.",
        document.judged_by
    )));
    Page {
        kind: "benchmark",
        title: format!("{} strategies on {}", document.strategies.len(), document.table),
        about: format!(
            "{} of {}, trained on {}: {} of each strategy with {}.",
            plural(document.architectures, "architecture"),
            document.table,
            document.data,
            plural(document.runs, "run"),
            queries(document.queries)
        ),
        unfinished: Vec::new(),
        sections: vec![
            section("result", "Result", vec![Block::Tiles(tiles), Block::Table(table(document)), best]),
            section("curves", "Curves", vec![Block::Figures(figures)]),
            section("reproduce", "How to do it again", again),
        ],
        program: crate::PROGRAM,
        live: false,
    }
}

/// How far the choice is from the best, by logarithms.
fn regret(document: &Document) -> Option<Figure> {
    let best = document.optimum.test;
    let line = |(strategy, ink): (&Strategy, Ink)| {
        let regret = |after: &After| after.mean_test.map(|mean| best - mean).filter(|regret| *regret > 0.0);
        let line = over(
            &strategy.method,
            0,
            &strategy.curve,
            |after| after.queries,
            regret,
            |v| format!("{v:.3} points below the best"),
        );
        Series { ink, ..line }
    };
    let series: Vec<Series> = document.strategies.iter().zip(inks(document)).map(line).collect();
    if series.iter().all(|line| line.points.len() < 2) {
        return None;
    }
    let y = super::figures::logarithmic("percentage points below the best of the table");
    let chart = of("Regret", counted("queries"), y, series);
    Some(Figure::of(&chart, "regret", "The same means as their distance to the best, by logarithms."))
}

fn hypervolume(document: &Document) -> Option<Figure> {
    let cost = document.cost.as_ref()?;
    let line = |(strategy, ink): (&Strategy, Ink)| {
        let share = |after: &After| Some(100.0 * after.hypervolume.as_ref()?.mean?);
        let line = over(&strategy.method, 0, &strategy.curve, |after| after.queries, share, |v| format!("{v:.2} %"));
        Series { ink, ..line }
    };
    let series: Vec<Series> = document.strategies.iter().zip(inks(document)).map(line).collect();
    let title = format!("Hypervolume: accuracy and {cost}");
    let chart = of(&title, counted("queries"), even("share of the true front's (%)"), series);
    Some(Figure::of(&chart, "hypervolume", "Against the worst of the table in both; mean of the runs."))
}

/// The numbers of queries worth a column, so many at most.
pub fn shown(last: u64, most: usize) -> Vec<u64> {
    let round = [10, 20, 50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
    let mut at: Vec<u64> = round.into_iter().filter(|n| *n < last).collect();
    at.push(last);
    at.split_off(at.len().saturating_sub(most))
}

fn table(document: &Document) -> Table {
    let at = shown(document.queries, 3);
    let mut head = vec![Column::text("strategy")];
    let last = at.len() - 1;
    head.extend(at.iter().enumerate().map(|(number, n)| {
        let column = Column::number(queries(*n));
        if number == last { column } else { column.extra() }
    }));
    head.extend([
        Column::number("median (quartiles)").extra(),
        Column::number("against random"),
        Column::text("95 % interval").extra(),
    ]);
    let ranked = document.ranked();
    let ends: Vec<&Against> = ranked.iter().filter_map(|s| s.curve.last()).map(|after| &after.against_random).collect();
    let widest = ends.iter().flat_map(|a| [a.low, a.high]).flatten().map(f64::abs).fold(0.0, f64::max);
    let row = |strategy: &&Strategy| {
        let mean = |n: &u64| {
            let after = strategy.curve.iter().find(|after| after.queries == *n);
            let spread = |after: &After| Some(format!("{:.2} ± {:.2}", after.mean_test?, after.std_test?));
            Cell::Text(after.and_then(spread).unwrap_or_default())
        };
        let mut cells = vec![Cell::Text(strategy.method.clone())];
        cells.extend(at.iter().map(mean));
        let Some(end) = strategy.curve.last() else { return Row { cells, below: None } };
        let median = (end.median_test, end.lower_quartile_test, end.upper_quartile_test);
        cells.push(Cell::Text(match median {
            (Some(median), Some(low), Some(high)) => format!("{median:.2} ({low:.2}, {high:.2})"),
            _ => String::new(),
        }));
        let against = &end.against_random;
        match (against.mean, against.low, against.high) {
            (Some(mean), Some(low), Some(high)) if strategy.method != RANDOM => {
                cells.push(Cell::Text(format!("{mean:+.2} ({low:+.2}, {high:+.2})")));
                cells.push(Cell::Picture(range([low, mean, high], widest)));
            }
            _ => cells.extend([Cell::Text(String::new()), Cell::Text(String::new())]),
        }
        Row { cells, below: None }
    };
    Table {
        title: String::new(),
        head,
        rows: ranked.iter().map(row).collect(),
        note: "Test accuracy in % of the choice so far, mean ± standard deviation over the runs. Against random: the mean \
               difference to random search at the end, run by run, with its 95 % interval; the line in the middle is none."
            .into(),
    }
}

/// An interval around 0, as a line with its mean.
fn range([low, mean, high]: [f64; 3], widest: f64) -> String {
    let x = |value: f64| 80.0 + 74.0 * value / widest.max(f64::MIN_POSITIVE);
    format!(
        "<svg class=\"range\" viewBox=\"0 0 160 18\"><path class=\"zero\" d=\"M80 0V18\"/><path d=\"M{:.1} 9H{:.1}\"/>\
         <circle cx=\"{:.1}\" cy=\"9\" r=\"3.5\"/></svg>",
        x(low),
        x(high),
        x(mean)
    )
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn the_last_query_is_always_shown() {
        assert_eq!(shown(300, 4), [50, 100, 200, 300]);
        assert_eq!(shown(7, 4), [7]);
        assert_eq!(shown(100, 4), [10, 20, 50, 100]);
    }
}
