//! The strings of NAS-Bench-201.
#![no_main]

#[path = "../../nas-space/tests/it/readers/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::nasbench201(text));
