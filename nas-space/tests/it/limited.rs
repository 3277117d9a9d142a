//! A space with limits holds what keeps to them, draws nothing else, and says so where nothing does.

use std::sync::Arc;

use nas_space::spaces::{Darts, NasBench201};
use nas_space::{Architecture, Limited, Limits, NetworkConfig, SearchSpace, Seed, SpaceError};

/// NAS-Bench-201 at 4 channels and 3 cells, within so many parameters.
fn limited(parameters: u64) -> Limited {
    let limits = Limits { parameters: Some(parameters), flops: None };
    Limited::new(Arc::new(NasBench201), NetworkConfig::cifar(4, 3), limits)
}

fn parameters(architecture: &Architecture) -> u64 {
    NasBench201.lower(architecture, &NetworkConfig::cifar(4, 3)).unwrap().parameters() as u64
}

/// Every cell of NAS-Bench-201.
fn cells() -> impl Iterator<Item = Architecture> {
    (0..15_625usize).map(|index| {
        let choices = (0..6u32).map(|edge| index / 5usize.pow(edge) % 5).collect();
        Architecture { space: NasBench201.name().to_owned(), choices }
    })
}

#[test]
fn it_holds_what_keeps_to_the_limits_and_nothing_else() {
    let limit = 9_000;
    let space = limited(limit);
    let (mut inside, mut outside) = (0, 0);
    for cell in cells().step_by(7) {
        match space.check(&cell) {
            Ok(()) => {
                assert!(parameters(&cell) <= limit);
                inside += 1;
            }
            Err(SpaceError::OverLimit { what, found, limit: told }) => {
                assert_eq!((what, found, told), ("parameters", parameters(&cell), limit));
                assert!(found > limit);
                outside += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(inside > 100 && outside > 100, "{inside} within, {outside} beyond: the limit divides nothing");
}

#[test]
fn draws_are_uniform_over_what_fits() {
    let limit = 9_000;
    let space = limited(limit);
    // How many of what fits have so many 3x3 convolutions: a count that a preference for small networks would shift.
    let convolutions = |cell: &Architecture| cell.choices.iter().filter(|&&choice| choice == 3).count() as f64;
    let fitting: Vec<f64> = cells().filter(|cell| parameters(cell) <= limit).map(|cell| convolutions(&cell)).collect();
    let expect = fitting.iter().sum::<f64>() / fitting.len() as f64;
    let draws = 1_500;
    let drawn: f64 = (0..draws)
        .map(|i| {
            let cell = space.sample(&mut Seed::new(1).index(i).rng());
            assert!(parameters(&cell) <= limit);
            convolutions(&cell)
        })
        .sum();
    let mean = drawn / draws as f64;
    // The standard deviation of a cell's count is below 1, so that of this mean below 0.026.
    assert!((mean - expect).abs() < 0.08, "{mean} drawn, {expect} in the space");
}

#[test]
fn even_the_smallest_networks_are_found() {
    let least = cells().map(|cell| parameters(&cell)).min().unwrap();
    let space = limited(least);
    space.check_possible().unwrap();
    let share = cells().filter(|cell| parameters(cell) == least).count() as f64 / 15_625.0;
    for i in 0..20 {
        assert_eq!(parameters(&space.sample(&mut Seed::new(2).index(i).rng())), least, "{share} of the space");
    }
    let message = limited(least - 1).check_possible().unwrap_err().to_string();
    let expect = format!(
        "no architecture of `nasbench201` with 4 channels and 3 cells was found that has at most {} parameters: the least \
         had {least} parameters; raise the limit, or take fewer channels or cells",
        least - 1
    );
    assert_eq!(message, expect);
}

#[test]
fn mutations_stay_within() {
    let network = NetworkConfig::cifar(4, 3);
    let flops = |architecture: &Architecture| Darts.lower(architecture, &network).unwrap().flops();
    let mut all: Vec<u64> = (0..99).map(|i| flops(&Darts.sample(&mut Seed::new(3).index(i).rng()))).collect();
    all.sort_unstable();
    let limit = all[30];
    let space = Limited::new(Arc::new(Darts), network.clone(), Limits { parameters: None, flops: Some(limit) });
    let mut rng = Seed::new(4).rng();
    let mut one = space.sample(&mut rng);
    let mut steps = 0;
    for _ in 0..100 {
        let child = space.mutate(&one, &mut rng);
        assert!(flops(&child) <= limit);
        steps += usize::from(child != one);
        one = child;
    }
    assert!(steps > 90, "only {steps} of 100 mutations changed anything");
}
