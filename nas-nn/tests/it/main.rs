//! Integration tests of nas-nn: gradients against finite differences, networks against golden files, same bits at any
//! thread count.

mod custom;
mod golden;
mod gradients;
mod layered;
mod mixture;
mod precision;
mod spaces;
mod threads;
