//! A stranger's space, made with the public items only: a string of bits, each bit a layer that is there or not.

use std::sync::LazyLock;

use nas_space::{
    Architecture, Chooses, Decision, GraphBuilder, Layer, NetworkConfig, NetworkGraph, SearchSpace, Seed, SpaceError,
    Window,
};

struct Bits;

static DECISIONS: LazyLock<Vec<Decision>> = LazyLock::new(|| {
    let bit = |i: usize| Decision {
        name: format!("bit{i}"),
        group: "bits".into(),
        chooses: Chooses::Value,
        options: vec!["0".into(), "1".into()],
    };
    (0..100).map(bit).collect()
});

impl SearchSpace for Bits {
    fn name(&self) -> &str {
        "bits"
    }

    fn decisions(&self) -> &[Decision] {
        &DECISIONS
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        let mut net = GraphBuilder::new(config.input);
        let mut x = net.input();
        for (bit, _) in architecture.choices.iter().enumerate().filter(|(_, choice)| **choice == 1) {
            x = net.conv(format!("conv{bit}"), x, config.channels, 1, Window::same(1, 1, 1))?;
        }
        let logits = net.push("classifier", Layer::Linear { out: config.classes }, &[x])?;
        Ok(net.finish(logits, None))
    }
}

#[test]
fn a_space_outside_the_crate_has_everything() {
    let space: &dyn SearchSpace = &Bits;
    let mut rng = Seed::new(0).rng();
    let parent = space.sample(&mut rng);
    let ones: usize = parent.choices.iter().sum();
    assert!((20..80).contains(&ones), "a fair coin: {ones}");
    let child = space.mutate(&parent, &mut rng);
    let differ = parent.choices.iter().zip(&child.choices).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 1);
    assert_ne!(space.canonical(&parent), space.canonical(&child));
    assert!(space.text(&parent).starts_with("bit0="));
    assert_eq!(space.parse(&space.text(&parent)).expect("its own text"), parent);
    let refused = |text: &str| space.parse(text).expect_err("refused").to_string();
    assert!(refused("bit0=1").ends_with("it has 1 choices, the space `bits` has 100 decisions"));
    assert!(refused(&space.text(&parent).replace("bit7=", "bit8=")).ends_with("expected `bit7=`"));
    assert!(refused(&space.text(&parent).replace("bit7=", "bit7=x")).ends_with("it may be 0, 1"));
    let graph = space.lower(&parent, &NetworkConfig::cifar(4, 1)).expect("it builds");
    assert_eq!(graph.len(), ones + 2);
    assert_eq!(graph.parameters(), 3 * 4 + (ones - 1) * 16 + 4 * 32 * 32 * 10 + 10);
}

/// A space with nothing to decide.
struct Fixed;

impl SearchSpace for Fixed {
    fn name(&self) -> &str {
        "fixed"
    }

    fn decisions(&self) -> &[Decision] {
        &[]
    }

    fn lower(&self, _: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        let mut net = GraphBuilder::new(config.input);
        let logits = net.push("classifier", Layer::Linear { out: config.classes }, &[0])?;
        Ok(net.finish(logits, None))
    }
}

#[test]
fn a_space_without_decisions_has_one_architecture() {
    let only = Fixed.sample(&mut Seed::new(0).rng());
    assert!(Fixed.check(&only).is_ok());
    assert_eq!(Fixed.mutate(&only, &mut Seed::new(1).rng()), only);
}

#[test]
fn architectures_of_another_space_are_refused() {
    let check = |architecture: Architecture, expect: &str| {
        assert_eq!(Bits.check(&architecture).expect_err("refused").to_string(), expect);
    };
    check(
        Architecture { space: "darts".into(), choices: vec![0; 100] },
        "the architecture belongs to the space `darts`, not to `bits`",
    );
    check(
        Architecture { space: "bits".into(), choices: vec![0; 99] },
        "space `bits` has 100 decisions, the architecture 99 choices",
    );
    check(
        Architecture { space: "bits".into(), choices: vec![2; 100] },
        "decision `bit0` cannot be `option 2`: after the decisions before it, it may be 0, 1",
    );
}
