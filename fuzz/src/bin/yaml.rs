//! The fuzzer of `pkg::fuzzing::YAML`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::YAML);
