//! What the charts of a report have in common.

use nas_bench::chart::{Axis, Chart, Ink, Mark, Point, Scale, Series};

/// A chart with axes as long as what they show.
pub fn chart(title: &str, x: Axis, y: Axis, series: Vec<Series>) -> Chart {
    Chart { title: title.into(), x, y, series, level: None, note: String::new() }
}

/// An axis that counts.
pub fn counted(label: &str) -> Axis {
    Axis::new(label, Scale::Count)
}

/// An axis with even steps.
pub fn even(label: &str) -> Axis {
    Axis::new(label, Scale::Linear)
}

/// An axis of logarithms.
pub fn logarithmic(label: &str) -> Axis {
    Axis::new(label, Scale::Log)
}

/// A line over epochs (or anything else that is numbered), each point saying its name and its value.
pub fn over<'a, T: 'a>(
    name: &str,
    ink: usize,
    items: impl IntoIterator<Item = &'a T>,
    at: impl Fn(&T) -> u64,
    value: impl Fn(&T) -> Option<f64>,
    say: impl Fn(f64) -> String,
) -> Series {
    let point = |item: &T| {
        let y = value(item)?;
        let note = format!("{}{}: {}", if name.is_empty() { "" } else { name }, number(name, at(item)), say(y));
        Some(Point { x: at(item) as f64, y, note })
    };
    let points = items.into_iter().filter_map(point).collect();
    Series { name: name.into(), mark: Mark::Line, ink: Ink::Colour(ink), points, band: Vec::new() }
}

fn number(name: &str, at: u64) -> String {
    if name.is_empty() { at.to_string() } else { format!(", {at}") }
}

/// A duration as a number of the unit in which the longest is well said, and that unit.
pub fn time_unit(longest: f64) -> (f64, &'static str) {
    match longest {
        s if s >= 2.0 * 86_400.0 => (86_400.0, "days"),
        s if s >= 2.0 * 3600.0 => (3600.0, "hours"),
        s if s >= 2.0 * 60.0 => (60.0, "minutes"),
        _ => (1.0, "seconds"),
    }
}
