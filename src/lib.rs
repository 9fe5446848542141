//! `pkg` keeps a git repository of container images.
//!
//! Data flows one way, and the modules stand in that order: what a file says (formats), what it means (model), the
//! world outside (border), the work (stages), and what the user sees. A module uses only what stands before it in this
//! map, and formats and model touch nothing outside; `tests/architecture.rs` reads the map and holds that.
//!
//! ```text
//! formats   place → oci → debian → declared → dockerfile
//! model     settings → catalog → plan → render
//! border    host → engine → registry
//! stages    scan → verify → observe → assemble → build → publish
//! user      error → ui → cli
//! ```

// Formats: text and bytes to values, pure.
pub mod debian;
pub mod declared;
pub mod dockerfile;
pub mod oci;
pub mod place;

// Model: values to values, pure.
pub mod catalog;
pub mod plan;
pub mod render;
pub mod settings;

// Border: the only places that touch the machine, the engine and the network.
pub mod engine;
pub mod host;
pub mod registry;

// Stages: the work.
pub mod assemble;
pub mod build;
pub mod observe;
pub mod publish;
pub mod scan;
pub mod verify;

// What the user sees.
pub mod cli;
pub mod error;
pub mod ui;
