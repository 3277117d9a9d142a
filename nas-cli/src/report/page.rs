//! A page as data: a head and sections of blocks. Whoever reports chooses blocks; the template alone knows how they look.
//! All text is escaped by the template; only pictures, which are made by us, go in as they are.

use askama::Template;
use nas_bench::chart::{Chart, Size, style};

/// A page.
#[derive(Clone, Debug, Template)]
#[template(path = "page.html")]
pub struct Page {
    /// What it reports on, in a word or two.
    pub kind: &'static str,
    /// The headline.
    pub title: String,
    /// A sentence below it.
    pub about: String,
    /// What is still missing of an unfinished study, as sentences; empty of a finished one.
    pub unfinished: Vec<String>,
    /// The rest.
    pub sections: Vec<Section>,
    /// The program that made it.
    pub program: &'static str,
    /// Whether it looks for changes by itself.
    pub live: bool,
}

/// A part under a headline of its own.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name in links.
    pub id: &'static str,
    /// The headline.
    pub title: &'static str,
    /// What follows.
    pub blocks: Vec<Block>,
}

/// Something to look at.
#[derive(Clone, Debug)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Figures that count, each with a name and a remark.
    Tiles(Vec<Tile>),
    /// Charts, side by side where there is room.
    Figures(Vec<Figure>),
    /// Pictures of their own, as SVG; the title may be empty.
    Drawings { title: String, pictures: Vec<String> },
    /// A table.
    Table(Table),
    /// Lists of names and values.
    Pairs(Vec<Group>),
    /// What is typed into a terminal, or a text form.
    Code(String),
    /// Weights of operations over time.
    Weights(Weights),
}

/// A number that counts.
#[derive(Clone, Debug)]
pub struct Tile {
    pub name: String,
    pub value: String,
    /// May be empty.
    pub remark: String,
}

/// A chart in two sizes, of which a page shows the one that fits.
#[derive(Clone, Debug)]
pub struct Figure {
    pub title: String,
    /// What one should know to read it; may be empty.
    pub note: String,
    pub wide: String,
    pub narrow: String,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// May be empty.
    pub title: String,
    pub head: Vec<Column>,
    pub rows: Vec<Row>,
    /// May be empty.
    pub note: String,
}

/// The head of a column.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    /// Numbers stand at the right.
    pub is_number: bool,
    /// Left out on a telephone.
    pub is_extra: bool,
}

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub cells: Vec<Cell>,
    /// A long text below the cells, such as an architecture.
    pub below: Option<String>,
}

/// A cell.
#[derive(Clone, Debug)]
pub enum Cell {
    Text(String),
    /// A small picture, as SVG.
    Picture(String),
}

/// Names and values under a headline.
#[derive(Clone, Debug)]
pub struct Group {
    pub title: String,
    pub pairs: Vec<(String, String)>,
}

/// The weights of the operations on every edge, over the epochs, and of the edges themselves where these have some.
#[derive(Clone, Debug)]
pub struct Weights {
    pub title: String,
    /// What each column is: as short as it is narrow, and in full.
    pub columns: Vec<(String, String)>,
    pub edges: Vec<Edge>,
}

/// A row of weights.
#[derive(Clone, Debug)]
pub struct Edge {
    pub name: String,
    pub cells: Vec<Weight>,
}

/// A cell of weights.
#[derive(Clone, Debug)]
pub struct Weight {
    /// In words.
    pub note: String,
    /// Whether the architecture keeps it.
    pub is_chosen: bool,
    /// How far the weight at the end is above that of equal weights, from 0 to 1.
    pub shade: String,
    /// The weight over the epochs, as a path in a box of 40 by 20.
    pub path: String,
}

impl Page {
    /// The page as HTML.
    ///
    /// # Errors
    /// Those of the formatter, of which a string has none.
    pub fn to_html(&self) -> anyhow::Result<String> {
        let mut html = self.render()?;
        html.truncate(html.trim_end().len());
        html.push('\n');
        Ok(html)
    }

    /// A sentence in parts, those between `backticks` marked as code.
    fn spans(text: &str) -> impl Iterator<Item = (bool, &str)> {
        text.split('`').enumerate().map(|(at, part)| (at % 2 == 1, part))
    }

    /// The styles of charts.
    fn charts(&self) -> String {
        style()
    }
}

impl Figure {
    /// A figure of a chart. `id` names it within the page.
    pub fn of(chart: &Chart, id: &str, note: impl Into<String>) -> Self {
        Self {
            title: chart.title.clone(),
            note: note.into(),
            wide: chart.to_svg(Size::Wide, &format!("{id}-wide")),
            narrow: chart.to_svg(Size::Narrow, &format!("{id}-narrow")),
        }
    }
}

impl Tile {
    pub fn new(name: impl Into<String>, value: impl Into<String>, remark: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), remark: remark.into() }
    }
}

impl Column {
    /// A column of text.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_number: false, is_extra: false }
    }

    /// A column of numbers.
    pub fn number(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_number: true, is_extra: false }
    }

    /// One that a telephone has no room for.
    pub fn extra(self) -> Self {
        Self { is_extra: true, ..self }
    }

    fn class(&self) -> &'static str {
        match (self.is_number, self.is_extra) {
            (false, false) => "text",
            (false, true) => "text extra",
            (true, false) => "number",
            (true, true) => "number extra",
        }
    }
}

impl Row {
    /// A row of texts.
    pub fn of(cells: impl IntoIterator<Item = String>) -> Self {
        Self { cells: cells.into_iter().map(Cell::Text).collect(), below: None }
    }
}
