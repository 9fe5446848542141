//! What the test binaries share: a sandbox for the program, registries that are real or misbehave, the engine.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::disallowed_methods,
    reason = "tests stand outside the program and prepare the machine for it"
)]

pub(crate) mod catalog;
pub(crate) mod cutter;
pub(crate) mod docker_client;
pub(crate) mod docker_registry;
pub(crate) mod engine;
pub(crate) mod fake_engine;
pub(crate) mod faulty_registry;
pub(crate) mod json_schema;
pub(crate) mod ledger;
pub(crate) mod meddler;
pub(crate) mod registry_cases;
pub(crate) mod sandbox;
pub(crate) mod still_engine;
