//! The binary `nas`: finds a network architecture for a data set, trains it and hands it over.
//!
//! The one idea: the command line composes the crates below and prints; nothing else knows a terminal. Arguments are
//! plain data ([`args`]), the configuration is resolved by a written rule ([`plan`]), every command is a function
//! ([`commands`]), and only [`output`] prints.

#![allow(
    unreachable_pub,
    reason = "nothing in a binary can be reached from outside; `pub` says what other modules use"
)]

mod architecture;
mod args;
mod batch;
mod command_line;
mod commands;
mod comparison;
mod config;
mod controllers;
mod device;
mod evaluators;
mod exit;
mod folder;
mod generated;
mod gradient;
mod hypernet;
mod images;
mod measured;
mod memory;
mod model;
mod objectives;
mod oneshot;
mod output;
mod plan;
mod presets;
mod probe;
mod recipe;
mod report;
mod run;
mod sharing;
mod signal;
mod strategies;
mod tensorboard;
mod units;
mod warm_start;

use std::process::ExitCode;

/// The program with its version, as files tell who wrote them.
const PROGRAM: &str = concat!("nas ", env!("CARGO_PKG_VERSION"));

/// Training takes and returns large buffers all the time; the system's allocator hands their pages back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = args::of_this_process();
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&exit::sentence(&error));
            exit::kind_of(&error).into()
        }
    }
}
