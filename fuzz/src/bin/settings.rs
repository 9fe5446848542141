//! The fuzzer of `pkg::fuzzing::SETTINGS`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::SETTINGS);
