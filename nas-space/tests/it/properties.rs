//! What must hold for every architecture of every space.

use nas_space::spaces::{self, AmoebaNet, Darts, NasNet};
use nas_space::{Architecture, ArchitectureFile, Blueprint, Chooses, NetworkConfig, SearchSpace, Seed};
use proptest::prelude::*;

fn sample(space: &dyn SearchSpace, seed: u64) -> Architecture {
    space.sample(&mut Seed::new(seed).rng())
}

proptest! {
    #[test]
    fn text_comes_back(seed: u64) {
        for space in spaces::all() {
            let architecture = sample(space, seed);
            prop_assert_eq!(&space.parse(&space.text(&architecture)).expect("its own text"), &architecture);
            let read = match Blueprint::from_text(&space.text(&architecture)).expect("its own text") {
                Blueprint::Point(point) => point,
                Blueprint::Genotype(genotype) => Darts.from_genotype(&genotype).expect("a point of darts"),
                Blueprint::Cells(cells) => match space.name() {
                    "nasnet" => NasNet.from_cells(&cells).expect("a point of nasnet"),
                    _ => AmoebaNet.from_cells(&cells).expect("a point of amoebanet"),
                },
            };
            prop_assert_eq!(read, architecture);
        }
    }

    #[test]
    fn files_come_back(seed: u64, channels in 1_usize..100, layers in 1_usize..30, auxiliary: bool) {
        for space in spaces::all() {
            let blueprint = Blueprint::Point(sample(space, seed));
            let network = Some(NetworkConfig { auxiliary, ..NetworkConfig::cifar(channels, layers) });
            let file = ArchitectureFile { blueprint, network };
            let json = file.to_json().expect("a sample is valid");
            prop_assert_eq!(ArchitectureFile::from_json(&json).expect("its own file"), file);
        }
    }

    #[test]
    fn mutation_changes_exactly_one_choice(seed: u64) {
        for space in spaces::all() {
            let parent = sample(space, seed);
            let child = space.mutate(&parent, &mut Seed::new(seed).child("mutate").rng());
            prop_assert!(space.check(&child).is_ok());
            let changed = parent.choices.iter().zip(&child.choices).filter(|(a, b)| a != b).count();
            prop_assert_eq!(changed, 1);
        }
    }

    #[test]
    fn samples_build(seed: u64, channels in 1_usize..5, layers in 1_usize..12, size in 1_usize..12) {
        for space in spaces::all() {
            let channels = match space.name() {
                // The vertices of a cell share the channels out: up to five need one each.
                "nasbench101" => channels + 4,
                // Both halves of a reduction need one.
                name if name.starts_with("enas-macro") => channels + 1,
                _ => channels,
            };
            let mut config = NetworkConfig::cifar(channels, space.nearest_layers(layers));
            (config.input.height, config.input.width) = (size, 2 * size + 1);
            let graph = space.lower(&sample(space, seed), &config).expect("any sample builds at any size");
            prop_assert_eq!(graph.node(graph.output()).shape.elements(), 10);
        }
    }

    #[test]
    fn noise_is_refused_without_panic(text in "\\PC{0,60}") {
        let _ = Blueprint::from_text(&text);
        let _ = Blueprint::from_text(&format!("Genotype({text}"));
        let _ = Blueprint::from_text(&format!("|{text}"));
        let _ = Blueprint::from_text(&format!("ModelSpec({text}"));
        let _ = Blueprint::from_text(&format!("zoph-2: {text}"));
        let _ = Blueprint::from_text(&format!("zoph-strided-1:{text}"));
        let _ = Blueprint::from_text(&format!("enas-macro-3:{text}"));
        let _ = ArchitectureFile::from_json(&text);
    }
}

#[test]
fn mutation_rewires_and_renames_with_equal_odds() {
    let spaces: [&dyn SearchSpace; 2] = [&Darts, &AmoebaNet];
    for space in spaces {
        let parent = sample(space, 1);
        let mut rng = Seed::new(2).rng();
        let (mut wiring, mut normal) = (0, 0);
        for _ in 0..4000 {
            let child = space.mutate(&parent, &mut rng);
            let changed = parent.choices.iter().zip(&child.choices).position(|(a, b)| a != b).expect("a change");
            wiring += usize::from(space.decisions()[changed].chooses == Chooses::Input);
            normal += usize::from(space.decisions()[changed].group == "normal");
        }
        // A rewiring is refused more often than a new operation, but what is refused is drawn again in its own kind.
        assert!((1850..2150).contains(&wiring), "{}: {wiring}", space.name());
        assert!((1850..2150).contains(&normal), "{}: {normal}", space.name());
    }
}

#[test]
fn sampling_reaches_every_option() {
    for space in spaces::all() {
        let mut rng = Seed::new(5).rng();
        let mut seen: Vec<Vec<bool>> = space.decisions().iter().map(|d| vec![false; d.options.len()]).collect();
        for _ in 0..2000 {
            for (seen, choice) in seen.iter_mut().zip(space.sample(&mut rng).choices) {
                seen[choice] = true;
            }
        }
        assert!(seen.iter().flatten().all(|s| *s), "{}", space.name());
    }
}
