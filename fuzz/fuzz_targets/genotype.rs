//! Genotypes and cells, in their text and JSON forms.
#![no_main]

#[path = "../../nas-space/tests/it/readers/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::genotype(text));
