//! What a training step, or an evaluation, is said to need, against what the process then holds: each case in a process of its own, which
//! tells its peak.
#![allow(clippy::print_stdout, reason = "a process tells what it measured, and the test what came of it")]

use std::process::Command;

use candle_core::{DType, Device, Tensor};
use nas_nn::memory::{TrainingStep, evaluation, kept, training_step};
use nas_nn::optim::{DecayOn, Optimizer, Rate, Sgd};
use nas_nn::{Mode, Network, Precision, StepConfig};
use nas_space::spaces::{Darts, NasBench201};
use nas_space::{ImageShape, MixedSpace, NetworkConfig, NetworkGraph, Seed, Stem, published};

/// The variable that tells the process of a case which one it is.
const CASE: &str = "NAS_MEMORY_CASE";

/// What a case prints its two numbers behind.
const ANSWER: &str = "bytes before and at the peak:";

struct Case {
    name: &'static str,
    network: NetworkConfig,
    step: TrainingStep,
    /// Whether the network is evaluated rather than trained.
    evaluated: bool,
}

fn case(name: &'static str, channels: usize, layers: usize, batch: usize) -> Case {
    let step = TrainingStep { batch, precision: Precision::F32, drop_path: false };
    Case { name, network: NetworkConfig::cifar(channels, layers), step, evaluated: false }
}

fn cases() -> Vec<Case> {
    let auxiliary = |case: Case| Case { network: NetworkConfig { auxiliary: true, ..case.network }, ..case };
    let dropped = |case: Case| Case { step: TrainingStep { drop_path: true, ..case.step }, ..case };
    let bf16 = |case: Case| Case { step: TrainingStep { precision: Precision::Bf16, ..case.step }, ..case };
    let large = |case: Case| {
        let input = ImageShape { channels: 3, height: 96, width: 128 };
        Case { network: NetworkConfig { input, stem: Stem::Imagenet, ..case.network }, ..case }
    };
    let evaluated = |case: Case| Case { evaluated: true, ..case };
    vec![
        evaluated(case("DARTS_V2", 16, 8, 128)),
        evaluated(case("NASNet-A", 16, 8, 96)),
        case("DARTS_V2", 8, 8, 64),
        auxiliary(dropped(case("DARTS_V2", 16, 8, 48))),
        bf16(case("DARTS_V1", 16, 8, 64)),
        large(case("DARTS_V2", 16, 8, 32)),
        case("NASNet-A", 16, 8, 32),
        case("AmoebaNet-A", 12, 8, 48),
        case("darts supernet", 8, 5, 16),
        case("nasbench201 supernet", 16, 6, 16),
        case("22212220", 32, 8, 32),
        case("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|", 16, 15, 64),
    ]
}

fn graph(case: &Case) -> NetworkGraph {
    let graph = match case.name {
        "darts supernet" => Darts.supernet(&case.network),
        "nasbench201 supernet" => NasBench201.supernet(&case.network),
        name => match published(name) {
            Some(cell) => cell.blueprint().lower(&case.network),
            None => nas_space::Blueprint::from_text(name).and_then(|blueprint| blueprint.lower(&case.network)),
        },
    };
    graph.unwrap()
}

/// A field of Linux's account of this process, in bytes.
fn status(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Two steps of a case, and the memory before and at the peak.
fn measure(case: &Case) -> Option<[u64; 2]> {
    let before = status("VmRSS:")?;
    let mut network = Network::init(graph(case), Seed::new(1), DType::F32, &Device::Cpu).unwrap();
    network.set_precision(case.step.precision);
    let image = case.network.input;
    let size = (case.step.batch, image.channels, image.height, image.width);
    let images = Tensor::ones(size, DType::F32, &Device::Cpu).unwrap();
    let labels = Tensor::zeros(case.step.batch, DType::U32, &Device::Cpu).unwrap();
    let config = StepConfig { label_smoothing: 0.0, auxiliary_weight: 0.4 };
    let drop_path = if case.step.drop_path { 0.2 } else { 0.0 };
    let mut sgd = Sgd::new(0.9, false, 3e-4, DecayOn::All);
    for _ in 0..2 {
        if case.evaluated {
            network.logits(&images, Mode::Evaluate).unwrap();
            continue;
        }
        let step = network.step(&images, &labels, &config, Mode::Train { drop_path, seed: Seed::new(2) }).unwrap();
        sgd.step(network.parameters(), &step.gradients, Rate::new(0.0)).unwrap();
    }
    Some([before, status("VmHWM:")?])
}

#[test]
fn a_step_takes_what_it_is_said_to_take() {
    if let Ok(number) = std::env::var(CASE) {
        let numbers = measure(&cases()[number.parse::<usize>().unwrap()]);
        println!("{ANSWER}{}", numbers.map_or_else(String::new, |[before, peak]| format!("{before} {peak}")));
        return;
    }
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "peak::a_step_takes_what_it_is_said_to_take", "--nocapture"]);
        let output = process.env(CASE, number.to_string()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}: {said}", case.name);
        let answer = said.split(ANSWER).nth(1).and_then(|rest| rest.lines().next()).unwrap();
        if answer.is_empty() {
            println!("skipped: this system does not tell how much memory a process holds");
            return;
        }
        let numbers: Vec<u64> = answer.split(' ').map(|number| number.parse().unwrap()).collect();
        let found = numbers[1] - numbers[0];
        let said = match case.evaluated {
            true => evaluation(&graph(case), case.step.batch, rayon::current_num_threads()),
            false => training_step(&graph(case), &case.step),
        };
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let ratio = said as f64 / found as f64;
        let line = format!(
            "{}{} with {} channels, {} cells, batch {}: {:.1} MiB, said were {:.1}, {ratio:.2} of it",
            case.name,
            if case.evaluated { ", evaluated," } else { "" },
            case.network.channels,
            case.network.layers,
            case.step.batch,
            mib(found),
            mib(said)
        );
        println!("{line}");
        assert!(mib(found) > 30.0, "{line}: so little is no measurement");
        if !(0.8..=1.2).contains(&ratio) {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_step_keeps_is_told_node_by_node() {
    let case = case("DARTS_V2", 16, 8, 32);
    let graph = graph(&case);
    let each = kept(&graph, &case.step);
    assert_eq!(each.len(), graph.len());
    // The stem is a convolution to 48 channels and its batch norm, which leaves no values of its own.
    let stem = |node: &nas_space::Node| node.name.starts_with("stem.");
    let of_stem: u64 = graph.nodes().filter(|(_, node)| stem(node)).map(|(index, _)| each[index]).sum();
    assert_eq!(of_stem, 32 * 48 * 32 * 32 * 4);
    let sum: u64 = each.iter().sum();
    let besides = 16 * graph.parameters() as u64 + 3 * 4 * 32 * 3 * 32 * 32;
    let all = training_step(&graph, &case.step);
    assert!(sum + besides < all, "gradients come on top: {sum} and {besides} of {all}");
    assert!(2 * sum > all, "most of it is kept for the reverse pass: {sum} of {all}");
    let halves = kept(&graph, &TrainingStep { precision: Precision::Bf16, ..case.step });
    assert_eq!(halves.iter().sum::<u64>(), sum / 2);
}
