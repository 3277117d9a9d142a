//! Charts as SVG: curves with bands, steps and dots, between axes of round numbers.
//!
//! The one idea: a chart is plain data ([`Chart`]), drawn in one of a few sizes ([`Size`]) rather than scaled, so that its
//! text is as large on a telephone as on a desk. Looks are classes whose names begin with `plot-`: colours turn with the
//! reader's choice of light or dark, in a file of its own ([`Chart::to_file`]) and in a page that holds [`style`] once
//! ([`Chart::to_svg`]).

mod axes;
mod labels;
mod marks;
mod style;

use std::fmt::Write;

use nas_space::draw::escape;

use axes::Plane;
pub use style::style;

/// What is drawn, and around what.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The headline: above a file, and for whoever cannot see the picture.
    pub title: String,
    /// What lies along the x axis.
    pub x: Axis,
    /// What lies along the y axis.
    pub y: Axis,
    /// The series, those behind first.
    pub series: Vec<Series>,
    /// A level to compare with, drawn across: its name and its y.
    pub level: Option<(String, f64)>,
    /// What is said below a file, in two lines at most.
    pub note: String,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What lies along it, with its unit.
    pub label: String,
    /// The lowest and the highest value shown; what lies outside is cut off. `None` for all there is.
    pub range: Option<[f64; 2]>,
    /// How values are spaced.
    pub scale: Scale,
}

/// How the values of an axis are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Evenly, and only whole numbers are marked.
    Count,
    /// By their logarithms; values are above 0.
    Log,
}

/// What belongs together.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name, at its end or above the chart; a series without one is not named.
    pub name: String,
    /// How its points are drawn.
    pub mark: Mark,
    /// In which colour.
    pub ink: Ink,
    /// Points, of lines and steps by rising x. One whose coordinates are not finite is left out.
    pub points: Vec<Point>,
    /// The band around it: lower and upper y at the same x; may be empty.
    pub band: Vec<[f64; 2]>,
}

/// A point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Along the x axis.
    pub x: f64,
    /// Along the y axis.
    pub y: f64,
    /// What is said of it where a pointer rests on it; may be empty.
    pub note: String,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line from point to point.
    Line,
    /// A level that holds until the next point.
    Steps,
    /// Dots.
    Dots,
    /// Small pale dots, behind what counts.
    Specks,
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// One of the colours, which begin again after the last.
    Colour(usize),
    /// Grey, and of lines dashed: what others are measured against.
    Baseline,
}

/// How large a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// For a column of a page, 560 pixels wide.
    Wide,
    /// For a telephone, 328 pixels wide.
    Narrow,
    /// For a file of its own, 760 pixels wide.
    File,
}

impl Axis {
    /// An axis as long as what it shows.
    pub fn new(label: impl Into<String>, scale: Scale) -> Self {
        Self { label: label.into(), range: None, scale }
    }
}

impl Series {
    /// A line through points without notes.
    pub fn line(name: impl Into<String>, ink: Ink, points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        let points = points.into_iter().map(|[x, y]| Point { x, y, note: String::new() }).collect();
        Self { name: name.into(), mark: Mark::Line, ink, points, band: Vec::new() }
    }
}

impl Chart {
    /// The picture alone, `<svg ...>...</svg>`, for a page that holds [`style`]. Clip paths are named by `id`, which must
    /// be the page's only one.
    pub fn to_svg(&self, size: Size, id: &str) -> String {
        let mut svg = String::new();
        let legend = labels::legend(self, size);
        let plane = Plane::new(self, size, legend.rows);
        let (width, height) = (plane.frame.width, plane.frame.height);
        let named = if size == Size::File { "" } else { "role=\"img\" " };
        put(
            &mut svg,
            &format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" {named}class=\"plot\" width=\"{width}\" height=\"{height}\" \
                 viewBox=\"0 0 {width} {height}\">\n<title>{}</title>",
                escape(&self.title)
            ),
        );
        self.draw(&mut svg, &plane, &legend, id);
        svg + "</svg>\n"
    }

    /// The picture as a file of its own, with its headline and its note.
    pub fn to_file(&self) -> String {
        let legend = labels::legend(self, Size::File);
        let plane = Plane::new(self, Size::File, legend.rows);
        let (width, height) = (plane.frame.width, plane.frame.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" class=\"plot\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n<style>\n{}</style>\n\
             <rect class=\"plot-paper\" width=\"{width}\" height=\"{height}\"/>\n",
            escape(&self.title),
            style()
        );
        put(&mut svg, &format!("<text class=\"plot-title\" x=\"20\" y=\"30\">{}</text>", escape(&self.title)));
        self.draw(&mut svg, &plane, &legend, "plot");
        for (line, words) in self.note.lines().enumerate() {
            let y = height - 30.0 + 17.0 * line as f64;
            put(&mut svg, &format!("<text class=\"plot-soft\" x=\"20\" y=\"{y}\">{}</text>", escape(words)));
        }
        svg + "</svg>\n"
    }

    fn draw(&self, svg: &mut String, plane: &Plane, legend: &labels::Legend, id: &str) {
        axes::write(svg, self, plane);
        svg.push_str(&legend.text);
        marks::write(svg, self, plane, id);
        labels::at_ends(svg, self, plane);
    }
}

fn put(svg: &mut String, text: &str) {
    writeln!(svg, "{text}").expect("a string takes all text");
}

#[cfg(test)]
mod tests;
