//! Plans of small spaces, step by step.

use nas_space::spaces::{Darts, Zoph};
use nas_space::{Chooses, Decision, SearchSpace};

use super::{Input, Plan, Task};
use crate::config::{Heads, Wiring};

/// Decisions from `group:kind options`, such as `a:op3`.
fn decisions(text: &str) -> Vec<Decision> {
    let decision = |(at, word): (usize, &str)| {
        let (group, kind) = word.split_once(':').unwrap();
        let (kind, count) = kind.split_at(kind.find(|c: char| c.is_ascii_digit()).unwrap());
        let chooses = match kind {
            "op" => Chooses::Operation,
            "in" => Chooses::Input,
            "skip" => Chooses::Skip,
            _ => Chooses::Value,
        };
        let options = (0..count.parse().unwrap()).map(|i: usize| i.to_string()).collect();
        Decision { name: at.to_string(), group: group.into(), chooses, options }
    };
    text.split(' ').enumerate().map(decision).collect()
}

/// One word a step: what enters, and what is done.
fn words(plan: &Plan) -> String {
    let word = |step: &super::Step| {
        let input = match step.input {
            Input::Start => "-".into(),
            Input::Embedding { decision } => format!("d{decision}"),
            Input::Pointed { step } => format!("p{step}"),
            Input::Skipped { step } => format!("s{step}"),
        };
        let list = |anchors: &[usize]| anchors.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        match &step.task {
            Task::Anchor => format!("{input}>anchor"),
            Task::Softmax { decision, head } => format!("{input}>d{decision}:head{head}"),
            Task::Pointer { decision, anchors } => format!("{input}>d{decision}:at{}", list(anchors)),
            Task::Skips { first, anchors } => format!("{input}>d{first}:to{}", list(anchors)),
        }
    };
    plan.steps.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn check(text: &str, heads: Heads, wiring: Wiring, expect: &str) {
    assert_eq!(words(&Plan::new(&decisions(text), heads, wiring)), expect, "{text}");
}

#[test]
fn operations_feed_one_another() {
    check("a:op3 a:op3 a:val3", Heads::Shared, Wiring::Attention, "->d0:head0 d0>d1:head0 d1>d2:head1");
    check("a:op3 a:op3 a:op2", Heads::Own, Wiring::Attention, "->d0:head0 d0>d1:head1 d1>d2:head2");
    let text = "a:in2 a:op3 a:skip2 a:skip2";
    check(text, Heads::Shared, Wiring::Softmax, "->d0:head0 d0>d1:head1 d1>d2:head2 d2>d3:head2");
}

#[test]
fn a_cell_s_inputs_and_nodes_become_anchors() {
    // Two nodes of an input and an operation each: the second may read the first, which is done once its operation is.
    check(
        "a:in2 a:op3 a:in3 a:op3 b:in2",
        Heads::Shared,
        Wiring::Attention,
        "->anchor ->anchor ->d0:at0,1 p2>d1:head0 d1>anchor ->d2:at0,1,4 p5>d3:head0 d3>anchor ->anchor ->d4:at7,8",
    );
}

#[test]
fn darts_points_at_all_states_before_a_node() {
    let plan = Plan::new(Darts.decisions(), Heads::Shared, Wiring::Attention);
    // Per cell, two inputs and the nodes but the last are anchors, and four nodes make four decisions each.
    assert_eq!(plan.steps.len(), 2 * (2 + 3 + 16));
    assert_eq!(plan.heads.len(), 1, "both cells choose among the same operations");
}

#[test]
fn layers_with_skips_are_their_own_anchors() {
    // The first layer has nothing to skip to, so its anchor is where its group ends.
    check(
        "l0:op2 l1:op2 l1:skip2 l2:op2 l2:skip2 l2:skip2 l3:op2",
        Heads::Shared,
        Wiring::Attention,
        "->d0:head0 d0>anchor ->d1:head0 d1>d2:to1 s3>d3:head0 d3>d4:to1,3 s5>d6:head0",
    );
    // Skips in groups of their own.
    check(
        "l0:op2 l1:op2 s1:skip2 l2:op2 s2:skip2 s2:skip2",
        Heads::Shared,
        Wiring::Attention,
        "->d0:head0 d0>anchor ->d1:head0 d1>d2:to1 s3>d3:head0 d3>d4:to1,3",
    );
}

#[test]
fn skips_to_nodes_without_decisions_have_anchors_too() {
    check("a:skip2 a:skip2 a:op2", Heads::Shared, Wiring::Attention, "->anchor ->anchor ->d0:to0,1 s2>d2:head0");
    let text = "a:op2 a:skip2 a:op2 a:skip2 a:skip2";
    let expect = "->d0:head0 d0>anchor ->d1:to1 s2>d2:head0 d2>d3:to1,2";
    check(text, Heads::Shared, Wiring::Attention, expect);
    // A skip of three options is no sigmoid.
    check("a:skip3", Heads::Shared, Wiring::Attention, "->d0:head0");
}

#[test]
fn every_layer_of_zoph_and_le_is_one_anchor() {
    let plan = Plan::new(Zoph::new(5).decisions(), Heads::Shared, Wiring::Attention);
    let skips: Vec<&[usize]> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.task {
            Task::Skips { anchors, .. } => Some(anchors.as_slice()),
            _ => None,
        })
        .collect();
    // The first layer has no skips, so its anchor is a step without a decision; the others' are their own.
    assert_eq!(plan.steps.iter().filter(|step| step.task == Task::Anchor).count(), 1);
    assert_eq!(skips.iter().map(|anchors| anchors.len()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (i, pair) in skips.windows(2).enumerate() {
        assert_eq!(pair[1][..=i], *pair[0], "layer {i} keeps its anchors");
    }
}
