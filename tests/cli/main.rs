//! The program as its users run it: one file per command, each run in a sandbox.

#![allow(
    clippy::needless_raw_string_hashes,
    reason = "snapbox writes snapshots with them"
)]

mod audit;
mod build;
mod catalog;
mod command_lines;
mod diff;
mod export;
mod graph;
mod help;
mod layout;
mod list;
mod lock;
mod log;
mod new;
mod prune;
mod publish;
mod refresh;
mod render;
mod sandbox;
mod scan_errors;
mod scan_files;
mod schema;
mod secrets;
mod settings;
mod settings_layers;
mod stamping;
mod structure;
#[path = "../support/mod.rs"]
mod support;
mod template_bounds;
mod template_errors;
mod update;
mod util;
mod verify;
mod yaml_values;
