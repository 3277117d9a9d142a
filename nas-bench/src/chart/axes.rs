//! The plane between the axes: what is shown of it, where a value lies, and the round numbers along its sides.

use nas_space::draw::escape;

use super::labels::{self, text_width};
use super::{Axis, Chart, Mark, Scale, Size, put};

/// The rectangle of the picture, and that of the plot within it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// Where values lie.
pub(super) struct Plane {
    pub(super) size: Size,
    pub(super) frame: Frame,
    x: [f64; 2],
    y: [f64; 2],
    scales: [Scale; 2],
    ticks: [Vec<(f64, String)>; 2],
}

impl Plane {
    /// Room is kept for so many rows of a legend.
    pub(super) fn new(chart: &Chart, size: Size, legend: usize) -> Self {
        // A line may begin at the edge, a dot looks lost there.
        let is_cloud = chart.series.iter().all(|s| matches!(s.mark, Mark::Dots | Mark::Specks));
        let room = if is_cloud { 0.04 } else { 0.0 };
        let x = shown(&chart.x, chart.series.iter().flat_map(|s| s.points.iter().map(|p| p.x)), room);
        let levels = chart.level.iter().map(|(_, y)| *y);
        let bands = chart.series.iter().flat_map(|s| s.band.iter().flatten().copied());
        let points = chart.series.iter().flat_map(|s| s.points.iter().map(|p| p.y));
        let y = shown(&chart.y, points.chain(bands).chain(levels), 0.06);
        let (width, height, header, footer) = match size {
            Size::Wide => (560.0, 320.0, 0.0, 0.0),
            Size::Narrow => (328.0, 250.0, 0.0, 0.0),
            Size::File => (760.0, 480.0, 38.0, 54.0),
        };
        let many = if size == Size::Narrow { [4, 4] } else { [7, 6] };
        let ticks = [ticks(x, chart.x.scale, many[0]), ticks(y, chart.y.scale, many[1])];
        let longest = ticks[1].iter().map(|(_, label)| text_width(label)).fold(0.0, f64::max);
        let margin = if size == Size::File { 20.0 } else { 2.0 };
        let legend = if legend > 0 { labels::ROW * legend as f64 + 4.0 } else { 0.0 };
        let frame = Frame {
            width,
            height,
            left: (margin + longest + 8.0).ceil(),
            right: width - margin.max(12.0) - labels::room(chart, size),
            top: header + legend + 30.0,
            bottom: height - footer - 42.0,
        };
        Self { size, frame, x, y, scales: [chart.x.scale, chart.y.scale], ticks }
    }

    /// Where a value lies along the x axis, in pixels.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.frame.left + share(value, self.x, self.scales[0]) * (self.frame.right - self.frame.left)
    }

    /// Where a value lies along the y axis, in pixels.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.frame.bottom - share(value, self.y, self.scales[1]) * (self.frame.bottom - self.frame.top)
    }

    /// Whether a point is shown.
    pub(super) fn holds(&self, x: f64, y: f64) -> bool {
        (self.x[0]..=self.x[1]).contains(&x) && (self.y[0]..=self.y[1]).contains(&y)
    }
}

/// How far along an axis a value lies, from 0 to 1.
fn share(value: f64, [low, high]: [f64; 2], scale: Scale) -> f64 {
    match scale {
        Scale::Log => (value / low).ln() / (high / low).ln(),
        _ => (value - low) / (high - low),
    }
}

/// What an axis shows: what it is told, or all there is with some room around it.
fn shown(axis: &Axis, values: impl Iterator<Item = f64>, room: f64) -> [f64; 2] {
    let counts = |v: &f64| v.is_finite() && (axis.scale != Scale::Log || *v > 0.0);
    let all = values.filter(counts).fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], v| [a.min(v), b.max(v)]);
    let [low, high] =
        axis.range.filter(|[low, high]| low <= high && low.is_finite() && high.is_finite()).unwrap_or(all);
    let around = if axis.range.is_some() { 0.0 } else { room };
    match axis.scale {
        _ if low > high => {
            if axis.scale == Scale::Log {
                [1.0, 10.0]
            } else {
                [0.0, 1.0]
            }
        }
        Scale::Log if low < high => {
            let factor = (high / low).powf(0.05);
            [low / factor, high * factor]
        }
        Scale::Log => [low / 2.0, low * 2.0],
        _ if low < high => [low - around * (high - low), high + around * (high - low)],
        // A single value stands in the middle.
        Scale::Count => [low - 1.0, low + 1.0],
        Scale::Linear => {
            let half = (0.1 * low.abs()).max(0.5);
            [low - half, low + half]
        }
    }
}

/// Round numbers inside a range, about as many as wanted, as they are written.
pub(super) fn ticks(range: [f64; 2], scale: Scale, most: usize) -> Vec<(f64, String)> {
    match scale {
        Scale::Log => log_ticks(range, most),
        Scale::Linear => even_ticks(range, most, 0.0),
        Scale::Count => even_ticks(range, most, 1.0),
    }
}

fn even_ticks([low, high]: [f64; 2], most: usize, least: f64) -> Vec<(f64, String)> {
    let rough = ((high - low) / most as f64).max(least);
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|s| s * power);
    let whole = |step: &f64| least == 0.0 || step.fract() == 0.0;
    let step = step.into_iter().find(|s| *s >= rough * (1.0 - 1e-9) && whole(s)).unwrap_or(rough);
    let places = (0..9).find(|p| (step * 10_f64.powi(*p)).fract().abs() < 1e-6).unwrap_or(9) as usize;
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    let label = |value: f64| if places == 0 && high.abs() >= 1e4 { short(value) } else { format!("{value:.places$}") };
    // Adding zero makes a zero of a minus zero.
    (first..=last).map(|n| n as f64 * step + 0.0).map(|value| (value, label(value))).collect()
}

/// Over less than a power of ten evenly spaced round numbers; else some digits of every power, as many as are wanted.
fn log_ticks([low, high]: [f64; 2], most: usize) -> Vec<(f64, String)> {
    if high < 8.0 * low {
        return even_ticks([low, high], most, 0.0).into_iter().map(|(value, _)| (value, short(value))).collect();
    }
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let of = |digits: &[f64]| -> Vec<f64> {
        let all = powers.clone().flat_map(|power| digits.iter().map(move |digit| digit * 10_f64.powi(power)));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    let values = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]].into_iter().map(of).find(|values| values.len() <= most);
    values.unwrap_or_else(|| of(&[1.0])).into_iter().map(|value| (value, short(value))).collect()
}

/// A number in a few characters: `1.5 k`, `20 M`, `0.05`.
fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, " G"),
        v if v >= 1e6 => (value / 1e6, " M"),
        v if v >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    // Three digits that count, no zeros behind them.
    let digits = if scaled == 0.0 { 0 } else { (2 - scaled.abs().log10().floor() as i32).max(0) as usize };
    let text = format!("{scaled:.digits$}");
    let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

/// Grid, ticks, labels, and the level to compare with.
pub(super) fn write(svg: &mut String, chart: &Chart, plane: &Plane) {
    let Frame { left, right, top, bottom, .. } = plane.frame;
    for (value, label) in &plane.ticks[1] {
        let at = plane.y(*value);
        put(svg, &format!("<path class=\"plot-grid\" d=\"M{left} {at:.1}H{right:.1}\"/>"));
        let (x, y) = (left - 8.0, at + 4.0);
        put(svg, &format!("<text class=\"plot-end\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(label)));
    }
    put(svg, &format!("<path class=\"plot-axis\" d=\"M{left} {bottom:.1}H{right:.1}\"/>"));
    for (value, label) in &plane.ticks[0] {
        let at = plane.x(*value);
        put(svg, &format!("<path class=\"plot-axis\" d=\"M{at:.1} {bottom:.1}v4\"/>"));
        let y = bottom + 18.0;
        put(svg, &format!("<text class=\"plot-middle\" x=\"{at:.1}\" y=\"{y:.1}\">{}</text>", escape(label)));
    }
    let beside = if plane.size == Size::File { 20.0 } else { 0.0 };
    put(
        svg,
        &format!("<text class=\"plot-soft\" x=\"{beside}\" y=\"{:.1}\">{}</text>", top - 15.0, escape(&chart.y.label)),
    );
    let (middle, below) = ((left + right) / 2.0, bottom + 36.0);
    put(
        svg,
        &format!(
            "<text class=\"plot-soft plot-middle\" x=\"{middle:.1}\" y=\"{below:.1}\">{}</text>",
            escape(&chart.x.label)
        ),
    );
    if let Some((name, value)) = chart.level.as_ref().filter(|(_, value)| (plane.y[0]..=plane.y[1]).contains(value)) {
        let at = plane.y(*value);
        put(svg, &format!("<path class=\"plot-level\" d=\"M{left} {at:.1}H{right:.1}\"/>"));
        put(svg, &format!("<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", left + 6.0, at - 5.0, escape(name)));
    }
}
