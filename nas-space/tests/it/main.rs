//! Tests of the crate from outside, through its public items only.

mod counts;
mod custom;
mod files;
mod genotypes;
mod golden;
mod layered;
mod nasbench101;
mod nasbench_macro;
mod properties;
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

/// The NASNet-A cells as the DARTS repository has them.
const NASNET: &str = "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), \
    ('sep_conv_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), \
    ('sep_conv_3x3', 1), ('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), \
    ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 0), \
    ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)], reduce_concat=[4, 5, 6])";

/// The AmoebaNet-A cells as the DARTS repository has them.
const AMOEBANET: &str = "Genotype(normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), \
    ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), ('skip_connect', 1), \
    ('skip_connect', 0), ('avg_pool_3x3', 1)], normal_concat=[4, 5, 6], reduce=[('avg_pool_3x3', 0), \
    ('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), \
    ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('conv_7x1_1x7', 0), ('sep_conv_3x3', 5)], reduce_concat=[3, 4, 6])";
