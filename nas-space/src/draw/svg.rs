//! Writing a drawing as SVG: panels beside or below one another, and a legend. Styles are classes whose names begin with
//! `nas-`, so that several drawings stand in one HTML page; colours turn with the reader's choice of light or dark.

use std::fmt::Write;

use super::paint::{ARCS, INK, LINE, PAPER, SHADE, hex};
use super::scene::{HEAD, Line, Placed, Scene, Step, Stroke, Way, small};
use super::{Drawing, Family, Kind, Layout, Paint, chain, layered};

/// Around everything, between panels, and for a panel's title.
const MARGIN: f64 = 20.0;
const BETWEEN: f64 = 48.0;
const TITLE: f64 = 30.0;
/// Panels stand beside one another up to this width.
const WIDE: f64 = 1000.0;
/// A row of the legend, and a swatch in it.
const ROW: f64 = 20.0;
const SWATCH: f64 = 12.0;

/// The whole picture.
pub(super) fn write(drawing: &Drawing) -> String {
    let scenes: Vec<Scene> = drawing.panels.iter().map(scene).collect();
    let titles = drawing.panels.iter().map(|panel| panel.title.chars().count() as f64 * 8.0);
    let widths: Vec<f64> = scenes.iter().zip(titles).map(|(scene, title)| scene.width.max(title)).collect();
    let beside = widths.iter().sum::<f64>() + BETWEEN * (widths.len().max(1) - 1) as f64;
    let (mut places, mut inner, mut bottom) = (Vec::new(), [0.0_f64, 0.0_f64], 0.0);
    for (scene, width) in scenes.iter().zip(&widths) {
        places.push(if beside <= WIDE { [inner[0], 0.0] } else { [0.0, inner[1]] });
        if beside <= WIDE {
            bottom = f64::max(bottom, TITLE + scene.height);
            inner = [inner[0] + width + BETWEEN, bottom];
        } else {
            bottom = inner[1] + TITLE + scene.height;
            inner = [inner[0].max(*width), bottom + BETWEEN / 2.0];
        }
    }
    let width = if beside <= WIDE { beside } else { inner[0] };
    let legend = legend(&scenes, &drawing.note, width);
    let width = width.max(legend.width);
    let height = bottom + if legend.rows > 0 { 14.0 + ROW * legend.rows as f64 } else { 0.0 };
    let (full, high) = ((width + 2.0 * MARGIN).ceil(), (height + 2.0 * MARGIN).ceil());
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full}\" height=\"{high}\" viewBox=\"0 0 {full} {high}\" \
         role=\"img\" class=\"nas-drawing\">\n<title>{}</title>\n<desc>{}</desc>\n<style>\n{}</style>\n\
         <rect class=\"nas-paper\" width=\"{full}\" height=\"{high}\" rx=\"8\"/>\n",
        escape(&titles_of(drawing)),
        escape(&drawing.text),
        style(&scenes)
    );
    for ((panel, scene), [x, y]) in drawing.panels.iter().zip(&scenes).zip(places) {
        let (x, y) = (number(MARGIN + x), MARGIN + y);
        put(&mut out, &format!("<g transform=\"translate({x} {})\">", number(y)));
        put(&mut out, &format!("<text class=\"nas-title\" x=\"0\" y=\"14\">{}</text>", escape(&panel.title)));
        put(&mut out, &format!("<g transform=\"translate(0 {})\">", number(TITLE)));
        write_scene(&mut out, scene);
        put(&mut out, "</g>\n</g>");
    }
    let (x, y) = (number(MARGIN), number(MARGIN + bottom + 14.0));
    put(&mut out, &format!("<g transform=\"translate({x} {y})\">\n{}</g>\n</svg>", legend.text));
    out
}

fn titles_of(drawing: &Drawing) -> String {
    drawing.panels.iter().map(|panel| panel.title.as_str()).collect::<Vec<_>>().join(" and ")
}

pub(super) fn scene(panel: &super::Panel) -> Scene {
    match &panel.layout {
        Layout::Layered => layered::scene(panel),
        Layout::Chain { dividers } => chain::scene(panel, dividers),
    }
}

fn write_scene(out: &mut String, scene: &Scene) {
    for (y, text) in &scene.dividers {
        let (left, right) = (number(small(text) + 8.0), number(scene.width));
        put(out, &format!("<path class=\"nas-divider\" d=\"M{left} {0}H{right}\"/>", number(*y)));
        put(out, &format!("<text class=\"nas-small\" x=\"0\" y=\"{}\">{}</text>", number(y + 4.0), escape(text)));
    }
    for line in &scene.lines {
        write_line(out, line);
    }
    for placed in &scene.boxes {
        write_box(out, placed);
    }
}

fn write_line(out: &mut String, line: &Line) {
    let point = |[x, y]: [f64; 2]| format!("{} {}", number(x), number(y));
    let mut path = format!("M{}", point(line.start));
    let mut here = line.start;
    for step in &line.steps {
        match step {
            Step::To(end) if *end == here => {}
            Step::To(end) => path += &format!("L{}", point(*end)),
            Step::Curve([a, b, end]) if a[1] == end[1] && b[1] == here[1] => path += &format!("L{}", point(*end)),
            Step::Curve([a, b, end]) => path += &format!("C{} {} {}", point(*a), point(*b), point(*end)),
        }
        here = step.end();
    }
    let stroke = match line.stroke {
        Stroke::Plain => "nas-line".to_owned(),
        Stroke::Of(family) => format!("nas-line nas-of-{}", family.word()),
        Stroke::Arc(number) => format!("nas-line nas-arc-{number}"),
    };
    put(out, &format!("<path class=\"{stroke}\" d=\"{path}\"/>"));
    let Some(way) = line.head else { return };
    let [x, y] = here;
    let half = HEAD / 2.0;
    let corners = match way {
        Way::Right => [[x - 1.0, y - half], [x + HEAD - 1.0, y], [x - 1.0, y + half]],
        Way::Left => [[x + 1.0, y - half], [x - HEAD + 1.0, y], [x + 1.0, y + half]],
        Way::Down => [[x - half, y - 1.0], [x, y + HEAD - 1.0], [x + half, y - 1.0]],
    };
    let corners = corners.map(point).join("L");
    put(out, &format!("<path class=\"{} nas-head\" d=\"M{corners}Z\"/>", stroke));
}

fn write_box(out: &mut String, placed: &Placed) {
    let Placed { left, top, width, height, .. } = *placed;
    let (class, text, round) = match placed.kind {
        Kind::Operation(paint) => (paint.class(), "nas-code", 4.0),
        Kind::Node => ("nas-node".to_owned(), "nas-label", 13.0_f64.min(height / 2.0)),
        Kind::Input | Kind::Output => ("nas-end".to_owned(), "nas-label", 6.0),
        Kind::Note => ("nas-end".to_owned(), "nas-code nas-left", 6.0),
    };
    let [l, t, w, h] = [left, top, width, height].map(number);
    put(out, &format!("<rect class=\"{class}\" x=\"{l}\" y=\"{t}\" width=\"{w}\" height=\"{h}\" rx=\"{round}\"/>"));
    let lines: Vec<&str> = placed.label.lines().collect();
    let x = if placed.kind == Kind::Note { left + 12.0 } else { left + width / 2.0 };
    let first = top + height / 2.0 - 15.0 * (lines.len().max(1) - 1) as f64 / 2.0 + 4.0;
    for (row, line) in lines.iter().enumerate() {
        let y = number(first + 15.0 * row as f64);
        put(out, &format!("<text class=\"{text}\" x=\"{}\" y=\"{y}\">{}</text>", number(x), subscript(line)));
    }
}

/// A label as text, with what stands in `_{...}` as a subscript.
fn subscript(label: &str) -> String {
    let parts = label.split_once("_{").and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (below, after))) = parts else { return escape(label) };
    let below = escape(&below.replace('-', "\u{2212}"));
    // The text after it goes back up to the line.
    let after = if after.is_empty() { String::new() } else { format!("<tspan dy=\"-3\">{}</tspan>", subscript(after)) };
    format!("{}<tspan class=\"nas-sub\" dy=\"3\">{below}</tspan>{after}", escape(before))
}

struct Legend {
    text: String,
    width: f64,
    rows: usize,
}

/// The families that the scenes show, and the note.
fn legend(scenes: &[Scene], note: &str, room: f64) -> Legend {
    let mut families: Vec<Paint> = paints(scenes);
    families.sort_by_key(|paint| (paint.family, std::cmp::Reverse(paint.window)));
    families.dedup_by_key(|paint| paint.family);
    let entries = families.iter().map(|paint| (Some(*paint), paint.family.name()));
    let entries = entries.chain((!note.is_empty()).then_some((None, note)));
    let (mut text, mut x, mut row, mut widest) = (String::new(), 0.0, 0, 0.0_f64);
    for (paint, name) in entries {
        let swatch = if paint.is_some() { SWATCH + 6.0 } else { 0.0 };
        let width = swatch + small(name);
        if x > 0.0 && x + width > room.max(360.0) {
            (x, row) = (0.0, row + 1);
        }
        let y = ROW * f64::from(row);
        if let Some(paint) = paint {
            let (x, y, class) = (number(x), number(y + 2.0), paint.class());
            let rect = format!(
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{SWATCH}\" height=\"{SWATCH}\" rx=\"3\"/>"
            );
            put(&mut text, &rect);
        }
        let (at, y) = (number(x + swatch), number(y + 12.0));
        put(&mut text, &format!("<text class=\"nas-small\" x=\"{at}\" y=\"{y}\">{}</text>", subscript(name)));
        widest = widest.max(x + width);
        x += width + 18.0;
    }
    let rows = if text.is_empty() { 0 } else { row as usize + 1 };
    Legend { text, width: widest, rows }
}

/// The looks of all operations, each once.
fn paints(scenes: &[Scene]) -> Vec<Paint> {
    let kinds = scenes.iter().flat_map(|scene| &scene.boxes).map(|placed| placed.kind);
    let mut paints: Vec<Paint> =
        kinds.filter_map(|kind| if let Kind::Operation(paint) = kind { Some(paint) } else { None }).collect();
    paints.sort_unstable();
    paints.dedup();
    paints
}

/// The style sheet: what all drawings share, then colours, light and, where the reader wants it, dark.
fn style(scenes: &[Scene]) -> String {
    let mut sheet = String::from(
        ".nas-drawing text{font-family:Helvetica,Arial,'DejaVu Sans',sans-serif;text-anchor:middle}\n\
         .nas-drawing .nas-label{font-size:12px}\n\
         .nas-drawing .nas-code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
         font-size:11px}\n\
         .nas-drawing .nas-title{font-size:14px;font-weight:600;text-anchor:start}\n\
         .nas-drawing .nas-small{font-size:11.5px;text-anchor:start}\n\
         .nas-drawing .nas-left{text-anchor:start}\n\
         .nas-drawing .nas-sub{font-size:9px}\n\
         .nas-line{fill:none;stroke-width:1.4}\n.nas-head{stroke:none}\n\
         .nas-divider{fill:none;stroke-width:1;stroke-dasharray:4 4}\n",
    );
    let paints = paints(scenes);
    let families = |stroke: Stroke| if let Stroke::Of(family) = stroke { Some(family) } else { None };
    let mut lines: Vec<Family> =
        scenes.iter().flat_map(|scene| &scene.lines).filter_map(|line| families(line.stroke)).collect();
    lines.sort_unstable();
    lines.dedup();
    let arcs = scenes.iter().flat_map(|scene| &scene.lines).any(|line| matches!(line.stroke, Stroke::Arc(_)));
    for paper in 0..2 {
        if paper == 1 {
            sheet.push_str("@media (prefers-color-scheme:dark){\n");
        }
        let (back, ink, line, shade) = (hex(PAPER[paper]), hex(INK[paper]), hex(LINE[paper]), hex(SHADE[paper]));
        put(&mut sheet, &format!(".nas-paper{{fill:{back}}}.nas-drawing text{{fill:{ink}}}"));
        put(&mut sheet, &format!(".nas-line,.nas-divider{{stroke:{line}}}.nas-head{{fill:{line}}}"));
        put(&mut sheet, &format!(".nas-end{{fill:{shade};stroke:{line}}}.nas-node{{fill:{back};stroke:{ink}}}"));
        for paint in &paints {
            let (fill, stroke) = (hex(paint.fill()[paper]), hex(paint.stroke()[paper]));
            let dashes = if paint.family == Family::None { ";stroke-dasharray:3 3" } else { "" };
            put(&mut sheet, &format!(".{}{{fill:{fill};stroke:{stroke}{dashes}}}", paint.class()));
        }
        for family in &lines {
            let colour = hex(Paint { family: *family, window: 1 }.stroke()[paper]);
            let word = family.word();
            put(&mut sheet, &format!(".nas-of-{word}{{stroke:{colour}}}.nas-head.nas-of-{word}{{fill:{colour}}}"));
        }
        for (number, colours) in ARCS.iter().enumerate().filter(|_| arcs) {
            let colour = hex(colours[paper]);
            put(
                &mut sheet,
                &format!(".nas-arc-{number}{{stroke:{colour}}}.nas-head.nas-arc-{number}{{fill:{colour}}}"),
            );
        }
        // What was said of a head's fill must not be undone by the outline of its line.
        put(&mut sheet, ".nas-head{stroke:none}");
    }
    sheet.push_str("}\n");
    sheet
}

fn put(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a string takes all text");
}

/// At most one digit behind the point.
fn number(value: f64) -> String {
    let text = format!("{:.1}", value);
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".into() } else { text.into() }
}

/// A text as XML takes it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
