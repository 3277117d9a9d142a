//! Whatever text names an architecture, of any space.
#![no_main]

#[path = "../../nas-space/tests/it/readers/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::text_forms(text));
