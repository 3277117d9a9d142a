//! Architecture files.
#![no_main]

#[path = "../../nas-space/tests/it/readers/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::architecture_json(text));
