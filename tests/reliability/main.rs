//! The real program with an engine and a registry of our own that fail as they are told, and with input that nobody
//! means well: what it then says, how it ends, and what it leaves.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand outside the program and look at the machine for it"
)]

mod engine_faults;
mod ground;
mod hostile;
mod kills;
#[path = "../support/mod.rs"]
mod support;
mod trying;
