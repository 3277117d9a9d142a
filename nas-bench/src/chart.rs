//! Curves with bands as one self-contained SVG file: light ground, labelled axes, a legend.

use std::fmt::Write;

/// A curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Points by rising x.
    pub points: Vec<[f64; 2]>,
    /// The band around it: lower and upper y at the same x; may be empty.
    pub band: Vec<[f64; 2]>,
}

/// What is drawn around the curves.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The headline.
    pub title: String,
    /// What lies along the x axis, with its unit.
    pub x: String,
    /// What lies along the y axis, with its unit.
    pub y: String,
    /// The lowest and highest y shown; what lies outside is cut off.
    pub range: [f64; 2],
    /// A level to compare with, drawn across: its name and its y.
    pub level: Option<(String, f64)>,
    /// What is said below the chart, in two lines at most.
    pub note: String,
}

/// Colours that people with any kind of colour vision can tell apart (Okabe & Ito 2008), readable on white.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b88600", "#56b4e9", "#000000"];
const GREY: &str = "#707070";

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 496.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 100.0;
/// More points than this along a curve cannot be seen.
const POINTS: usize = 400;

/// Draws curves. The one named `random` is grey and dashed: it is what the others are measured against.
pub fn chart(chart: &Chart, lines: &[Line]) -> String {
    let xs = || lines.iter().flat_map(|line| line.points.iter().map(|p| p[0]));
    let (from, to) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
    let (from, to) = if from < to { (from, to) } else { (0.0, from.max(1.0)) };
    let [low, high] =
        if chart.range[0] < chart.range[1] { chart.range } else { [chart.range[0] - 1.0, chart.range[0] + 1.0] };
    let x = |value: f64| LEFT + (value - from) / (to - from) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <clipPath id=\"plot\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>\n",
        WIDTH - LEFT - RIGHT,
        HEIGHT - TOP - BOTTOM
    );
    text(&mut svg, [LEFT, 28.0], "start", "font-size=\"16\" font-weight=\"bold\"", &chart.title);
    axes(&mut svg, chart, [from, to], [low, high], &x, &y);
    let mut colours = COLOURS.iter().cycle();
    let coloured: Vec<(&Line, &str)> = lines
        .iter()
        .map(|line| (line, if line.name == "random" { GREY } else { colours.next().copied().unwrap_or(GREY) }))
        .collect();
    for (line, colour) in &coloured {
        let around = thin(line.points.iter().zip(&line.band));
        let upper = around.iter().map(|(p, band)| [x(p[0]), y(band[1])]);
        let lower = around.iter().rev().map(|(p, band)| [x(p[0]), y(band[0])]);
        let outline = path(upper.chain(lower));
        if !outline.is_empty() {
            let style = format!("fill=\"{colour}\" fill-opacity=\"0.14\" clip-path=\"url(#plot)\"");
            let _ = writeln!(svg, "<path d=\"{outline}Z\" {style}/>");
        }
    }
    for (line, colour) in &coloured {
        let d = path(thin(line.points.iter()).into_iter().map(|p| [x(p[0]), y(p[1])]));
        let _ = writeln!(svg, "<path d=\"{d}\" {} clip-path=\"url(#plot)\"/>", stroke(colour));
    }
    legend(&mut svg, &coloured);
    for (line, words) in chart.note.lines().enumerate() {
        text(&mut svg, [LEFT, HEIGHT - 30.0 + 17.0 * line as f64], "start", "font-size=\"12\" fill=\"#555\"", words);
    }
    svg + "</svg>\n"
}

/// Grid, ticks, labels, and the level to compare with.
fn axes(
    svg: &mut String,
    chart: &Chart,
    [from, to]: [f64; 2],
    [low, high]: [f64; 2],
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64) -> f64,
) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (value, label) in ticks(low, high, 6) {
        let at = y(value);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#e4e4e4\"/>");
        text(svg, [LEFT - 8.0, at + 4.5], "end", "", &label);
    }
    for (value, label) in ticks(from, to, 8) {
        let at = x(value);
        let _ = writeln!(svg, "<path d=\"M{at:.1} {bottom}v5\" stroke=\"#888\"/>");
        text(svg, [at, bottom + 20.0], "middle", "", &label);
    }
    let _ = writeln!(svg, "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>");
    text(svg, [(LEFT + right) / 2.0, bottom + 42.0], "middle", "", &chart.x);
    let middle = (TOP + bottom) / 2.0;
    text(svg, [20.0, middle], "middle", &format!("transform=\"rotate(-90 20 {middle})\""), &chart.y);
    if let Some((name, value)) = chart.level.as_ref().filter(|(_, value)| (low..=high).contains(value)) {
        let at = y(*value);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#222\" stroke-dasharray=\"2 3\"/>");
        text(svg, [LEFT + 6.0, at - 5.0], "start", "font-size=\"12\"", name);
    }
}

/// The names, in the lower right corner: curves that rise leave it free.
fn legend(svg: &mut String, lines: &[(&Line, &str)]) {
    let longest = lines.iter().map(|(line, _)| line.name.chars().count()).max().unwrap_or(0);
    let (width, height) = (52.0 + 7.0 * longest as f64, 10.0 + 20.0 * lines.len() as f64);
    let (left, top) = (WIDTH - RIGHT - width - 8.0, HEIGHT - BOTTOM - height - 8.0);
    let _ = writeln!(
        svg,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"#fff\" fill-opacity=\"0.85\" \
         stroke=\"#ddd\"/>"
    );
    for (at, (line, colour)) in lines.iter().enumerate() {
        let middle = top + 15.0 + 20.0 * at as f64;
        let _ = writeln!(svg, "<path d=\"M{:.1} {middle:.1}h24\" {}/>", left + 10.0, stroke(colour));
        text(svg, [left + 42.0, middle + 4.5], "start", "", &line.name);
    }
}

fn stroke(colour: &str) -> String {
    let dashes = if colour == GREY { " stroke-dasharray=\"6 4\"" } else { "" };
    format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}")
}

fn text(svg: &mut String, [x, y]: [f64; 2], anchor: &str, style: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{words}</text>");
}

/// A line through points; those that are no numbers are left out.
fn path(points: impl Iterator<Item = [f64; 2]>) -> String {
    let mut d = String::new();
    for [x, y] in points.filter(|[x, y]| x.is_finite() && y.is_finite()) {
        let _ = write!(d, "{}{x:.1} {y:.1}", if d.is_empty() { 'M' } else { 'L' });
    }
    d
}

/// So few of the items that each can still be seen; the last one always.
fn thin<T>(items: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let (count, step) = (items.len(), items.len().div_ceil(POINTS).max(1));
    items.enumerate().filter(|(at, _)| at % step == 0 || at + 1 == count).map(|(_, item)| item).collect()
}

/// Round numbers inside a range, at most so many and one more, as they are written.
fn ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let rough = (high - low) / most as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|s| s * power).into_iter().find(|s| *s >= rough).unwrap_or(rough);
    let places = (0..9).find(|p| (step * 10_f64.powi(*p)).fract().abs() < 1e-6).unwrap_or(9) as usize;
    let (first, last) = ((low / step).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|n| (n as f64 * step, format!("{:.places$}", n as f64 * step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_inside() {
        let labels = |low, high, most| ticks(low, high, most).into_iter().map(|(_, l)| l).collect::<Vec<_>>();
        assert_eq!(labels(1.0, 300.0, 8), ["50", "100", "150", "200", "250", "300"]);
        assert_eq!(labels(93.1, 94.4, 6), ["93.25", "93.50", "93.75", "94.00", "94.25"]);
        assert_eq!(labels(0.0, 1.0, 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn a_chart_holds_its_names_as_text_and_its_curves_inside() {
        let line = |name: &str, high: f64| Line {
            name: name.into(),
            points: (0..1000).map(|i| [f64::from(i), high * f64::from(i) / 999.0]).collect(),
            band: Vec::new(),
        };
        let around = Chart {
            title: "a < b & c".into(),
            x: "queries".into(),
            y: "accuracy (%)".into(),
            range: [0.0, 2.0],
            level: Some(("optimum".into(), 1.5)),
            note: "mean".into(),
        };
        let svg = chart(&around, &[line("random", 1.0), line("one", 2.0)]);
        for part in
            ["a &lt; b &amp; c", ">queries<", ">accuracy (%)<", ">random<", ">one<", ">optimum<", GREY, COLOURS[0]]
        {
            assert!(svg.contains(part), "{part} is missing");
        }
        // The curve that reaches the top of the range ends in the upper right corner of the plot.
        assert!(svg.contains(&format!("L{:.1} {TOP:.1}\"", WIDTH - RIGHT)), "{svg}");
        assert!(svg.len() < 30_000, "a thousand points are too many: {}", svg.len());
    }
}
