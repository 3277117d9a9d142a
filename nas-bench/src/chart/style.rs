//! The look of charts: colours that people with any kind of colour vision can tell apart, on light and on dark paper.

use std::fmt::Write;

use super::Ink;

/// The hues of Okabe & Ito (2008), made darker or lighter until a line of each stands out from its paper.
const COLOURS: [[&str; 2]; 7] = [
    ["#0072b2", "#4fb3ef"],
    ["#d55e00", "#ff8c42"],
    ["#008f68", "#2fc795"],
    ["#b8618f", "#ea9cc8"],
    ["#9a7000", "#e3b341"],
    ["#2b8fd0", "#9ad4fa"],
    ["#1f2328", "#f0f3f6"],
];
const BASELINE: [&str; 2] = ["#6e7781", "#9198a1"];
const PAPER: [&str; 2] = ["#ffffff", "#0d1117"];
const TEXT: [&str; 2] = ["#1f2328", "#e6edf3"];
/// Text that is not read first.
const SOFT: [&str; 2] = ["#59636e", "#9198a1"];
const GRID: [&str; 2] = ["#e4e8ec", "#262c36"];
const AXIS: [&str; 2] = ["#8c959f", "#656c76"];

impl Ink {
    /// The name of its style.
    pub(super) fn class(self) -> String {
        match self {
            Self::Colour(number) => format!("plot-{}", number % COLOURS.len()),
            Self::Baseline => "plot-baseline".into(),
        }
    }
}

/// The style sheet of charts, for a page that holds some.
pub fn style() -> String {
    let mut sheet = String::from(
        ".plot text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif}\n\
         .plot .plot-title{font-size:16px;font-weight:600}\n\
         .plot .plot-end{text-anchor:end}.plot .plot-middle{text-anchor:middle}\n\
         .plot-line{fill:none;stroke-width:2;stroke-linejoin:round}.plot-band{opacity:.12}\n\
         .plot-grid,.plot-axis,.plot-level,.plot-leader{fill:none;stroke-width:1}.plot-level{stroke-dasharray:2 3}\n\
         .plot-speck{opacity:.45}.plot-line.plot-baseline{stroke-dasharray:6 4}\n\
         .plot-hit{opacity:0}.plot-hit:hover{opacity:.5}.plot-dot:hover{stroke-width:3}\n",
    );
    for paper in 0..2 {
        // Paper that is printed on is light.
        if paper == 1 {
            sheet += "@media screen and (prefers-color-scheme:dark){\n";
        }
        let (back, text, soft, grid, axis) = (PAPER[paper], TEXT[paper], SOFT[paper], GRID[paper], AXIS[paper]);
        let _ = writeln!(
            sheet,
            ".plot-paper{{fill:{back}}}.plot text{{fill:{text}}}.plot .plot-soft,.plot .plot-end,.plot .plot-middle{{fill:{soft}}}\n\
             .plot-grid{{stroke:{grid}}}.plot-axis,.plot-leader{{stroke:{axis}}}.plot-level{{stroke:{text}}}.plot-dot{{stroke:{back}}}"
        );
        let named = COLOURS.iter().enumerate().map(|(number, colour)| (number.to_string(), colour[paper]));
        for (name, colour) in named.chain([("baseline".into(), BASELINE[paper])]) {
            let _ = writeln!(
                sheet,
                ".plot-line.plot-{name}{{stroke:{colour}}}.plot-band.plot-{name},circle.plot-{name}{{fill:{colour}}}"
            );
        }
    }
    sheet + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours as the accessibility guidelines of the web define it (WCAG 2.1, 1.4.3).
    fn contrast(a: &str, b: &str) -> f64 {
        let luminance = |colour: &str| {
            let linear = |at: usize| {
                let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5)
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn lines_stand_out_and_text_can_be_read() {
        for paper in 0..2 {
            for colour in COLOURS.iter().chain([&BASELINE]) {
                let found = contrast(colour[paper], PAPER[paper]);
                assert!(found >= 3.0, "{colour:?} on paper {paper}: {found:.2}");
            }
            for text in [TEXT, SOFT] {
                let found = contrast(text[paper], PAPER[paper]);
                assert!(found >= 4.5, "{text:?} on paper {paper}: {found:.2}");
            }
        }
    }
}
