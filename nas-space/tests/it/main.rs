//! Tests of the crate from outside, through its public items only.

mod canonical;
mod cells;
mod counts;
mod custom;
mod depths;
mod files;
mod genotypes;
mod golden;
mod layered;
mod limited;
mod nasbench101;
mod nasbench_macro;
mod pages;
mod paths;
mod properties;
mod published;
mod readers;
mod tables;

use nas_space::{Genotype, published};

/// Says that a test had nothing to check, and why.
#[allow(clippy::print_stdout, reason = "the reason for a skipped test belongs into the test's output")]
fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// The genotype of a published cell.
fn cell(name: &str) -> Genotype {
    published(name).expect("the tests ask for cells that exist").genotype()
}
