//! Charts: round numbers, names as text, curves inside, tooltips, and XML that a strict reader takes.

use super::axes::ticks;
use super::*;

fn labels(range: [f64; 2], scale: Scale, most: usize) -> Vec<String> {
    ticks(range, scale, most).into_iter().map(|(_, label)| label).collect()
}

#[test]
fn ticks_are_round_numbers_inside() {
    assert_eq!(labels([1.0, 300.0], Scale::Linear, 8), ["50", "100", "150", "200", "250", "300"]);
    assert_eq!(labels([93.1, 94.4], Scale::Linear, 6), ["93.25", "93.50", "93.75", "94.00", "94.25"]);
    assert_eq!(labels([0.0, 1.0], Scale::Linear, 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    assert_eq!(labels([-0.1, 0.1], Scale::Linear, 2), ["-0.1", "0.0", "0.1"]);
    assert_eq!(labels([0.0, 60_000.0], Scale::Linear, 3), ["0", "20 k", "40 k", "60 k"]);
}

#[test]
fn counts_have_whole_ticks_and_logarithms_have_few() {
    assert_eq!(labels([1.0, 4.0], Scale::Count, 7), ["1", "2", "3", "4"]);
    assert_eq!(labels([1.0, 19.0], Scale::Count, 7), ["5", "10", "15"]);
    assert_eq!(labels([900.0, 1.1e6], Scale::Log, 5), ["1 k", "10 k", "100 k", "1 M"]);
    assert_eq!(labels([30e3, 90e3], Scale::Log, 5), ["40 k", "60 k", "80 k"]);
    assert_eq!(labels([0.04, 0.5], Scale::Log, 5), ["0.05", "0.1", "0.2", "0.5"]);
    assert_eq!(labels([370e3, 610e3], Scale::Log, 5), ["400 k", "450 k", "500 k", "550 k", "600 k"]);
}

fn example() -> Chart {
    let rising = |high: f64| (0..1000).map(move |i| [f64::from(i), high * f64::from(i) / 999.0]);
    let mut dots = Series { mark: Mark::Dots, ..Series::line("dots", Ink::Colour(1), [[500.0, 1.0]]) };
    dots.points[0].note = "a < b".into();
    Chart {
        title: "a < b & c".into(),
        x: Axis::new("queries", Scale::Count),
        y: Axis { range: Some([0.0, 2.0]), ..Axis::new("accuracy (%)", Scale::Linear) },
        series: vec![
            Series::line("random", Ink::Baseline, rising(1.0)),
            Series::line("one", Ink::Colour(0), rising(2.0)),
            dots,
        ],
        level: Some(("optimum".into(), 1.5)),
        note: "mean & more".into(),
    }
}

#[test]
fn a_file_holds_its_names_as_text_and_its_curves_inside() {
    let chart = example();
    let svg = chart.to_file();
    for part in
        ["a &lt; b &amp; c", ">queries<", ">accuracy (%)<", ">random<", ">one<", ">optimum<", ">mean &amp; more<"]
    {
        assert!(svg.contains(part), "{part} is missing");
    }
    assert!(svg.contains("<title>a &lt; b</title>"), "a dot says what it is");
    // The curve that reaches the top of the range ends in the upper right corner of the plot.
    let frame = Plane::new(&chart, Size::File, 1).frame;
    assert!(svg.contains(&format!("L{:.1} {:.1}\"", frame.right, frame.top)), "{svg}");
    assert!(svg.len() < 30_000, "a thousand points are too many: {}", svg.len());
}

#[test]
fn every_size_is_xml_and_names_every_series() {
    let chart = example();
    for svg in [chart.to_file(), chart.to_svg(Size::Wide, "a"), chart.to_svg(Size::Narrow, "b")] {
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{e}: {svg}"));
        let texts: Vec<&str> =
            document.descendants().filter(|n| n.has_tag_name("text")).filter_map(|n| n.text()).collect();
        for name in ["random", "one", "dots"] {
            assert!(texts.contains(&name), "{name}: {texts:?}");
        }
    }
}

#[test]
fn nothing_to_draw_and_nonsense_are_drawn_as_nothing() {
    let nonsense = Series::line("x", Ink::Colour(9), [[1.0, f64::NAN], [f64::INFINITY, 2.0]]);
    for scale in [Scale::Linear, Scale::Count, Scale::Log] {
        for series in [vec![], vec![nonsense.clone()], vec![Series::line("y", Ink::Colour(0), [[3.0, 3.0]])]] {
            let chart = Chart { x: Axis::new("x", scale), y: Axis::new("y", scale), series, level: None, ..example() };
            let svg = chart.to_svg(Size::Wide, "a");
            roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{e}: {svg}"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
