//! The names of series: at the end of their lines where there is room beside the plot, above it where there is not.

use nas_space::draw::escape;

use super::axes::Plane;
use super::{Chart, Ink, Mark, Series, Size, put};

/// The height of a row of the legend.
pub(super) const ROW: f64 = 20.0;
/// The least distance of two names at the ends of lines.
const APART: f64 = 16.0;
/// The most characters of a name.
const LONGEST: usize = 40;

/// Names above the plot.
pub(super) struct Legend {
    pub(super) text: String,
    pub(super) rows: usize,
}

/// About the width of a text, in pixels.
pub(super) fn text_width(text: &str) -> f64 {
    let wide = |c: char| {
        if c.is_uppercase() || "mw%".contains(c) {
            8.6
        } else if c.is_ascii_digit() {
            7.7
        } else if "=+<>~".contains(c) {
            10.0
        } else if "il.,:;'|! ".contains(c) {
            3.8
        } else {
            7.1
        }
    };
    text.chars().map(wide).sum()
}

/// A name that is not too long.
fn cut(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        name.to_owned()
    } else {
        name.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

/// Whether a series is named at the end of its line: where there is room for all such names.
fn at_end(chart: &Chart, series: &Series, size: Size) -> bool {
    let is_line = |series: &Series| matches!(series.mark, Mark::Line | Mark::Steps);
    let most = match size {
        Size::Wide => 21,
        Size::Narrow => 0,
        Size::File => 24,
    };
    let fits = chart.series.iter().filter(|s| is_line(s)).all(|s| s.name.chars().count() <= most);
    fits && is_line(series) && !series.name.is_empty() && !series.points.is_empty()
}

/// The room that names at the ends of lines need.
pub(super) fn room(chart: &Chart, size: Size) -> f64 {
    let named = chart.series.iter().filter(|series| at_end(chart, series, size));
    named.map(|series| text_width(&cut(&series.name)) + 12.0).fold(0.0, f64::max).ceil()
}

/// The names that do not stand at the end of a line.
pub(super) fn legend(chart: &Chart, size: Size) -> Legend {
    let (left, width, top) = match size {
        Size::Wide => (0.0, 560.0, 0.0),
        Size::Narrow => (0.0, 328.0, 0.0),
        Size::File => (20.0, 740.0, 40.0),
    };
    let (mut text, mut x, mut row) = (String::new(), left, 0);
    // What is drawn in front is named first.
    for series in
        chart.series.iter().rev().filter(|s| !s.name.is_empty() && !s.points.is_empty() && !at_end(chart, s, size))
    {
        let name = cut(&series.name);
        let needed = 24.0 + text_width(&name);
        if x > left && x + needed > width {
            (x, row) = (left, row + 1);
        }
        let middle = top + ROW * row as f64 + 9.0;
        let class = series.ink.class();
        match series.mark {
            Mark::Line | Mark::Steps => {
                put(&mut text, &format!("<path class=\"plot-line {class}\" d=\"M{x:.1} {middle}h16\"/>"));
            }
            Mark::Dots | Mark::Specks => {
                let kind = if series.mark == Mark::Dots { "plot-dot" } else { "plot-speck" };
                let at = x + 8.0;
                put(&mut text, &format!("<circle class=\"{kind} {class}\" cx=\"{at:.1}\" cy=\"{middle}\" r=\"4\"/>"));
            }
        }
        let (at, y) = (x + 22.0, middle + 4.0);
        put(&mut text, &format!("<text x=\"{at:.1}\" y=\"{y}\">{}</text>", escape(&name)));
        x += needed + 14.0;
    }
    let rows = if text.is_empty() { 0 } else { row + 1 };
    Legend { text, rows }
}

/// Names at the ends of lines, moved apart where lines end close to each other.
pub(super) fn at_ends(svg: &mut String, chart: &Chart, plane: &Plane) {
    let frame = plane.frame;
    let mut named: Vec<(f64, &Series)> = Vec::new();
    for series in chart.series.iter().filter(|series| at_end(chart, series, plane.size)) {
        if let Some(last) = series.points.iter().rfind(|p| p.x.is_finite() && p.y.is_finite()) {
            named.push((plane.y(last.y).clamp(frame.top, frame.bottom), series));
        }
    }
    // Stable, so that of equal ends the series drawn first stands above.
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    let places = spread(&named.iter().map(|(y, _)| *y).collect::<Vec<_>>(), [frame.top, frame.bottom]);
    let x = frame.right + 8.0;
    for ((end, series), y) in named.into_iter().zip(places) {
        if (end - y).abs() > 3.0 {
            let (from, to) = (frame.right + 1.0, frame.right + 6.0);
            put(svg, &format!("<path class=\"plot-leader\" d=\"M{from:.1} {end:.1}L{to:.1} {y:.1}\"/>"));
        }
        let name = escape(&cut(&series.name));
        let class = if series.ink == Ink::Baseline { "plot-soft" } else { "plot-name" };
        put(
            svg,
            &format!("<text class=\"{class} {}\" x=\"{x:.1}\" y=\"{:.1}\">{name}</text>", series.ink.class(), y + 4.0),
        );
    }
}

/// Places near the wanted ones, which rise, but apart from one another and if possible inside.
fn spread(wanted: &[f64], [top, bottom]: [f64; 2]) -> Vec<f64> {
    let mut places = wanted.to_vec();
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + APART);
    }
    // What was pushed out below comes back up, and pushes those above it.
    let mut limit = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - APART;
    }
    if places.first().is_some_and(|first| *first < top - APART) {
        // More names than the plot is high: they begin at its top.
        places = (0..places.len()).map(|i| top + APART * i as f64).collect();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moved_apart_and_stay_inside() {
        assert_eq!(spread(&[10.0, 50.0], [0.0, 100.0]), [10.0, 50.0]);
        assert_eq!(spread(&[50.0, 50.0, 51.0], [0.0, 100.0]), [50.0, 66.0, 82.0]);
        assert_eq!(spread(&[98.0, 99.0], [0.0, 100.0]), [84.0, 100.0]);
        assert_eq!(spread(&[1.0; 5], [0.0, 20.0]), [0.0, 16.0, 32.0, 48.0, 64.0]);
    }
}
