//! What is drawn between the axes: bands, lines, steps and dots.

use std::fmt::Write;

use nas_space::draw::escape;

use super::axes::{Frame, Plane};
use super::{Chart, Mark, Point, Series, put};

/// More points than this along a curve cannot be seen.
const POINTS: usize = 400;
/// Specks are thinned to so many.
const SPECKS: usize = 600;
/// A line through at most so many points shows them as dots.
const DOTTED: usize = 40;
/// So many points of a curve say what they are.
const NOTES: usize = 48;

/// All series, bands behind lines.
pub(super) fn write(svg: &mut String, chart: &Chart, plane: &Plane, id: &str) {
    let Frame { left, right, top, bottom, .. } = plane.frame;
    let (width, height) = (right - left, bottom - top);
    put(
        svg,
        &format!(
            "<clipPath id=\"{id}\"><rect x=\"{left}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/></clipPath>\n\
             <g clip-path=\"url(#{id})\">"
        ),
    );
    for series in &chart.series {
        band(svg, series, plane);
    }
    for series in &chart.series {
        match series.mark {
            Mark::Line => line(svg, series, plane, false),
            Mark::Steps => line(svg, series, plane, true),
            Mark::Dots | Mark::Specks => {}
        }
    }
    put(svg, "</g>");
    // Dots stand outside the clip, so that one at the edge is round.
    for series in &chart.series {
        dots(svg, series, plane);
    }
}

fn band(svg: &mut String, series: &Series, plane: &Plane) {
    let around = thin(series.points.iter().zip(&series.band), POINTS);
    let upper = around.iter().map(|(p, band)| [plane.x(p.x), plane.y(band[1])]);
    let lower = around.iter().rev().map(|(p, band)| [plane.x(p.x), plane.y(band[0])]);
    let outline = path(upper.chain(lower), false);
    if !outline.is_empty() {
        put(svg, &format!("<path class=\"plot-band {}\" d=\"{outline}Z\"/>", series.ink.class()));
    }
}

fn line(svg: &mut String, series: &Series, plane: &Plane, steps: bool) {
    let points = thin(series.points.iter(), POINTS);
    let mut places: Vec<[f64; 2]> = points.into_iter().map(|p| [plane.x(p.x), plane.y(p.y)]).collect();
    // What was reached holds to the end of the chart.
    let last = places.last().copied().filter(|_| steps);
    places.extend(last.map(|[_, y]| [plane.frame.right, y]));
    let d = path(places.into_iter(), steps);
    if !d.is_empty() {
        put(svg, &format!("<path class=\"plot-line {}\" d=\"{d}\"/>", series.ink.class()));
    }
}

fn dots(svg: &mut String, series: &Series, plane: &Plane) {
    let seen = |p: &&Point| plane.holds(p.x, p.y);
    let points: Vec<&Point> = series.points.iter().filter(seen).collect();
    let (kind, radius, points) = match series.mark {
        Mark::Dots => ("plot-dot", 4.0, points),
        Mark::Specks => ("plot-speck", 2.5, thin(points.into_iter(), SPECKS)),
        Mark::Line if points.len() <= DOTTED => ("plot-dot", 2.5, points),
        // A circle that nobody sees carries the words.
        Mark::Line | Mark::Steps => {
            let told: Vec<&Point> = points.into_iter().filter(|p| !p.note.is_empty()).collect();
            ("plot-hit", 6.0, thin(told.into_iter(), NOTES))
        }
    };
    for point in points {
        let place = format!("cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\"", plane.x(point.x), plane.y(point.y));
        let class = series.ink.class();
        if point.note.is_empty() {
            put(svg, &format!("<circle class=\"{kind} {class}\" {place}/>"));
        } else {
            let note = escape(&point.note);
            put(svg, &format!("<circle class=\"{kind} {class}\" {place}><title>{note}</title></circle>"));
        }
    }
}

/// A line through points, straight or in steps; those that are no numbers are left out.
fn path(points: impl Iterator<Item = [f64; 2]>, steps: bool) -> String {
    let mut d = String::new();
    for [x, y] in points.filter(|[x, y]| x.is_finite() && y.is_finite()) {
        let _ = match (d.is_empty(), steps) {
            (true, _) => write!(d, "M{x:.1} {y:.1}"),
            (false, false) => write!(d, "L{x:.1} {y:.1}"),
            (false, true) => write!(d, "H{x:.1}V{y:.1}"),
        };
    }
    d
}

/// So few of the items that each can still be seen; the last one always.
fn thin<T>(items: impl ExactSizeIterator<Item = T>, most: usize) -> Vec<T> {
    let (count, step) = (items.len(), items.len().div_ceil(most).max(1));
    items.enumerate().filter(|(at, _)| at % step == 0 || at + 1 == count).map(|(_, item)| item).collect()
}
