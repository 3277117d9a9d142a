//! Spaces of several depths: `zoph-6-20` and its kin.

use nas_space::{Architecture, Chooses, NetworkConfig, SearchSpace, Seed, spaces};

const NAMES: [&str; 3] = ["zoph-2-6", "zoph-strided-2-4", "enas-macro-3-7"];

fn layers(architecture: &Architecture, space: &dyn SearchSpace) -> usize {
    space.decisions()[0].options[architecture.choices[0]].parse().unwrap()
}

#[test]
fn an_architecture_is_that_of_its_depth() {
    for name in NAMES {
        let space = spaces::by_name(name).unwrap();
        assert_eq!((space.name(), space.decisions()[0].chooses), (name, Chooses::Depth));
        let deepest: usize = space.decisions()[0].options.last().unwrap().parse().unwrap();
        let mut seen = Vec::new();
        for index in 0..40 {
            let architecture = space.sample(&mut Seed::new(1).index(index).rng());
            space.check(&architecture).unwrap();
            let depth = layers(&architecture, space);
            seen.push(depth);
            let member = format!("{}-{depth}", name.rsplitn(3, '-').last().unwrap());
            let text = space.text(&architecture);
            assert_eq!(space.parse(&text).unwrap(), architecture, "{text}");
            // The same network as in the space of that depth.
            let member = spaces::by_name(&member).unwrap();
            let inner = member.parse(&text).unwrap();
            assert_eq!(space.canonical(&architecture), member.canonical(&inner));
            assert_eq!(space.describe(&architecture), member.describe(&inner));
            let config = |layers| NetworkConfig::cifar(4, layers);
            let graph = space.lower(&architecture, &config(deepest)).unwrap();
            let expect = member.lower(&inner, &config(depth)).unwrap();
            assert_eq!((graph.parameters(), graph.flops()), (expect.parameters(), expect.flops()));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), space.decisions()[0].options.len(), "{name}: every depth is drawn");
    }
}

#[test]
fn mutations_change_the_depth_too_and_are_always_valid() {
    let space = spaces::by_name("zoph-2-6").unwrap();
    let mut architecture = space.sample(&mut Seed::new(2).rng());
    let (mut deeper, mut shallower) = (0, 0);
    for index in 0..400 {
        let child = space.mutate(&architecture, &mut Seed::new(3).index(index).rng());
        space.check(&child).unwrap();
        assert_ne!(child, architecture);
        deeper += usize::from(child.choices[0] > architecture.choices[0]);
        shallower += usize::from(child.choices[0] < architecture.choices[0]);
        architecture = child;
    }
    assert!((10..40).contains(&deeper) && (10..40).contains(&shallower), "{deeper} deeper, {shallower} shallower");
}

#[test]
fn sizes_add_up() {
    let sizes = ["zoph-2", "zoph-4", "zoph-6"].map(|name| spaces::by_name(name).unwrap().size().unwrap());
    let space = spaces::by_name("zoph-2-6").unwrap();
    assert_eq!(space.size(), Some(sizes.iter().sum()));
    assert!((space.size_log10().unwrap() - (space.size().unwrap() as f64).log10()).abs() < 1e-12);
    assert_eq!(spaces::by_name("zoph-6-20").unwrap().size(), None);
}

#[test]
fn what_cannot_be_is_said() {
    for name in ["zoph-6-6", "zoph-8-6", "zoph-0-4", "zoph-2-99", "zoph-2-5"] {
        let message = spaces::by_name(name).err().unwrap().to_string();
        assert!(message.contains(name) && message.contains("zoph-6-20"), "{message}");
    }
    let space = spaces::by_name("zoph-2-4").unwrap();
    let message = space.parse("zoph-3: 3x5x24 | 7x1x36 1 | 5x5x48 0 1").unwrap_err().to_string();
    assert!(message.contains("zoph-2, zoph-4"), "{message}");
    // A layer that is not there has nothing to choose.
    let mut architecture = space.parse("zoph-2: 3x5x24 | 7x1x36 1").unwrap();
    *architecture.choices.last_mut().unwrap() = 1;
    assert!(space.check(&architecture).is_err());
    let message = space.lower(&space.parse("zoph-2: 3x5x24 | 7x1x36 1").unwrap(), &NetworkConfig::cifar(4, 2));
    assert!(message.unwrap_err().to_string().contains("it must be 4"));
}
