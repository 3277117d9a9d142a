//! The files that a trained network is read from: `arch.json` and `model.safetensors`.
#![no_main]

#[path = "../src/model.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|data: &[u8]| model::folder(data));
