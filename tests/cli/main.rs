//! The program as its users run it: one file per command, each run in a sandbox.

#![allow(
    clippy::needless_raw_string_hashes,
    reason = "snapbox writes snapshots with them"
)]

mod sandbox;
#[path = "../support/mod.rs"]
mod support;
