//! The fuzzer of `pkg::fuzzing::ENGINE`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::ENGINE);
