//! Draws how controllers learn on two problems whose optimum is known: `docs/controller-learning.svg`.
//!
//! ```sh
//! cargo run --release -p nas-controller --example learning_curves
//! ```

#[path = "../tests/it/problems.rs"]
mod problems;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/it/toy.rs"]
mod toy;

use std::fmt::Write;
use std::sync::Arc;

use nas_controller::{ControllerConfig, PolicySearch, preset};
use nas_search::{RandomSearch, Strategy};
use nas_space::Seed;

use problems::{independent, pairwise, trial};
use toy::Toy;

const SEEDS: u64 = 20;
const SAMPLES: u64 = 1_000;
/// Samples that a point of a curve is the mean of.
const WINDOW: usize = 25;

/// The reward of every sample of a run.
fn rewards(mut strategy: Box<dyn Strategy>, worth: fn(&[usize]) -> f64) -> Vec<f64> {
    let one = |number: u64| {
        let proposal = strategy.ask(number..number + 1).expect("these strategies never end").remove(0);
        let reward = worth(&proposal.architecture.choices);
        strategy.tell(&[trial(number, proposal, reward)]).expect("trials are told in order");
        reward
    };
    (0..SAMPLES).map(one).collect()
}

/// A curve: its name, its colour, and each seed's rewards.
struct Curve(&'static str, &'static str, Vec<Vec<f64>>);

fn curves(options: usize, worth: fn(&[usize]) -> f64) -> Vec<Curve> {
    let space = || Arc::new(Toy::operations(8, options));
    let search =
        |config: ControllerConfig, seed| PolicySearch::new(space(), config, seed).expect("a preset makes sense");
    let of = |make: &dyn Fn(Seed) -> Box<dyn Strategy>| -> Vec<Vec<f64>> {
        (0..SEEDS).map(|seed| rewards(make(Seed::new(seed)), worth)).collect()
    };
    vec![
        Curve("random", "#8a8f98", of(&|seed| Box::new(RandomSearch::new(space(), seed)))),
        Curve("reinforce", "#2166ac", of(&|seed| Box::new(search(preset::small_reinforce(8), seed)))),
        Curve("ppo", "#d6604d", of(&|seed| Box::new(search(preset::small_ppo(8), seed)))),
    ]
}

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 240.0;

/// The mean over the seeds as a line, the lowest and highest seed as a band.
fn panel(svg: &mut String, left: f64, title: &str, curves: &[Curve]) -> std::fmt::Result {
    let x = |sample: usize| left + WIDTH * sample as f64 / SAMPLES as f64;
    let y = |reward: f64| 50.0 + HEIGHT * (1.0 - reward);
    writeln!(svg, r#"<text x="{left}" y="34" font-weight="bold">{title}</text>"#)?;
    for tenth in (0..=10).step_by(2) {
        let (at, right) = (y(f64::from(tenth) / 10.0), left + WIDTH);
        writeln!(svg, r##"<path d="M{left} {at:.1}H{right}" stroke="#e3e5e8"/>"##)?;
        let label = f64::from(tenth) / 10.0;
        writeln!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{label}</text>"#, left - 8.0, at + 4.0)?;
    }
    for sample in (0..=SAMPLES as usize).step_by(250) {
        let at = y(0.0) + 18.0;
        writeln!(svg, r#"<text x="{:.1}" y="{at:.1}" text-anchor="middle">{sample}</text>"#, x(sample))?;
    }
    for Curve(_, colour, runs) in curves {
        let windows = |run: &Vec<f64>| -> Vec<f64> {
            run.chunks(WINDOW).map(|w| w.iter().sum::<f64>() / w.len() as f64).collect()
        };
        let runs: Vec<Vec<f64>> = runs.iter().map(windows).collect();
        let points = |of: &dyn Fn(&[f64]) -> f64| -> Vec<String> {
            let at = |i: usize| of(&runs.iter().map(|run| run[i]).collect::<Vec<_>>());
            (0..runs[0].len()).map(|i| format!("{:.1} {:.1}", x(i * WINDOW + WINDOW / 2), y(at(i)))).collect()
        };
        let low = points(&|values| values.iter().copied().fold(f64::INFINITY, f64::min));
        let mut band = points(&|values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        band.extend(low.into_iter().rev());
        writeln!(svg, r#"<path d="M{}Z" fill="{colour}" fill-opacity="0.15"/>"#, band.join("L"))?;
        let mean = points(&|values| values.iter().sum::<f64>() / values.len() as f64);
        writeln!(svg, r#"<path d="M{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, mean.join("L"))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let problems = [curves(5, independent), curves(4, pairwise)];
    let titles = ["Eight independent decisions", "Four pairs of decisions that must fit"];
    let mut svg = String::from(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 360" font-family="sans-serif" font-size="12">
<rect width="900" height="360" fill="white"/>
"#,
    );
    for (i, (title, curves)) in titles.into_iter().zip(&problems).enumerate() {
        panel(&mut svg, 60.0 + 440.0 * i as f64, title, curves)?;
    }
    for (i, Curve(name, colour, _)) in problems[0].iter().enumerate() {
        let at = 60.0 + 110.0 * i as f64;
        writeln!(svg, r#"<path d="M{at} 340h24" stroke="{colour}" stroke-width="3"/>"#)?;
        writeln!(svg, r#"<text x="{}" y="344">{name}</text>"#, at + 30.0)?;
    }
    svg += "<text x=\"840\" y=\"344\" text-anchor=\"end\">reward of samples, mean of 20 seeds; band: all seeds</text>\n</svg>\n";
    std::fs::write("docs/controller-learning.svg", svg)?;
    Ok(())
}
