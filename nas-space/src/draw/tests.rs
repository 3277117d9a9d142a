//! What must hold of every picture: nothing overlaps, every arrow is there, and the file is one that others can read.

use proptest::prelude::*;

use super::scene::{Line, Placed, Scene, Step};
use super::{Drawing, Layout, Panel, svg};
use crate::{Blueprint, Seed, published_cells, spaces};

/// Drawings of a sample of every space.
fn samples(seed: u64) -> Vec<Drawing> {
    let sample = |space: &dyn crate::SearchSpace| {
        let point = space.sample(&mut Seed::new(seed).rng());
        space.drawing(&point).expect("a sample is valid")
    };
    let depths = spaces::by_name("zoph-4-8").expect("it is a space of three depths");
    spaces::all().into_iter().chain([depths]).map(sample).collect()
}

fn published() -> Vec<Drawing> {
    published_cells().iter().map(|cell| Drawing::of(&cell.blueprint()).expect("it is valid")).collect()
}

/// Points along a line, close together.
fn points(line: &Line) -> Vec<[f64; 2]> {
    let mut here = line.start;
    let mut points = vec![here];
    for step in &line.steps {
        for part in 1..=24 {
            let t = f64::from(part) / 24.0;
            let along = |axis: usize| match step {
                Step::To(end) => here[axis] + t * (end[axis] - here[axis]),
                Step::Curve([a, b, end]) => {
                    let u = 1.0 - t;
                    u * u * u * here[axis]
                        + 3.0 * u * u * t * a[axis]
                        + 3.0 * u * t * t * b[axis]
                        + t * t * t * end[axis]
                }
            };
            points.push([along(0), along(1)]);
        }
        here = step.end();
    }
    points
}

/// The distance of a point from a box, 0 inside.
fn distance(point: [f64; 2], placed: &Placed) -> f64 {
    let beyond = |value: f64, low: f64, length: f64| (low - value).max(value - low - length).max(0.0);
    beyond(point[0], placed.left, placed.width).hypot(beyond(point[1], placed.top, placed.height))
}

fn check(panel: &Panel) {
    let scene = svg::scene(panel);
    boxes_keep_apart(&scene);
    lines_keep_off(&scene);
    arrows_are_there(panel, &scene);
}

fn boxes_keep_apart(scene: &Scene) {
    for (index, a) in scene.boxes.iter().enumerate() {
        assert!(a.left >= 0.0 && a.top >= 0.0, "{a:?}");
        assert!(
            a.left + a.width <= scene.width + 0.01 && a.top + a.height <= scene.height + 0.51,
            "{a:?} in {scene:?}"
        );
        for b in &scene.boxes[..index] {
            let apart = |low: f64, length: f64, other: f64, by: f64| (other - low - length).max(low - other - by);
            let gap = apart(a.left, a.width, b.left, b.width).max(apart(a.top, a.height, b.top, b.height));
            assert!(gap >= 7.0, "{} and {} are {gap} apart", a.label, b.label);
        }
    }
}

fn lines_keep_off(scene: &Scene) {
    for line in &scene.lines {
        let points = points(line);
        for point in &points {
            assert!((-0.5..=scene.width + 0.5).contains(&point[0]), "{point:?} beyond {}", scene.width);
            assert!((-0.5..=scene.height + 0.5).contains(&point[1]), "{point:?} beyond {}", scene.height);
            for (index, placed) in scene.boxes.iter().enumerate().filter(|(i, _)| *i != line.from && *i != line.to) {
                assert!(distance(*point, placed) > 3.0, "the line {} > {} meets box {index}", line.from, line.to);
            }
        }
        // Its ends lie where it says.
        if let Some(from) = scene.boxes.get(line.from) {
            assert!(distance(points[0], from) < 0.01);
        }
        if let Some(to) = scene.boxes.get(line.to) {
            assert!(distance(points[points.len() - 1], to) < super::scene::HEAD);
        }
    }
}

/// From each box, following lines and the bends between them, one comes to exactly the boxes that its arrows enter.
fn arrows_are_there(panel: &Panel, scene: &Scene) {
    let boxes = panel.blocks.len();
    let operation = |index: usize| index >= boxes && index < scene.boxes.len();
    for from in 0..boxes {
        let mut wanted: Vec<(usize, Option<&str>)> = (panel.edges.iter().filter(|edge| edge.from == from))
            .map(|edge| (edge.to, edge.operation.as_ref().map(|(name, _)| name.as_str())))
            .collect();
        let mut found = Vec::new();
        let mut open: Vec<(usize, Option<&str>)> = vec![(from, None)];
        while let Some((here, name)) = open.pop() {
            for line in scene.lines.iter().filter(|line| line.from == here) {
                match line.to {
                    to if to < boxes => found.push((to, name)),
                    to if operation(to) => open.push((to, Some(&scene.boxes[to].label))),
                    bend => open.push((bend, name)),
                }
            }
        }
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, wanted, "from box {from} of the {}", panel.title);
    }
}

#[test]
fn published_cells_are_drawn_whole() {
    published().iter().flat_map(|drawing| &drawing.panels).for_each(check);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_architecture_is_drawn_whole(seed: u64) {
        samples(seed).iter().flat_map(|drawing| &drawing.panels).for_each(check);
    }
}

#[test]
fn pictures_are_xml_with_a_style_for_every_class() {
    for drawing in samples(3).into_iter().chain(published()) {
        let svg = drawing.to_svg();
        assert_eq!(svg, drawing.clone().to_svg(), "the same drawing is the same picture");
        let document = roxmltree::Document::parse(&svg).expect("it is XML");
        let style = document.descendants().find(|node| node.has_tag_name("style")).and_then(|node| node.text());
        let style = style.expect("it has a style sheet");
        let mut texts = 0;
        for node in document.descendants() {
            for class in node.attribute("class").unwrap_or_default().split_whitespace() {
                assert!(style.contains(&format!(".{class}")), "{class} has no style");
            }
            texts += usize::from(node.has_tag_name("text"));
        }
        let labels: usize = drawing.panels.iter().map(|panel| panel.blocks.len()).sum();
        assert!(texts >= labels);
        let light_and_dark = style.split("prefers-color-scheme").count();
        assert_eq!(light_and_dark, 2);
    }
}

#[test]
fn text_of_others_is_escaped() {
    let drawing = Drawing::of_lines("<&>".into(), "a \"b\" <c>", &["x < y & z".into(), "second".into()]);
    let svg = drawing.to_svg();
    let document = roxmltree::Document::parse(&svg).expect("it is XML");
    let texts: Vec<&str> =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    assert_eq!(texts, ["a \"b\" <c>", "x < y & z", "second"]);
}

#[test]
fn arcs_lead_past_boxes_and_arrows_to_the_next() {
    let drawing = Drawing::of(&Blueprint::from_text("enas-macro-4: 0 | 1 0 | 4 1 0 | 5 0 1 1").expect("valid"));
    let panel = &drawing.expect("valid").panels[0];
    assert!(matches!(panel.layout, Layout::Chain { .. }));
    let scene = svg::scene(panel);
    let straight = |line: &&Line| matches!(line.steps[..], [Step::To(_)]);
    assert_eq!(scene.lines.iter().filter(straight).count(), 5, "stem, four layers, classifier");
    assert_eq!(scene.lines.iter().filter(|line| !straight(line)).count(), 3);
    assert_eq!(scene.dividers.len(), 2);
}
