//! The fuzzer of `pkg::fuzzing::REGISTRY`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::REGISTRY);
